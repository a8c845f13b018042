"""What else is wrong with a request of which one thing was refused (SPEC 1: every fault at once).

What it names, its session and the references of its input are judged apart: none hides another.
Looked at only once something was refused, so that a good request pays nothing for it.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import cast

from ductape.domain.jsonvalue import JsonValue
from ductape.domain.references import LIVE, check, resolve, scope
from ductape.domain.request import JobRequest
from ductape.domain.target import Target
from ductape.errors import (
    DuctapeError,
    Fault,
    NotFound,
    ReferenceMissing,
    SessionInvalid,
    ValidationError,
)
from ductape.ports.catalog import Catalog
from ductape.ports.sessions import OpenedSession
from ductape.services.intake.callbacks import callback_faults
from ductape.services.intake.injection import SessionData
from ductape.services.intake.judging import Ask, judged, named
from ductape.services.intake.refusing import as_validation, together
from ductape.services.intake.session_uses import session_faults

AskIn = Callable[[str], Ask]
"""Finds what events name in an env."""
OpenIn = Callable[[str], Awaitable[OpenedSession | None]]
"""Opens the request's session in an env; raises `NotFound` or `SessionInvalid`."""

_ANYWHERE = LIVE["action headers and query"] | LIVE["message mapping"]
"""What may be live in an input whose event is not known; what is nowhere is wrong all the same."""


_Found = tuple[Target, Target, Ask]
"""What a request names, what takes its input in the end, and who was asked."""


async def current_version(catalog: Catalog, request: JobRequest) -> int:
    """Return the version by which a request is judged.

    Raises `NotFound`, or `ValidationError` where more is wrong: an input that no product takes.
    """
    try:
        return await catalog.version(request.product)
    except NotFound as error:
        further = _anywhere(request)
        if not further:
            raise
        raise ValidationError(together(as_validation(error).errors, further[0])) from error


async def all_that_is_wrong(
    refusal: DuctapeError, request: JobRequest, ask_in: AskIn, open_in: OpenIn
) -> DuctapeError:
    """Return a refusal with what else is wrong; the refusal itself where nothing is."""
    told = as_validation(refusal).errors
    names, found = await _names(request, ask_in)
    session, data = await _session(request, open_in)
    for further in (*names, *session, *await _input(request, found, data, known=not session)):
        told = together(told, as_validation(further))
    return refusal if len(told) == len(as_validation(refusal).errors) else ValidationError(told)


async def _names(request: JobRequest, ask_in: AskIn) -> tuple[list[DuctapeError], _Found | None]:
    """Judge what it names; where there is no such env, its event by one that is there."""
    found: list[DuctapeError] = []
    envs = [request.env]
    for env in envs:
        try:
            ask = ask_in(env)
            return found, (*await named(request, ask), ask)
        except (NotFound, ValidationError) as error:
            found.append(error)
            if env == request.env:
                envs += _another_env(error)
    return found, None


async def _session(
    request: JobRequest, open_in: OpenIn
) -> tuple[list[DuctapeError], SessionData | None]:
    """Open its session; where there is no such env, only its tag can be judged."""
    try:
        opened = await open_in(request.env)
    except (NotFound, SessionInvalid) as error:
        further = [one for env in _another_env(error) for one in await _tag(env, open_in)]
        return [error, *further], None
    return [], None if opened is None else SessionData(opened.tag, opened.data)


async def _tag(env: str, open_in: OpenIn) -> list[DuctapeError]:
    """Judge a session's tag; a token that is refused may well be of another env than this one."""
    try:
        await open_in(env)
    except NotFound as error:
        return [error] if error.path == "session.tag" else []
    except SessionInvalid:
        return []
    return []


def _another_env(error: DuctapeError) -> list[str]:
    """Return an env that is there, where the one that was asked for is not."""
    existing = cast("list[str]", error.details.get("existing", []))
    return existing[:1] if error.path == "env" else []


async def _input(
    request: JobRequest,
    found: _Found | None,
    data: SessionData | None,
    *,
    known: bool,
) -> Sequence[DuctapeError]:
    """Judge the input; what a session that is refused would have brought is not missed."""
    if found is None:
        return _anywhere(request)
    target, called, ask = found
    try:
        lacking = await session_faults(called, ask, data)
        mapped = await callback_faults(called, request.input, ask)
        judged(target, called, request, data, lacking, mapped)
    except ValidationError as error:
        left = [each for each in error.errors if known or not _misses(each, error)]
        return [error if known else ValidationError(left)] if left else []
    return []


def _anywhere(request: JobRequest) -> list[ValidationError]:
    """Judge the references of an input of which nobody knows what is to take it.

    Those to a session are missed where none is given; what others point at is not known.
    """
    faults, _ = check(request.input, live=_ANYWHERE)
    if request.session is None:
        try:
            resolve(request.input, scope(dict.fromkeys(_ANYWHERE - {"Session"}, _unknown), 0))
        except ValidationError as error:
            if lacking := [one for one in error.errors if _misses(one, error)]:
                faults = together(faults, ReferenceMissing(lacking))
    return [ValidationError(faults)] if faults else []


def _unknown(path: tuple[str, ...]) -> JsonValue:
    """Stand for what a reference brings."""
    del path


def _misses(fault: Fault, error: ValidationError) -> bool:
    return fault.get("code", error.code) == ReferenceMissing.code

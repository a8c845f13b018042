"""What else is wrong with a request of which one thing was refused (SPEC 1: every fault at once).

What it names, its session and the references of its input are judged apart: none hides another.
Looked at only once something was refused, so that a good request pays nothing for it.
"""

from collections.abc import Awaitable, Callable
from typing import cast

from ductape.domain.references import LIVE, check
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
from ductape.ports.sessions import OpenedSession
from ductape.services.injection import SessionData
from ductape.services.judging import Ask, judged, named
from ductape.services.refusing import as_validation, together
from ductape.services.session_uses import session_faults

AskIn = Callable[[str], Ask]
"""Finds what events name in an env."""
Open = Callable[[], Awaitable[OpenedSession | None]]
"""Opens the request's session; raises `NotFound` or `SessionInvalid`."""

_ANYWHERE = LIVE["action headers and query"] | LIVE["message mapping"]
"""What may be live in an input whose event is not known; what is nowhere is wrong all the same."""


_Found = tuple[Target, Target, Ask]
"""What a request names, what takes its input in the end, and who was asked."""


async def all_that_is_wrong(
    refusal: DuctapeError, request: JobRequest, ask_in: AskIn, open_session: Open
) -> DuctapeError:
    """Return a refusal with what else is wrong; the refusal itself where nothing is."""
    told = as_validation(refusal).errors
    names, found = await _names(request, ask_in)
    session, data = await _session(open_session)
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
            if error.path == "env" and env == request.env:
                envs += cast("list[str]", error.details.get("existing", []))[:1]
    return found, None


async def _session(open_session: Open) -> tuple[list[DuctapeError], SessionData | None]:
    try:
        opened = await open_session()
    except (NotFound, SessionInvalid) as error:
        return [error], None
    return [], None if opened is None else SessionData(opened.tag, opened.data)


async def _input(
    request: JobRequest,
    found: _Found | None,
    data: SessionData | None,
    *,
    known: bool,
) -> list[DuctapeError]:
    """Judge the input; what a session that is refused would have brought is not missed."""
    if found is None:
        faults, _ = check(request.input, live=_ANYWHERE)
        return [ValidationError(faults)] if faults else []
    target, called, ask = found
    try:
        judged(target, called, request, data, await session_faults(called, ask, data))
    except ValidationError as error:
        left = [each for each in error.errors if known or not _misses(each, error)]
        return [error if known else ValidationError(left)] if left else []
    return []


def _misses(fault: Fault, error: ValidationError) -> bool:
    return fault.get("code", error.code) == ReferenceMissing.code

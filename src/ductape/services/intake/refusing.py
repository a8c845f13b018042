"""All that is wrong with a refused request, told at once (SPEC 1).

A request is judged in turns: its form, what it names, what takes its input, its references. Each
turn tells every fault of its own; here they are told together. A request whose form is wrong is
none yet: of what can be read of it the names, the session and the input are looked at all the same.
"""

from collections.abc import Awaitable, Callable, Collection, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import cast

from ductape.domain.request import JobRequest
from ductape.errors import (
    DuctapeError,
    Fault,
    NotFound,
    ReferenceMissing,
    SessionInvalid,
    ValidationError,
)

Read = Callable[[object], JobRequest]
"""Reads a request's form; raises `ValidationError`."""
Build = Callable[[JobRequest], Awaitable[object]]
"""Makes a job of a request, storing nothing; raises what is wrong with it."""

_LOOKED_AT = ("product_tag", "env", "event", "app", "input", "session")
_STANDING_IN: Mapping[str, object] = {"product_tag": "?", "env": "?", "event": "?", "input": {}}
"""For what is at fault itself: what that brings is not told, and the others are looked at."""


def together(told: Sequence[Fault], further: ValidationError) -> list[Fault]:
    """Return faults with those of a later turn; a path that has one already keeps it."""
    paths = {fault["path"] for fault in told}
    return [*told, *(_coded(each, further) for each in further.errors if each["path"] not in paths)]


@contextmanager
def along_with(told: Sequence[Fault]) -> Generator[None]:
    """Judge a further turn in the block; raise its faults with those told before, if there are any.

    Whatever else the block raises is left as it is.
    """
    try:
        yield
    except ValidationError as error:
        if not told:
            raise
        raise ValidationError(together(told, error)) from error
    if told:
        raise ValidationError(told)


@contextmanager
def missing_with(lacking: Sequence[Fault]) -> Generator[None]:
    """Judge in the block; raise what is missing besides, as `ReferenceMissing` if that is all."""
    try:
        yield
    except ValidationError as error:
        if not lacking:
            raise
        whole = together(as_validation(error).errors, ReferenceMissing(lacking))
        raise type(error)(whole) from error
    if lacking:
        raise ReferenceMissing(lacking)


async def whole_refusal(
    refusal: ValidationError, data: object, read: Read, build: Build
) -> ValidationError:
    """Return a refusal of a request's form with whatever else is wrong with the request."""
    refused = {fault["path"] for fault in refusal.errors}
    request = _readable(data, refused, read)
    further = None if request is None else await what_is_wrong(build(request))
    if further is None:
        return refusal
    faults = together(refusal.errors, further)
    if _in_part(refused, "session"):  # Nobody knows what it would have brought.
        faults = [each for each in faults if each.get("code") != ReferenceMissing.code]
    if _in_part(refused, "input"):
        faults = [
            one for one in faults if one["path"] in refused or not _is_in(one["path"], "input")
        ]
    return ValidationError(faults)


async def what_is_wrong(building: Awaitable[object]) -> ValidationError | None:
    """Return what making a job comes up against, as faults; none if nothing is wrong."""
    try:
        await building
    except (ValidationError, NotFound, SessionInvalid) as error:
        return as_validation(error)
    return None


def as_validation(error: DuctapeError) -> ValidationError:
    """Return an error of a request as faults, each with its path and its own code."""
    return error if isinstance(error, ValidationError) else ValidationError([_as_fault(error)])


def of_a_batch(refusals: Mapping[int, DuctapeError]) -> DuctapeError:
    """Return what is wrong with some requests of a batch; a lone refusal keeps its name."""
    if len(refusals) == 1:
        ((at, error),) = refusals.items()
        if isinstance(error, ValidationError):
            return type(error)([_at_place(each, at) for each in error.errors])
        error.path = _place(error.path or "", at)
        return error
    return ValidationError(
        [
            _coded(_at_place(each, at), error)
            for at, error in ((at, as_validation(one)) for at, one in refusals.items())
            for each in error.errors
        ]
    )


def _at_place(fault: Fault, at: int) -> Fault:
    """Name a request's place in its batch in a fault."""
    path, said = fault["path"], fault["message"]
    where = _place(path, at)
    named = bool(path) and said.startswith(f"{path}: ")
    return {**fault, "path": where, "message": f"[{at}].{said}" if named else f"{where}: {said}"}


def _place(path: str, at: int) -> str:
    return f"[{at}].{path}" if path else f"[{at}]"


def _readable(data: object, refused: Collection[str], read: Read) -> JobRequest | None:
    if not isinstance(data, Mapping):
        return None
    fields = cast("Mapping[str, object]", data)
    kept = {key: fields[key] for key in _LOOKED_AT if key in fields and not _in_part(refused, key)}
    return read({**_STANDING_IN, **kept, "start_at": 0})


def _in_part(paths: Collection[str], key: str) -> bool:
    return any(_is_in(path, key) for path in paths)


def _is_in(path: str, key: str) -> bool:
    return path == key or path.startswith((f"{key}.", f"{key}["))


def _coded(fault: Fault, error: ValidationError) -> Fault:
    code = fault.get("code", error.code)
    if code == ValidationError.code:
        return cast("Fault", {key: each for key, each in fault.items() if key != "code"})
    return {**fault, "code": code}


def _as_fault(error: DuctapeError) -> Fault:
    session = isinstance(error, SessionInvalid)
    return Fault(
        path=error.path or "",
        expected="a session that is accepted" if session else "the name of something there",
        found="another",
        message=error.message,
        code=error.code,
    )

"""Reading what says which jobs are meant, in the names of `jobs.list` (SPEC 10).

Every fault is told at once, as for a request: a filter that is misspelt must not mean "none".
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import cast

from msgspec.structs import replace

from ductape.domain.found import kind_of, path_to
from ductape.domain.ids import born_ms
from ductape.domain.jsonlimits import lone_surrogate
from ductape.domain.lifecycle import JobStatus
from ductape.domain.parsing.reading import Reader, Shape, open_form
from ductape.domain.parsing.scalars import choice, flag, instant, name, text
from ductape.domain.request import JobEventTypes
from ductape.errors import Fault, ValidationError, fault
from ductape.ports.stores.reading import JobFilter

LONGEST_REASON = 4_096

_NAMES = ("product", "env", "event", "queue", "session_tag")
_TEXTS = ("session_user", "q")
_OTHERS = ("status", "kind", "recurring", "metadata", "from_", "to")
_SHAPE = Shape(frozenset({*_NAMES, *_TEXTS, *_OTHERS}))
_STATUSES: tuple[JobStatus, ...] = (
    "scheduled",
    "queued",
    "running",
    "completed",
    "failed",
    "cancelled",
    "paused",
)
_STATUS: Reader[JobStatus] = choice(_STATUSES)
_KIND: Reader[str] = choice(tuple(kind.value for kind in JobEventTypes))
_INSTANT: Reader[int] = instant(UTC)


def read_filter(given: Mapping[str, object], *, now_ms: int, path: str = "filter") -> JobFilter:
    """Read a filter; one without a condition fits every job. Raises `ValidationError`."""
    faults: list[Fault] = []
    found = _read(given, path, faults)
    if faults:
        raise ValidationError(faults)
    return replace(found, now_ms=now_ms)


def read_condition(given: Mapping[str, object], *, now_ms: int) -> JobFilter:
    """Read the filter of a verb that changes jobs: one that every job fits is refused too."""
    faults: list[Fault] = []
    found = _read(given, "filter", faults)
    if not faults and found == JobFilter():
        faults.append(fault("filter", "at least one condition", "none"))
    if faults:
        raise ValidationError(faults)
    return replace(found, now_ms=now_ms)


def read_cursor(cursor: object) -> str | None:
    """Read where a page begins: the `next_cursor` of the page before."""
    if cursor is None or (isinstance(cursor, str) and born_ms(cursor)):
        return cursor
    raise ValidationError([fault("cursor", "the `next_cursor` of a page", "something else")])


def read_word(value: object, path: str, expected: str = "a string") -> str:
    """Read the id or the name of one thing; whether there is such a one is for the store."""
    if not isinstance(value, str):
        raise ValidationError([fault(path, expected, kind_of(value))])
    if lone_surrogate(value):
        raise ValidationError([fault(path, "whole characters", "a lone surrogate")])
    if "\0" in value:
        raise ValidationError([fault(path, "text without NUL", "one with it")])
    return value


def read_reason(value: object) -> str | None:
    """Read why somebody cancels: it is stored with the run, and shown."""
    if value is None:
        return None
    reason = read_word(value, "reason", "a text or none")
    if len(reason) > LONGEST_REASON:
        found = f"{len(reason)}"
        raise ValidationError([fault("reason", f"at most {LONGEST_REASON} characters", found)])
    return reason


def read_count(value: object, path: str, *, most: int) -> int:
    """Read how many are wanted."""
    if type(value) is int and 1 <= value <= most:
        return value
    raise ValidationError([fault(path, f"an integer from 1 to {most}", repr(value))])


def _read(given: Mapping[str, object], path: str, faults: list[Fault]) -> JobFilter:
    form = open_form(given, path, _SHAPE, faults)
    if form is None:
        return JobFilter()
    named = partial(form.take, read=name, default=None)
    texts = partial(form.take, read=text, default=None)
    return JobFilter(
        status=form.take("status", _STATUS, None),
        kind=form.take("kind", _KIND, None),
        recurring=form.take("recurring", flag, None),
        metadata=form.take("metadata", _labels, None),
        from_ms=form.take("from_", _moment, None),
        to_ms=form.take("to", _moment, None),
        product=named("product"),
        env=named("env"),
        event=named("event"),
        queue=named("queue"),
        session_tag=named("session_tag"),
        session_user=texts("session_user"),
        q=texts("q"),
    )


def _moment(value: object, path: str, faults: list[Fault]) -> int:
    """Read an instant as `start_at` is read; Python's own with a zone will do as well."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        return _INSTANT(value.isoformat(), path, faults)
    return _INSTANT(value, path, faults)


def _labels(value: object, path: str, faults: list[Fault]) -> dict[str, str]:
    if not isinstance(value, dict):
        faults.append(fault(path, "an object of texts", kind_of(value)))
        return {}
    labels = cast("dict[object, object]", value)
    for key, label in labels.items():
        if not isinstance(key, str):
            faults.append(fault(path, "names that are texts", kind_of(key)))
        elif not isinstance(label, str):
            faults.append(fault(path_to(path, key), "a text", kind_of(label)))
        elif lone_surrogate(key) or lone_surrogate(label):
            faults.append(fault(path_to(path, key), "whole characters", "a lone surrogate"))
    return {str(key): str(label) for key, label in labels.items()}

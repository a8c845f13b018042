"""The `repeat` of a request: a cron expression or a grid, and where it ends (SPEC 4).

With both `cron` and `every`, `cron` counts; where it is invalid or never occurs, `every` takes
its place and a warning says so. Spans are milliseconds, instants epoch milliseconds.
"""

from datetime import UTC

from msgspec import Struct
from msgspec.structs import replace

from ductape.domain.found import shown
from ductape.domain.parsing.reading import Form, Reader, Shape, open_form
from ductape.domain.parsing.scalars import (
    COUNT_MAX,
    SPAN_MAX_MS,
    choice,
    flag,
    instant,
    integer,
    name,
)
from ductape.domain.recurrence import cron_fault, first_instant, zone_fault
from ductape.domain.request import OnFailure, Repeat
from ductape.domain.time.instants import iso
from ductape.domain.time.zone import ZoneLookup
from ductape.errors import Fault, ValidationError, fault

EVERY_MIN_MS = 100

_UTC = "UTC"

REPEAT = Shape(
    known=frozenset(
        {"cron", "every", "limit", "endDate", "tz", "immediately", "onFailure", "catchUp"}
    ),
    later=frozenset({"dst", "jitter", "exclude"}),
)

TIMING = frozenset({"repeat", "repeat.cron", "repeat.every", "repeat.endDate", "repeat.tz"})
"""Where a fault leaves nothing to say about the first run."""

_EVERY = integer(EVERY_MIN_MS, SPAN_MAX_MS, " of milliseconds")
_LIMIT = integer(1, COUNT_MAX)
_ON_FAILURE: Reader[OnFailure] = choice(("continue", "stop", "pause"))


class Recurrence(Struct, frozen=True):
    """What was read of `repeat`."""

    repeat: Repeat | None
    """None where it is not given, or no object at all."""
    instant: Reader[int]
    """Reads the request's other instants, in the recurrence's zone."""
    warnings: tuple[str, ...] = ()


ONCE = Recurrence(repeat=None, instant=instant(UTC))


def recurrence(
    value: object, path: str, faults: list[Fault], *, zones: ZoneLookup, now_ms: int
) -> Recurrence:
    """Read `repeat`, all but whether it ends too early (`first_run_fault`)."""
    form = open_form(value, path, REPEAT, faults)
    if form is None:
        return ONCE
    tz = form.take("tz", _zone_name(zones), _UTC)
    zone = UTC if tz == _UTC else zones(tz)
    cron, every, warnings = _pace(form, tz, path, faults, zones=zones, now_ms=now_ms)
    form.take("catchUp", _catch_up, None)
    repeat = Repeat(
        cron=cron,
        every_ms=every,
        limit=form.take("limit", _LIMIT, None),
        end_at_ms=form.take("endDate", instant(zone, end_of_day=True), None),
        tz=tz,
        immediately=form.take("immediately", flag, default=False),
        on_failure=form.take("onFailure", _ON_FAILURE, "continue"),
    )
    return Recurrence(repeat, instant(zone), warnings)


def parse_repeat(value: object, *, now_ms: int, zones: ZoneLookup) -> Repeat:
    """Read a recurrence by itself; raises one `ValidationError` with every fault."""
    faults: list[Fault] = []
    read = recurrence(value, "repeat", faults, zones=zones, now_ms=now_ms)
    if faults or read.repeat is None:
        raise ValidationError(faults)
    return read.repeat


def first_run_fault(
    repeat: Repeat, path: str, *, start_at_ms: int, now_ms: int, zones: ZoneLookup
) -> Fault | None:
    """Say why a recurrence would never run: its end comes first, or there is no instant at all."""
    endless = replace(repeat, end_at_ms=None)
    first = first_instant(endless, start_at_ms=start_at_ms, now_ms=now_ms, zones=zones)
    if first is None:
        return fault(path, "an instant that comes after start_at", "none")
    if repeat.end_at_ms is None or repeat.end_at_ms >= first:
        return None
    expected = f"an instant at or after the first run, which is {iso(first)}"
    return fault(f"{path}.endDate", expected, iso(repeat.end_at_ms))


def _pace(
    form: Form, tz: str, path: str, faults: list[Fault], *, zones: ZoneLookup, now_ms: int
) -> tuple[str | None, int | None, tuple[str, ...]]:
    """Choose between cron and every; return the one that counts, and a warning if it is second."""
    every = form.take("every", _EVERY, None)
    cron = form.take("cron", _expression, None)
    if cron is None:
        if not (form.has("cron") or form.has("every")):
            faults.append(fault(path, "`cron` or `every`", "neither"))
        return None, every, ()
    wrong = cron_fault(cron, tz, zones, f"{path}.cron", after_ms=now_ms)
    if wrong is None:
        return cron, None, ()
    if every is None:
        faults.append(wrong)
        return None, None, ()
    return None, every, (f"{wrong['message']}; `{path}.every` is used instead",)


def _zone_name(zones: ZoneLookup) -> Reader[str]:
    def read(value: object, path: str, faults: list[Fault]) -> str:
        given = name(value, path, faults)
        if not given:
            return _UTC
        wrong = zone_fault(given, zones, path)
        if wrong is None:
            return given
        faults.append(wrong)
        return _UTC

    return read


def _expression(value: object, path: str, faults: list[Fault]) -> str | None:
    if isinstance(value, str):
        return value
    faults.append(fault(path, "a cron expression", shown(value, path)))
    return None


def _catch_up(value: object, path: str, faults: list[Fault]) -> None:
    if value != "one":
        expected = "`one` (`all` and `skip` are not available in this release)"
        faults.append(fault(path, expected, shown(value, path)))

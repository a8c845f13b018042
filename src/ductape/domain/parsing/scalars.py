"""Readers of single values: names, flags, numbers, choices, instants (SPEC 1, 3).

A boolean is never a number here, and a number never a boolean; integers are integers, so that
`3.0` is refused where a count is meant. Spans are milliseconds, instants epoch milliseconds.
"""

from collections.abc import Sequence
from datetime import tzinfo
from typing import TypeVar, cast

from ductape.domain.found import listed, shown
from ductape.domain.jsonlimits import lone_surrogate
from ductape.domain.parsing.reading import Reader
from ductape.domain.time.instants import read_instant
from ductape.errors import Fault, fault

NAME_CHARACTERS = 200
"""Of every tag, key and queue name."""

SPAN_MAX_MS = 100 * 365 * 86_400_000
"""A hundred years: longer spans lead out of the calendar."""

COUNT_MAX = 2**53 - 1
"""The largest integer that every JSON reader keeps."""

_INSTANT = "a Unix timestamp or an ISO 8601 date and time"

C = TypeVar("C", bound=str)


def name(value: object, path: str, faults: list[Fault]) -> str:
    """Read a tag, a key or a queue name."""
    if isinstance(value, str) and len(value) <= NAME_CHARACTERS and _legible(value):
        return value if type(value) is str else str.__str__(value)
    expected = f"a non-empty string of at most {NAME_CHARACTERS} characters"
    faults.append(_illegible(value, path, expected))
    return ""


def text(value: object, path: str, faults: list[Fault]) -> str:
    """Read a string of any length that is not blank."""
    if isinstance(value, str) and _legible(value):
        return value if type(value) is str else str.__str__(value)
    faults.append(_illegible(value, path, "a non-empty string"))
    return ""


def flag(value: object, path: str, faults: list[Fault]) -> bool:
    """Read a boolean."""
    if isinstance(value, bool):
        return value
    faults.append(fault(path, "true or false", shown(value, path)))
    return False


def integer(low: int, high: int, unit: str = "") -> Reader[int]:
    """Make a reader of integers within bounds, both included."""
    expected = f"an integer{unit} from {low} to {high}"

    def read(value: object, path: str, faults: list[Fault]) -> int:
        if type(value) is int and low <= value <= high:
            return value
        faults.append(fault(path, expected, shown(value, path)))
        return low

    return read


def number(low: float, high: float) -> Reader[float]:
    """Make a reader of numbers within bounds, both included; NaN is within none."""
    expected = f"a number from {low:g} to {high:g}"

    def read(value: object, path: str, faults: list[Fault]) -> float:
        if type(value) in {int, float}:
            figure = cast("float", value)
            if low <= figure <= high:
                return float(figure)
        faults.append(fault(path, expected, shown(value, path)))
        return low

    return read


def choice(options: Sequence[C]) -> Reader[C]:
    """Make a reader of one of a few words."""
    expected = f"one of {listed(options)}"

    def read(value: object, path: str, faults: list[Fault]) -> C:
        for option in options:
            if value == option:
                return option
        faults.append(fault(path, expected, shown(value, path)))
        return options[0]

    return read


def names(value: object, path: str, faults: list[Fault]) -> tuple[str, ...]:
    """Read a list of names, such as error codes."""
    if not isinstance(value, list):
        faults.append(fault(path, "a list of strings", shown(value, path)))
        return ()
    items = cast("list[object]", value)
    return tuple(name(item, f"{path}[{at}]", faults) for at, item in enumerate(items))


def instant(zone: tzinfo, *, end_of_day: bool = False) -> Reader[int]:
    """Make a reader of instants; one without an offset is read in the zone."""

    def read(value: object, path: str, faults: list[Fault]) -> int:
        if value is None:
            faults.append(fault(path, _INSTANT, "nothing", hint="0 means now"))
            return 0
        found = read_instant(value, path=path, zone=zone, end_of_day=end_of_day)
        if isinstance(found, int):
            return found
        faults.append(found)
        return 0

    return read


def _legible(value: str) -> bool:
    """Tell whether a text has something to read, whole characters and none that control."""
    if value.isprintable():
        return value != "" and not value.isspace()
    return not (value.isspace() or lone_surrogate(value) or any(map(_control, value)))


def _control(character: str) -> bool:
    return character < " " or "\x7f" <= character <= "\x9f"


def _illegible(value: object, path: str, expected: str) -> Fault:
    if not isinstance(value, str) or value.strip() == "":
        return fault(path, expected, shown(value, path))
    if not _legible(value):
        expected = "text without control characters or halves of characters"
        return fault(path, expected, shown(value, path))
    return fault(path, expected, f"a string of {len(value)} characters")

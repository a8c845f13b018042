"""`$Dateformat(x, 'YYYY-MM-DD')`: an instant written out, always in UTC (SPEC 6).

The instant is what requests take as `start_at`: a Unix timestamp in seconds or milliseconds, or
ISO 8601 text. The letters are those of Moment and Day.js; text in `[ ]` stands for itself.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from ductape.domain.jsonvalue import JsonValue
from ductape.domain.references.arguments import Arguments, bounded, refuse, text_of
from ductape.domain.time.instants import read_instant

_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
_SHORT = 3
"""Letters of a short name."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HALF_DAY = 12

_LETTERS: Mapping[str, Callable[[datetime], str]] = {
    "YYYY": lambda at: f"{at.year:04}",
    "YY": lambda at: f"{at.year % 100:02}",
    "MMMM": lambda at: _MONTHS[at.month - 1],
    "MMM": lambda at: _MONTHS[at.month - 1][:_SHORT],
    "MM": lambda at: f"{at.month:02}",
    "M": lambda at: str(at.month),
    "DDDD": lambda at: f"{at.timetuple().tm_yday:03}",
    "DD": lambda at: f"{at.day:02}",
    "D": lambda at: str(at.day),
    "dddd": lambda at: _DAYS[at.weekday()],
    "ddd": lambda at: _DAYS[at.weekday()][:_SHORT],
    "HH": lambda at: f"{at.hour:02}",
    "H": lambda at: str(at.hour),
    "hh": lambda at: f"{_of_half_day(at):02}",
    "h": lambda at: str(_of_half_day(at)),
    "mm": lambda at: f"{at.minute:02}",
    "m": lambda at: str(at.minute),
    "ss": lambda at: f"{at.second:02}",
    "s": lambda at: str(at.second),
    "SSS": lambda at: f"{at.microsecond // 1000:03}",
    "A": lambda at: "AM" if at.hour < _HALF_DAY else "PM",
    "a": lambda at: "am" if at.hour < _HALF_DAY else "pm",
    "ZZ": lambda _: "+0000",
    "Z": lambda _: "+00:00",
    "X": lambda at: str(_milliseconds(at) // 1000),
    "x": lambda at: str(_milliseconds(at)),
}

_PIECE = re.compile(
    rf"\[(?P<plain>[^\]]*)\]|(?P<letters>{'|'.join(sorted(_LETTERS, key=len, reverse=True))})"
)


def dateformat(arguments: Arguments) -> JsonValue:
    """Write an instant as a format says.

    >>> dateformat((1_764_000_000_123, "YYYY-MM-DD [at] HH:mm:ss.SSS"))
    '2025-11-24 at 16:00:00.123'
    >>> dateformat(("2026-03-05", "D MMM YY"))
    '5 Mar 26'
    """
    at_ms = read_instant(arguments[0], path="", zone=UTC)
    if not isinstance(at_ms, int):
        refuse("a timestamp or an ISO 8601 text", arguments[0], 0)
    at = _EPOCH + timedelta(milliseconds=at_ms)
    return bounded(_PIECE.sub(lambda piece: _written(piece, at), text_of(arguments, 1)))


def _written(piece: re.Match[str], at: datetime) -> str:
    letters = piece["letters"]
    return piece["plain"] if letters is None else _LETTERS[letters](at)


def _of_half_day(at: datetime) -> int:
    return at.hour % _HALF_DAY or _HALF_DAY


def _milliseconds(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(milliseconds=1)

"""From the text of a cron expression to its value, or every fault in it (SPEC 4).

5 fields, or 6 with seconds first, or a macro. The result is cached: the same text is asked for at
each occurrence.
"""

import re
from functools import lru_cache
from typing import Final

from ductape.domain.cron.days import Days
from ductape.domain.cron.fields import (
    HOUR,
    MINUTE,
    MONTH,
    SECOND,
    Faults,
    read_dates,
    read_set,
    read_weekdays,
)
from ductape.domain.cron.schedule import Cron, occurs
from ductape.domain.found import shown
from ductape.errors import ValidationError, invalid

_LONGEST: Final = 256
_PLAIN: Final = re.compile(r"[\t -~]*")

_MACROS: Final = {
    "@HOURLY": "0 * * * *",
    "@DAILY": "0 0 * * *",
    "@MIDNIGHT": "0 0 * * *",
    "@WEEKLY": "0 0 * * 0",
    "@MONTHLY": "0 0 1 * *",
    "@YEARLY": "0 0 1 1 *",
    "@ANNUALLY": "0 0 1 1 *",
}


@lru_cache(maxsize=1024)
def parse_cron(expression: str, path: str = "repeat.cron") -> Cron:
    """Read an expression.

    Raises `ValidationError` at `path` with every fault in it; also where no date matches it.

    >>> parse_cron("*/15 9-17 * * mon-fri").wild
    True
    """
    second, minute, hour, date, month, weekday = _split(expression, path)
    faults = Faults(path)
    cron = Cron(
        seconds=read_set(SECOND, second, faults),
        minutes=_of_the_day(read_set(MINUTE, minute, faults), read_set(HOUR, hour, faults)),
        days=Days(read_dates(date, faults), read_weekdays(weekday, faults)),
        months=read_set(MONTH, month, faults),
        wild=minute.startswith("*") or hour.startswith("*"),
    )
    if faults.found:
        raise ValidationError(faults.found)
    if not occurs(cron):
        raise invalid(path, "an expression with a future instant", shown(expression, path))
    return cron


def _split(expression: str, path: str) -> list[str]:
    """Return the six fields in upper case, macros written out."""
    if len(expression) > _LONGEST:
        raise invalid(path, f"at most {_LONGEST} characters", str(len(expression)))
    if not _PLAIN.fullmatch(expression):
        raise invalid(path, "a cron expression in ASCII, on one line", shown(expression, path))
    text = expression.strip().upper()
    if text.startswith("@"):
        if text not in _MACROS:
            raise invalid(path, f"one of {', '.join(_MACROS).lower()}", shown(expression, path))
        text = _MACROS[text]
    fields = text.split()
    match len(fields):
        case 5:
            return ["0", *fields]
        case 6:
            return fields
        case count:
            raise invalid(path, "5 fields, or 6 with seconds first", f"{count}")


def _of_the_day(minutes: int, hours: int) -> int:
    """Join the minutes of an hour and the hours of a day to the minutes of a day."""
    return sum(minutes << 60 * hour for hour in range(24) if hours >> hour & 1)

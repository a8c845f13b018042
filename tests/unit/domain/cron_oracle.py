"""What a cron expression fires, found the slow way; shares no code with what it judges.

It walks UTC step by step, reads the wall from the zone, matches every field, and applies the
rule of SPEC 4: a wild entry at each instant that matches; a fixed one at each wall time's first
showing, and once at the end of a gap that holds a match.
"""

from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import cache

MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split(" ")  # noqa: SIM905 (easier read)
WEEKDAYS = "sun mon tue wed thu fri sat".split(" ")  # noqa: SIM905 (easier read)


@dataclass(frozen=True)
class Shown:
    """What a zone's wall shows at one UTC second."""

    at_s: int
    wall: datetime


def walk(zone: tzinfo, start_s: int, end_s: int, *, step_s: int = 60) -> list[Shown]:
    """Read the wall at every step of UTC, both ends included."""
    return [
        Shown(at_s, datetime.fromtimestamp(at_s, zone).replace(tzinfo=None, fold=0))
        for at_s in range(start_s, end_s + 1, step_s)
    ]


def fires(expression: str, walls: list[Shown]) -> list[int]:
    """Return the UTC seconds at which the expression fires during a walk.

    The walk must begin before the first showing of any wall time that it sees twice.
    """
    rule = Rule.of(expression)
    if rule.is_wild:
        return [shown.at_s for shown in walls if rule.matches(shown.wall)]
    step = timedelta(seconds=walls[1].at_s - walls[0].at_s)
    found: list[int] = []
    seen: set[datetime] = set()
    expected = walls[0].wall
    for shown in walls:
        is_due = shown.wall not in seen and rule.matches(shown.wall)
        while expected < shown.wall and not is_due:
            is_due = expected not in seen and rule.matches(expected)
            expected += step
        if is_due:
            found.append(shown.at_s)
        seen.add(shown.wall)
        expected = shown.wall + step
    return found


def matching_days(expression: str, first: date, last: date) -> list[date]:
    """Return the dates that match, whatever the clock says."""
    rule = Rule.of(expression)
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return [day for day in days if rule.matches_date(day)]


def changes(zone: tzinfo, first: datetime, last: datetime) -> list[int]:
    """Return the UTC seconds at which the zone's offset changes, by looking once a week."""
    week = 7 * 86_400
    probes = range(int(first.timestamp()), int(last.timestamp()), week)
    offsets = [_offset(zone, at_s) for at_s in probes]
    return [
        _narrow(zone, at_s)
        for at_s, before, after in zip(probes, offsets, offsets[1:], strict=False)
        if before != after
    ]


def _narrow(zone: tzinfo, week_s: int) -> int:
    at_s = week_s
    for step_s in (86_400, 3600, 60, 1):
        while _offset(zone, at_s) == _offset(zone, at_s + step_s):
            at_s += step_s
    return at_s + 1


def _offset(zone: tzinfo, at_s: int) -> timedelta | None:
    return datetime.fromtimestamp(at_s, zone).utcoffset()


@dataclass(frozen=True)
class Rule:
    """An expression, each field a set of numbers, the dates as their own text."""

    seconds: frozenset[int]
    minutes: frozenset[int]
    hours: frozenset[int]
    dates: str
    months: frozenset[int]
    weekdays: str
    is_wild: bool

    @staticmethod
    @cache
    def of(expression: str) -> "Rule":
        parts = MACROS.get(expression.lower(), expression).lower().split()
        second, minute, hour, dates, month, weekdays = ["0", *parts] if len(parts) == 5 else parts
        return Rule(
            _numbers(second, range(60)),
            _numbers(minute, range(60)),
            _numbers(hour, range(24)),
            dates,
            _numbers(month, range(1, 13), MONTHS, first_name=1),
            weekdays,
            minute[0] == "*" or hour[0] == "*",
        )

    def matches(self, wall: datetime) -> bool:
        return (
            wall.minute in self.minutes
            and wall.second in self.seconds
            and wall.hour in self.hours
            and self.matches_date(wall.date())
        )

    def matches_date(self, day: date) -> bool:
        return day.month in self.months and _matches_date(self.dates, self.weekdays, day)


@cache
def _matches_date(dates: str, weekdays: str, day: date) -> bool:
    verdicts: list[bool] = []
    if dates not in {"*", "?"}:
        verdicts.append(any(_date_item(item, day) for item in dates.split(",")))
    if weekdays not in {"*", "?"}:
        verdicts.append(any(_weekday_item(item, day) for item in weekdays.split(",")))
    return any(verdicts) if verdicts else True


def _date_item(item: str, day: date) -> bool:
    length = monthrange(day.year, day.month)[1]
    workdays = _workdays(day.year, day.month)
    if item == "l":
        return day.day == length
    if item == "lw":
        return day.day == workdays[-1]
    if item.endswith("w"):
        wanted = int(item[:-1])
        return wanted <= length and day.day == min(workdays, key=lambda n: abs(n - wanted))
    return day.day in _numbers(item, range(1, 32))


@cache
def _workdays(year: int, month: int) -> list[int]:
    length = monthrange(year, month)[1]
    return [n for n in range(1, length + 1) if date(year, month, n).weekday() < 5]


def _weekday_item(item: str, day: date) -> bool:
    weekday = day.isoweekday() % 7
    if item.endswith("l"):
        is_last = (day + timedelta(days=7)).month != day.month
        return is_last and weekday == _number(item[:-1], WEEKDAYS, 0) % 7
    if "#" in item:
        name, _, count = item.partition("#")
        nth = 1 + (day.day - 1) // 7
        return weekday == _number(name, WEEKDAYS, 0) % 7 and nth == int(count)
    top = 8 if "7" in item.partition("/")[0] else 7
    return weekday in {n % 7 for n in _numbers(item, range(top), WEEKDAYS)}


def _numbers(
    text: str, domain: range, names: Iterable[str] = (), *, first_name: int = 0
) -> frozenset[int]:
    found: set[int] = set()
    for item in text.split(","):
        body, _, step = item.partition("/")
        low, dash, high = body.partition("-")
        if low == "*":
            chosen = list(domain)
        else:
            start = _number(low, names, first_name)
            stop = _number(high, names, first_name) if dash else start
            chosen = list(range(start, domain[-1] + 1 if step and not dash else stop + 1))
        found.update(chosen[:: int(step or 1)])
    return frozenset(found)


def _number(text: str, names: Iterable[str], first_name: int) -> int:
    known = list(names)
    return known.index(text) + first_name if text in known else int(text)


def epoch_s(text: str) -> int:
    """Read `2026-03-29T01:00` as UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())

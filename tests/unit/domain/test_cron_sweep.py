"""Every zone of the tz database, round its changes, against the oracle.

For each zone: some of its changes from 2005 to 2037 and its largest since 1970. For each change:
expressions that aim at the very stretch the clock skips or repeats. Which ones is decided by
position, so that a failure is the same on every machine.
"""

from bisect import bisect_right
from datetime import UTC, datetime, timedelta, tzinfo

import pytest

from ductape.app.zones import PackagedZones
from ductape.domain.cron import next_after, parse_cron
from tests.unit.domain.cron_oracle import Shown, changes, epoch_s, fires, walk

ZONES = PackagedZones()
NAMES = sorted(ZONES.names())
HOUR_S = 3600
BATCHES = 13


@pytest.mark.parametrize("batch", range(BATCHES))
def test_every_zone_agrees_with_the_oracle_round_its_changes(batch: int) -> None:
    for name in NAMES[batch::BATCHES]:
        zone = ZONES.get(name)
        for change_s in notable_changes(zone):
            walls = walk(zone, change_s - 5 * HOUR_S, change_s + 7 * HOUR_S)
            for expression in aimed_at(zone, change_s):
                agree(name, expression, zone, walls)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("Pacific/Apia", "2011-12-30T10:00"),
        ("Pacific/Kwajalein", "1993-08-21T12:00"),
        ("Pacific/Kiritimati", "1994-12-31T10:00"),
        ("Australia/Lord_Howe", "2026-04-04T15:00"),
        ("Australia/Lord_Howe", "2026-10-03T15:30"),
        ("Antarctica/Troll", "2026-03-29T01:00"),
        ("Antarctica/Vostok", "1994-01-31T17:00"),
        ("America/St_Johns", "2006-10-29T02:31"),
        ("America/Havana", "2026-11-01T05:00"),
        ("America/Caracas", "2016-05-01T07:00"),
        ("Asia/Pyongyang", "2018-05-04T15:00"),
        ("Asia/Kathmandu", "1985-12-31T18:30"),
        ("Europe/Dublin", "1971-10-31T02:00"),
        ("Europe/Lisbon", "1992-09-27T01:00"),
        ("Africa/Casablanca", "2026-02-15T02:00"),
        ("America/Godthab", "2023-03-26T01:00"),
        ("Asia/Ust-Nera", "1981-03-31T15:00"),
    ],
)
def test_the_strangest_changes_agree_for_two_days_each_way(name: str, change: str) -> None:
    zone = ZONES.get(name)
    change_s = epoch_s(change)
    walls = walk(zone, change_s - 48 * HOUR_S, change_s + 48 * HOUR_S)
    for expression in (*aimed_at(zone, change_s), "0 0 * * *", "*/7 * * * *", "0 */2 * * *"):
        agree(name, expression, zone, walls)


@pytest.mark.parametrize("expression", ["* * * * *", "0 * * * *", "0 0 * * *", "15,45 0 * * *"])
def test_an_offset_with_odd_seconds_agrees_by_the_second(expression: str) -> None:
    zone = ZONES.get("Africa/Monrovia")
    change_s = epoch_s("1972-01-07T00:44:30")
    agree(
        "Africa/Monrovia",
        expression,
        zone,
        walk(zone, change_s - 2 * HOUR_S, change_s + 2 * HOUR_S, step_s=1),
    )


def agree(name: str, expression: str, zone: tzinfo, walls: list[Shown]) -> None:
    """Compare the whole chain of instants, then the answer from odd moments between."""
    start_s, end_s = walls[0].at_s, walls[-1].at_s
    expected = [at_s * 1000 for at_s in fires(expression, walls)]
    cron = parse_cron(expression)
    found: list[int] = []
    at_ms = start_s * 1000 - 1
    while (following := next_after(cron, at_ms, zone)) is not None and following <= end_s * 1000:
        assert following > at_ms, (name, expression, at_ms)
        found.append(following)
        at_ms = following
    assert found == expected, (name, expression)
    for part in range(1, 8):
        asked_ms = start_s * 1000 + (end_s - start_s) * 125 * part + 370 * part - 1
        after = bisect_right(expected, asked_ms)
        answer = next_after(cron, asked_ms, zone)
        if after < len(expected):
            assert answer == expected[after], (name, expression, asked_ms)
        else:
            assert answer is None or answer > end_s * 1000, (name, expression, asked_ms)


def notable_changes(zone: tzinfo) -> list[int]:
    """Choose changes of a zone: two neighbours after 2005, a late one, the largest of all."""
    every = changes(zone, datetime(1972, 2, 1, tzinfo=UTC), datetime(2037, 12, 25, tzinfo=UTC))
    if not every:
        return [epoch_s("2026-03-29T01:00")]
    recent = [at_s for at_s in every if at_s >= epoch_s("2005-01-01T00:00")]
    largest = max(every, key=lambda at_s: abs(shift(zone, at_s)))
    return sorted({largest, *recent[1:3], *recent[-1:]})


def aimed_at(zone: tzinfo, change_s: int) -> list[str]:
    """Write expressions, fixed and wild, for the stretch that a change skips or repeats."""
    before = _wall(zone, change_s - 1) + timedelta(seconds=1)
    first, last = sorted((before, before + shift(zone, change_s)))
    middle = first + (last - first) / 2
    nth = change_s // HOUR_S % 3
    return [
        f"{middle.minute} {middle.hour} * * *",
        f"*/15 {middle.hour} * * *",
        (
            f"{first.minute},{last.minute} {first.hour},{last.hour} {first.day} {first.month} *",
            f"3/20 * * * {before.isoweekday()}",
            f"{last.minute} {last.hour} ? * *",
        )[nth],
    ]


def shift(zone: tzinfo, change_s: int) -> timedelta:
    """Return how far a change moves the wall clock."""
    return _wall(zone, change_s) - _wall(zone, change_s - 1) - timedelta(seconds=1)


def _wall(zone: tzinfo, at_s: int) -> datetime:
    return datetime.fromtimestamp(at_s, zone).replace(tzinfo=None, fold=0)

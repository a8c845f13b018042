"""Quotas: no window ever holds more than its limit, and calendars follow their zone's clock."""

from datetime import UTC, datetime
from typing import get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ductape.app.zones import PackagedZones
from ductape.domain.limits.quota import (
    SLOTS,
    SPAN_MS,
    Algorithm,
    Fixed,
    Period,
    Sliding,
    Uses,
    check,
    increment,
    outlived_at,
    rule_at,
    still_counting,
    window_at,
)
from ductape.domain.time.instants import LAST_INSTANT_MS
from ductape.domain.time.wallclock import Change
from tests.unit.domain.zone_files import listed_changes

PACKAGED = PackagedZones()
ZONES = ("UTC", "Europe/Amsterdam", "America/St_Johns", "Asia/Kolkata", "Australia/Lord_Howe")
ALGORITHMS: tuple[Algorithm, ...] = get_args(Algorithm)
PERIODS: tuple[Period, ...] = get_args(Period)
instants = st.integers(min_value=0, max_value=2_000_000_000_000)


def ms(text: str, zone: str = "UTC") -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


@given(instants, st.sampled_from(PERIODS), st.sampled_from(ZONES))
def test_a_window_holds_its_instant_and_is_the_same_for_all_in_it(
    now_ms: int, period: Period, zone: str
) -> None:
    start_ms, end_ms = window_at(period, now_ms, ZoneInfo(zone))
    assert start_ms <= now_ms < end_ms
    for other in (start_ms, end_ms - 1):
        assert window_at(period, other, ZoneInfo(zone)) == (start_ms, end_ms)
    assert window_at(period, end_ms, ZoneInfo(zone))[0] == end_ms


def notable_changes() -> dict[Change, str]:
    """Return changes of clocks since 1970, with a zone that has each: all odd ones, some others."""
    every = {change: name for name in sorted(PACKAGED.names()) for change in listed_changes(name)}
    usual = [each for each in every if abs(each.after_s - each.before_s) == 3600]
    for each in set(usual) - set(usual[::7]):
        del every[each]
    return every


@pytest.mark.parametrize("period", PERIODS)
def test_windows_follow_one_another_without_gap_or_overlap_where_clocks_are_moved(
    period: Period,
) -> None:
    for change, name in notable_changes().items():
        zone = PACKAGED.get(name)
        changed_ms = change.at_s * 1000
        asked_ms = changed_ms - 2 * SPAN_MS[period]
        _, asked_ms = window_at(period, asked_ms, zone)
        while asked_ms <= changed_ms + 2 * SPAN_MS[period]:
            start_ms, end_ms = window_at(period, asked_ms, zone)
            assert start_ms == asked_ms, (name, change)
            for other in {(start_ms + end_ms) // 2, end_ms - 1, changed_ms - 1, changed_ms}:
                if start_ms <= other < end_ms:
                    assert window_at(period, other, zone) == (start_ms, end_ms), (name, change)
            asked_ms = end_ms


@pytest.mark.parametrize(
    ("within", "start", "end"),
    [
        # Set back by half an hour at 02:00, to 01:30; set forward at 02:00, to 02:30.
        ("2026-04-04T15:10", "2026-04-04T14:00", "2026-04-04T15:30"),
        ("2026-10-03T15:40", "2026-10-03T14:30", "2026-10-03T16:00"),
    ],
)
def test_an_hour_lasts_until_the_clock_shows_a_whole_one(within: str, start: str, end: str) -> None:
    found = window_at("hour", ms(within), ZoneInfo("Australia/Lord_Howe"))
    assert found == (ms(start), ms(end))


@pytest.mark.parametrize(
    ("period", "at", "start", "end"),
    [
        ("hour", "2026-03-29T01:30", "2026-03-29T01:00", "2026-03-29T03:00"),
        ("day", "2026-03-29T12:00", "2026-03-29T00:00", "2026-03-30T00:00"),
        ("week", "2026-10-25T12:00", "2026-10-19T00:00", "2026-10-26T00:00"),
        ("month", "2026-02-10T12:00", "2026-02-01T00:00", "2026-03-01T00:00"),
        ("month", "2026-12-31T23:59", "2026-12-01T00:00", "2027-01-01T00:00"),
    ],
)
def test_windows_follow_the_calendar_of_their_zone(
    period: Period, at: str, start: str, end: str
) -> None:
    zone = "Europe/Amsterdam"
    found = window_at(period, ms(at, zone), ZoneInfo(zone))
    assert found == (ms(start, zone), ms(end, zone))


@pytest.mark.parametrize("period", ["day", "week", "month"])
@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"])
@pytest.mark.parametrize("days", [0, 1, 5, 20])
def test_the_last_window_ends_with_the_calendar(period: Period, zone: str, days: int) -> None:
    now_ms = LAST_INSTANT_MS - days * 86_400_000 - 1
    start_ms, end_ms = window_at(period, now_ms, ZoneInfo(zone))
    assert start_ms <= now_ms < end_ms <= LAST_INSTANT_MS
    assert window_at(period, start_ms, ZoneInfo(zone)) == (start_ms, end_ms)


def test_a_day_whose_midnight_is_shown_twice_begins_once() -> None:
    zone = "America/St_Johns"  # until 2011 set back at 00:01, to 23:01 of the day before
    first = ms("2010-11-07T00:00", zone)
    second_pass = first + 31 * 60_000
    start_ms, end_ms = window_at("day", second_pass, ZoneInfo(zone))
    assert start_ms == first
    assert end_ms - start_ms == 25 * 3_600_000


@given(
    st.integers(min_value=1, max_value=9),
    st.lists(st.tuples(st.integers(0, 900), st.integers(1, 4)), max_size=60),
    st.sampled_from([500, 1_000, 3_600_000]),
)
def test_no_stretch_of_a_sliding_window_holds_more_than_the_limit(
    limit: int, steps: list[tuple[int, int]], span_ms: int
) -> None:
    rule = Sliding(limit, span_ms)
    uses: Uses = ()
    taken: list[tuple[int, int]] = []
    now_ms = 1_800_000_000_123
    for wait, amount in steps:
        now_ms += wait * span_ms // 1_000
        uses, verdict = increment(uses, rule, amount, now_ms)
        if verdict.success:
            taken.append((now_ms, amount))
        within = sum(counted for at, counted in taken if at > now_ms - span_ms)
        assert within <= limit
        assert verdict.remaining <= limit - within
        assert len(uses) <= SLOTS + 2


@given(
    st.integers(min_value=1, max_value=9),
    st.lists(st.tuples(st.integers(0, 400), st.integers(1, 9)), max_size=30),
    st.sampled_from(ALGORITHMS),
)
def test_after_the_wait_that_is_told_the_amount_fits_and_not_before(
    limit: int, steps: list[tuple[int, int]], algorithm: Algorithm
) -> None:
    now_ms = 1_800_000_000_000
    uses: Uses = ()
    for wait, amount in steps:
        now_ms += wait
        rule = rule_at(limit, "second", algorithm, now_ms=now_ms, zone=UTC)
        uses, verdict = increment(uses, rule, amount, now_ms)
        assert verdict.success == (verdict.wait_ms == 0)
        if verdict.success or amount > limit:
            continue
        for at, fits in ((now_ms + verdict.wait_ms - 1, False), (now_ms + verdict.wait_ms, True)):
            then = rule_at(limit, "second", algorithm, now_ms=at, zone=UTC)
            assert check(uses, then, amount, at).success is fits


def test_a_window_that_is_over_counts_no_more() -> None:
    uses, _ = increment((), Fixed(2, 0, 1_000), 2, 10)
    assert not check(uses, Fixed(2, 0, 1_000), 1, 999).success
    assert check(uses, Fixed(2, 1_000, 2_000), 2, 1_000).success


def test_a_clock_that_is_set_back_gives_nothing_away() -> None:
    uses, _ = increment((), Fixed(2, 1_000, 2_000), 2, 1_500)
    assert not check(uses, Fixed(2, 0, 1_000), 1, 900).success
    slid, _ = increment((), Sliding(2, 1_000), 2, 1_500)
    assert not check(slid, Sliding(2, 1_000), 1, 900).success


def test_a_quota_whose_period_was_changed_goes_on_with_what_counts() -> None:
    uses, _ = increment((), Sliding(5, SPAN_MS["hour"]), 3, ms("2026-05-05T10:30"))
    day = rule_at(5, "day", "fixed", now_ms=ms("2026-05-05T11:00"), zone=UTC)
    assert check(uses, day, 2, ms("2026-05-05T11:00")).remaining == 2


@given(st.lists(st.integers(0, 2_000), max_size=20))
def test_what_is_outlived_counts_no_more(waits: list[int]) -> None:
    rule, now_ms, uses = Sliding(99, 1_000), 1_800_000_000_000, ()
    for wait in waits:
        now_ms += wait
        uses, _ = increment(uses, rule, 1, now_ms)
    assert still_counting(uses, rule, outlived_at(uses, rule, now_ms)) == ()

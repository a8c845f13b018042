"""A cron expression across changes of the clock (SPEC 4): told cases, then the oracle's verdict."""

from datetime import UTC, datetime, timedelta, timezone, tzinfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ductape.app.zones import PackagedZones
from ductape.domain.cron import next_after, parse_cron
from tests.unit.domain.cron_oracle import changes, epoch_s, fires, walk

ZONES = PackagedZones()


def fired(expression: str, zone: str, after: str, count: int) -> list[str]:
    """Return the next instants after one, as UTC without seconds of zero."""
    cron = parse_cron(expression)
    at_ms = epoch_s(after) * 1000
    found: list[str] = []
    for _ in range(count):
        following = next_after(cron, at_ms, ZONES.get(zone))
        assert following is not None
        assert following > at_ms
        at_ms = following
        text = datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        found.append(text.removesuffix(":00"))
    return found


def test_nine_on_mondays_in_amsterdam_follows_summer_time() -> None:
    assert fired("0 9 * * 1", "Europe/Amsterdam", "2026-03-20T00:00", 3) == [
        "2026-03-23T08:00",
        "2026-03-30T07:00",
        "2026-04-06T07:00",
    ]
    assert fired("0 9 * * 1", "Europe/Amsterdam", "2026-03-27T00:00", 1) == ["2026-03-30T07:00"]


def test_a_fixed_time_in_a_gap_runs_once_at_its_end() -> None:
    assert fired("30 2 * * *", "Europe/Amsterdam", "2026-03-28T12:00", 2) == [
        "2026-03-29T01:00",
        "2026-03-30T00:30",
    ]


def test_a_gap_is_met_from_the_second_before_its_end() -> None:
    assert fired("30 2 * * *", "Europe/Amsterdam", "2026-03-29T00:59:59", 1) == ["2026-03-29T01:00"]
    assert fired("30 2 * * *", "Europe/Amsterdam", "2026-03-29T01:00", 1) == ["2026-03-30T00:30"]


def test_several_skipped_times_collapse_into_one() -> None:
    assert fired("0,20,40 2,3 * * *", "Europe/Amsterdam", "2026-03-29T00:30", 3) == [
        "2026-03-29T01:00",
        "2026-03-29T01:20",
        "2026-03-29T01:40",
    ]


def test_a_fixed_time_in_a_repeated_hour_runs_at_its_first_pass_only() -> None:
    assert fired("30 2 * * *", "Europe/Amsterdam", "2026-10-24T12:00", 2) == [
        "2026-10-25T00:30",
        "2026-10-26T01:30",
    ]


def test_fixed_seconds_are_no_different() -> None:
    assert fired("*/20 30 2 * * *", "Europe/Amsterdam", "2026-10-25T00:30", 3) == [
        "2026-10-25T00:30:20",
        "2026-10-25T00:30:40",
        "2026-10-26T01:30",
    ]
    assert fired("*/20 30 2 * * *", "Europe/Amsterdam", "2026-03-29T00:00", 2) == [
        "2026-03-29T01:00",
        "2026-03-30T00:30",
    ]


def test_every_fifteen_minutes_means_real_minutes_through_both_changes() -> None:
    for start in ("2026-03-29T00:00", "2026-10-25T00:00"):
        first = epoch_s(start)
        expected = [first + 900 * n for n in range(1, 17)]
        told = fired("*/15 * * * *", "Europe/Amsterdam", start, 16)
        assert [epoch_s(text) for text in told] == expected


def test_a_wild_time_in_a_gap_does_not_run_that_day() -> None:
    assert fired("*/15 2 * * *", "Europe/Amsterdam", "2026-03-28T01:40", 2) == [
        "2026-03-28T01:45",
        "2026-03-30T00:00",
    ]


def test_a_wild_time_in_a_repeated_hour_runs_in_both_passes() -> None:
    assert fired("*/30 2 * * *", "Europe/Amsterdam", "2026-10-24T12:00", 5) == [
        "2026-10-25T00:00",
        "2026-10-25T00:30",
        "2026-10-25T01:00",
        "2026-10-25T01:30",
        "2026-10-26T01:00",
    ]


def test_asked_inside_the_second_pass_the_answer_is_later() -> None:
    assert fired("45 2 * * *", "Europe/Amsterdam", "2026-10-25T01:10", 1) == ["2026-10-26T01:45"]
    assert fired("0 3 * * *", "Europe/Amsterdam", "2026-10-25T01:10", 1) == ["2026-10-25T02:00"]
    assert fired("*/15 2 * * *", "Europe/Amsterdam", "2026-10-25T01:10", 1) == ["2026-10-25T01:15"]


def test_a_skipped_day_is_one_gap() -> None:
    assert fired("0 9 30 12 *", "Pacific/Apia", "2011-12-01T00:00", 1) == ["2011-12-30T10:00"]
    assert fired("0 9,17 * * *", "Pacific/Apia", "2011-12-30T04:00", 3) == [
        "2011-12-30T10:00",
        "2011-12-30T19:00",
        "2011-12-31T03:00",
    ]
    assert fired("0 * 30 12 *", "Pacific/Apia", "2011-12-01T00:00", 1) == ["2012-12-29T10:00"]


def test_a_midnight_that_does_not_exist_is_the_first_instant_of_its_day() -> None:
    assert fired("0 0 * * *", "America/Sao_Paulo", "2018-11-03T12:00", 2) == [
        "2018-11-04T03:00",
        "2018-11-05T02:00",
    ]
    assert fired("@daily", "Asia/Beirut", "2026-03-28T12:00", 2) == [
        "2026-03-28T22:00",
        "2026-03-29T21:00",
    ]


def test_half_an_hour_is_skipped_and_repeated_on_lord_howe() -> None:
    assert fired("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T12:00", 1) == ["2026-10-03T15:30"]
    assert fired("45 1 * * *", "Australia/Lord_Howe", "2026-04-04T12:00", 2) == [
        "2026-04-04T14:45",
        "2026-04-05T15:15",
    ]
    assert fired("*/15 * * * *", "Australia/Lord_Howe", "2026-04-04T14:30", 4) == [
        "2026-04-04T14:45",
        "2026-04-04T15:00",
        "2026-04-04T15:15",
        "2026-04-04T15:30",
    ]


def test_a_zone_of_quarter_hours_keeps_its_own_minutes() -> None:
    assert fired("0 6 * * *", "Asia/Kathmandu", "2026-01-01T00:00", 2) == [
        "2026-01-01T00:15",
        "2026-01-02T00:15",
    ]


def test_dublin_whose_winter_time_is_the_exception_is_like_any_other() -> None:
    assert fired("30 1 * * *", "Europe/Dublin", "2026-03-28T12:00", 1) == ["2026-03-29T01:00"]
    assert fired("30 1 * * *", "Europe/Dublin", "2026-10-24T12:00", 2) == [
        "2026-10-25T00:30",
        "2026-10-26T01:30",
    ]


def test_a_change_of_half_an_hour_for_good_loses_nothing() -> None:
    assert fired("45 2 * * *", "America/Caracas", "2016-04-30T12:00", 2) == [
        "2016-05-01T07:00",
        "2016-05-02T06:45",
    ]
    assert fired("45 23 * * *", "Asia/Pyongyang", "2018-05-04T12:00", 2) == [
        "2018-05-04T15:00",
        "2018-05-05T14:45",
    ]


def test_a_wild_time_that_only_ever_falls_into_the_gap_never_comes() -> None:
    cron = parse_cron("*/5 2 ? 3 0L")
    assert next_after(cron, epoch_s("2026-01-01T00:00") * 1000, ZONES.get("Europe/Berlin")) is None


def test_the_calendar_ends_without_an_error() -> None:
    end_ms = 253_402_300_799_999
    for zone in (UTC, timezone(timedelta(hours=14)), timezone(timedelta(hours=-12))):
        assert next_after(parse_cron("* * * * * *"), end_ms, zone) is None
        assert next_after(parse_cron("0 0 29 2 *"), end_ms - 90 * 86_400_000, zone) is None
        assert next_after(parse_cron("* * * * *"), -(10**17), zone) is not None


@pytest.mark.parametrize("odd_ms", [-1, 0, 1, 999])
def test_the_answer_is_later_by_the_millisecond(odd_ms: int) -> None:
    minute_ms = epoch_s("2026-05-01T10:00") * 1000
    following = next_after(parse_cron("* * * * *"), minute_ms + odd_ms, UTC)
    assert following == minute_ms + (0 if odd_ms < 0 else 60_000)


def field(low: int, high: int) -> st.SearchStrategy[str]:
    """Draw one field of plain values."""
    value = st.integers(low, high)
    item = st.one_of(
        value.map(str),
        st.tuples(value, value).map(lambda ends: f"{min(ends)}-{max(ends)}"),
        st.tuples(value, st.integers(1, 9)).map(lambda pair: f"{pair[0]}/{pair[1]}"),
        st.integers(1, high).map("*/{}".format),
    )
    return st.one_of(st.just("*"), st.lists(item, min_size=1, max_size=3).map(",".join))


DATES = st.sampled_from(["*", "*", "*", "?", "*/2", "L", "1,15-31"])
WEEKDAYS = st.sampled_from(["*", "*", "*", "sun", "1-5", "0L,6#2"])
FIVE = st.tuples(field(0, 59), field(0, 23), DATES, st.just("*"), WEEKDAYS).map(" ".join)
SIX = st.tuples(field(0, 59), FIVE).map(" ".join)
NAMES = sorted(ZONES.names())
WHEN = st.tuples(st.sampled_from(NAMES), st.integers(0, 10**6))


def near_a_change(zone: tzinfo, draw: int) -> int:
    """Choose one of a zone's changes in 1971 to 2037, or any hour where it has none."""
    first, last = datetime(1971, 1, 10, tzinfo=UTC), datetime(2037, 12, 1, tzinfo=UTC)
    moments = changes(zone, first, last)
    return moments[draw % len(moments)] if moments else epoch_s("2026-01-01T00:00") + 3600 * draw


def agrees(expression: str, zone: tzinfo, start_s: int, end_s: int, *, step_s: int) -> None:
    """Compare every instant of a stretch with the oracle's."""
    expected = fires(expression, walk(zone, start_s, end_s, step_s=step_s))
    cron = parse_cron(expression)
    found: list[int] = []
    at_ms = start_s * 1000 - 1
    while (following := next_after(cron, at_ms, zone)) is not None and following <= end_s * 1000:
        assert following > at_ms
        found.append(following // 1000)
        at_ms = following
    assert found == expected


@settings(max_examples=150, deadline=None)
@given(expression=FIVE, when=WHEN)
def test_five_fields_agree_with_the_oracle_round_any_change(
    expression: str, when: tuple[str, int]
) -> None:
    zone = ZONES.get(when[0])
    middle_s = near_a_change(zone, when[1]) // 3600 * 3600
    agrees(expression, zone, middle_s - 14 * 3600, middle_s + 20 * 3600, step_s=60)


@settings(max_examples=40, deadline=None)
@given(expression=SIX, when=WHEN)
def test_six_fields_agree_with_the_oracle_round_any_change(
    expression: str, when: tuple[str, int]
) -> None:
    zone = ZONES.get(when[0])
    middle_s = near_a_change(zone, when[1])
    agrees(expression, zone, middle_s - 3700, middle_s + 4000, step_s=1)

"""When a recurring job is due (SPEC 4)."""

from datetime import UTC, datetime, tzinfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ductape.app.zones import PackagedZones
from ductape.domain.recurrence import (
    anchor_of,
    cron_fault,
    first_instant,
    latest_instant,
    next_instant,
    preview,
    zone_fault,
)
from ductape.domain.request import Repeat
from ductape.errors import ValidationError

ZONES = PackagedZones()
DAY_MS = 86_400_000
NOON = 1_774_612_800_000  # 2026-03-27T12:00:00Z, a Friday


def ms(text: str) -> int:
    """Write an instant in UTC as milliseconds."""
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def first(repeat: Repeat, *, start: int = 0, now: int = NOON) -> int | None:
    """Ask for the first instant."""
    return first_instant(repeat, start_at_ms=start, now_ms=now, zones=ZONES.get)


def following(repeat: Repeat, after: int | None, *, anchor: int = NOON) -> int | None:
    """Ask for the next instant."""
    return next_instant(repeat, after_ms=after, anchor_ms=anchor, zones=ZONES.get)


def latest(repeat: Repeat, after: int | None, until: int, *, anchor: int = NOON) -> int | None:
    """Ask for the latest instant."""
    return latest_instant(repeat, after_ms=after, until_ms=until, anchor_ms=anchor, zones=ZONES.get)


EVERY = Repeat(every_ms=1000)
MONDAYS = Repeat(cron="0 9 * * 1", tz="Europe/Amsterdam")


def test_every_starts_at_once_or_at_its_start() -> None:
    assert first(EVERY) == NOON
    assert first(EVERY, start=NOON) == NOON
    assert first(EVERY, start=NOON + 1) == NOON + 1


def test_a_past_start_keeps_the_phase_of_the_grid() -> None:
    assert first(EVERY, start=NOON - 9_700) == NOON + 300
    assert first(EVERY, start=NOON - 9_000) == NOON
    assert first(Repeat(every_ms=DAY_MS), start=NOON - 1) == NOON + DAY_MS - 1


def test_cron_starts_at_the_first_match_at_or_after_its_start() -> None:
    monday = ms("2026-03-30T07:00")
    assert first(MONDAYS) == monday
    assert first(MONDAYS, start=monday) == monday
    assert first(MONDAYS, start=monday + 1) == monday + 7 * DAY_MS


def test_a_past_start_of_a_cron_means_now() -> None:
    assert first(Repeat(cron="* * * * *"), start=NOON - DAY_MS) == NOON


def test_immediately_adds_the_start_itself() -> None:
    eager = Repeat(cron="0 9 * * 1", tz="Europe/Amsterdam", immediately=True)
    assert first(eager) == NOON
    assert first(eager, start=NOON + 5) == NOON + 5
    assert first(eager, start=NOON - 5) == NOON
    assert following(eager, NOON) == ms("2026-03-30T07:00")
    assert latest(eager, None, NOON + 1) == NOON


def test_an_end_before_the_first_run_leaves_none() -> None:
    assert first(Repeat(every_ms=1000, end_at_ms=NOON - 1)) is None
    assert first(Repeat(cron="0 9 * * 1", end_at_ms=NOON + DAY_MS)) is None
    assert first(Repeat(cron="0 9 * * 1", immediately=True, end_at_ms=NOON)) == NOON


def test_the_end_is_included() -> None:
    ending = Repeat(every_ms=1000, end_at_ms=NOON + 2000)
    assert following(ending, NOON + 1000) == NOON + 2000
    assert following(ending, NOON + 2000) is None


def test_an_anchor_is_the_first_point_of_the_grid_from_now_on() -> None:
    assert anchor_of(EVERY, start_at_ms=0, now_ms=NOON) == NOON
    assert anchor_of(EVERY, start_at_ms=NOON - 300, now_ms=NOON) == NOON + 700
    assert anchor_of(EVERY, start_at_ms=NOON + 300, now_ms=NOON) == NOON + 300
    assert anchor_of(MONDAYS, start_at_ms=NOON - 300, now_ms=NOON) == NOON
    assert anchor_of(MONDAYS, start_at_ms=NOON + 300, now_ms=NOON) == NOON + 300


def test_nothing_lies_before_the_anchor() -> None:
    assert following(EVERY, None) == NOON
    assert following(EVERY, NOON - 5500) == NOON
    assert following(Repeat(cron="* * * * *"), NOON - DAY_MS) == NOON


def test_the_grid_never_drifts() -> None:
    assert following(EVERY, NOON) == NOON + 1000
    assert following(EVERY, NOON + 1) == NOON + 1000
    assert following(EVERY, NOON + 999) == NOON + 1000
    assert following(EVERY, NOON + 12_345_678) == NOON + 12_346_000


def test_both_set_means_cron() -> None:
    assert first(Repeat(cron="0 9 * * 1", every_ms=1000)) == ms("2026-03-30T09:00")


def test_neither_set_is_refused() -> None:
    with pytest.raises(ValidationError) as caught:
        first(Repeat())
    assert caught.value.path == "repeat"


def test_a_period_beyond_the_calendar_ends_the_recurrence() -> None:
    assert following(Repeat(every_ms=10**15), NOON) is None


def test_missed_instants_collapse_into_the_latest() -> None:
    assert latest(EVERY, NOON, NOON + 5_500) == NOON + 5_000
    assert latest(EVERY, NOON, NOON + 5_000) == NOON + 5_000
    assert latest(EVERY, NOON + 5_000, NOON + 5_999) is None
    assert latest(MONDAYS, NOON, ms("2026-04-30T00:00")) == ms("2026-04-27T07:00")


def test_the_latest_is_never_later_than_the_end() -> None:
    ending = Repeat(every_ms=1000, end_at_ms=NOON + 2_500)
    assert latest(ending, NOON, NOON + DAY_MS) == NOON + 2_000
    assert latest(ending, NOON + 2_000, NOON + DAY_MS) is None


def test_the_latest_of_ten_years_of_seconds_takes_a_handful_of_questions() -> None:
    asked: list[str] = []

    def counting(name: str) -> tzinfo:
        asked.append(name)
        return ZONES.get(name)

    until = NOON + 3650 * DAY_MS + 250
    found = latest_instant(
        Repeat(cron="* * * * * *"), after_ms=NOON, until_ms=until, anchor_ms=NOON, zones=counting
    )
    assert found == NOON + 3650 * DAY_MS
    assert len(asked) < 50


@settings(max_examples=60, deadline=None)
@given(
    repeat=st.one_of(
        st.integers(100, 10**7).map(lambda every: Repeat(every_ms=every)),
        st.sampled_from(["*/7 * * * *", "30 2 * * *", "*/20 2 * * *", "15 1,2,3 * * *"]).map(
            lambda cron: Repeat(cron=cron, tz="Europe/Amsterdam")
        ),
    ),
    start=st.sampled_from([ms("2026-03-28T20:00"), ms("2026-10-24T20:00")]),
    elapsed=st.integers(0, 12 * 3_600_000),
)
def test_the_latest_is_the_last_of_those_that_follow_one_another(
    repeat: Repeat, start: int, elapsed: int
) -> None:
    until = start + elapsed
    found = latest(repeat, None, until, anchor=start)
    if found is None:
        following_first = following(repeat, None, anchor=start)
        assert following_first is not None
        assert following_first > until
    else:
        assert start <= found <= until
        assert following(repeat, found - 1, anchor=start) == found
        after = following(repeat, found, anchor=start)
        assert after is not None
        assert after > until


@given(every=st.integers(100, 10**9), back=st.integers(0, 10**10), after=st.integers(0, 10**10))
def test_every_instant_lies_on_the_grid_of_its_start(every: int, back: int, after: int) -> None:
    start = NOON - back
    repeat = Repeat(every_ms=every)
    anchor = anchor_of(repeat, start_at_ms=start, now_ms=NOON)
    found = following(repeat, NOON + after, anchor=anchor)
    assert found is not None
    assert NOON + after < found <= max(NOON + after, anchor) + every
    assert (found - start) % every == 0
    assert first(repeat, start=start) == anchor


def test_a_preview_is_strictly_later_and_stops_at_the_limit() -> None:
    assert preview(EVERY, after_ms=NOON, count=3, zones=ZONES.get) == [
        NOON + 1000,
        NOON + 2000,
        NOON + 3000,
    ]
    limited = Repeat(cron="* * * * *", limit=2)
    assert preview(limited, after_ms=NOON, count=5, zones=ZONES.get) == [
        NOON + 60_000,
        NOON + 120_000,
    ]
    assert preview(EVERY, after_ms=NOON, count=0, zones=ZONES.get) == []


def test_a_preview_stops_at_the_end() -> None:
    ending = Repeat(every_ms=1000, end_at_ms=NOON + 1500)
    assert preview(ending, after_ms=NOON, count=5, zones=ZONES.get) == [NOON + 1000]


def test_a_preview_of_mondays_in_amsterdam_crosses_into_summer() -> None:
    after = ms("2026-03-20T00:00")
    found = preview(MONDAYS, after_ms=after, count=3, zones=ZONES.get)
    assert found == [ms("2026-03-23T08:00"), ms("2026-03-30T07:00"), ms("2026-04-06T07:00")]


def test_a_sound_cron_has_no_fault() -> None:
    assert cron_fault("0 9 * * 1", "Europe/Amsterdam", ZONES.get, "repeat.cron") is None


def test_the_faults_of_a_cron_are_told_in_one() -> None:
    told = cron_fault("61 25 * * *", "UTC", ZONES.get, "repeat.cron")
    assert told is not None
    assert told["path"] == "repeat.cron"
    assert told["found"] == "'61', '25'"


def test_a_cron_that_its_zone_always_skips_is_a_fault() -> None:
    told = cron_fault("*/5 2 ? 3 0L", "Europe/Berlin", ZONES.get, "repeat.cron", after_ms=NOON)
    assert told is not None
    assert "Europe/Berlin always skips" in told["message"]
    assert cron_fault("*/5 2 ? 3 0L", "UTC", ZONES.get, "repeat.cron", after_ms=NOON) is None


def test_an_unknown_zone_is_not_the_fault_of_its_cron() -> None:
    assert cron_fault("0 9 * * 1", "Mars/Base", ZONES.get, "repeat.cron") is None


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("europe/amsterdam", "Europe/Amsterdam"),
        ("Europe/Amsterdamm", "Europe/Amsterdam"),
        ("America/New York", "America/New_York"),
        ("utc", "UTC"),
    ],
)
def test_an_unknown_zone_names_its_nearest(name: str, near: str) -> None:
    told = zone_fault(name, ZONES.get, "repeat.tz")
    assert told is not None
    assert told["path"] == "repeat.tz"
    assert told.get("hint") == f"did you mean {near}?"


def test_a_zone_like_no_other_has_no_hint() -> None:
    told = zone_fault("../../etc/passwd" * 100, ZONES.get, "repeat.tz")
    assert told is not None
    assert "hint" not in told
    assert len(told["message"]) < 200


def test_a_known_zone_has_no_fault() -> None:
    assert zone_fault("Asia/Kathmandu", ZONES.get, "repeat.tz") is None

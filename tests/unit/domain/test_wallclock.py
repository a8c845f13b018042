"""A zone's changes and what its wall shows (SPEC 3), held against the database's own files."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ductape.app.zones import PackagedZones
from ductape.domain.time.wallclock import (
    Change,
    end_of_repeat,
    first_change,
    instants_showing,
    offset_at,
)
from tests.unit.domain.cron_oracle import epoch_s
from tests.unit.domain.zone_files import listed_changes

ZONES = PackagedZones()
NAMES = sorted(ZONES.names())
AMSTERDAM = ZONES.get("Europe/Amsterdam")
GAP_S = epoch_s("2026-03-29T01:00")
REPEAT_S = epoch_s("2026-10-25T01:00")


def test_changes_are_those_that_the_database_lists_in_every_zone() -> None:
    for position, name in enumerate(NAMES):
        for change in listed_changes(name)[position % 11 :: 11]:
            found = first_change(ZONES.get(name), change.at_s - 1, change.at_s)
            assert found == change, name


def test_no_zone_undoes_a_change_within_six_days() -> None:
    gaps = [
        later.at_s - earlier.at_s
        for name in NAMES
        for earlier, later in zip(listed_changes(name), listed_changes(name)[1:], strict=False)
    ]
    assert min(gaps) > 6 * 86_400


def test_a_change_is_sought_after_its_start_and_up_to_its_end() -> None:
    assert first_change(AMSTERDAM, GAP_S - 1, GAP_S) == Change(GAP_S, 3600, 7200)
    assert first_change(AMSTERDAM, GAP_S, GAP_S + 86_400) is None
    assert first_change(AMSTERDAM, GAP_S - 86_400, GAP_S - 1) is None
    assert first_change(AMSTERDAM, GAP_S, REPEAT_S * 2) == Change(REPEAT_S, 7200, 3600)


def test_a_zone_without_changes_has_none_however_far_one_looks() -> None:
    assert first_change(UTC, 0, epoch_s("2100-01-01T00:00")) is None


def test_a_change_skips_or_repeats() -> None:
    forward, back = Change(0, 3600, 7200), Change(0, 7200, 3600)
    assert (forward.skipped_s, forward.repeated_s) == (3600, 0)
    assert (back.skipped_s, back.repeated_s) == (0, 3600)


def test_a_repeated_time_is_shown_twice() -> None:
    wall_s = epoch_s("2026-10-25T02:30")
    assert instants_showing(AMSTERDAM, wall_s) == (
        epoch_s("2026-10-25T00:30"),
        epoch_s("2026-10-25T01:30"),
    )


def test_a_skipped_time_lies_between_the_end_of_the_gap_and_the_instant_before() -> None:
    assert instants_showing(AMSTERDAM, epoch_s("2026-03-29T02:30")) == (GAP_S, GAP_S - 1)


def test_a_second_pass_ends_where_the_clock_was_set_back() -> None:
    assert end_of_repeat(AMSTERDAM, REPEAT_S - 1) == REPEAT_S - 1
    assert end_of_repeat(AMSTERDAM, REPEAT_S) == REPEAT_S + 3600
    assert end_of_repeat(AMSTERDAM, REPEAT_S + 3599) == REPEAT_S + 3600
    assert end_of_repeat(AMSTERDAM, REPEAT_S + 3600) == REPEAT_S + 3600


@given(
    name=st.sampled_from(NAMES),
    wall=st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1)),  # noqa: DTZ001 (a wall time)
)
def test_first_and_last_showing_agree_with_the_folds_of_python(name: str, wall: datetime) -> None:
    zone = ZONES.get(name)
    wall = wall.replace(microsecond=0)
    wall_s = int(wall.replace(tzinfo=UTC).timestamp())
    folds = [int(wall.replace(tzinfo=zone, fold=fold).timestamp()) for fold in (0, 1)]
    real = [at_s for at_s in folds if at_s + offset_at(zone, at_s) == wall_s]
    first, last = instants_showing(zone, wall_s)
    if real:
        assert (first, last) == (min(real), max(real))
    else:
        assert first == last + 1


@pytest.mark.parametrize("at_s", [-(10**15), 10**15])
def test_beyond_the_calendar_an_offset_is_that_of_its_end(at_s: int) -> None:
    assert offset_at(timezone(timedelta(hours=14)), at_s) == 14 * 3600

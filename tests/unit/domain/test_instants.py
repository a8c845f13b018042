"""Reading what callers write for an instant (SPEC 3)."""

from datetime import UTC, datetime, tzinfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ductape.app.zones import PackagedZones
from ductape.domain.time.instants import LAST_INSTANT_MS, read_instant
from ductape.errors import Fault

ZONES = PackagedZones()


def read(value: object, zone: str = "UTC") -> int | Fault:
    """Read a value as `start_at` is read."""
    return read_instant(value, path="start_at", zone=ZONES.get(zone))


def read_end(value: object, zone: str = "UTC") -> int | Fault:
    """Read a value as `endDate` is read."""
    return read_instant(value, path="repeat.endDate", zone=ZONES.get(zone), end_of_day=True)


def ms(text: str) -> int:
    """Write an instant in UTC as milliseconds."""
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (0, 0),
        (0.0, 0),
        (1, 1000),
        (1_764_000_000, 1_764_000_000_000),
        (1_764_000_000.25, 1_764_000_000_250),
        (1_764_000_000.123, 1_764_000_000_123),
        (99_999_999_999, 99_999_999_999_000),
        (100_000_000_000, 100_000_000_000),
        (1_764_000_000_000, 1_764_000_000_000),
        (1_764_000_000_000.0, 1_764_000_000_000),
        (LAST_INSTANT_MS, LAST_INSTANT_MS),
    ],
)
def test_a_number_is_seconds_below_1e11_and_milliseconds_from_there(
    number: float, expected: int
) -> None:
    assert read(number) == expected


@pytest.mark.parametrize(
    "value",
    [
        True,
        False,
        None,
        -1,
        -0.5,
        float("nan"),
        float("inf"),
        float("-inf"),
        LAST_INSTANT_MS + 1,
        1_764_000_000_000_000,
        10**400,
        -(10**400),
        [],
        {},
        b"2026-03-27",
        datetime(2026, 3, 27, tzinfo=UTC),
        "",
        "now",
        "1764000000",
        "20260327",
        "2026-3-27",
        "2026-02-30",
        "2026-13-01",
        "2026-03-27T25:00",
        "2026-03-27T24:00:00Z",
        "2026-03-27T10:00:60Z",
        "2026-03-27x10:00",
        "2026-03-27T10",
        "2026-W13-5",
        " 2026-03-27",
        "2026-03-27\n",
        "2026-03-27T10:00:00+25:00",
        "2026-03-27T10:00:00 Europe/Amsterdam",
        "\N{ARABIC-INDIC DIGIT TWO}026-03-27",
        "0000-01-01",
        "1969-12-31T23:59:59Z",
        "9" * 5000,
    ],
    ids=lambda value: f"{value!r:.30}",
)
def test_anything_else_is_a_fault_that_names_its_path(value: object) -> None:
    told = read(value)
    assert isinstance(told, dict)
    assert told["path"] == "start_at"
    assert len(told["message"]) < 250


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-27T10:00:00Z",
        "2026-03-27T10:00Z",
        "2026-03-27t10:00:00z",
        "2026-03-27 10:00:00.000Z",
        "2026-03-27T10:00:00,000+00:00",
        "2026-03-27T12:00:00+02:00",
        "2026-03-27T12:00:00+0200",
        "2026-03-27T12:00:00+02",
        "2026-03-27T04:15:00-05:45",
        "2026-03-27T10:00:00.0009999Z",
    ],
)
def test_text_with_an_offset_is_that_instant_in_any_zone(text: str) -> None:
    assert read(text, "Asia/Tokyo") == ms("2026-03-27T10:00")


def test_text_without_an_offset_is_read_on_the_wall_of_the_zone() -> None:
    assert read("2026-07-01T12:00", "Europe/Amsterdam") == ms("2026-07-01T10:00")
    assert read("2026-07-01T12:00:00.250", "Asia/Kathmandu") == ms("2026-07-01T06:15:00.250")


def test_a_repeated_time_is_its_first_occurrence() -> None:
    assert read("2026-10-25T02:30", "Europe/Amsterdam") == ms("2026-10-25T00:30")


def test_a_skipped_time_is_the_first_instant_after_the_gap() -> None:
    assert read("2026-03-29T02:30:15.500", "Europe/Amsterdam") == ms("2026-03-29T01:00")
    assert read("2011-12-30T12:00", "Pacific/Apia") == ms("2011-12-30T10:00")


def test_a_bare_date_begins_with_its_first_instant() -> None:
    assert read("2026-07-01") == ms("2026-07-01T00:00")
    assert read("2026-07-01", "America/New_York") == ms("2026-07-01T04:00")
    assert read("2018-11-04", "America/Sao_Paulo") == ms("2018-11-04T03:00")


@pytest.mark.parametrize(
    ("day", "zone", "last"),
    [
        ("2025-12-31", "UTC", "2025-12-31T23:59:59.999"),
        ("2026-07-01", "Europe/Amsterdam", "2026-07-01T21:59:59.999"),
        ("2026-10-25", "Europe/Amsterdam", "2026-10-25T22:59:59.999"),
        ("2018-11-03", "America/Sao_Paulo", "2018-11-04T02:59:59.999"),
        ("2006-10-28", "America/St_Johns", "2006-10-29T03:29:59.999"),
        ("2011-12-29", "Pacific/Apia", "2011-12-30T09:59:59.999"),
        ("2011-12-30", "Pacific/Apia", "2011-12-30T09:59:59.999"),
    ],
)
def test_a_bare_end_date_is_the_last_millisecond_of_that_day(
    day: str, zone: str, last: str
) -> None:
    assert read_end(day, zone) == ms(last)


def test_an_end_date_with_a_time_is_just_that_instant() -> None:
    assert read_end("2025-12-31T00:00") == ms("2025-12-31T00:00")
    assert read_end("2025-12-31T23:59:59Z") == ms("2025-12-31T23:59:59")
    assert read_end(1_767_225_599) == ms("2025-12-31T23:59:59")


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Etc/GMT+12"])
def test_the_end_of_the_calendar_may_stand_for_for_ever(zone: str) -> None:
    told = read_end("9999-12-31", zone)
    assert isinstance(told, int)
    assert LAST_INSTANT_MS - 15 * 3_600_000 < told <= LAST_INSTANT_MS


@given(
    written=st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1)),  # noqa: DTZ001 (a wall time)
    zone=st.sampled_from(sorted(ZONES.names())).map(ZONES.get),
)
def test_an_instant_survives_being_written_with_its_offset(written: datetime, zone: tzinfo) -> None:
    moment = written.replace(microsecond=0, tzinfo=UTC)
    told = read_instant(moment.astimezone(zone).isoformat(), path="start_at", zone=UTC)
    offset = moment.astimezone(zone).utcoffset()
    assert offset is not None
    if offset.seconds % 60 == 0:
        assert told == moment.timestamp() * 1000
    else:
        assert isinstance(told, dict)


@pytest.mark.parametrize(
    "written", ["20260301T093000Z", "20260301T0930Z", "20260301T103000.000+0100", "20260301T0930"]
)
def test_the_basic_format_of_iso_8601_is_read_too(written: str) -> None:
    expected = read_instant("2026-03-01T09:30:00Z", path="at", zone=UTC)
    assert read_instant(written, path="at", zone=UTC, end_of_day=True) == expected

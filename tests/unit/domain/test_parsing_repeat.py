"""How `repeat` is read: cron or every, the zone, and where it ends (SPEC 3, 4)."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from ductape.domain.parsing import parse_job_request
from ductape.domain.request import JobRequest, Repeat
from ductape.errors import ValidationError

NOW_MS = 1_800_000_000_000
"""2027-01-15T08:00:00Z"""


def parse(repeat: dict[str, object], start_at: object = 0) -> JobRequest:
    data = {
        "product_tag": "orders",
        "env": "dev",
        "event": "ship",
        "input": {},
        "start_at": start_at,
        "repeat": repeat,
    }
    return parse_job_request(data, now_ms=NOW_MS, zones=ZoneInfo)


def repeat_of(repeat: dict[str, object]) -> Repeat:
    read = parse(repeat).repeat
    assert read is not None
    return read


def paths_of(repeat: dict[str, object], start_at: object = 0) -> list[str]:
    with pytest.raises(ValidationError) as refusal:
        parse(repeat, start_at)
    return [fault["path"] for fault in refusal.value.errors]


def ms(iso: str) -> int:
    return int(datetime.fromisoformat(iso).timestamp() * 1000)


def test_with_both_cron_counts() -> None:
    request = parse({"cron": "0 9 * * *", "every": 1000})
    assert request.repeat == Repeat(cron="0 9 * * *")
    assert request.warnings == ()


@pytest.mark.parametrize("cron", ["not cron", "", "61 * * * *", "0 0 30 2 *", "9" * 300])
def test_a_cron_that_is_invalid_or_never_occurs_gives_way_to_every_with_a_warning(
    cron: str,
) -> None:
    request = parse({"cron": cron, "every": 1000})
    assert request.repeat == Repeat(every_ms=1000)
    (warning,) = request.warnings
    assert "repeat.cron" in warning
    assert "`repeat.every` is used instead" in warning


def test_a_bad_cron_without_every_is_refused() -> None:
    assert paths_of({"cron": "not cron"}) == ["repeat.cron"]


def test_with_neither_the_fault_is_at_repeat() -> None:
    assert paths_of({"limit": 3}) == ["repeat"]


def test_an_unknown_zone_is_refused_even_where_every_could_take_over() -> None:
    assert paths_of({"cron": "0 9 * * *", "every": 1000, "tz": "Mars/Here"}) == ["repeat.tz"]


def test_a_bad_zone_does_not_hide_a_bad_cron() -> None:
    assert paths_of({"cron": "not cron", "tz": "Mars/Here"}) == ["repeat.tz", "repeat.cron"]


def test_the_other_options_are_read() -> None:
    given: dict[str, object] = {
        "cron": "0 9 * * *",
        "limit": 3,
        "tz": "Asia/Tokyo",
        "immediately": True,
        "onFailure": "pause",
        "catchUp": "one",
    }
    assert repeat_of(given) == Repeat(
        cron="0 9 * * *", limit=3, tz="Asia/Tokyo", immediately=True, on_failure="pause"
    )


def test_an_end_without_an_offset_is_read_in_the_zone() -> None:
    repeat = repeat_of({"every": 1000, "tz": "Asia/Tokyo", "endDate": "2027-06-01T12:00"})
    assert repeat.end_at_ms == ms("2027-06-01T12:00+09:00")


def test_a_bare_date_as_end_means_the_end_of_that_day() -> None:
    repeat = repeat_of({"every": 1000, "tz": "Asia/Tokyo", "endDate": "2027-06-01"})
    assert repeat.end_at_ms == ms("2027-06-02T00:00+09:00") - 1


def test_a_start_without_an_offset_is_read_in_the_zone() -> None:
    request = parse({"every": 1000, "tz": "Asia/Tokyo"}, "2027-06-01T12:00")
    assert request.start_at_ms == ms("2027-06-01T12:00+09:00")


def test_an_end_before_the_first_run_is_refused_and_the_first_run_named() -> None:
    with pytest.raises(ValidationError, match=r"2027-01-15T09:00:00\.000Z") as refusal:
        parse({"cron": "0 9 * * *", "endDate": "2027-01-15T08:59:59Z"})
    assert refusal.value.path == "repeat.endDate"


def test_an_end_at_the_first_run_is_inclusive() -> None:
    end = "2027-01-15T09:00:00Z"
    assert repeat_of({"cron": "0 9 * * *", "endDate": end}).end_at_ms == ms(end)


def test_an_end_before_a_later_start_is_refused() -> None:
    repeat: dict[str, object] = {"every": 1000, "endDate": "2027-06-01T00:00:00Z"}
    assert paths_of(repeat, "2027-06-02T00:00:00Z") == ["repeat.endDate"]


def test_a_recurrence_whose_start_leaves_no_instant_in_the_calendar_is_refused() -> None:
    assert paths_of({"cron": "0 0 1 1 *"}, "9999-12-31T00:00:00Z") == ["repeat"]

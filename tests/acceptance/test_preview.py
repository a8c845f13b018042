"""The next instants, asked of the pure function and of an open store."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import ductape
from ductape import Ductape, ValidationError

WEEKLY = {"cron": "0 9 * * 1", "tz": "Europe/Amsterdam"}
BEFORE_SUMMER = datetime(2026, 3, 27, tzinfo=UTC)


def test_the_clocks_change_and_nine_o_clock_stays_nine_o_clock() -> None:
    found = ductape.preview(WEEKLY, after=BEFORE_SUMMER - timedelta(days=7), n=2)
    assert [each.isoformat() for each in found] == [
        "2026-03-23T08:00:00+00:00",
        "2026-03-30T07:00:00+00:00",
    ]


def test_an_instant_itself_is_not_after_itself() -> None:
    (first,) = ductape.preview(WEEKLY, after=BEFORE_SUMMER, n=1)
    (second,) = ductape.preview(WEEKLY, after=first, n=1)
    (again,) = ductape.preview(WEEKLY, after=first - timedelta(microseconds=1), n=1)
    assert (second - first, again) == (timedelta(days=7), first)


@pytest.mark.parametrize(
    ("repeat", "named", "path"),
    [
        ({"cron": "0 9 * * 8"}, {}, "repeat.cron"),
        ({"cron": "0 9 * * 1", "tz": "Europe/Amsterdm"}, {}, "repeat.tz"),
        ({}, {}, "repeat"),
        (WEEKLY, {"n": "5"}, "n"),
        (WEEKLY, {"n": True}, "n"),
        (WEEKLY, {"after": datetime(2026, 3, 27)}, "after"),  # noqa: DTZ001 (what is refused)
        (WEEKLY, {"after": 1_774_569_600}, "after"),
    ],
)
def test_bad_input_is_refused_at_its_path(
    repeat: dict[str, object], named: dict[str, object], path: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        ductape.preview(repeat, **{"after": BEFORE_SUMMER, "n": 3, **named})
    assert caught.value.path == path


def test_every_fault_is_told_at_once() -> None:
    with pytest.raises(ValidationError) as caught:
        ductape.preview({"every": 5, "tz": "Mars"}, after=datetime(2026, 3, 27), n=-1)  # noqa: DTZ001 (what is refused)
    assert {one["path"] for one in caught.value.errors} == {
        "n",
        "after",
        "repeat.every",
        "repeat.tz",
    }


async def test_an_open_store_answers_as_the_pure_function_does(tmp_path: Path) -> None:
    async with Ductape.open(f"sqlite:///{tmp_path}/a.db", worker=False) as opened:
        found = await opened.jobs.preview(WEEKLY, 3, after=BEFORE_SUMMER)
        assert found == ductape.preview(WEEKLY, after=BEFORE_SUMMER, n=3)
        assert len(await opened.jobs.preview(WEEKLY)) == 10

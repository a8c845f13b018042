"""`ductape preview`."""

from pathlib import Path

import pytest

from tests.unit.cli.builders import Terminal


def test_the_next_mondays_in_amsterdam_are_told_in_utc(terminal: Terminal) -> None:
    answer = terminal(
        "preview",
        "0 9 * * 1",
        *("--tz", "Europe/Amsterdam", "--after", "2026-03-27T00:00:00Z", "-n", "5", "--json"),
    )
    assert answer.code == 0
    assert answer.err == ""
    assert answer.json() == [
        "2026-03-30T07:00:00Z",
        "2026-04-06T07:00:00Z",
        "2026-04-13T07:00:00Z",
        "2026-04-20T07:00:00Z",
        "2026-04-27T07:00:00Z",
    ]


def test_a_person_sees_the_zones_time_and_utc(terminal: Terminal) -> None:
    answer = terminal(
        *("preview", "0 9 * * *", "--tz", "Asia/Kathmandu", "--after", "2026-01-01", "-n", "1")
    )
    assert "Asia/Kathmandu" in answer.out
    assert "Thu 2026-01-01 09:00:00" in answer.out
    assert "2026-01-01T03:15:00Z" in answer.out


def test_a_grid_is_laid_from_the_instant_given(terminal: Terminal) -> None:
    answer = terminal("preview", "--every", "1500", "--after", "1000000", "-n", "2", "--json")
    assert answer.json() == ["1970-01-12T13:46:41.500Z", "1970-01-12T13:46:43Z"]


def test_a_period_in_a_wrong_expressions_place_is_told(terminal: Terminal) -> None:
    after = ("--after", "1000000", "-n", "1", "--json")
    answer = terminal("preview", "bad", "--every", "1500", *after)
    assert answer.json() == ["1970-01-12T13:46:41.500Z"]
    assert "repeat.cron: expected 5 fields" in answer.err
    assert "--every takes its place" in answer.err
    assert terminal("preview", "@daily", "--every", "1500", *after).err == ""


def test_a_limit_and_an_end_date_end_it(terminal: Terminal) -> None:
    words = ("preview", "@daily", "--after", "2026-01-01T12:00:00Z", "--json")
    assert terminal(*words, "--limit", "1").json() == ["2026-01-02T00:00:00Z"]
    assert terminal(*words, "--end-date", "2026-01-03").json() == [
        "2026-01-02T00:00:00Z",
        "2026-01-03T00:00:00Z",
    ]


def test_an_end_that_comes_first_leaves_nothing(terminal: Terminal) -> None:
    answer = terminal("preview", "@daily", "--after", "2026-01-01", "--end-date", "2025-01-01")
    assert answer.code == 0
    assert answer.out == ""
    assert "no instant" in answer.err


@pytest.mark.parametrize(
    ("words", "path"),
    [
        (("61 * * * *",), "repeat.cron"),
        ((), "repeat"),
        (("@daily", "--tz", "Mars/Phobos"), "repeat.tz"),
        (("--every", "5"), "repeat.every"),
        (("@daily", "-n", "20000"), "n"),
        (("@daily", "--after", "soon"), "--after"),
        (("@daily", "--limit", "0"), "repeat.limit"),
    ],
)
def test_bad_input_is_refused_at_its_path(
    terminal: Terminal, words: tuple[str, ...], path: str
) -> None:
    answer = terminal("preview", *words)
    assert answer.code == 2
    assert f"{path}: expected" in answer.err


def test_every_fault_is_told_at_once(terminal: Terminal) -> None:
    words = ("-n", "0", "--after", "soon", "--tz", "Mars", "--limit", "0")
    answer = terminal("preview", "0 9 * * 8", *words)
    assert answer.code == 2
    for path in ("-n", "--after", "repeat.tz", "repeat.cron", "repeat.limit"):
        assert f"{path}: expected" in answer.err


def test_nothing_is_stored(terminal: Terminal) -> None:
    terminal("preview", "@daily")
    assert not [*Path().iterdir()]


@pytest.mark.parametrize("count", ["0", "-1", "10001"])
def test_a_preview_has_at_least_one_instant(terminal: Terminal, count: str) -> None:
    answer = terminal("preview", "@daily", "-n", count)
    assert answer.code == 2
    assert answer.err == f"error: -n: expected an integer from 1 to 10000, found {count}\n"


def test_the_end_of_the_calendar_is_told_as_what_it_is(terminal: Terminal) -> None:
    answer = terminal("preview", "* * * * *", "--after", "9999-12-30")
    assert answer.code == 2
    assert "repeat.cron: expected an expression with a future instant" in answer.err
    assert "none after 9999-12-30T00:00:00.000Z, before the calendar ends" in answer.err

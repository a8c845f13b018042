"""The dates of a cron expression, against the oracle, through every kind of month to 2105."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ductape.domain.cron import next_after, parse_cron
from tests.unit.domain.cron_oracle import matching_days

FIRST, LAST = date(1970, 1, 1), date(2105, 1, 1)


def dates_of(expression: str, first: date, last: date) -> list[date]:
    """Walk an expression's days in UTC."""
    cron = parse_cron(expression)
    found: list[date] = []
    at_ms = int(datetime(first.year, first.month, first.day, tzinfo=UTC).timestamp() * 1000) - 1
    while True:
        following = next_after(cron, at_ms, UTC)
        assert following is not None
        assert following > at_ms
        day = datetime.fromtimestamp(following / 1000, UTC).date()
        if day > last:
            return found
        found.append(day)
        at_ms = following


@pytest.mark.parametrize(
    "expression",
    [
        "0 0 29 2 *",
        "0 0 ? 2 1#5",
        "0 0 29W 2 ?",
        "0 0 L 2 *",
        "0 0 LW 2,4 *",
        "0 0 29 2 1",
    ],
)
def test_the_rarest_days_come_when_they_should_through_2105(expression: str) -> None:
    assert dates_of(expression, FIRST, LAST) == matching_days(expression, FIRST, LAST)


@pytest.mark.parametrize("first_year", [1999, 2096])
@pytest.mark.parametrize(
    "expression",
    [
        "0 0 31 * *",
        "0 0 L * *",
        "0 0 LW * *",
        "0 0 1W,15W,31W * *",
        "0 0 30W * *",
        "0 0 * * 5L",
        "0 0 * * 0#1,6#5",
        "0 0 13 * 5",
        "0 0 */2 * 1",
        "0 0 */10 * ?",
        "0 0 1 * */1",
        "0 0 ? * MON-FRI/2",
        "0 0 1,L feb,jun 3#3",
    ],
)
def test_the_days_are_those_of_the_calendar(expression: str, first_year: int) -> None:
    first, last = date(first_year, 1, 1), date(first_year + 6, 1, 1)
    assert dates_of(expression, first, last) == matching_days(expression, first, last)


def test_a_fifth_monday_of_february_waits_forty_years_across_2100() -> None:
    cron = parse_cron("0 0 ? 2 1#5")
    after_ms = int(datetime(2080, 1, 1, tzinfo=UTC).timestamp() * 1000)
    following = next_after(cron, after_ms, UTC)
    assert following == int(datetime(2112, 2, 29, tzinfo=UTC).timestamp() * 1000)


def test_2100_has_no_leap_day_and_2000_had_one() -> None:
    days = dates_of("0 0 29 2 *", FIRST, date(2110, 1, 1))
    assert date(2000, 2, 29) in days
    assert [day.year for day in days if day.year > 2090] == [2092, 2096, 2104, 2108]


ITEMS = st.one_of(
    st.integers(1, 31).map(str),
    st.tuples(st.integers(1, 31), st.integers(1, 31)).map(lambda ends: f"{min(ends)}-{max(ends)}"),
    st.integers(1, 31).map("{}W".format),
    st.integers(2, 31).map("*/{}".format),
    st.sampled_from(["L", "LW"]),
)
DATES = st.one_of(
    st.sampled_from(["*", "?"]), st.lists(ITEMS, min_size=1, max_size=3).map(",".join)
)
WEEKDAY_ITEMS = st.one_of(
    st.integers(0, 7).map(str),
    st.sampled_from(["sun", "Tue", "SAT", "mon-fri", "4-7", "*/2", "1/3"]),
    st.integers(0, 7).map("{}L".format),
    st.tuples(st.integers(0, 7), st.integers(1, 5)).map(lambda pair: f"{pair[0]}#{pair[1]}"),
)
WEEKDAYS = st.one_of(
    st.sampled_from(["*", "?"]), st.lists(WEEKDAY_ITEMS, min_size=1, max_size=3).map(",".join)
)


@settings(deadline=None)
@given(dates=DATES, weekdays=WEEKDAYS, year=st.integers(1970, 2100))
def test_any_mixture_of_dates_and_weekdays_is_joined_as_the_oracle_joins_it(
    dates: str, weekdays: str, year: int
) -> None:
    expression = f"0 0 {dates} * {weekdays}"
    first, last = date(year, 1, 1), date(year, 12, 31)
    assert dates_of(expression, first, last) == matching_days(expression, first, last)

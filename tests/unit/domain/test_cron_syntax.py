"""What a cron expression may say (SPEC 4)."""

import pytest

from ductape.domain.cron import parse_cron
from ductape.errors import ValidationError


@pytest.mark.parametrize(
    "expression",
    [
        "* * * * *",
        "*/15 * * * *",
        "0 9 * * 1",
        "0 0 1 * *",
        "30 0 9 * * MON-FRI",
        "0 0 1 jan,JUL *",
        "0 0 ? * mon",
        "0 0 1 * ?",
        "0 0 L * *",
        "0 0 LW * *",
        "0 0 15W,1W * *",
        "0 0 * * 5L",
        "0 0 * * friL",
        "0 0 * * 1#2",
        "0 0 * * Mon#5",
        "0 0 * * 7",
        "0 0 * * 5-7",
        "0 0 29 2 *",
        "0 0 29 2 1",
        "0 0 ? 2 1#5",
        "5/15 * * * *",
        "0-30/10,45 8-18/2 * * *",
        "0 */24 * * *",
        "*,5 * * * *",
        "  0\t0  * * *  ",
        "@hourly",
        "@Daily",
        "@midnight",
        "@weekly",
        "@monthly",
        "@yearly",
        "@ANNUALLY",
        "0 0 * * *" + " " * 247,
    ],
)
def test_a_sound_expression_is_read(expression: str) -> None:
    assert parse_cron(expression).minutes


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("", "found 0"),
        ("* * * *", "found 4"),
        ("* * * * * * *", "found 7"),
        ("60 * * * *", "a minute from 0 to 59, found '60'"),
        ("* 24 * * *", "an hour from 0 to 23"),
        ("* * 0 * *", "a day of month from 1 to 31"),
        ("* * 32 * *", "a day of month from 1 to 31"),
        ("* * * 13 *", "a month from 1 to 12"),
        ("* * * 0 *", "a month from 1 to 12"),
        ("* * * * 8", "a day of week from 0 to 7"),
        ("60 * * * * *", "a second from 0 to 59"),
        ("* * * * monday", "'MONDAY'"),
        ("* * * mon *", "'MON'"),
        ("*/0 * * * *", "a step from 1 to 60"),
        ("*/61 * * * *", "a step from 1 to 60"),
        ("*/ * * * *", "'*/'"),
        ("*/-5 * * * *", "'*/-5'"),
        ("5- * * * *", "'5-'"),
        ("-5 * * * *", "'-5'"),
        ("1,,2 * * * *", "found ''"),
        (", * * * *", "found ''"),
        ("50-10 * * * *", "ranges do not wrap"),
        ("* * * * FRI-MON", "ranges do not wrap"),
        ("0 22-2 * * *", "ranges do not wrap"),
        ("0 0 L-3 * *", "'L-3'"),
        ("0 0 * * L", "'L'"),
        ("0 0 W * *", "'W'"),
        ("0 0 32W * *", "'32'"),
        ("0 0 L/2 * *", "'L/2'"),
        ("0 0 5L * *", "'5L'"),
        ("0 0 * * 1#0", "a count from 1 to 5"),
        ("0 0 * * 1#6", "a count from 1 to 5"),
        ("0 0 * * 1#", "'1#'"),
        ("0 0 1#2 * *", "'1#2'"),
        ("0 0 ?,5 * *", "'?'"),
        ("? * * * *", "'?'"),
        ("0 0 * ? *", "'?'"),
        ("@reboot", "@hourly"),
        ("@daily @hourly", "@hourly"),
        ("1_0 * * * *", "'1_0'"),
        ("+5 * * * *", "'+5'"),
        ("1.5 * * * *", "'1.5'"),
        ("\N{ARABIC-INDIC DIGIT FIVE} * * * *", "ASCII"),
        ("0 0 * * *\n", "one line"),
        ("0\N{NO-BREAK SPACE}0 * * *", "ASCII"),
        ("0\x0b0 * * *", "ASCII"),
        ("0 0 30 2 *", "a future instant"),
        ("0 0 31 2,4,6,9,11 *", "a future instant"),
        ("0 0 30W 2 *", "a future instant"),
        ("0" * 257, "at most 256 characters"),
        ("99999999999 * * * *", "a minute from 0 to 59"),
        ("0-999999999 * * * *", "a minute from 0 to 59"),
    ],
)
def test_an_unsound_expression_is_refused_with_its_reason(expression: str, told: str) -> None:
    with pytest.raises(ValidationError) as caught:
        parse_cron(expression)
    assert told in str(caught.value)
    assert caught.value.path == "repeat.cron"


def test_every_fault_is_told_at_once() -> None:
    with pytest.raises(ValidationError) as caught:
        parse_cron("61 25 32 13 8")
    assert [fault["found"] for fault in caught.value.errors] == [
        "'61'",
        "'25'",
        "'32'",
        "'8'",
        "'13'",
    ]


def test_the_caller_names_the_path() -> None:
    with pytest.raises(ValidationError) as caught:
        parse_cron("* * *", "exclude[0]")
    assert caught.value.path == "exclude[0]"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("@hourly", "0 * * * *"),
        ("@daily", "0 0 * * *"),
        ("@midnight", "0 0 * * *"),
        ("@weekly", "0 0 * * sun"),
        ("@monthly", "0 0 1 * ?"),
        ("@yearly", "0 0 1 1 *"),
        ("@annually", "0 0 1 JAN *"),
        ("0 0 * * 7", "0 0 * * 0"),
        ("0 0 * * 5-7", "0 0 * * fri,sat,sun"),
        ("0 0 * * 7L", "0 0 * * sunL"),
        ("0 0 * * 1/2", "0 0 * * 1,3,5"),
        ("5/15 * * * *", "5,20,35,50 * * * *"),
        ("0 0 12 * * *", "0 12 * * *"),
        ("0 007 * * *", "0 7 * * *"),
    ],
)
def test_two_spellings_are_one_schedule(one: str, other: str) -> None:
    assert parse_cron(one) == parse_cron(other)


@pytest.mark.parametrize(
    ("expression", "wild"),
    [
        ("*/15 2 * * *", True),
        ("0 */2 * * *", True),
        ("* * * * *", True),
        ("*,5 2 * * *", True),
        ("@hourly", True),
        ("0 2 * * *", False),
        ("5,* 2 * * *", False),
        ("0-59 2 * * *", False),
        ("* 30 2 * * *", False),
        ("@daily", False),
    ],
)
def test_only_a_minute_or_hour_that_begins_with_a_star_is_wild(
    expression: str,
    wild: bool,  # noqa: FBT001 (a table of cases)
) -> None:
    assert parse_cron(expression).wild is wild


def test_an_expression_is_parsed_once() -> None:
    assert parse_cron("17 3 * * *") is parse_cron("17 3 * * *")

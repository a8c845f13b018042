"""Logs: one record a line, readable by whom they are for, and never a secret."""

import io
import json
import logging
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ductape.telemetry.logs import LogForm, formatter, log_to

FORMS: list[LogForm] = ["console", "json"]


def _record(message: str, *args: object, **extra: object) -> logging.LogRecord:
    record = logging.LogRecord(
        "ductape.worker", logging.WARNING, __file__, 1, message, args, exc_info=None
    )
    record.created = 1_774_854_000.25
    for name, value in extra.items():
        setattr(record, name, value)
    return record


def _failed(message: str) -> logging.LogRecord:
    record = _record("upkeep failed")
    try:
        int(message)
    except ValueError:
        record.exc_info = sys.exc_info()
    return record


def test_a_machine_gets_one_object_a_line() -> None:
    line = formatter("json").format(_record("run %d of job %s taken over", 3, "j1"))
    assert json.loads(line) == {
        "event": "run 3 of job j1 taken over",
        "level": "warning",
        "logger": "ductape.worker",
        "timestamp": "2026-03-30T07:00:00.250Z",
    }


def test_a_person_gets_the_time_the_level_and_the_message() -> None:
    line = formatter("console").format(_record("worker %s lost its lease", "w1"))
    assert line.startswith("2026-03-30T07:00:00.250Z")
    assert "warning" in line
    assert "worker w1 lost its lease" in line
    assert "\x1b" not in line


def test_job_run_and_attempt_are_members() -> None:
    line = formatter("json").format(_record("failed", job="j1", run=2, attempt=1, other="x"))
    told = json.loads(line)
    assert (told["job"], told["run"], told["attempt"]) == ("j1", 2, 1)
    assert "other" not in told


def test_a_traceback_is_a_member_for_a_machine_and_lines_for_a_person() -> None:
    told = json.loads(formatter("json").format(_failed("broken")))
    assert told["exception"].startswith("Traceback")
    assert told["exception"].endswith("'broken'")
    assert "\nValueError: invalid literal" in formatter("console").format(_failed("broken"))


SECRETS = [
    "eyJhbGciOiJkaXIi.eyJzdWIi.c2ln",
    "eyJhbGciOiJkaXIiLCJlbmMi..bm9uY2U.Y2lwaGVy.dGFn",
    "dk_live_0123456789",
    "Bearer abcdef123456",
    "postgresql://me:hunter22@db/x",
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("text", SECRETS)
def test_what_looks_like_a_token_is_hidden(form: LogForm, text: str) -> None:
    for record in (_record("got %s from them", text), _failed(f"refused: {text}")):
        line = formatter(form).format(record)
        assert text not in line
        assert "***" in line


@pytest.mark.parametrize("form", FORMS)
@given(st.text("abcdefgh 0123456789+/=\"'\\\n", min_size=6, max_size=30))
def test_a_named_secret_is_hidden_wherever_it_stands(form: LogForm, secret: str) -> None:
    line = formatter(form, secrets=[secret]).format(_record("before %s after", secret))
    assert secret not in line


@pytest.mark.parametrize("form", FORMS)
@given(st.text(max_size=40))
def test_a_record_is_one_line_and_steers_no_terminal(form: LogForm, text: str) -> None:
    line = formatter(form).format(_record("said %s", text))
    assert not any(ord(character) < 32 for character in line)
    assert "\x9b" not in line or form == "json"


def test_a_pipe_gets_json_and_nothing_more_once_it_is_over() -> None:
    stream = io.StringIO()
    root = logging.getLogger()
    before = (root.level, [*root.handlers])
    with log_to(stream):
        logging.getLogger("ductape.test").info("hello")
    logging.getLogger("ductape.test").error("too late")
    assert json.loads(stream.getvalue())["event"] == "hello"
    assert (root.level, root.handlers) == before


def test_an_outage_is_told_by_us_and_not_by_each_try_of_the_pool() -> None:
    stream = io.StringIO()
    with log_to(stream, form="console"):
        logging.getLogger("psycopg.pool").warning("error connecting in 'ductape'")
        logging.getLogger("psycopg.pool").error("a worker of the pool died")
        logging.getLogger("ductape.worker").warning("turn failed: out of reach")
    told = stream.getvalue()
    assert "error connecting" not in told
    assert "a worker of the pool died" in told
    assert "turn failed" in told

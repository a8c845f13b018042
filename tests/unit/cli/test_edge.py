"""What every command shares: exit codes, error lines, the global options."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from ductape.cli import main
from ductape.cli.drawing.problems import MOST_FAULTS, error_lines
from ductape.errors import (
    ConfigError,
    Conflict,
    JobCancelled,
    JobFailed,
    NotFound,
    ResultTimeout,
    SessionExpired,
    StoreError,
    ValidationError,
    fault,
)
from tests.unit.cli.builders import Answer, Terminal, scheduled

ERRORS = [
    (JobFailed("job j failed", error={}, attempts=[], job_id="j"), 1),
    (JobCancelled("job j was cancelled", job_id="j"), 1),
    (ValidationError([fault("a", "b", "c")]), 2),
    (NotFound("no such thing"), 2),
    (Conflict("taken"), 2),
    (ConfigError("wrong"), 2),
    (SessionExpired("old"), 2),
    (StoreError("gone"), 3),
    (ResultTimeout("too slow", job_id="j"), 4),
]


@pytest.mark.parametrize(("error", "code"), ERRORS, ids=lambda one: type(one).__name__)
def test_each_error_has_its_exit_code_and_at_most_three_lines(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, error: Exception, code: int
) -> None:
    answer = _raising(terminal, monkeypatch, error)
    assert answer.code == code
    assert answer.out == ""
    assert answer.err.startswith("error: ")
    assert len(answer.err.splitlines()) <= 3


def _raising(terminal: Terminal, monkeypatch: pytest.MonkeyPatch, error: BaseException) -> Answer:
    def failing() -> None:
        raise error

    app = typer.Typer()
    app.command()(failing)
    monkeypatch.setattr(main, "app", app)
    return terminal()


def test_every_fault_of_a_request_is_a_line_up_to_a_bound() -> None:
    faults = [fault(f"p{at}", "this", "that") for at in range(MOST_FAULTS + 3)]
    lines = error_lines(ValidationError(faults))
    assert lines[0] == "p0: expected this, found that"
    assert len(lines) == MOST_FAULTS + 1
    assert lines[-1] == "and 3 more"


def test_a_failed_job_names_the_commands_that_help() -> None:
    lines = error_lines(JobFailed("job j failed", error={}, attempts=[], job_id="j"))
    assert lines == ["job j failed", "hint: `ductape jobs show j`, then `ductape jobs retry j`"]


def test_a_bug_is_one_line_that_says_how_to_see_more(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = _raising(terminal, monkeypatch, KeyError("lost\nand gone"))
    assert answer.code == 70
    assert answer.err.count("\n") == 1
    assert "KeyError" in answer.err
    assert "DUCTAPE_DEBUG=1" in answer.err
    assert "Traceback" not in answer.err


def test_debugging_shows_the_traceback(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUCTAPE_DEBUG", "1")
    answer = _raising(terminal, monkeypatch, KeyError("lost"))
    assert answer.code == 70
    assert "Traceback" in answer.err


def test_an_interrupted_command_says_so(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = _raising(terminal, monkeypatch, KeyboardInterrupt())
    assert (answer.code, answer.err) == (130, "interrupted\n")


def test_an_error_cannot_steer_the_terminal(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = _raising(terminal, monkeypatch, NotFound("\x1b[2Jgone\nerror: fake"))
    assert "\x1b" not in answer.err
    assert len(answer.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("frob",), "no such command 'frob'"),
        (("jobs", "list", "--frob"), "no such option: --frob"),
        (("schedule",), "missing argument 'FILE'"),
        (("jobs", "list", "--status", "lost"), "'lost' is not one of 'scheduled'"),
        (("jobs", "list", "--limit", "many"), "invalid value for '--limit'"),
    ],
)
def test_bad_use_is_two_lines(terminal: Terminal, words: tuple[str, ...], said: str) -> None:
    answer = terminal(*words)
    assert answer.code == 2
    assert said in answer.err
    assert len(answer.err.splitlines()) == 2
    assert "--help`" in answer.err


def test_without_a_command_the_help_is_shown(terminal: Terminal) -> None:
    answer = terminal()
    assert answer.code == 2
    for command in ("init", "apply", "schedule", "preview", "jobs", "worker", "demo", "migrate"):
        assert command in answer.out


def test_the_store_is_named_before_the_command_or_after_it(shop: Terminal) -> None:
    job = scheduled(shop)
    for words in (
        ("--store", "sqlite:///other.db", "jobs", "list", "--json"),
        ("jobs", "list", "--json", "--store", "sqlite:///other.db"),
        ("--json", "jobs", "list", "--store", "other.db"),
        ("--store", "nowhere/at/all.db", "jobs", "list", "--json", "--store", "other.db"),
    ):
        assert shop(*words).json() == []
    [kept] = json.loads(shop("--store", "ductape.db", "--json", "jobs", "list").out)
    assert kept["id"] == job


def test_the_settings_are_read_from_the_named_file(terminal: Terminal) -> None:
    Path("mine.toml").write_text('store = "sqlite:///mine.db"\n')
    found = terminal("--config", "mine.toml", "migrate", "--status", "--json").json()
    assert isinstance(found, dict)
    assert found["store"] == "sqlite:///mine.db"


def test_a_settings_file_that_is_not_there_is_bad_input(terminal: Terminal) -> None:
    answer = terminal("--config", "gone.toml", "jobs", "list")
    assert answer.code == 2
    assert "gone.toml" in answer.err
    assert "hint: name a file that is there" in answer.err


def test_a_settings_file_that_is_no_toml_is_what_is_to_be_mended(
    terminal: Terminal, tmp_path: Path
) -> None:
    (tmp_path / "bad.toml").write_text("store =")
    answer = terminal("--config", "bad.toml", "jobs", "list")
    assert answer.code == 2
    assert "hint: mend that line of the file" in answer.err


def test_a_handler_that_two_registries_have_is_told_as_one(
    terminal: Terminal, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        registry = "from ductape import Handlers\nhandlers = Handlers()\n"
        handler = "@handlers.job('pack')\ndef pack(given): ...\n"
        (tmp_path / f"{name}_edge.py").write_text(registry + handler)
    both = ("--handlers", "one_edge:handlers", "--handlers", "two_edge:handlers")
    answer = terminal("worker", *both)
    assert answer.code == 2
    assert "hint: a tag has one handler: rename one of them, or leave it out" in answer.err


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("apply", "folder.yaml"), "hint: name a file that is there and can be read"),
        (("schedule", "folder"), "hint: name a file that is there and can be read"),
        (("import", "openapi", "folder"), "hint: name a file that is there and can be read"),
        (("init", "file/new"), "hint: name a place where you may write"),
    ],
)
def test_a_place_that_will_not_do_is_no_fault_of_the_settings(
    terminal: Terminal, tmp_path: Path, words: tuple[str, ...], hint: str
) -> None:
    for name in ("folder", "folder.yaml"):
        (tmp_path / name).mkdir()
    (tmp_path / "file").touch()
    answer = terminal(*words)
    assert (answer.code, hint in answer.err) == (2, True), answer.err


def test_a_store_out_of_reach_has_a_code_of_its_own(terminal: Terminal) -> None:
    answer = terminal("jobs", "list", "--store", "sqlite:///no/such/folder/a.db")
    assert answer.code == 3
    assert "hint: " in answer.err


def test_the_version_is_one_line(terminal: Terminal) -> None:
    answer = terminal("--version")
    assert answer.code == 0
    assert answer.out.startswith("ductape 0.")


def test_a_new_key_is_told_on_standard_error_alone(terminal: Terminal) -> None:
    answer = terminal("jobs", "list", "--json")
    assert answer.json() == []
    assert "warning: made an encryption key" in answer.err
    assert "encryption" not in terminal("jobs", "list", "--json").err


LOADED = "import sys, ductape.cli.main; print(*{'ductape.app.ductape', 'apsw'} & {*sys.modules})"


def test_the_engine_is_not_loaded_for_help() -> None:
    loaded = subprocess.run(  # noqa: S603 (our own module)
        [sys.executable, "-c", LOADED], capture_output=True, text=True, check=True
    )
    assert loaded.stdout.split() == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
@pytest.mark.parametrize(
    "words",
    [
        ("--version",),
        ("preview", "@daily"),
        ("preview", "@daily", "--json"),
        ("--help",),
        ("jobs", "list", "--help"),
        (),
    ],
)
def test_an_output_that_takes_no_more_is_told_in_one_line(words: tuple[str, ...]) -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(  # noqa: S603 (our own module)
            [sys.executable, "-c", "from ductape.cli.main import run; run()", *words],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert ended.returncode == 3
    assert ended.stderr == ("error: standard output cannot be written: No space left on device\n")


@pytest.mark.parametrize("words", [("--help",), ("preview", "@daily")])
def test_a_reader_that_went_away_is_told_nothing(words: tuple[str, ...]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    ended = subprocess.run(  # noqa: S603 (our own module)
        [sys.executable, "-c", "from ductape.cli.main import run; run()", *words],
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (141, "")

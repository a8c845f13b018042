"""What a terminal says of a file that will not do: a few lines, the exit code, no traceback."""

import logging
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from ductape.stores.sqlite.connection import open_connection
from tests.unit.cli.builders import Terminal

OUT_OF_REACH = 3
MOST_LINES = 3


def no_database(path: Path) -> None:
    path.write_bytes(b"x" * 5_000)


def a_folder(path: Path) -> None:
    path.mkdir()


def of_another_program(path: Path) -> None:
    with closing(open_connection(str(path))) as connection:
        connection.execute("CREATE TABLE theirs (a)")


PLACES: dict[str, tuple[Callable[[Path], None], str]] = {
    "file.db": (no_database, "the file is no SQLite database"),
    "folder.db": (a_folder, "the database cannot be opened"),
    "theirs.db": (of_another_program, "the file is a SQLite database of another program"),
    "missing/a.db": (lambda _: None, "the database cannot be opened"),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("command", [("jobs", "list"), ("migrate",), ("worker",)])
def test_a_file_that_will_not_do_is_told_in_three_lines_and_ends_with_3(
    terminal: Terminal, tmp_path: Path, place: str, command: tuple[str, ...]
) -> None:
    make, words = PLACES[place]
    make(tmp_path / place)
    answer = terminal(*command, "--store", f"sqlite:///{tmp_path / place}")
    assert answer.code == OUT_OF_REACH, answer
    assert answer.err.startswith(f"error: {words}")
    assert len(answer.err.splitlines()) <= MOST_LINES
    assert "hint: " in answer.err


def test_a_command_that_has_ended_logs_nowhere_any_more(terminal: Terminal, tmp_path: Path) -> None:
    root = logging.getLogger()
    before = (root.level, [*root.handlers])
    assert terminal("worker", "--store", f"sqlite:///{tmp_path}").code == OUT_OF_REACH
    assert (root.level, root.handlers) == before


def test_a_file_of_a_newer_release_ends_with_3_and_the_doctor_knows_why(
    shop: Terminal, tmp_path: Path
) -> None:
    with closing(open_connection(str(tmp_path / "ductape.db"))) as connection:
        connection.execute("PRAGMA user_version = 999")
    answer = shop("jobs", "list")
    assert answer.code == OUT_OF_REACH
    assert "the database has schema 999" in answer.err
    answer = shop("doctor")
    assert answer.code == 1
    assert "999 is newer than this release" in answer.out


@pytest.mark.parametrize("queues", ["", "mail,", "mail,,bulk"])
def test_a_worker_of_a_queue_without_a_name_does_not_begin(terminal: Terminal, queues: str) -> None:
    answer = terminal("worker", "--queues", queues)
    assert answer.code == 2
    assert "expected the name of a queue" in answer.err

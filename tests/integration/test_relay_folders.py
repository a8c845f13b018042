"""The folders of relays: what a killed process leaves behind goes, and nothing else does."""

import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ductape.providers.databases.mongo.folder import Folder

LISTENS = """
import socket, sys
from ductape.providers.databases.mongo.folder import Folder
folder = Folder()
there = socket.socket(socket.AF_UNIX)
there.bind(str(folder.socket))
print(folder.socket, flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have temporary files in a folder of the test's own, here and in its processes."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@contextmanager
def another_process() -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """Start a process with a relay's folder; yields it and its socket."""
    words = [sys.executable, "-c", LISTENS]
    pipe = subprocess.PIPE
    with subprocess.Popen(words, stdin=pipe, stdout=pipe, text=True) as process:  # noqa: S603
        assert process.stdout is not None
        yield process, Path(process.stdout.readline().strip())
        process.kill()


def listening(folder: Path, mode: int = 0o700) -> Path:
    """Make a folder with a socket that nobody holds."""
    folder.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as there:
        there.bind(str(folder / "mongodb.sock"))
    folder.chmod(mode)
    return folder


def test_what_a_killed_process_left_goes_with_the_next_start() -> None:
    with another_process() as (process, left):
        process.kill()
        process.wait()
        assert left.exists()
        Folder().remove()
        assert not left.parent.exists()


def test_what_a_living_process_uses_stays() -> None:
    with another_process() as (_, used):
        own = Folder()
        assert used.exists()
        with socket.socket(socket.AF_UNIX) as there:
            there.bind(str(own.socket))
            Folder().remove()
        assert used.exists()
        assert own.socket.exists()
        own.remove()


def test_one_that_is_made_again_is_held_again() -> None:
    own = Folder()
    own.socket.parent.rmdir()  # as cleaners of /tmp do
    own.make_again()
    with socket.socket(socket.AF_UNIX) as there:
        there.bind(str(own.socket))
        Folder().remove()
        assert own.socket.exists()
    own.remove()


def test_only_what_is_surely_a_relays_own_goes(temporary: Path) -> None:
    open_to_all = listening(temporary / "dt-open", 0o755)
    elsewhere = listening(temporary / "elsewhere")
    (temporary / "dt-link").symlink_to(elsewhere)
    (temporary / "dt-file").write_text("mine")
    empty = temporary / "dt-empty"
    empty.mkdir(mode=0o700)
    fuller = listening(temporary / "dt-fuller")
    (fuller / "kept").write_text("mine")
    gone = listening(temporary / "dt-gone")
    Folder().remove()
    assert not gone.exists()
    assert (open_to_all / "mongodb.sock").exists()
    assert (elsewhere / "mongodb.sock").exists()
    assert (temporary / "dt-file").read_text() == "mine"
    assert empty.is_dir()
    assert (fuller / "kept").read_text() == "mine"


def test_the_place_of_a_stranger_is_refused() -> None:
    own = Folder()
    own.socket.parent.chmod(0o755)
    with pytest.raises(PermissionError, match="0700"):
        own.make_again()
    own.remove()

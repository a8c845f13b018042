"""The commands on a real terminal, at the widths that people have: what the screen shows."""

import asyncio
import fcntl
import json
import os
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from ductape import Ductape

DUCTAPE = Path(sys.executable).with_name("ductape")
STEERING = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
LONG_EVENT = "send_the_monthly_newsletter"


def _screen(folder: Path, width: int, *words: str) -> tuple[int, list[str]]:
    """Run a command on a terminal so wide; return its code and the lines of the screen."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("DUCTAPE_") and name not in ("COLUMNS", "LINES", "NO_COLOR")
    }
    process = subprocess.Popen(  # noqa: S603 (our own command)
        [DUCTAPE, *words],
        cwd=folder,
        env={**environment, "TERM": "xterm-256color"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    written = bytearray()
    try:
        while piece := os.read(ours, 65_536):
            written += piece
    except OSError:  # a terminal whose other side is closed ends so
        pass
    finally:
        os.close(ours)
    text = STEERING.sub("", written.decode())
    return process.wait(timeout=20), [line.rstrip() for line in text.splitlines()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a store that has a daily job and a cancelled one."""
    made = tmp_path_factory.mktemp("terminal")
    (made / "ids.json").write_text(json.dumps(asyncio.run(_filled(made))))
    return made


async def _filled(folder: Path) -> list[str]:
    jobs = [{"tag": LONG_EVENT, "handler": "python"}]
    async with Ductape.open(f"sqlite:///{folder}/ductape.db", worker=False) as ductape:
        await ductape.products.apply({"tag": "shop", "envs": [{"slug": "dev"}], "jobs": jobs})
        base = {"product_tag": "shop", "env": "dev", "event": LONG_EVENT, "input": {"a": "b" * 90}}
        daily = {**base, "start_at": 0, "repeat": {"cron": "0 9 * * *", "tz": "Europe/Amsterdam"}}
        receipts = await ductape.processor.job.dispatch_many(
            [daily, {**base, "start_at": "2190-01-01"}]
        )
        ids = [receipt["job_id"] for receipt in receipts]
        await ductape.jobs.cancel(ids[1], "nobody wants it" * 10)
        return ids


def _ids(folder: Path) -> list[str]:
    return json.loads((folder / "ids.json").read_text())


def test_the_list_of_jobs_fits_with_its_ids_whole_and_shows_more_where_there_is_room(
    folder: Path,
) -> None:
    narrow, wide = (_listed(folder, width) for width in (80, 120))
    assert set(narrow) < set(wide)


def _listed(folder: Path, width: int) -> list[str]:
    """List the jobs, check the lines, and return the titles."""
    code, lines = _screen(folder, width, "jobs", "list")
    assert code == 0
    assert len(lines) == 3
    assert all(len(line) <= width for line in lines)
    assert sorted(line.split()[0] for line in lines[1:]) == sorted(_ids(folder))
    assert all(LONG_EVENT in line for line in lines[1:])
    return lines[0].split()


@pytest.mark.parametrize(("verb", "width"), [("show", 80), ("history", 80), ("watch", 120)])
def test_a_job_and_its_history_fit(folder: Path, verb: str, width: int) -> None:
    _, lines = _screen(folder, width, "jobs", verb, _ids(folder)[1])
    assert all(len(line) <= width for line in lines)
    assert any("nobody" in line for line in lines)


@pytest.mark.parametrize("width", [80, 120])
def test_a_preview_fits_with_both_times(folder: Path, width: int) -> None:
    words = ("0 9 * * 1", "--tz", "America/Argentina/ComodRivadavia", "--after", "2026-01-01")
    code, lines = _screen(folder, width, "preview", *words, "-n", "3")
    assert code == 0
    assert len(lines) == 4
    assert all(len(line) <= width for line in lines)
    assert "2026-01-05T12:00:00Z" in lines[1]
    assert "Mon 2026-01-05 09:00:00" in lines[1]


def test_a_queue_of_a_long_name_hides_no_column(folder: Path) -> None:
    _screen(folder, 80, "queues", "pause", "a-queue-with-a-name-that-takes-most-of-the-line" * 3)
    code, lines = _screen(folder, 80, "queues", "list")
    assert code == 0
    assert lines[0].split() == ["QUEUE", "STATE", "QUEUED", "RUNNING", "SCHEDULED", "OLDEST"]
    assert all(len(line) <= 80 for line in lines)


def test_help_fits(folder: Path) -> None:
    code, lines = _screen(folder, 80, "jobs", "list", "--help")
    assert code == 0
    assert all(len(line) <= 80 for line in lines)
    assert any("--session-user" in line for line in lines)


def test_an_error_is_told_on_the_screen_too(folder: Path) -> None:
    code, lines = _screen(folder, 80, "jobs", "show", "nope")
    assert code == 2
    assert lines[0] == "error: there is no job nope"

"""A standard output that is not in UTF-8, as of an old locale: escapes, never a fault of ours."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = "ü名😀"
"""What Latin-1 has, what it has not, and what takes two escapes in JSON."""


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_what_the_output_cannot_say_is_escaped_and_stays_valid_json(
    tmp_path: Path, encoding: str
) -> None:
    (tmp_path / FOLDER).mkdir()
    store = f"sqlite:///{FOLDER}/a.db"
    answer = _run("migrate", "--json", "--store", store, folder=tmp_path, encoding=encoding)
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout.decode(encoding))["store"] == store


def test_a_person_reads_escapes_too(tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir()
    store = f"sqlite:///{FOLDER}/a.db"
    answer = _run("migrate", "--store", store, folder=tmp_path, encoding="ascii")
    assert answer.returncode == 0, answer.stderr
    assert rb"\u00fc\u540d\ud83d\ude00/a.db" in answer.stdout


def _run(*words: str, folder: Path, encoding: str) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(  # noqa: S603 (our own module)
        [sys.executable, "-c", "from ductape.cli.main import run; run()", *words],
        cwd=folder,
        env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True,
        check=False,
    )

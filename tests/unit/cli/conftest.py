"""A terminal for tests: commands carried out in this process, as the outer edge does it."""

import io
import json
import sys
from pathlib import Path

import pytest

from ductape.cli.main import execute
from tests.unit.cli.builders import PRODUCT, Answer, Terminal


@pytest.fixture
def terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Terminal:
    """Return what carries out a command in an empty folder: `terminal("jobs", "list")`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name in ("DUCTAPE_STORE", "DUCTAPE_KEY", "DUCTAPE_HANDLERS", "DUCTAPE_DEBUG"):
        monkeypatch.delenv(name, raising=False)

    def carried_out(*words: str, stdin: str = "") -> Answer:
        given = io.TextIOWrapper(io.BytesIO(stdin.encode()), encoding="utf-8")
        monkeypatch.setattr(sys, "stdin", given)
        code = execute(words)
        printed = capsys.readouterr()
        return Answer(code, printed.out, printed.err)

    return carried_out


@pytest.fixture
def shop(terminal: Terminal) -> Terminal:
    """Return a terminal whose store has the product `shop`."""
    applied = terminal("apply", "-", stdin=json.dumps(PRODUCT))
    assert applied.code == 0, applied.err
    return terminal

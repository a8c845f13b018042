"""The tutorial holds: its file runs, its program prints what it says, its commands work."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pages import (
    DOCS,
    blocks,
    expected_print,
    path_with_our_commands,
    prints_as_told,
    run_command,
    run_page,
)

TUTORIAL = DOCS / "tutorial/getting-started.md"


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """Let nobody else import the reader's `shop`."""
    yield
    sys.modules.pop("shop", None)


async def test_a_reader_who_types_it_all_sees_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (shop,) = [block for block in blocks(TUTORIAL, "python") if block.whole]
    (tmp_path / "shop.py").write_text(shop.text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    first = await run_command([sys.executable, "-W", "error", "shop.py"], tmp_path, os.environ)
    assert f"prints `{first.strip()}`" in TUTORIAL.read_text("utf-8")

    printed = await run_page(TUTORIAL, {})
    assert prints_as_told(TUTORIAL, printed), f"{printed}\n--- told:\n{expected_print(TUTORIAL)}"

    environ = {**os.environ, "PATH": path_with_our_commands(os.environ["PATH"])}
    (commands,) = blocks(TUTORIAL, "sh", "run")
    shown = await run_command(["bash", "-euo", "pipefail", "-c", commands.text], tmp_path, environ)
    assert "weekly" in shown
    assert "2026-03-30" in shown

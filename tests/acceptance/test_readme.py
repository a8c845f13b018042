"""The README holds: every Python example and every command marked `run` does what it says.

`make demo` is covered by the demo's own test, and `make test` is what runs this one.
"""

import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.pages import (
    ROOT,
    blocks,
    expected_print,
    path_with_our_commands,
    prints_as_told,
    run_command,
    run_page,
)

README = ROOT / "README.md"
FIRST_SCREEN_LINES = 25


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a folder that has the examples, as a checkout does."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _first_screen() -> str:
    return "\n".join(README.read_text("utf-8").splitlines()[:FIRST_SCREEN_LINES])


@pytest.mark.usefixtures("folder")
async def test_the_examples_print_what_the_readme_says() -> None:
    printed = await run_page(README, {})
    assert prints_as_told(README, printed), f"{printed}\n--- told:\n{expected_print(README)}"


async def test_the_whole_program_runs_as_it_stands(folder: Path) -> None:
    (whole,) = [block for block in blocks(README, "python") if block.whole]
    printed = await run_command(
        [sys.executable, "-W", "error", "-c", whole.text], folder, os.environ
    )
    assert printed == "Hello Ada\n"
    assert {"shop.db", "shop.db.key"} <= set(
        (await run_command(["ls"], folder, os.environ)).split()
    )


async def test_the_commands_run_as_they_stand(folder: Path) -> None:
    environ = {**os.environ, "PATH": path_with_our_commands(os.environ["PATH"])}
    for block in blocks(README, "sh", "run"):
        printed = await run_command(["bash", "-euo", "pipefail", "-c", block.text], folder, environ)
        assert "report" in printed


@pytest.mark.parametrize("words", ["make demo", "make test", "independent implementation"])
def test_the_first_screen_says_what_it_is_and_how_to_see_it(words: str) -> None:
    assert words in " ".join(_first_screen().replace("**", "").split())


def test_every_command_named_by_make_is_a_recipe() -> None:
    recipes = (ROOT / "Makefile").read_text("utf-8")
    named = [
        line.split()[1]
        for block in blocks(README, "sh")
        for line in block.text.splitlines()
        if line.startswith("make ")
    ]
    assert named == ["demo", "test"]
    assert all(f"\n{name}: " in recipes for name in named)

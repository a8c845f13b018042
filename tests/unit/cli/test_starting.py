"""`ductape init`, `migrate`, `completion`: around the work."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.unit.cli.builders import Terminal

FILES = ["ductape.toml", "handlers.py", "product.yaml"]


def test_init_writes_what_it_says(terminal: Terminal) -> None:
    answer = terminal("init")
    assert answer.code == 0
    assert sorted(path.name for path in Path().iterdir()) == FILES
    assert "ductape apply product.yaml" in answer.out


def test_init_makes_the_folder(terminal: Terminal) -> None:
    answer = terminal("init", "new/place")
    assert "Next, in new/place:" in answer.out
    assert sorted(path.name for path in Path("new/place").iterdir()) == FILES


def test_init_overwrites_nothing(terminal: Terminal) -> None:
    Path("handlers.py").write_text("mine")
    answer = terminal("init")
    assert answer.code == 2
    assert "handlers.py is there already" in answer.err
    assert [path.name for path in Path().iterdir()] == ["handlers.py"]
    assert Path("handlers.py").read_text() == "mine"


def test_a_folder_that_cannot_be_made_is_bad_input(terminal: Terminal) -> None:
    Path("file").write_text("")
    answer = terminal("init", "file/below")
    assert answer.code == 2
    assert "cannot be written" in answer.err


def test_looking_at_a_schema_makes_no_database(terminal: Terminal) -> None:
    found = terminal("migrate", "--status", "--json").json()
    assert isinstance(found, dict)
    assert found["schema"] is None
    assert found["pending"] == found["newest"] > 0
    assert not Path("ductape.db").exists()


def test_migrating_brings_a_database_up_to_date(terminal: Terminal) -> None:
    terminal("migrate")
    found = terminal("migrate", "--status", "--json").json()
    assert isinstance(found, dict)
    assert found["schema"] == found["newest"]
    assert found["pending"] == 0


def test_a_file_that_is_no_database_is_left_alone(terminal: Terminal) -> None:
    Path("ductape.db").write_text("no database at all, but long enough to look like something")
    for words in (("migrate", "--status"), ("migrate",)):
        answer = terminal(*words)
        assert answer.code == 3
    assert Path("ductape.db").read_text().startswith("no database")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_a_script(terminal: Terminal, shell: str) -> None:
    answer = terminal("completion", shell)
    assert answer.code == 0
    assert "_DUCTAPE_COMPLETE" in answer.out
    assert shell in terminal("completion").out


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")
def test_the_bash_script_is_valid(terminal: Terminal) -> None:
    script = terminal("completion", "bash").out
    checked = subprocess.run(
        ["/usr/bin/env", "bash", "-n"], input=script, text=True, capture_output=True, check=False
    )
    assert checked.stderr == ""


def test_commands_are_completed(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("_DUCTAPE_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "ductape jobs re")
    monkeypatch.setenv("COMP_CWORD", "2")
    with pytest.raises(SystemExit):
        terminal()
    assert sorted(capsys.readouterr().out.split()) == ["resume", "retry"]

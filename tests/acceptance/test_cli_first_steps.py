"""What `ductape init` prints as the next steps, as a person would take them."""

import json
import os
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

DUCTAPE = Path(sys.executable).with_name("ductape")
STARTS_WITH = {"annotated_doc", "msgspec", "rich", "shellingham", "typer", "yaml"}
OF_PYTHON = {"_distutils_hack", "typing_extensions", "tzdata"}
FEW_MODULES = 130


def _ductape(folder: Path, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 (our own command)
        [DUCTAPE, *words],
        cwd=folder,
        input=stdin,
        env=_environment(),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("DUCTAPE_")}


def _a_request(**changes: object) -> str:
    request = {"product_tag": "hello", "env": "dev", "event": "greet", "start_at": 0, "input": {}}
    return json.dumps(request | changes)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in which `init` and `apply` were run."""
    made = tmp_path_factory.mktemp("hello")
    assert _ductape(made, "init").returncode == 0
    applied = _ductape(made, "apply", "product.yaml")
    assert applied.returncode == 0, applied.stderr
    return made


def test_the_files_of_init_greet_somebody(folder: Path) -> None:
    done = _ductape(folder, "schedule", "-", "--wait", stdin=_a_request(input={"name": "Ada"}))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"greeting": "Hello, Ada!"}


def test_a_batch_is_waited_for_one_by_one(folder: Path) -> None:
    (folder / "more.py").write_text(
        "from handlers import handlers\n\n"
        "@handlers.job('refuse')\n"
        "def refuse():\n"
        "    raise ValueError('never')\n"
    )
    product = (folder / "product.yaml").read_text() + "  - tag: refuse\n    handler: python\n"
    assert _ductape(folder, "apply", "-", stdin=product).returncode == 0
    (folder / "more.toml").write_text('handlers = ["more:handlers"]\n')
    batch = f"[{_a_request()}, {_a_request(event='refuse')}]"
    done = _ductape(folder, "--config", "more.toml", "schedule", "-", "--wait", stdin=batch)
    assert done.returncode == 1, done.stderr
    good, bad = json.loads(done.stdout)
    assert (good["status"], good["result"]) == ("completed", {"greeting": "Hello, world!"})
    assert (bad["status"], bad["error"]["message"]) == ("failed", "never")
    alone = _ductape(
        folder, "--config", "more.toml", "schedule", "-", "--wait", stdin=_a_request(event="refuse")
    )
    assert alone.returncode == 1
    assert alone.stdout == ""
    assert "never" in alone.stderr
    assert "ductape jobs retry" in alone.stderr


def test_a_request_that_is_refused_at_once_is_all_that_is_told(folder: Path) -> None:
    for _ in range(3):  # the worker's first turn is mostly still under way by then
        done = _ductape(folder, "schedule", "-", "--wait", stdin=_a_request(product_tag="none"))
        assert done.returncode == 2
        assert "`none`" in done.stderr
        assert "warning" not in done.stderr


def test_a_wait_ends_and_the_job_does_not(folder: Path) -> None:
    later = _a_request(start_at="2190-01-01T00:00:00Z")
    done = _ductape(folder, "schedule", "-", "--wait", "--timeout", "0.1", stdin=later)
    assert done.returncode == 4
    assert "the job lives on" in done.stderr
    listed = json.loads(_ductape(folder, "jobs", "list", "--json").stdout)
    assert listed[0]["status"] == "scheduled"


def test_a_reader_that_goes_away_is_no_error(folder: Path) -> None:
    product = subprocess.Popen(  # noqa: S603 (our own command)
        [DUCTAPE, "products", "show", "hello"],
        cwd=folder,
        env=_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert product.stdout is not None
    product.stdout.close()
    assert product.stderr is not None
    said = product.stderr.read()
    product.stderr.close()
    assert (product.wait(timeout=30), said) == (141, b"")


def test_the_command_starts_with_little(tmp_path: Path) -> None:
    """Counted instead of timed: how long a start takes is the machine's affair."""
    named = _imported(tmp_path, "--version")
    libraries = {name.partition(".")[0] for name in named} & packages_distributions().keys()
    assert libraries - OF_PYTHON == STARTS_WITH
    assert len([name for name in named if name.startswith("ductape")]) < FEW_MODULES


def _imported(folder: Path, *words: str) -> list[str]:
    """Return the names of the modules that the command imports."""
    done = subprocess.run(  # noqa: S603 (our own command)
        [sys.executable, "-X", "importtime", DUCTAPE, *words],
        cwd=folder,
        env=_environment(),
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    return [line.rpartition("|")[2].strip() for line in lines[1:]]

"""The example `webhooks` does what its page says, in a folder of its own and on a free port."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from aiohttp.test_utils import unused_port

from tests.pages import ROOT

DUCTAPE = Path(sys.executable).with_name("ductape")
PAGE = (ROOT / "examples/webhooks/README.md").read_text(encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Copy the example, its receiver on a free port."""
    copied = shutil.copytree(ROOT / "examples/webhooks", tmp_path / "webhooks")
    product = copied / "product.yaml"
    moved = product.read_text(encoding="utf-8").replace("8104", str(unused_port()))
    product.write_text(moved, encoding="utf-8")
    return copied


def environ(**more: str) -> dict[str, str]:
    kept = {name: text for name, text in os.environ.items() if not name.startswith("DUCTAPE_")}
    return {**kept, **more}


def run(folder: Path, *words: str | Path, given: str = "") -> str:
    done = subprocess.run(  # noqa: S603 (our own commands)
        words, cwd=folder, env=environ(), input=given, capture_output=True, text=True, check=True
    )
    return done.stdout


@contextmanager
def running(folder: Path, *words: str | Path, **env: str) -> Iterator[subprocess.Popen[str]]:
    """Run a program beside the test, and end it."""
    process = subprocess.Popen(  # noqa: S603 (our own commands)
        words, cwd=folder, env=environ(**env), stdout=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)
        if process.stdout is not None:
            process.stdout.close()


def lines(process: subprocess.Popen[str], count: int) -> list[str]:
    assert process.stdout is not None
    return [process.stdout.readline().rstrip("\n") for _ in range(count)]


@pytest.mark.timeout(60)
def test_the_receiver_is_told_what_the_page_says(folder: Path) -> None:
    (told,) = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
    first = (folder / "job.json").read_text(encoding="utf-8")
    requests = [first, first.replace("7", "13")]
    (port,) = re.findall(r"127.0.0.1:(\d+)/hook", (folder / "product.yaml").read_text())
    secret = run(folder, sys.executable, "receiver.py", "--new-secret").strip()
    receive = (sys.executable, "receiver.py", port)
    with running(folder, *receive, WEBHOOK_SECRET=secret) as receiver:
        assert lines(receiver, 1) == [f"listens on http://127.0.0.1:{port}/hook"]
        run(folder, DUCTAPE, "apply", "product.yaml")
        run(
            folder,
            DUCTAPE,
            "secrets",
            "set",
            "warehouse_hook",
            "--product",
            "parcels",
            given=secret,
        )
        with running(folder, DUCTAPE, "worker", "--handlers", "handlers:handlers"):
            for request in requests:
                run(folder, DUCTAPE, "schedule", "-", given=request)
            expected = told.splitlines()
            assert sorted(lines(receiver, len(expected))) == sorted(expected)


def test_a_receiver_refuses_what_it_was_not_sent(folder: Path) -> None:
    code = (
        "import receiver, time; now = str(int(time.time())); s = receiver.new_secret();"
        "h = {'webhook-id': '1', 'webhook-timestamp': now, 'webhook-signature': 'v1,AAAA'};"
        "print(receiver.is_theirs(h, b'{}', s), receiver.is_theirs({}, b'{}', s))"
    )
    assert run(folder, sys.executable, "-c", code).split() == ["False", "False"]

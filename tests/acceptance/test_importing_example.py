"""The example `importing`, as a person runs it."""

import subprocess
import sys

from tests.pages import ROOT


def test_the_example_imports_applies_and_calls() -> None:
    done = subprocess.run(  # noqa: S603 (our own example)
        [sys.executable, ROOT / "examples/importing/run.py"],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    counted, skipped, server, answer, attached = done.stdout.splitlines()
    assert counted == "3 actions of OpenAPI 3.1.0"
    assert server.startswith("skipped #/servers/0:")
    assert skipped.startswith("skipped #/paths/~1tickets~1{id}/post: its body is multipart/related")
    assert attached == "200 {'note': 'see here', 'file': 'broken.png', 'type': 'image/png'}"
    assert answer.startswith(
        "201 {'id': 7, 'who': 'Bearer a-token', 'ticket': {'title': 'It broke'"
    )

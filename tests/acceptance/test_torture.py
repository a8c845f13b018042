"""The torture's short form: nothing is lost, doubled, early or recorded by who had lost it.

`make torture` is the long one. The seed is fixed, so that each kind of trouble comes up.
"""

import asyncio
import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

FILE = {"killed", "frozen", "rolled over"}
SERVER = {"connections cut", "line dead", "line slow", "half-closed", "server restarted"}


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    ("store", "seconds", "troubles"), [("sqlite", 20, FILE), ("postgres", 40, FILE | SERVER)]
)
async def test_every_promise_is_kept_through_every_trouble(
    store: str, seconds: int, troubles: set[str]
) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "torture", "--store", store, "--seconds", str(seconds),
        "--seed", "5", "--json",
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    assert out, err.decode()
    [found] = json.loads(out)
    assert found["broken"] == [], err.decode()
    assert process.returncode == 0
    assert set(found["troubles"]) == troubles
    assert found["calls"] > 100
    assert found["taken_over"] > 0

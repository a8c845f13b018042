"""Ctrl-C in a terminal: it is said, and what was stored is still there."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process, create_subprocess_exec
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from ductape import Ductape

DUCTAPE = Path(sys.executable).with_name("ductape")
PRODUCT: dict[str, object] = {
    "tag": "shop",
    "envs": [{"slug": "dev"}],
    "jobs": [{"tag": "bill", "handler": "python"}],
}
LATER = {"product_tag": "shop", "env": "dev", "event": "bill", "input": {}, "start_at": 4e9}
PATIENCE_S = 40


@asynccontextmanager
async def waiting_for(store: str, folder: Path) -> AsyncIterator[Process]:
    """Wait for a job in a terminal: one where Ctrl-C is heard, whatever these tests run in."""
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    words = [DUCTAPE, "--store", store, "schedule", "-", "--wait"]
    waiting = await create_subprocess_exec(
        *words, stdin=PIPE, stdout=PIPE, stderr=PIPE, cwd=folder, env=os.environ, preexec_fn=heard
    )
    assert waiting.stdin is not None
    waiting.stdin.write(json.dumps(LATER).encode())
    waiting.stdin.write_eof()
    try:
        yield waiting
    finally:
        if waiting.returncode is None:
            waiting.kill()
            await waiting.communicate()


async def test_a_wait_that_a_person_ends_says_so_and_keeps_the_job(
    store: str, tmp_path: Path
) -> None:
    async with Ductape.open(store, worker=False) as here:
        await here.products.apply(PRODUCT)
        async with waiting_for(store, tmp_path) as waiting, asyncio.timeout(PATIENCE_S):
            while not await here.jobs.list():  # noqa: ASYNC110 (another process's)
                await asyncio.sleep(0.01)
            waiting.send_signal(signal.SIGINT)
            answer, said = await waiting.communicate()
        assert (waiting.returncode, answer) == (130, b"")
        assert said.decode().splitlines()[-2:] == [
            "what is stored stays: `ductape jobs list` shows it",
            "interrupted",
        ]
        assert [one["status"] for one in await here.jobs.list()] == ["scheduled"]

"""Processes for tests that kill some: forked by a program that has loaded what they need.

A fresh interpreter for each would take longer than all else in such a test. The program is this
file; it forks one process for each line that it reads, one after the other.
"""

import asyncio
import atexit
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import IO, cast

from msgspec.structs import replace

import ductape.app.core
from ductape import WorkerOptions

SHORT = WorkerOptions(lease_ms=600, grace_ms=200, upkeep_ms=100)
"""Of workers that die in tests."""
RESCUE = replace(SHORT, lease_ms=10_000)
"""Of those that come after them: they stay, however busy the machine is."""


class LaterClock:
    """Runs ahead by more than a lease: who opens a file by it need not wait a dead worker's out.

    A store on a server goes by the server's clock, and waits.
    """

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000 + 2 * SHORT.lease_ms


class Forked:
    """A process of its own, forked by the nursery."""

    def __init__(self, pid: int, said: IO[str]) -> None:
        self.pid = pid
        self._told = asyncio.ensure_future(asyncio.to_thread(said.readline))

    async def wait(self) -> int:
        """Return how it ended, as `subprocess` does: a signal is negative."""
        return os.waitstatus_to_exitcode(int(await asyncio.shield(self._told)))

    def kill(self) -> None:
        """End it by SIGKILL, unless it has ended."""
        if not self._told.done():
            os.kill(self.pid, signal.SIGKILL)


@asynccontextmanager
async def forked(
    serve: Callable[..., Coroutine[None, None, None]], *words: str
) -> AsyncIterator[Forked]:
    """Run a function of a module with these words, ended at the end whatever became of it."""
    asking, answers = _nursery()
    named = [serve.__module__, serve.__name__]
    asking.write(json.dumps([*named, words, dict(os.environ)]) + "\n")
    asking.flush()
    process = Forked(int(await asyncio.to_thread(answers.readline)), answers)
    try:
        yield process
    finally:
        process.kill()
        await process.wait()


@cache
def _nursery() -> tuple[IO[str], IO[str]]:
    """Start the program; it ends when nobody can ask it any longer."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.nursery"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[1],
    )
    atexit.register(process.communicate)
    return cast("IO[str]", process.stdin), cast("IO[str]", process.stdout)


def _fork_for_each_line() -> None:
    """Answer each line with a process id, and with how that process ended."""
    assert ductape.app.core  # Loaded once, for all of them.
    for line in sys.stdin:
        module, name, words, environment = json.loads(line)
        serve = getattr(import_module(module), name)
        assert threading.active_count() == 1, "a fork would leave threads behind"
        if (pid := os.fork()) == 0:
            os.environ.clear()
            os.environ.update(environment)
            asyncio.run(serve(*words))
            return
        for told in (lambda pid=pid: pid, lambda pid=pid: os.waitpid(pid, 0)[1]):
            sys.stdout.write(f"{told()}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    _fork_for_each_line()

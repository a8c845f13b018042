"""Worker processes of this version and of a next one, on one store, under a steady flow of jobs.

The next version is a copy of the package with one more migration. What was executed is counted
outside the product: each call of a handler leaves a line in a file. Instants are milliseconds.
"""

import asyncio
import json
import os
import re
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from shutil import copytree, ignore_patterns
from typing import Self

import ductape
from ductape import Ductape
from ductape.stores.postgres.server import statements as postgres
from ductape.stores.sqlite.file import statements as sqlite

DUCTAPE = Path(sys.executable).with_name("ductape")
PACKAGE = Path(ductape.__file__).parent
KEY = "k1:" + "A" * 43
PATIENCE_S = 60
PAUSE_S = 0.03
"""Between two jobs of the flow."""
TICKS = 25
"""How often its recurring job runs."""
PRODUCT = {
    "tag": "shop",
    "envs": [{"slug": "dev"}],
    "jobs": [{"tag": tag, "handler": "python"} for tag in ("count", "hold")],
}
HANDLERS = '''
import asyncio
import json
import os
import time

import ductape
from ductape import Handlers

handlers = Handlers()
NEXT = "next-version" in ductape.__file__


def note(given, ctx):
    """Leave a line: one write, so that those of several processes do not mix."""
    line = {"job": ctx.job_id, "run": ctx.run, "pid": os.getpid(), "next": NEXT}
    line["late_ms"] = time.time_ns() // 1_000_000 - given.get("asked_ms", 0)
    with open("ledger", "ab", buffering=0) as ledger:
        ledger.write(json.dumps(line).encode() + b"\\n")


@handlers.job("count")
async def count(given, ctx):
    note(given, ctx)
    await asyncio.sleep(given.get("ms", 0) / 1000)


@handlers.job("hold")
async def hold(given, ctx):
    note(given, ctx)
    await asyncio.sleep(0 if NEXT else 3_600)
'''

_TABLE = re.compile(r"^CREATE TABLE (?:ductape\.)?(\w+) \($", re.MULTILINE)


def a_request(event: str = "count", **parts: object) -> dict[str, object]:
    return {
        "product_tag": "shop",
        "env": "dev",
        "event": event,
        "start_at": 0,
        "input": {},
        **parts,
    }


def next_version(folder: Path, *, oldest: int) -> Path:
    """Make a version that knows one migration more; return where Python finds it.

    The migration adds a column to every table, a table and two indexes, and says that it serves
    programs from the schema `oldest` on.
    """
    place = folder / "next-version"
    copytree(PACKAGE, place / "ductape", ignore=ignore_patterns("__pycache__"))
    for kind, schema, of_ours in (
        ("sqlite", "", sqlite.migrations()),
        ("postgres", "ductape.", postgres.migrations()),
    ):
        tables = {name for _, _, sql in of_ours for name in _TABLE.findall(sql)}
        lines = [
            f"-- oldest: {oldest}",
            *(f"ALTER TABLE {schema}{name} ADD COLUMN mood text;" for name in sorted(tables)),
            f"CREATE TABLE {schema}moods (name text PRIMARY KEY);",
            f"CREATE INDEX runs_mood ON {schema}runs (mood);",
            f"CREATE INDEX history_mood ON {schema}history (mood);",
        ]
        name = f"{of_ours[-1][0] + 1:04d}_moods.sql"
        migration = place / "ductape/stores" / kind / "migrations" / name
        migration.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return place


@dataclass(frozen=True)
class Execution:
    """One call of a handler."""

    job: str
    run: int
    pid: int
    next: bool
    """Whether the next version made it."""
    late_ms: int


@dataclass(eq=False)
class Fleet:
    """Processes that share a store and a folder."""

    store: str
    folder: Path
    members: list[Process] = field(default_factory=list[Process])

    def __post_init__(self) -> None:
        (self.folder / "handlers.py").write_text(HANDLERS, encoding="utf-8")

    async def start(self, *, version: Path | None = None) -> Process:
        """Start a worker, of another version if one is given; return when it works."""
        words = ("worker", "--handlers", "handlers:handlers")
        process = await self._spawn(words, version)
        self.members.append(process)
        assert process.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            greeting = await process.stdout.readline()
        assert greeting.startswith(b"worker "), self.complaints()
        return process

    async def stop(self, process: Process) -> None:
        """Stop a worker as a deployment does; it ends in peace."""
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE_S):
            assert await process.wait() == 0, self.complaints()

    async def told(self, *words: str, version: Path | None = None, code: int = 0) -> str:
        """Run a command to its end; return what it says."""
        process = await self._spawn(words, version)
        async with asyncio.timeout(PATIENCE_S):
            said, _ = await process.communicate()
        assert process.returncode == code, self.complaints()
        return said.decode()

    async def aclose(self) -> None:
        """End whatever is left."""
        for process in self.members:
            if process.returncode is None:
                process.kill()
            await process.wait()

    def executions(self) -> list[Execution]:
        """Return every call of a handler so far."""
        ledger = self.folder / "ledger"
        lines = ledger.read_text().splitlines() if ledger.exists() else []
        return [Execution(**json.loads(line)) for line in lines]

    def complaints(self) -> str:
        """Return what the processes have logged."""
        return (self.folder / "log").read_text()

    async def _spawn(self, words: tuple[str, ...], version: Path | None) -> Process:
        path = {} if version is None else {"PYTHONPATH": str(version)}
        with (self.folder / "log").open("ab") as log:
            return await asyncio.create_subprocess_exec(
                DUCTAPE,
                *("--store", self.store, *words),
                cwd=self.folder,
                env={**os.environ, **path, "COLUMNS": "300"},
                stdout=PIPE,
                stderr=log,
            )


class Flow:
    """Jobs that are stored one after another, from when this is entered until it is left."""

    def __init__(self, here: Ductape) -> None:
        """Store them through an open store."""
        self._here = here
        self._over = asyncio.Event()
        self._storing: asyncio.Task[None] | None = None
        self.jobs: list[str] = []
        self.recurring = ""

    async def __aenter__(self) -> Self:
        dispatch = self._here.processor.job.dispatch
        repeat = {"every": 100, "limit": TICKS, "immediately": True}
        receipt = await dispatch(a_request(repeat=repeat, input={"ms": 20}))
        self.recurring = receipt["job_id"]
        self._storing = asyncio.create_task(self._store())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._over.set()
        assert self._storing is not None
        await self._storing

    async def _store(self) -> None:
        while not self._over.is_set():
            given = {"asked_ms": time.time_ns() // 1_000_000, "ms": len(self.jobs) % 60}
            receipt = await self._here.processor.job.dispatch(a_request(input=given))
            self.jobs.append(receipt["job_id"])
            await asyncio.sleep(PAUSE_S)


async def settled(here: Ductape, flow: Flow) -> Counter[tuple[str, int]]:
    """Wait until all has ended; return how often each run there was should have been executed."""
    wait = partial(here.processor.job.wait, timeout=PATIENCE_S)
    await asyncio.gather(*map(wait, flow.jobs))
    async with asyncio.timeout(PATIENCE_S):
        async for view in here.jobs.watch(flow.recurring):
            status = view["status"]
    assert status == "completed"
    ticks = await here.jobs.history(flow.recurring, limit=1_000)
    assert {run["status"] for run in ticks["executions"]} == {"completed"}
    runs = [(flow.recurring, run["number"]) for run in ticks["executions"]]
    return Counter([*((job, 1) for job in flow.jobs), *runs])

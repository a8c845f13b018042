"""How an adapter and the driver speak: JSON objects, one a line, on standard input and output.

It runs in every peer's environment: the standard library only. A client is told what to store and
answers how long it took; a worker tells what its handlers did. Instants that two processes compare
are of the machine's monotonic clock, in nanoseconds; due instants are epoch seconds.
"""

import asyncio
import json
import os
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Protocol

TELL_EVERY_S = 0.02
GATE_LOOK_S = 0.002
A_CALL = 1_000
"""Jobs in one bulk call."""
A_DAY_S = 86_400

Given = dict[str, float]
"""A probe's payload: `sent_ns` or `due_s`."""


class Client(Protocol):
    """What stores jobs: one peer's way of doing it."""

    async def one(self, task: str, given: Given) -> None:
        """Store one job that is due now, and return once it is committed."""
        ...

    async def many(self, count: int) -> None:
        """Store no-op jobs by the peer's best bulk call."""
        ...

    async def later(self, given: Given, due_s: float) -> None:
        """Store one probe that is due at an instant."""
        ...

    async def future(self, count: int) -> None:
        """Store no-op jobs that are due tomorrow."""
        ...

    async def aclose(self) -> None:
        """Close every connection."""
        ...


class Tally:
    """What the handlers of one worker process did, told to the driver as it happens.

    The first no-ops wait at a gate until the driver says `go`: the clock of a drain starts when
    every worker process has its first jobs in hand, so that nobody's start-up is measured. What is
    in hand by then (`held`) is not counted.
    """

    def __init__(self) -> None:
        """Begin to listen and to tell."""
        self._open = threading.Event()
        self._waiting = 0
        self._held = 0
        self._handled = 0
        self._last_ns = 0
        self._picked: list[float] = []
        self._late: list[float] = []
        for serve in (self._listen, self._tell):
            threading.Thread(target=serve, daemon=True).start()

    async def noop(self) -> None:
        """Count a call of the no-op handler."""
        if not self._open.is_set():
            self._waiting += 1
            while not self._open.is_set():
                await asyncio.sleep(GATE_LOOK_S)
        self._count()

    def noop_blocking(self) -> None:
        """Count a call of a handler that runs in a thread."""
        if not self._open.is_set():
            self._waiting += 1
            self._open.wait()
        self._count()

    def probe(self, given: Given) -> None:
        """Note how long a probe took to get here, in milliseconds."""
        if "due_s" in given:
            self._late.append((time.time() - given["due_s"]) * 1e3)
        else:
            self._picked.append((time.monotonic_ns() - given["sent_ns"]) / 1e6)

    def _count(self) -> None:
        self._handled += 1
        self._last_ns = time.monotonic_ns()

    def _listen(self) -> None:
        for line in sys.stdin:
            if json.loads(line)["do"] == "go":
                self._held = self._waiting
                self._open.set()

    def _tell(self) -> None:
        told: object = None
        while True:
            time.sleep(TELL_EVERY_S)
            seen = {
                "waiting": self._waiting,
                "held": self._held,
                "handled": self._handled,
                "last_ns": self._last_ns,
                "picked": len(self._picked),
                "late": len(self._late),
            }
            if seen != told:
                told = dict(seen)
                say({**seen, "picked_ms": list(self._picked), "late_ms": list(self._late)})


@cache
def tally() -> Tally:
    """Return this process's tally; the first call begins it."""
    return Tally()


def say(told: object) -> None:
    """Write one line."""
    print(json.dumps(told), flush=True)


def sent() -> Given:
    """Make the payload of a probe that leaves now."""
    return {"sent_ns": time.monotonic_ns()}


def client_of(opening: Callable[[str], Awaitable[Client]]) -> None:
    """Serve the driver's commands until its end of the pipe is closed."""
    asyncio.run(_serve(opening))


async def _serve(opening: Callable[[str], Awaitable[Client]]) -> None:
    client: Client | None = None
    say({"is": "ready"})
    while line := await asyncio.to_thread(sys.stdin.readline):
        told = json.loads(line)
        start = time.perf_counter()
        match told["do"], client:
            case "open", _:
                client = await opening(told["url"])
            case "close", None:
                pass
            case "close", _:
                await client.aclose()
                client = None
            case do, _:
                await COMMANDS[do](client, told)
        say({"is": "done", "s": time.perf_counter() - start})


async def _single(client: Client, told: dict[str, int]) -> None:
    for _ in range(told["count"]):
        await client.one("noop", {})


async def _concurrent(client: Client, told: dict[str, int]) -> None:
    async def caller() -> None:
        for _ in range(told["each"]):
            await client.one("noop", {})

    await asyncio.gather(*(caller() for _ in range(told["callers"])))


async def _bulk(client: Client, told: dict[str, int]) -> None:
    for at in range(0, told["count"], A_CALL):
        await client.many(min(A_CALL, told["count"] - at))


async def _future(client: Client, told: dict[str, int]) -> None:
    for at in range(0, told["count"], A_CALL):
        await client.future(min(A_CALL, told["count"] - at))


async def _paced(client: Client, told: dict[str, int]) -> None:
    for _ in range(told["count"]):
        await asyncio.sleep(told["pause_ms"] / 1_000)
        await client.one("probe", sent())


async def _later(client: Client, told: dict[str, int]) -> None:
    first_ms = round(time.time() * 1_000) + told["lead_ms"]
    for at in range(told["count"]):
        due_s = (first_ms + at * told["apart_ms"]) / 1_000
        await client.later({"due_s": due_s}, due_s)


COMMANDS = {
    "single": _single,
    "concurrent": _concurrent,
    "bulk": _bulk,
    "future": _future,
    "paced": _paced,
    "later": _later,
}
"""What a client may be told, by its word."""


def run(opening: Callable[[str], Awaitable[Client]], working: Callable[[str], None]) -> None:
    """Be what the command line says: `client`, or `worker` on the store of `BENCH_URL`."""
    if sys.argv[1] == "client":
        client_of(opening)
    else:
        working(os.environ["BENCH_URL"])

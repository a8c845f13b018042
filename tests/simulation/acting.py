"""What the handlers do, attempt by attempt, and the journal they keep of it.

Each request's input carries its script: one act for each attempt, the last one for all that follow.
"""

import asyncio
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ductape import Abort, Handlers, Retry
from ductape.handlers.python import AsyncContext

if TYPE_CHECKING:
    from tests.simulation.process import Process

PROCESS: ContextVar["Process"] = ContextVar("process")
"""The simulated process that the running code belongs to."""

STUBBORN_S = 6.0


@dataclass
class Played:
    """One execution of a handler."""

    nonce: int
    job: str
    run: int
    attempt: int
    process: "Process"
    began_ms: int
    """By the wall clock."""
    began_s: float
    """By the monotonic clock."""
    script: object
    """What it was told to do, attempt by attempt."""
    found: object
    """The checkpoint it was handed."""
    told: list[int] = field(default_factory=list)
    """The checkpoints it asked to be stored."""
    kept: list[int] = field(default_factory=list)
    """Those whose storing came back while it was still its run."""
    ended_s: float | None = None
    returned: bool = False


class Stage:
    """Where handlers play; keeps the journal."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        """Begin an empty journal."""
        self.journal: list[Played] = []
        self._now_ms = now_ms

    def handlers(self) -> Handlers:
        """Make the registry of one process."""
        handlers = Handlers()
        handlers.job("act")(self._act)
        return handlers

    async def _act(self, input: dict[str, object], ctx: AsyncContext) -> object:  # noqa: A002
        loop = asyncio.get_running_loop()
        played = Played(
            nonce=len(self.journal),
            job=ctx.job_id,
            run=ctx.run,
            attempt=ctx.attempt,
            process=PROCESS.get(),
            began_ms=self._now_ms(),
            began_s=loop.time(),
            script=input["script"],
            found=ctx.last_checkpoint,
        )
        self.journal.append(played)
        try:
            result = await self._play(_line(input["script"], ctx.attempt), played, ctx)
            played.returned = True
            return result
        finally:
            played.ended_s = loop.time()

    async def _play(self, line: str, played: Played, ctx: AsyncContext) -> object:
        act, _, figure = line.partition(":")
        seconds = int(figure or 0) / 1000
        if act == "stubborn":
            await _stubbornly(played.process)
        elif act == "crash":
            played.process.world.crash(played.process)
            await asyncio.sleep(10_000)
        elif act == "hang":
            await asyncio.sleep(10_000)
        elif act == "checkpoint":
            await asyncio.sleep(seconds)
            played.told.append(played.nonce)
            await ctx.checkpoint(played.nonce)
            played.kept.append(played.nonce)
            await ctx.progress(1, 2)
        else:
            await asyncio.sleep(seconds)
        _end(act)
        return {"nonce": played.nonce}


def _line(script: object, attempt: int) -> str:
    lines = [str(line) for line in script] if isinstance(script, list) else ["ok"]
    return lines[min(attempt, len(lines)) - 1]


def _end(act: str) -> None:
    match act:
        case "fail" | "checkpoint":
            raise RuntimeError("as the script has it")
        case "retry":
            raise Retry(after=300)
        case "abort":
            raise Abort("as the script has it")
        case "quit":
            raise asyncio.CancelledError
        case _:
            return


async def _stubbornly(process: "Process") -> None:
    """Swallow every cancellation for a while; only the death of the process ends it."""
    loop = asyncio.get_running_loop()
    until = loop.time() + STUBBORN_S
    while loop.time() < until:
        try:
            await asyncio.sleep(until - loop.time())
        except asyncio.CancelledError:
            if not process.alive:
                raise

"""The worker processes of a story: started, killed, frozen, rolled over. Each deed is written down.

Instants are nanoseconds by the right clock; spans are seconds where they end in `_s`.
"""

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Literal

import msgspec

from torture.ledger import right_ns
from torture.plan import Plan
from torture.worker import Spec

ROOT = Path(__file__).resolve().parents[1]
HOUR_MS = 3_600_000
STOPS_WITHIN_S = 30.0
STARTS_WITHIN_S = 60.0

What = Literal["killed", "frozen", "rolled"]


@dataclass(frozen=True)
class Deed:
    """What was done to a process."""

    what: What
    pid: int
    at_ns: int


@dataclass(eq=False)
class Member:
    """One worker process."""

    process: Process
    wrong_ms: int
    frozen: bool = False
    ready: asyncio.Event = field(default_factory=asyncio.Event)


class Fleet:
    """The workers that live now, and all that was done to those before."""

    def __init__(
        self,
        plan: Plan,
        store: str,
        folder: Path,
        *,
        steady: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        """Work on a store; `steady` sees to it that who is frozen meanwhile holds no lock."""
        self._plan = plan
        self.store = store
        self._folder = folder
        self._steady = steady
        self._draw = Random(f"fleet {plan.seed}")  # noqa: S311 (repeatable on purpose)
        self._reading: list[asyncio.Task[None]] = []
        self.members: list[Member] = []
        self.deeds: list[Deed] = []
        self.bad_ends: list[str] = []
        self.clocks: list[int] = []

    async def start(self) -> Member:
        """Start one more process; on a server its clock is wrong."""
        wrong_ms = self._draw.randrange(-HOUR_MS, HOUR_MS) if self._plan.kind == "postgres" else 0
        spec = Spec(
            store=self.store,
            folder=str(self._folder),
            wrong_ms=wrong_ms,
            concurrency=self._plan.concurrency,
            lease_ms=self._plan.lease_ms,
            grace_ms=self._plan.grace_ms,
            upkeep_ms=self._plan.upkeep_ms,
        )
        process = await spawn("torture.worker", msgspec.json.encode(spec), self._folder / "log")
        member = Member(process, wrong_ms)
        self.members.append(member)
        self.clocks.append(wrong_ms)
        self._reading.append(asyncio.create_task(_until_ready(member)))
        return member

    async def all_ready(self) -> None:
        """Wait until each process works; raises `TimeoutError`."""
        async with asyncio.timeout(STARTS_WITHIN_S):
            for member in self.members:
                await member.ready.wait()

    def some(self) -> Member | None:
        """Choose a process that works; none while too few do."""
        working = [one for one in self.members if one.ready.is_set() and not one.frozen]
        return self._draw.choice(working) if len(working) > 1 else None

    async def kill(self, member: Member) -> None:
        """End a process as a crash would, and start another one."""
        self.members.remove(member)
        self.deeds.append(Deed("killed", member.process.pid, right_ns()))
        member.process.kill()
        await member.process.wait()
        await self.start()

    async def freeze(self, member: Member, span_s: float) -> None:
        """Stop a process in the middle of whatever it does; later it goes on, knowing nothing."""
        member.frozen = True
        with self._steady():
            self.deeds.append(Deed("frozen", member.process.pid, right_ns()))
            member.process.send_signal(signal.SIGSTOP)
            await _until_stopped(member.process.pid)
        await asyncio.sleep(span_s)
        member.process.send_signal(signal.SIGCONT)
        member.frozen = False

    async def roll(self) -> None:
        """Put a new process in the place of each, one after another, as a deployment does."""
        for old in [one for one in self.members if not one.frozen and one.ready.is_set()]:
            await self.start()
            self.members.remove(old)
            self.deeds.append(Deed("rolled", old.process.pid, right_ns()))
            await self._stop(old)

    async def stop(self) -> None:
        """Stop every process gracefully."""
        await asyncio.gather(*(self._stop(member) for member in self.members))
        self.members.clear()
        await asyncio.gather(*self._reading)

    async def abandon(self) -> None:
        """End whatever is left, however it is."""
        for member in self.members:
            if member.process.returncode is None:
                member.process.kill()
            await member.process.wait()
        await asyncio.gather(*self._reading)

    async def _stop(self, member: Member) -> None:
        process = member.process
        process.terminate()
        try:
            async with asyncio.timeout(STOPS_WITHIN_S):
                code = await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
            self.bad_ends.append(f"worker {process.pid} did not stop in {STOPS_WITHIN_S:g} s")
        else:
            if code != 0:
                self.bad_ends.append(f"worker {process.pid} stopped with exit code {code}")


async def spawn(module: str, spec: bytes, log: Path) -> Process:
    """Start a program of ours; what it complains of goes to a log."""
    with log.open("ab") as errors:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", module, spec.decode(), cwd=ROOT, stdout=PIPE, stderr=errors
        )


async def _until_ready(member: Member) -> None:
    """Read what a process says until its end."""
    output = member.process.stdout
    while output is not None and (line := await output.readline()):
        if line.startswith(b"ready"):
            member.ready.set()


async def _until_stopped(pid: int) -> None:
    state = Path(f"/proc/{pid}/stat")
    while ") T " not in state.read_text():  # noqa: ASYNC110, ASYNC240 (the kernel tells nobody)
        await asyncio.sleep(0.001)

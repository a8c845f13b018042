"""The driver's end of the line protocol: an adapter's process, told what to do and listened to."""

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

ANSWER_WITHIN_S = 3_600
"""A million rows, stored one call each, take their time."""
START_WITHIN_S = 30
STOP_WITHIN_S = 15
LONGEST_LINE = 16 * 1024 * 1024

Told = dict[str, object]


class AdapterFailed(Exception):
    """An adapter ended, or did not do what it was told; the message has its last words."""


@dataclass
class Adapter:
    """A running adapter."""

    process: asyncio.subprocess.Process
    log: Path
    seen: dict[str, object] = field(default_factory=dict)
    """What a worker told last."""
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    answers: "asyncio.Queue[Told]" = field(default_factory=asyncio.Queue)
    ended: bool = False
    imported: bool = False

    async def ask(self, do: str, **words: object) -> float:
        """Have something done; return how many seconds it took."""
        self.send(do, **words)
        answer = await self._answer(ANSWER_WITHIN_S)
        return float(str(answer.get("s", 0)))

    def send(self, do: str, **words: object) -> None:
        """Tell something that has no answer."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"do": do, **words}).encode() + b"\n")

    async def ready(self) -> None:
        """Wait until it has been imported."""
        if not self.imported:
            await self._answer(START_WITHIN_S)
        self.imported = True

    async def until(self, holds: Callable[[dict[str, object]], bool], within_s: float) -> bool:
        """Wait until what a worker tells fulfils a condition; false if it does not in time."""
        try:
            async with asyncio.timeout(within_s), self.changed:
                await self.changed.wait_for(lambda: self.ended or holds(self.seen))
        except TimeoutError:
            return False
        if not holds(self.seen):
            raise self.failed("it ended")
        return True

    def number(self, name: str) -> int:
        """Return a number that a worker told."""
        return int(str(self.seen.get(name, 0)))

    def figures(self, name: str) -> list[float]:
        """Return a list of figures that a worker told."""
        found = self.seen.get(name, [])
        assert isinstance(found, list)
        return [float(one) for one in found]

    def cpu_s(self) -> float:
        """Return the processor time of it and of its children, in seconds."""
        return sum(_cpu_s(pid) for pid in _family(self.process.pid))

    def failed(self, what: str) -> AdapterFailed:
        """Make an error with its last words."""
        words = self.log.read_text(errors="replace").strip().splitlines()
        named = [line.strip() for line in words if "Error" in line]
        return AdapterFailed(f"{what}: {(named or words or ['it said nothing'])[-1]}")

    async def listen(self) -> None:
        """Take in what it says until it ends."""
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            if not line.startswith(b"{"):
                continue  # a command's own greeting
            told = json.loads(line)
            if "is" in told:
                self.answers.put_nowait(told)
                continue
            async with self.changed:
                self.seen = told
                self.changed.notify_all()
        async with self.changed:
            self.ended = True
            self.changed.notify_all()
        self.answers.put_nowait({"is": "ended"})

    async def _answer(self, within_s: float) -> Told:
        try:
            async with asyncio.timeout(within_s):
                answer = await self.answers.get()
        except TimeoutError as error:
            raise self.failed("no answer in time") from error
        if answer["is"] == "ended":
            raise self.failed("it ended")
        return answer


@asynccontextmanager
async def running(
    command: list[str], environment: Mapping[str, str], folder: Path
) -> AsyncGenerator[Adapter]:
    """Run an adapter in an empty folder; stop it as an operator would, then by force."""
    log = folder / f"{time.monotonic_ns()}.log"
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=folder,
            env={**os.environ, **environment},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            limit=LONGEST_LINE,
            start_new_session=True,
        )
    adapter = Adapter(process, log)
    listening = asyncio.create_task(adapter.listen())
    try:
        yield adapter
    finally:
        await _stop(process)
        await listening


async def _stop(process: asyncio.subprocess.Process) -> None:
    """Send SIGTERM, and SIGKILL to it and its children if that does not help."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGTERM)  # `terminate` would reap it beside asyncio
    try:
        async with asyncio.timeout(STOP_WITHIN_S):
            await process.wait()
    except TimeoutError:
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(one for child in children for one in _family(int(child)))]


def _cpu_s(pid: int) -> float:
    """Add up the time that each thread has run: nanoseconds, the first word of `schedstat`."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9

"""The figures of ours alone, on either store: dispatching, draining, latency, idling."""

import asyncio
import json
import statistics
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bench.grounds import SETTINGS, Ground
from bench.report import Row
from ductape import Ductape, Handlers

PRODUCT = {"tag": "shop", "envs": [{"slug": "dev"}]}
PAUSE_S = 0.02
A_CALL = 1_000
"""Jobs in one bulk call."""
JOB = {"product_tag": "shop", "env": "dev", "event": "noop", "input": {"a": 1}, "start_at": 0}


@dataclass(frozen=True)
class Scale:
    """How much is measured."""

    bulk: int
    single: int
    callers: int
    each: int
    drained: int
    picked_up: int
    late: int
    idle_s: float
    rounds: int
    backlog: int
    """Old and future jobs, as many of each."""
    beside: int
    """The jobs drained beside them."""
    pairs: int
    calls: int
    """To a server, or messages of a broker."""

    @classmethod
    def full(cls) -> "Scale":
        """For figures worth quoting."""
        return cls(50_000, 2_000, 100, 500, 30_000, 200, 100, 20.0, 3, 1_000_000, 20_000, 5, 6_000)

    @classmethod
    def short(cls) -> "Scale":
        """For the tests: does it run at all."""
        return cls(2_000, 50, 20, 5, 1_000, 10, 5, 0.5, 1, 2_000, 1_000, 1, 200)


class Probe:
    """Handlers that tell when they were called."""

    def __init__(self) -> None:
        self.handlers = Handlers()
        self.called: asyncio.Queue[float] = asyncio.Queue()
        self.taken_ms: asyncio.Queue[float] = asyncio.Queue()
        """How long jobs of another process took to get here."""
        self.count = 0
        self.wanted = 0
        self.all_called = asyncio.Event()

        @self.handlers.job("noop")
        async def noop(_: dict[str, object]) -> None:
            self.called_one()

        @self.handlers.job("probe")
        async def probe(_: dict[str, object]) -> None:
            self.called.put_nowait(time.time())

        @self.handlers.job("far")
        async def far(given: dict[str, int]) -> None:
            self.taken_ms.put_nowait((time.monotonic_ns() - given["sent_ns"]) / 1e6)

    def called_one(self) -> None:
        """Count a call."""
        self.count += 1
        if self.count == self.wanted:
            self.all_called.set()

    def expect(self, count: int) -> None:
        """Count from now."""
        self.count, self.wanted = 0, count
        self.all_called.clear()


class Stopwatch(Probe):
    """A probe that knows when the first handler was called."""

    def __init__(self) -> None:
        super().__init__()
        self.began_s = 0.0

    def called_one(self) -> None:
        """Start with the first."""
        if self.count == 0:
            self.began_s = time.perf_counter()
        super().called_one()

    def rate(self) -> float:
        """Return calls a second, from the first until now, when the last one wanted was called."""
        return (self.wanted - 1) / (time.perf_counter() - self.began_s)


@asynccontextmanager
async def opened(url: str, probe: Probe, *, worker: bool) -> AsyncGenerator[Ductape]:
    """Open a store with the product applied."""
    async with Ductape.open(
        url, config=SETTINGS, handlers=probe.handlers, worker=worker
    ) as ductape:
        await ductape.products.apply(PRODUCT)
        yield ductape


async def fill(url: str, count: int, *, start_at: int = 0) -> None:
    """Store no-op jobs, for whoever works later."""
    async with opened(url, Probe(), worker=False) as ductape:
        for _ in range(count // A_CALL):
            await ductape.processor.job.dispatch_many([{**JOB, "start_at": start_at}] * A_CALL)


async def bulk(ground: Ground, scale: Scale) -> list[Row]:
    """Dispatch in calls of 1,000, by one caller and by two at once."""
    rates: list[float] = []
    of_two: list[float] = []
    floors: list[float] = []
    for _ in range(scale.rounds):
        rates.append(await _bulk_by(1, ground, scale))
        of_two.append(await _bulk_by(2, ground, scale))
        floors.append(await ground.inserts(scale.bulk, A_CALL))
    return [
        _row("bulk dispatch, 1,000 a call", rates, "jobs/s", floors),
        _row("bulk dispatch, two callers at once", of_two, "jobs/s", floors),
    ]


async def _bulk_by(callers: int, ground: Ground, scale: Scale) -> float:
    """Return the jobs a second that several callers store together."""
    each = scale.bulk // callers // A_CALL
    async with opened(await ground.store("ours"), Probe(), worker=False) as ductape:

        async def caller() -> None:
            for _ in range(each):
                await ductape.processor.job.dispatch_many([JOB] * A_CALL)

        start = time.perf_counter()
        await asyncio.gather(*(caller() for _ in range(callers)))
        return callers * each * A_CALL / (time.perf_counter() - start)


async def single(ground: Ground, scale: Scale) -> list[Row]:
    """One caller that awaits each dispatch."""
    rates: list[float] = []
    floors: list[float] = []
    for _ in range(scale.rounds):
        async with opened(await ground.store("ours"), Probe(), worker=False) as ductape:
            start = time.perf_counter()
            for _ in range(scale.single):
                await ductape.processor.job.dispatch(JOB)
            rates.append(scale.single / (time.perf_counter() - start))
        floors.append(await ground.inserts(scale.single, 1))
    return [_row("one caller awaiting each dispatch", rates, "jobs/s", floors)]


async def concurrent(ground: Ground, scale: Scale) -> list[Row]:
    """Many callers at once: group commit."""
    rates: list[float] = []
    floors: list[float] = []
    total = scale.callers * scale.each
    for _ in range(scale.rounds):
        async with opened(await ground.store("ours"), Probe(), worker=False) as ductape:

            async def caller(ductape: Ductape = ductape) -> None:
                for _ in range(scale.each):
                    await ductape.processor.job.dispatch(JOB)

            start = time.perf_counter()
            await asyncio.gather(*(caller() for _ in range(scale.callers)))
            rates.append(total / (time.perf_counter() - start))
        floors.append(await ground.many_callers(total))
    return [_row(f"{scale.callers} concurrent callers", rates, "jobs/s", floors)]


async def drain(ground: Ground, scale: Scale) -> list[Row]:
    """Drain no-op jobs by one worker."""
    rates: list[float] = []
    floors: list[float] = []
    for _ in range(scale.rounds):
        url = await ground.store("ours")
        await fill(url, scale.drained)
        probe = Probe()
        probe.expect(scale.drained)
        start = time.perf_counter()
        async with opened(url, probe, worker=True):
            await probe.all_called.wait()
        rates.append(scale.drained / (time.perf_counter() - start))
        floors.append(await ground.drain(scale.drained, 100))
    return [_row("drain of no-op jobs, opening included", rates, "jobs/s", floors)]


async def pick_up(ground: Ground, scale: Scale) -> list[Row]:
    """From the dispatch call to the handler's first line, one every 20 ms."""
    taken = sorted(await picked_up(await ground.store("ours"), scale.picked_up, PAUSE_S))
    bare = await ground.commit_ms(scale.picked_up, PAUSE_S)
    return [
        Row("idle pick-up, p50", statistics.median(taken), "ms", bare, "floor: a bare commit"),
        Row("idle pick-up, p99", taken[int(len(taken) * 0.99)], "ms"),
    ]


async def picked_up(url: str, count: int, pause_s: float) -> list[float]:
    """Dispatch probes to a worker in this process; return how long each took, in milliseconds."""
    probe = Probe()
    taken: list[float] = []
    async with opened(url, probe, worker=True) as ductape:
        for _ in range(count):
            await asyncio.sleep(pause_s)
            start = time.time()
            await ductape.processor.job.dispatch({**JOB, "event": "probe"})
            taken.append((await probe.called.get() - start) * 1_000)
    return taken


async def lateness(ground: Ground, scale: Scale) -> list[Row]:
    """How late scheduled runs begin."""
    probe = Probe()
    late: list[float] = []
    async with opened(await ground.store("ours"), probe, worker=True) as ductape:
        for _ in range(scale.late):
            due = round(time.time() * 1000) + 150
            await ductape.processor.job.dispatch({**JOB, "event": "probe", "start_at": due})
            late.append(await probe.called.get() * 1000 - due)
    late.sort()
    return [
        Row("lateness of scheduled runs, p50", statistics.median(late), "ms"),
        Row("lateness of scheduled runs, p99", late[int(len(late) * 0.99)], "ms"),
        Row("earliest", late[0], "ms", note="below 0 would be early"),
    ]


async def idle(ground: Ground, scale: Scale) -> list[Row]:
    """Measure one worker, in a process of its own, while nothing happens."""
    asked = ("bench.idling", await ground.store("ours"), str(scale.idle_s))
    worker = await asyncio.create_subprocess_exec(sys.executable, "-m", *asked, stdout=PIPE)
    told, _ = await worker.communicate()
    measured = json.loads(told)
    return [
        Row("idle worker, of one core", measured["share"], "%"),
        Row("idle worker, resident", measured["mib"], "MiB"),
    ]


def _row(figure: str, rates: list[float], unit: str, floors: list[float]) -> Row:
    return Row(figure, statistics.median(rates), unit, statistics.median(floors))


FIGURES: dict[str, Callable[[Ground, Scale], Awaitable[list[Row]]]] = {
    "bulk": bulk,
    "single": single,
    "concurrent": concurrent,
    "drain": drain,
    "pick_up": pick_up,
    "lateness": lateness,
    "idle": idle,
}
"""By the name under which one is asked for."""

"""A whole Ductape in simulated time: the real engine and store, a virtual clock, seeded chance.

`run` is for sync tests; `simulated_ductape` is for a scenario that makes its own virtual loop.
Python handlers are what it is for: a real network answers in real time, which does not pass here.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from inspect import isawaitable
from pathlib import Path
from typing import TypeVar, cast

from ductape.app.configuration.settings import read_settings
from ductape.app.core import Surroundings
from ductape.app.ductape import Ductape, WorkerWish
from ductape.handlers.python import Handlers
from ductape.testing.entropy import SeededEntropy
from ductape.testing.loop import START_MS, VirtualClock, VirtualLoop, virtual_loop
from ductape.testing.threads import StandingThreads
from ductape.worker.options import WorkerOptions

T = TypeVar("T")
Registries = Handlers | Sequence[Handlers]

CALM = WorkerOptions(upkeep_ms=60_000)
"""The worker unless told otherwise: looking for lost runs once a minute keeps a long day short."""

LOOK_EVERY_MS = 10
LOOK_SHARE = 100
"""After the first second `until` looks less often: at every hundredth of what it has waited."""
PATIENCE_MS = 3_600_000
"""Virtual milliseconds after which `until` gives up: an hour."""


@dataclass(frozen=True)
class Harness:
    """What a scenario has in hand."""

    ductape: Ductape
    clock: VirtualClock
    entropy: SeededEntropy
    folder: Path
    """Holds the store `simulated.db` and its key."""
    handlers: Sequence[Handlers] = field(default=())

    async def sleep(self, ms: float) -> None:
        """Let `ms` virtual milliseconds pass."""
        await asyncio.sleep(ms / 1000)

    async def until(
        self, condition: Callable[[], T | Awaitable[T]], *, within_ms: int = PATIENCE_MS
    ) -> T:
        """Let time pass until a condition, sync or async, is true; return what it gave.

        Looks every 10 virtual ms, later less often; raises `AssertionError` after `within_ms`.
        """
        waited_ms = 0
        while waited_ms <= within_ms:
            found = condition()
            value = await cast("Awaitable[T]", found) if isawaitable(found) else found
            if value:
                return value
            pause_ms = max(LOOK_EVERY_MS, waited_ms // LOOK_SHARE)
            await self.sleep(pause_ms)
            waited_ms += pause_ms
        raise AssertionError(f"did not come true within {within_ms} ms of virtual time")

    async def quiet(self, *, within_ms: int = PATIENCE_MS) -> None:
        """Let time pass until no job is queued or running; later instants may still wait."""
        await self.until(self._nothing_moves, within_ms=within_ms)

    def neighbour(
        self, *, handlers: Registries | None = None, worker: WorkerWish = None
    ) -> Ductape:
        """Make one more Ductape on the same store, as another process would; open it yourself."""
        registries = self.handlers if handlers is None else _listed(handlers)
        return _prepare(self.folder, self.clock, self.entropy, registries, worker)

    async def _nothing_moves(self) -> bool:
        for status in ("queued", "running"):
            if await self.ductape.jobs.list(status=status, limit=1):
                return False
        return True


@asynccontextmanager
async def simulated_ductape(
    folder: Path,
    *,
    handlers: Registries = (),
    product: Mapping[str, object] | None = None,
    seed: int = 0,
    worker: WorkerWish = None,
) -> AsyncGenerator[Harness]:
    """Open a Ductape on the running virtual loop, its store in `folder`, `product` applied.

    `worker` is as `Ductape.open` takes it; none means `CALM`. Raises `TypeError` on any other loop.
    """
    loop = asyncio.get_running_loop()
    if not isinstance(loop, VirtualLoop):
        raise TypeError("expected a virtual loop: use `run`, or `virtual_loop`")
    entropy = SeededEntropy(seed)
    registries = _listed(handlers)
    async with _prepare(folder, loop.clock, entropy, registries, worker) as ductape:
        if product is not None:
            await ductape.products.apply(dict(product))
        yield Harness(ductape, loop.clock, entropy, folder, registries)


def run(
    scenario: Callable[[Harness], Awaitable[T]],
    folder: Path,
    *,
    handlers: Registries = (),
    product: Mapping[str, object] | None = None,
    seed: int = 0,
    worker: WorkerWish = None,
    start_ms: int = START_MS,
) -> T:
    """Run a scenario to its end in virtual time and return what it returned.

    Raises what it raises, and `AssertionError` for a task that it leaves behind.
    """

    async def whole() -> T:
        async with simulated_ductape(
            folder, handlers=handlers, product=product, seed=seed, worker=worker
        ) as harness:
            return await scenario(harness)

    with virtual_loop(start_ms) as (loop, _):
        try:
            result = loop.run_until_complete(whole())
        finally:
            left = _end_all(loop)
    if left:
        raise AssertionError(f"tasks were left behind: {', '.join(left)}")
    return result


def _end_all(loop: VirtualLoop) -> list[str]:
    """Cancel what still runs; return the names."""
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.wait(left, timeout=1))
    return sorted(repr(task.get_coro()) for task in left)


def _prepare(
    folder: Path,
    clock: VirtualClock,
    entropy: SeededEntropy,
    handlers: Sequence[Handlers],
    worker: WorkerWish,
) -> Ductape:
    store = f"sqlite:///{folder / 'simulated.db'}"
    around = Surroundings(clock=clock, entropy=entropy, threads=StandingThreads(), simulated=True)
    wish = CALM if worker is None else worker
    return Ductape(read_settings({"store": store}, {}), handlers, wish, around)


def _listed(handlers: Registries) -> Sequence[Handlers]:
    return [handlers] if isinstance(handlers, Handlers) else list(handlers)

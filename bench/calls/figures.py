"""Calls a second, ours beside the bare library, by turns in one run."""

import gc
import statistics
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from bench.calls import AT_ONCE, BATCH, FAR_S, bare, ours
from bench.calls.pace import Pace
from bench.calls.partners import Partners, partners, watched
from bench.figures import Scale
from bench.grounds import Ground
from bench.report import Row

Bare = Callable[[Partners, int], Awaitable[Pace]]
Ours = Callable[[str, Partners, int], Awaitable[Pace]]
Fill = Callable[[Partners, int], Awaitable[None]]


@dataclass(frozen=True)
class Called:
    """One kind of call."""

    figure: str
    unit: str
    server: str
    """Whom it goes to, as `Partners.pids` has it."""
    ours: Ours
    bare: Sequence[tuple[str, Bare]]
    """By what it is called in the figure."""
    fill: Fill | None = None
    """Puts messages in place of those that are there."""
    received: bool = False
    """Whether its messages must be there before."""
    slow: int = 1
    """How many times fewer calls than usual are enough."""


@dataclass
class Measured:
    """What the rounds of one kind have shown."""

    ours: list[Pace] = field(default_factory=list[Pace])
    bare: dict[str, list[Pace]] = field(default_factory=dict[str, list[Pace]])
    busy: list[float] = field(default_factory=list[float])
    """The server, while a bare library called it, which is when it has most to do."""


async def calls(ground: Ground, scale: Scale) -> list[Row]:
    """Measure every kind of call."""
    gc.collect()
    gc.freeze()  # as `ductape worker` does, and for the bare libraries no less
    rows: list[Row] = []
    async with partners(ground.folder) as found:
        for called in CALLED:
            rows += _rows(called, await _measured(called, ground, found, scale))
    return rows


async def _measured(called: Called, ground: Ground, found: Partners, scale: Scale) -> Measured:
    """Measure by turns, whoever began last beginning no second time."""
    count = max(scale.calls // called.slow, BATCH)
    measured = Measured(bare={name: [] for name, _ in called.bare})
    for turn in range(scale.rounds):
        steps = [partial(_ours, called, ground, found, count, measured)]
        steps += [partial(_bare, called, found, count, named, measured) for named in called.bare]
        for step in steps if turn % 2 else reversed(steps):
            if called.fill is not None:
                await called.fill(found, count if called.received else 0)
            await step()
    return measured


async def _ours(
    called: Called, ground: Ground, found: Partners, count: int, measured: Measured
) -> None:
    measured.ours.append(await called.ours(await ground.store("ours"), found, count))


async def _bare(
    called: Called, found: Partners, count: int, named: tuple[str, Bare], measured: Measured
) -> None:
    name, call = named
    with watched(found.pids[called.server]) as busy:
        measured.bare[name].append(await call(found, count))
    measured.busy.append(busy.share)


def _rows(called: Called, measured: Measured) -> list[Row]:
    busy = max(measured.busy)
    return [
        Row(
            figure=f"{called.figure}{name}",
            value=_rate(measured.ours),
            unit=called.unit,
            floor=_rate(paces),
            own_cost=statistics.median(
                bare.rate / mine.rate - 1 for bare, mine in zip(paces, measured.ours, strict=True)
            ),
            note=(
                f"{_cpu_us(measured.ours):,.0f} µs of this process's CPU a call, "
                f"bare {_cpu_us(paces):,.0f}; the server was busy for at most {busy:.0%}"
            ),
        )
        for name, paces in measured.bare.items()
    ]


def _rate(paces: Sequence[Pace]) -> float:
    return statistics.median(pace.rate for pace in paces)


def _cpu_us(paces: Sequence[Pace]) -> float:
    return statistics.median(pace.cpu_us for pace in paces)


def _drained(job: dict[str, object]) -> Ours:
    return lambda url, found, count: ours.drained(url, found, job, count)


def _subscribed(broker: str) -> Ours:
    return lambda url, found, count: ours.subscribed(url, found, broker, count)


_ONE_BY_ONE, _TOGETHER = f", beside {AT_ONCE} of one", f", beside one of {BATCH}"

CALLED = (
    Called("actions, HTTP", "calls/s", "http", _drained(ours.ACTION), [("", bare.actions)]),
    Called(
        f"actions, HTTP, {FAR_S * 1000:.0f} ms away",
        "calls/s",
        "http",
        _drained(ours.FAR_ACTION),
        [("", bare.far_actions)],
        slow=2,
    ),
    Called(
        "notifications, HTTP callback",
        "calls/s",
        "http",
        _drained(ours.CALLBACK),
        [("", bare.actions)],
    ),
    Called(
        "notifications, SMTP", "mails/s", "smtp", _drained(ours.EMAIL), [("", bare.mails)], slow=4
    ),
    Called(
        "publish, Redis Streams",
        "msgs/s",
        "redis",
        _drained(ours.publishing("redis")),
        [("", bare.redis_publish)],
        bare.fill_redis,
    ),
    Called(
        "publish, NATS JetStream",
        "msgs/s",
        "nats",
        _drained(ours.publishing("nats")),
        [("", bare.nats_publish)],
        bare.fill_nats,
    ),
    Called(
        "subscribe, Redis Streams",
        "msgs/s",
        "redis",
        _subscribed("redis"),
        [(_ONE_BY_ONE, bare.redis_one_by_one), (_TOGETHER, bare.redis_in_batches)],
        bare.fill_redis,
        received=True,
    ),
    Called(
        "subscribe, NATS JetStream",
        "msgs/s",
        "nats",
        _subscribed("nats"),
        [(_ONE_BY_ONE, bare.nats_one_by_one), (_TOGETHER, bare.nats_in_batches)],
        bare.fill_nats,
        received=True,
    ),
)

"""Steps of features a second: many features at once, whose steps do nothing.

The floor is the engine alone, a commit for each step, from as many callers.
"""

import asyncio
import time

from bench.figures import PRODUCT, Probe, Scale, opened
from bench.grounds import Ground
from bench.report import Row
from ductape import Ductape

STEPS = 20
AT_ONCE = 50
JOB = {"product_tag": "shop", "env": "dev", "event": "steps", "input": {}, "start_at": 0}

FEATURE = {
    "tag": "steps",
    "sequence": [
        {"tag": "main", "events": [{"event": "noop", "tag": f"s{at}"} for at in range(STEPS)]}
    ],
}


async def features(ground: Ground, scale: Scale) -> list[Row]:
    """Run features side by side to their results."""
    count = max(scale.single * 5 // STEPS, 1)
    rates: list[float] = []
    floors: list[float] = []
    for _ in range(scale.rounds):
        async with opened(await ground.store("ours"), Probe(), worker=True) as ductape:
            await ductape.products.apply({**PRODUCT, "features": [FEATURE]})
            start = time.perf_counter()
            await _run(ductape, count)
            rates.append(count * STEPS / (time.perf_counter() - start))
        floors.append(await ground.many_callers(count * STEPS))
    return [_row(rates, floors)]


async def _run(ductape: Ductape, count: int) -> None:
    left = iter(range(count))

    async def caller() -> None:
        for _ in left:
            await ductape.processor.job.schedule(JOB)

    await asyncio.gather(*(caller() for _ in range(AT_ONCE)))


def _row(rates: list[float], floors: list[float]) -> Row:
    figure = f"steps of features, {AT_ONCE} features at once"
    return Row(figure, sorted(rates)[len(rates) // 2], "steps/s", sorted(floors)[len(floors) // 2])

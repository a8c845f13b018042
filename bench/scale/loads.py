"""When jobs fall due: the shapes of a day, as jobs for each step of the model, chance by a seed.

A shape says how the day's jobs spread over its seconds, and which part of them falls due at the
very start of each hour, as cron expressions do that everybody writes alike.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from bench.scale.model import STEP_S

HOUR_S = 3_600
DAY_S = 86_400
STEPS_A_SECOND = round(1 / STEP_S)
MANY = 30.0
PEAK_S = 15 * HOUR_S
"""When most falls due, of a day with a tide: three in the afternoon."""


@dataclass(frozen=True)
class Shape:
    """How a day's jobs spread."""

    name: str
    tide: float = 0.0
    """How far the rate swings about its mean: 0.6 is from 0.4 to 1.6 times."""
    on_the_hour: float = 0.0
    """Which part of all jobs falls due at the start of an hour."""
    within_s: float = STEP_S
    """How long those take to fall due: one step for an instant."""


SHAPES = (
    Shape("even"),
    Shape("tide: 0.4 to 1.6 of the mean", tide=0.6),
    Shape("tide, 10 % on the hour, over a minute", tide=0.6, on_the_hour=0.1, within_s=60.0),
    Shape("tide, 1 % at the hour's instant", tide=0.6, on_the_hour=0.01),
    Shape("tide, 10 % at the hour's instant", tide=0.6, on_the_hour=0.1),
)


def due(shape: Shape, jobs_a_day: float, seed: int, *, start_s: int, end_s: int) -> Iterator[float]:
    """Yield how many jobs fall due in each step of a stretch of the day."""
    chance = Random(seed)  # noqa: S311 (a model's chance, not a secret)
    spread = jobs_a_day * (1 - shape.on_the_hour) / DAY_S / STEPS_A_SECOND
    gathered = jobs_a_day * shape.on_the_hour / 24
    lasts = max(1, round(shape.within_s / STEP_S))
    for second in range(start_s, end_s):
        height = _height(shape, second)
        mean = spread * height
        deviation = math.sqrt(mean)
        first = second % HOUR_S * STEPS_A_SECOND
        for step in range(first, first + STEPS_A_SECOND):
            some = _some(mean, deviation, chance)
            yield some + gathered * height / lasts if step < lasts else some


def _some(mean: float, deviation: float, chance: Random) -> float:
    """Draw a count: one by one where few are expected, else from the bell that they make."""
    if mean > MANY:
        return max(0.0, chance.gauss(mean, deviation))
    count, left = -1, math.exp(mean)
    while left > 1:
        left *= 1 - chance.random()
        count += 1
    return max(0, count)


def _height(shape: Shape, second: int) -> float:
    """Return the rate at a second of the day, as part of the mean."""
    return 1 + shape.tide * math.cos((second - PEAK_S) / DAY_S * math.tau)

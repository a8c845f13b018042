"""Two hundred seeds of the simulated world, told in every test run.

A failing seed is named; `python -m tests.simulation SEED` tells it again, `--seeds 5000` soaks.
"""

import pytest

from tests.simulation.telling import simulate

SEEDS = range(200)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_promise_holds_in_the_world_of_a_seed(seed: int) -> None:
    faults = simulate(seed).faults
    assert not faults, f"seed {seed}: " + "\n".join(faults)


def test_a_seed_tells_the_same_story_each_time() -> None:
    first, second = simulate(7), simulate(7)
    assert len(first.trace) > 20
    assert first.trace == second.trace

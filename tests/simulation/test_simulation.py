"""Some seeds of the simulated world, told in every test run on each store.

A failing seed is named; `python -m tests.simulation SEED` tells it again, `--seeds 5000` soaks;
both take `--store postgres`.
"""

import pytest

from tests.servers.postgres import postgres_server
from tests.simulation.telling import simulate

SEEDS = range(140)
SEEDS_ON_A_SERVER = range(5)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_promise_holds_in_the_world_of_a_seed(seed: int) -> None:
    faults = simulate(seed).faults
    assert not faults, f"seed {seed}: " + "\n".join(faults)


def test_every_promise_holds_on_a_server_too() -> None:
    with postgres_server() as server:
        told = {seed: simulate(seed, server.url).faults for seed in SEEDS_ON_A_SERVER}
    assert not any(told.values()), {seed: faults for seed, faults in told.items() if faults}


def test_a_seed_tells_the_same_story_each_time() -> None:
    first, second = simulate(7), simulate(7)
    assert len(first.trace) > 20
    assert first.trace == second.trace

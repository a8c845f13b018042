"""From measured costs to the prices that the model goes by.

Turns were measured with 1, 10 and 100 runs in them: a straight line through the first and the last
gives what a turn costs by itself and what each run adds. The crowd of workers gives what a claim
pays for each run that others hold: the growth of a turn from one worker to the most that were
measured, shared among all runs that the others held. A run costs more processor time on a machine
that is busy: how much more is taken from worker processes that drain. How fast they drain is what
the model foretells, and is not used.
"""

from dataclasses import replace

from bench.scale.costs import Costs, Drain
from bench.scale.model import FULL_TURN, Prices
from bench.scale.phases import DRAIN, ONE
from bench.scale.turns import PROMOTE


def prices_of(costs: Costs) -> Prices:
    """Return the model's prices."""
    turns, idle = costs.turns, costs.standing
    few, many = min(turns.of), max(turns.of)
    run_us = (turns.of[many][1] - turns.of[few][1]) / (many - few)
    alone, crowd = costs.crowd[0], costs.crowd[-1]
    beside = (crowd.workers - 1) * crowd.runs
    client_us, turn_us = costs.phase(DRAIN).client_us, turns.of[few][1] - few * run_us
    return Prices(
        dispatch_us=costs.phase(ONE).server_us,
        promote_us=costs.phase(PROMOTE).server_us,
        look_us=turns.empty_server_us,
        turn_us=turn_us,
        run_us=run_us,
        skip_us=max(0.0, crowd.server_us - alone.server_us) / beside,
        hint_us=idle.hint_us,
        idle_us=idle.server_us,
        client_us=client_us,
        busy=_busy(costs.drains[-1], client_us + run_us + turn_us / FULL_TURN),
        commit_s=costs.commit_ms / 1000,
        look_s=turns.empty_ms / 1000,
    )


def prices_in(drain: Drain, prices: Prices) -> Prices:
    """Return the prices of a drain's own moment.

    Where a core is to spare nobody waits for what is dearer: then they are those of a calm one.
    """
    if drain.workers < round(drain.cores):
        return replace(prices, busy=1.0)
    calm_us = prices.client_us + prices.run_us + prices.turn_us / FULL_TURN
    return replace(prices, busy=_busy(drain, calm_us))


def _busy(drain: Drain, calm_us: float) -> float:
    return max(1.0, (drain.client_us + drain.server_us) / calm_us)

"""From measured costs to the prices that the model goes by.

Turns were measured with 1, 10 and 100 runs in them: a straight line through the first and the last
gives what a turn costs by itself and what each run adds. The crowd of workers gives what a claim
pays for each run that others hold: the growth of a turn from one worker to the most that were
measured, shared among all runs that the others held.
"""

from bench.scale.costs import Costs
from bench.scale.model import Prices
from bench.scale.phases import DRAIN, ONE
from bench.scale.turns import PROMOTE


def prices_of(costs: Costs) -> Prices:
    """Return the model's prices."""
    turns, idle = costs.turns, costs.standing
    few, many = min(turns.of), max(turns.of)
    run_us = (turns.of[many][1] - turns.of[few][1]) / (many - few)
    alone, crowd = costs.crowd[0], costs.crowd[-1]
    beside = (crowd.workers - 1) * crowd.runs
    return Prices(
        dispatch_us=costs.phase(ONE).server_us,
        promote_us=costs.phase(PROMOTE).server_us,
        look_us=turns.empty_server_us,
        turn_us=max(turns.of[few][1] - few * run_us, turns.empty_server_us),
        run_us=run_us,
        skip_us=max(0.0, crowd.server_us - alone.server_us) / beside,
        hint_us=idle.hint_us,
        idle_us=idle.server_us,
        client_us=costs.phase(DRAIN).client_us,
        look_s=turns.empty_ms / 1000,
    )

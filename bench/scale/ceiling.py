"""What one PostgreSQL can bear: arithmetic on the measured costs, nothing measured anew.

A job's life here: stored by itself hours before its instant, promoted, claimed and settled in full
turns. `CORES` of the speed that was measured with, of which `USED` may be spent.
"""

from dataclasses import dataclass

from bench.scale.costs import Costs
from bench.scale.model import FULL_TURN
from bench.scale.phases import BULK, DRAIN, OCCURRENCE, ONE
from bench.scale.prices import prices_of
from bench.scale.tables import figure, table
from bench.scale.turns import PROMOTE

CORES = 16
USED = 0.7
JOBS = 100e6
"""A day."""
DAY_S = 86_400
KEPT_DAYS = 30
WORKERS = (10, 30, 100, 300, 1_000)
GB = 1e9


@dataclass(frozen=True)
class Life:
    """What a job costs from its call to its history."""

    name: str
    server_us: float
    wal_bytes: float
    left_bytes: float
    """In `history`, until its day is dropped."""


def lives(costs: Costs) -> list[Life]:
    """Add the phases up, for each way in which a job may come in."""
    promote, drain = costs.phase(PROMOTE), costs.phase(DRAIN)
    prices = prices_of(costs)
    end_us = prices.turn_us / FULL_TURN + prices.run_us

    def of(name: str, way: str) -> Life:
        stored = costs.phase(way)
        return Life(
            name,
            stored.server_us + promote.server_us + end_us,
            stored.wal_bytes + promote.wal_bytes + drain.wal_bytes,
            drain.left_bytes,
        )

    again = costs.phase(OCCURRENCE)
    return [
        of("one-off, stored one by one", ONE),
        of("one-off, stored 1,000 a call", BULK),
        Life(
            "an occurrence of a recurring job", again.server_us, again.wal_bytes, again.left_bytes
        ),
    ]


def of_ceilings(costs: Costs) -> str:
    """Write the ceilings of each kind of life."""
    lines: list[tuple[str, ...]] = []
    for life in lives(costs):
        a_second = CORES * USED * 1e6 / life.server_us
        lines.append(
            (
                life.name,
                f"{figure(life.server_us)} µs",
                f"{figure(a_second)}/s",
                f"{a_second * DAY_S / 1e9:.1f} bn",
                f"{JOBS / DAY_S * life.server_us / 1e6:.2f}",
                f"{JOBS * life.wal_bytes / GB:,.0f} GB",
                f"{JOBS / DAY_S * life.wal_bytes / 1e6:.1f} MB/s",
                f"{JOBS * life.left_bytes / GB:,.0f} GB",
                f"{JOBS * life.left_bytes * KEPT_DAYS / GB / 1000:.1f} TB",
            )
        )
    head = (
        "a job",
        "server CPU",
        f"most, {CORES} cores at {USED:.0%}",
        "a day",
        "100 M a day: cores",
        "WAL a day",
        "WAL",
        "history a day",
        f"in {KEPT_DAYS} days",
    )
    return table(head, lines)


def of_crowding(costs: Costs) -> str:
    """Write what workers cost one server by being there, with nothing to do and with hints."""
    prices, idle = prices_of(costs), costs.standing
    lines = [
        (
            f"{workers:,}",
            f"{workers * idle.busy_connections:,}",
            figure(workers * idle.transactions),
            f"{workers * idle.server_us / 1e6:.2f}",
            f"{workers * prices.hint_us / 1000:,.2f} ms",
            f"{workers * prices.look_us / 1000:,.1f} ms",
            figure(CORES * USED * 1e6 / (workers * (prices.hint_us + prices.look_us))),
        )
        for workers in WORKERS
    ]
    head = (
        "workers",
        "connections",
        "transactions/s, idle",
        "cores, idle",
        "a hint: to hand out",
        "and to look",
        f"hints/s that fill {CORES} cores at {USED:.0%}",
    )
    return table(head, lines)

"""What a job costs, by phases; what a turn, a crowd of workers, and an idle one cost.

    python -m bench costs            measure, and print the tables
    python -m bench costs --keep     measure, and keep it for the page and `python -m bench scale`
    python -m bench costs --kept     print what was kept
    python -m bench costs --short    small counts, for the tests

The PostgreSQL is started by the command, `fsync`, `synchronous_commit` and `full_page_writes` on.
Counts, bytes and processor time bear a busy machine; milliseconds and drains do not.
"""

import argparse
import asyncio
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.grounds import OnPostgres
from bench.report import machine
from bench.scale import costs as kept_costs
from bench.scale import phases, turns
from bench.scale.costs import Costs
from bench.scale.drains import drains
from bench.scale.embedded import embedded
from bench.scale.meter import metering
from bench.scale.standing import standing
from bench.scale.tables import of_costs
from bench.server import bench_server

COMMITS_APART_S = 0.002


def main(words: Sequence[str]) -> int:
    """Measure and print; return the exit code."""
    given = _given(words)
    if given.kept:
        costs = kept_costs.kept()
    else:
        with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as folder:
            costs = asyncio.run(measured(Path(folder), short=given.short))
    if given.keep:
        kept_costs.KEPT.write_text(kept_costs.written(costs))
    print(kept_costs.written(costs) if given.json else of_costs(costs))
    return 0


async def measured(folder: Path, *, short: bool) -> Costs:
    """Measure everything on one server."""
    life = phases.Amount.short() if short else phases.Amount.full()
    taken = turns.Amount.short() if short else turns.Amount.full()
    cores = os.cpu_count() or 1
    async with bench_server() as server:
        with metering(server.server.url) as meter:
            _say("the phases of a job")
            found = await phases.phases(server, meter, life)
            found.insert(2, await turns.promotion(server, meter, taken))
            _say("turns")
            by_size = await turns.turns(server, meter, taken)
            _say("crowds")
            crowd = await turns.crowds(server, meter, taken)
            _say("an idle worker, hints")
            idle = await standing(server, watched_s=0.5 if short else 12.0)
            _say("drains, a lone commit")
            floor = OnPostgres(server, folder)
            commit_ms = await floor.commit_ms(20 if short else 500, COMMITS_APART_S)
            jobs, rounds = (4_000, 1) if short else (60_000, 5)
            drained = await drains(server, meter, folder, jobs=jobs, cores=cores, rounds=rounds)
        facts = server.facts
    _say("SQLite")
    return Costs(
        machine=machine(),
        server=facts,
        commit_ms=commit_ms,
        phases=found,
        turns=by_size,
        crowd=crowd,
        standing=idle,
        embedded=await embedded(folder, life),
        drains=drained,
    )


def _say(what: str) -> None:
    print(f"{what} …", file=sys.stderr)


def _given(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench costs",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--short", action="store_true", help="small counts")
    parser.add_argument("--keep", action="store_true", help="keep it for the page and the model")
    parser.add_argument("--kept", action="store_true", help="measure nothing: print what was kept")
    parser.add_argument("--json", action="store_true", help="the figures as JSON")
    return parser.parse_args(words)

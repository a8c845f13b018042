"""Tell one seed's story, or soak many.

python -m tests.simulation SEED
python -m tests.simulation --seeds 5000 [--from 0]

`--store postgres` does it on a PostgreSQL, which it starts and stops.
"""

import argparse
import sys
import time
from collections.abc import Sequence

from tests.servers.postgres import postgres_server
from tests.simulation.telling import simulate

STORES = ("sqlite", "postgres")


def main() -> int:
    """Return 0 where every promise held."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation")
    parser.add_argument("seed", type=int, nargs="?", help="tell this one")
    parser.add_argument("--seeds", type=int, default=0, help="tell so many")
    parser.add_argument("--from", type=int, default=0, dest="first", help="beginning with this one")
    parser.add_argument("--store", choices=STORES, default="sqlite", help="on this one")
    given = parser.parse_args()
    if given.seed is None and not given.seeds:
        parser.error("give a SEED or --seeds N")
    last = given.first + given.seeds
    seeds = [given.seed] if given.seed is not None else range(given.first, last)
    if given.store == "sqlite":
        return _tell(seeds, None)
    with postgres_server() as server:
        return _tell(seeds, server.url)


def _tell(seeds: Sequence[int], server: str | None) -> int:
    began_s, failed = time.monotonic(), 0
    for seed in seeds:
        telling = simulate(seed, server)
        if telling.faults:
            failed += 1
            print(f"seed {seed}: " + "\n    ".join(telling.faults[:10]), flush=True)  # noqa: T201
    span_s = time.monotonic() - began_s
    print(f"{len(seeds)} seeds, {failed} failed, {span_s:.1f} s")  # noqa: T201
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

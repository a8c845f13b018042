"""Tell one seed's story, or soak many.

python -m tests.simulation SEED
python -m tests.simulation --seeds 5000 [--from 0]
"""

import argparse
import sys
import time

from tests.simulation.telling import simulate


def main() -> int:
    """Return 0 where every promise held."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation")
    parser.add_argument("seed", type=int, nargs="?", help="tell this one")
    parser.add_argument("--seeds", type=int, default=0, help="tell so many")
    parser.add_argument("--from", type=int, default=0, dest="first", help="beginning with this one")
    given = parser.parse_args()
    if given.seed is None and not given.seeds:
        parser.error("give a SEED or --seeds N")
    seeds = (
        [given.seed] if given.seed is not None else range(given.first, given.first + given.seeds)
    )
    began_s, failed = time.monotonic(), 0
    for seed in seeds:
        telling = simulate(seed)
        if telling.faults:
            failed += 1
            print(f"seed {seed}: " + "\n    ".join(telling.faults[:10]))  # noqa: T201
    span_s = time.monotonic() - began_s
    print(f"{len(seeds)} seeds, {failed} failed, {span_s:.1f} s")  # noqa: T201
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

"""`make torture`: real processes on one store, killed, frozen, cut off and misled, then counted.

    python -m torture                           five minutes, half on each kind of store
    python -m torture --store postgres --minutes 60
    python -m torture --seconds 20 --seed 7     the same load and the same order of troubles again

Exit code 1 where a promise was broken: the first ones are listed. Ledgers and logs are then kept.
"""

import argparse
import asyncio
import json
import random
import shutil
import sys
import tempfile
from pathlib import Path

from torture.plan import KINDS, Kind, Plan
from torture.report import figures, lines_of
from torture.story import Told, tell


def main() -> int:
    """Tell the stories asked for; return the exit code."""
    given = _arguments()
    kinds: tuple[Kind, ...] = KINDS if given.store == "both" else (given.store,)
    whole_s = given.seconds if given.seconds is not None else given.minutes * 60
    told = [_tell(Plan(kind, given.seed, whole_s / len(kinds)), given.json) for kind in kinds]
    if given.json:
        print(json.dumps([figures(one) for one in told], indent=2))
    return 1 if any(one.broken for one in told) else 0


def _tell(plan: Plan, as_json: bool) -> Told:  # noqa: FBT001 (the option itself)
    folder = Path(tempfile.mkdtemp(prefix="torture-"))
    print(f"{plan.kind}: {plan.trouble_s:g} s of trouble …", file=sys.stderr)
    told = asyncio.run(tell(plan, folder))
    if not as_json:
        print("\n".join(lines_of(told)))
    if told.broken:
        print(f"ledgers and logs are in {folder}", file=sys.stderr)
    else:
        shutil.rmtree(folder)
    return told


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="torture", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--store", choices=[*KINDS, "both"], default="both")
    parser.add_argument("--minutes", type=float, default=5.0, help="of trouble, in all")
    parser.add_argument("--seconds", type=float, help="the same in seconds")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))  # noqa: S311
    parser.add_argument("--json", action="store_true", help="figures as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

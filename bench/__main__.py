"""`make bench`: what the embedded store does on this machine, beside the bare engine's floor.

    python -m bench            every figure
    python -m bench drain      one of them
    python -m bench --short    small counts, for the tests

Each figure is the median of several rounds. The floor is SQLite alone with the same durability
(`synchronous = FULL`, WAL), doing the least that the figure could mean.
"""

import argparse
import asyncio
import json
import os
import platform
import sys
import tempfile
from pathlib import Path

from bench.figures import FIGURES, Scale
from bench.report import Row, print_table


def main() -> int:
    """Run the figures asked for; return the exit code."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("figures", nargs="*", help=f"of {', '.join(FIGURES)}; all, if none")
    parser.add_argument("--short", action="store_true", help="small counts")
    parser.add_argument("--json", action="store_true", help="rows as JSON")
    given = parser.parse_args()
    unknown = set(given.figures) - set(FIGURES)
    if unknown:
        parser.error(f"no such figure: {', '.join(sorted(unknown))}")
    scale = Scale.short() if given.short else Scale.full()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="ductape-bench-", dir=_disk()) as folder:
        for name in given.figures or FIGURES:
            print(f"{name} …", file=sys.stderr)
            place = Path(folder) / name
            place.mkdir()
            rows += asyncio.run(FIGURES[name](place, scale))
    if given.json:
        print(json.dumps([row.as_dict() for row in rows], indent=2))
    else:
        print_table(rows, machine=_machine())
    return 0


def _disk() -> str | None:
    """Return where to measure: `BENCH_DIR`, else the usual temporary folder."""
    return os.environ.get("BENCH_DIR")


def _machine() -> str:
    cores = os.cpu_count()
    return (
        f"{platform.system()} {platform.machine()}, {cores} cores, "
        f"Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}"
    )


if __name__ == "__main__":
    sys.exit(main())

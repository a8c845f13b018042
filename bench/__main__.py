"""`make bench`: what ours does on this machine, beside the bare engine's floor.

    python -m bench                     every figure, on SQLite
    python -m bench --store postgres    the same on PostgreSQL, which it starts
    python -m bench drain               one of them
    python -m bench --short             small counts, for the tests
    python -m bench --sync-ms 4         as on a disk that takes 4 ms longer for each sync
    python -m bench peers --help        ours beside the peers
    python -m bench bloat --help        whether PostgreSQL's tables grow with what passes through
    python -m bench costs --help        what a job costs, in rows, WAL, round trips and CPU
    python -m bench scale --help        a day of a thousand workers, modelled from these costs

Each figure is the median of several rounds. The floor is the engine alone with the same durability
(SQLite: WAL, `synchronous = FULL`; PostgreSQL: `fsync` and `synchronous_commit` on), doing the
least that the figure could mean. Of `calls` it is the bare client library, 50 calls at a time, and
`own cost` is what a call of ours takes on top; what is timed stands in `bench/calls/__init__.py`.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from bench import bloat, slow_disk
from bench.backlog import backlog
from bench.calls.figures import calls
from bench.features import features
from bench.figures import FIGURES, Scale
from bench.grounds import ground_of
from bench.processes import drain_beside, elsewhere
from bench.report import Row, print_table
from bench.scale import measuring, scenarios
from bench.versus import command

COMMANDS: dict[str, Callable[[Sequence[str]], int]] = {
    "peers": command.main,
    "bloat": bloat.main,
    "costs": measuring.main,
    "scale": scenarios.main,
}
"""What has options of its own."""

EVERY = {
    **FIGURES,
    "elsewhere": elsewhere,
    "drain_beside": drain_beside,
    "features": features,
    "calls": calls,
    "backlog": backlog,
}


def main(words: Sequence[str]) -> int:
    """Run what is asked for; return the exit code."""
    if words[:1] and words[0] in COMMANDS:
        return COMMANDS[words[0]](words[1:])
    given = _given(words)
    if given.sync_ms and slow_disk.sync_ms() is None:
        return slow_disk.again(words, given.sync_ms)
    with tempfile.TemporaryDirectory(prefix="ductape-bench-", dir=_disk()) as folder:
        title, rows = asyncio.run(_measured(given, Path(folder)))
    if given.json:
        print(json.dumps([row.as_dict() for row in rows], indent=2))
    else:
        print_table(rows, title=title)
    return 0


def _given(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("figures", nargs="*", help=f"of {', '.join(EVERY)}; all, if none")
    parser.add_argument("--store", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--short", action="store_true", help="small counts")
    parser.add_argument("--sync-ms", type=float, help="a slower disk, by so much for each sync")
    parser.add_argument("--json", action="store_true", help="rows as JSON")
    given = parser.parse_args(words)
    unknown = set(given.figures) - set(EVERY)
    if unknown:
        parser.error(f"no such figure: {', '.join(sorted(unknown))}")
    return given


async def _measured(given: argparse.Namespace, folder: Path) -> tuple[str, list[Row]]:
    scale = Scale.short() if given.short else Scale.full()
    rows: list[Row] = []
    async with ground_of(given.store, folder) as ground:
        for name in given.figures or EVERY:
            print(f"{name} …", file=sys.stderr)
            rows += await EVERY[name](ground, scale)
        return f"{ground.title}{_slower(given.sync_ms)}", rows


def _slower(sync_ms: float | None) -> str:
    return f"; each sync {sync_ms:g} ms longer" if sync_ms else ""


def _disk() -> str | None:
    """Return where to measure on SQLite: `BENCH_DIR`, else the usual temporary folder."""
    return os.environ.get("BENCH_DIR")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""`make bench-peers`: ours beside the peers, on one PostgreSQL, in one run.

    python -m bench peers                      every figure of every peer: about an hour
    python -m bench peers drain pick_up        some figures
    python -m bench peers --peers pgqueuer     ours and some peers
    python -m bench peers --short              small counts, no backlog: to see that it works
    python -m bench peers --long backlog       a million old and as many future rows

The peers are installed by the first run, each in an environment of its own under `.bench/`.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bench.report import machine
from bench.versus.environments import Absent, install
from bench.versus.report import as_json, print_report
from bench.versus.roster import OURS, PEERS, Peer
from bench.versus.run import FIGURES, Measured, Run, measure
from bench.versus.scale import Scale

STOPPED = 130
"""The exit code of a run that was stopped before its end."""


def main(words: Sequence[str]) -> int:
    """Run what is asked for; return the exit code."""
    given = _given(words)
    peers, absent = _installed(_chosen(given.peers))
    command = " ".join(["python -m bench peers", *words])
    here = machine()
    with tempfile.TemporaryDirectory(prefix="bench-peers-", dir=os.environ.get("BENCH_DIR")) as at:
        run = Run(peers, _figures(given), _scale(given), Path(at))
        measured, code = Measured(), 0
        try:
            asyncio.run(_until_told(run, measured))
        except (KeyboardInterrupt, asyncio.CancelledError):
            print("stopped: the report is of what was measured by then", file=sys.stderr)
            code = STOPPED
    if given.json:
        report = as_json(run, measured, absent, command=command, machine=here)
        print(json.dumps(report, indent=2))
    else:
        print_report(run, measured, absent, command=command, machine=here)
    return code


async def _until_told(run: Run, measured: Measured) -> None:
    """Measure until all is measured, or until SIGTERM: the servers are stopped either way."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await measure(run, measured)


def _given(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench peers",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("figures", nargs="*", help=f"of {', '.join(FIGURES)}; all, if none")
    parser.add_argument("--peers", help="of them, comma-separated; ours is always measured")
    parser.add_argument("--short", action="store_true", help="small counts")
    parser.add_argument("--long", action="store_true", help="a million rows of backlog")
    parser.add_argument("--rounds", type=int, help="how often all are measured by turns")
    parser.add_argument("--json", action="store_true", help="the report as JSON")
    given = parser.parse_args(words)
    unknown = set(given.figures) - set(FIGURES)
    if unknown:
        parser.error(f"no such figure: {', '.join(sorted(unknown))}")
    strangers = set(_names(given.peers)) - {peer.name for peer in PEERS}
    if strangers:
        known = ", ".join(peer.name for peer in PEERS)
        parser.error(f"no such peer: {', '.join(sorted(strangers))}; there are {known}")
    return given


def _names(peers: str | None) -> list[str]:
    return [] if peers is None else [name.strip() for name in peers.split(",") if name.strip()]


def _chosen(peers: str | None) -> list[Peer]:
    wanted = {OURS, *_names(peers)}
    return [peer for peer in PEERS if peers is None or peer.name in wanted]


def _installed(peers: Sequence[Peer]) -> tuple[list[Peer], list[Absent]]:
    """Install whom we can; keep those whom we cannot, with the reason."""
    here: list[Peer] = []
    absent: list[Absent] = []
    for peer in peers:
        print(f"installing {peer.name} …", file=sys.stderr)
        failed = install(peer)
        if failed is None:
            here.append(peer)
        else:
            absent.append(failed)
    return here, absent


def _figures(given: argparse.Namespace) -> set[str]:
    if given.figures:
        return set(given.figures)
    return set(FIGURES) - ({"backlog"} if given.short else set())


def _scale(given: argparse.Namespace) -> Scale:
    scale = Scale.long() if given.long else Scale.full()
    scale = Scale.short() if given.short else scale
    return scale if given.rounds is None else replace(scale, rounds=given.rounds)

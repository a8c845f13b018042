"""The comparison with peers: its ratios, who counts as one, and what its processes say."""

import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bench.versus.environments import Absent
from bench.versus.figures import Sample
from bench.versus.processes import AdapterFailed, running
from bench.versus.report import FIGURES, Line, as_json, lines_of
from bench.versus.roster import OURS, PEERS, ROOT, Peer
from bench.versus.run import FIGURES as ASKED
from bench.versus.run import FLOOR, Measured, Run
from bench.versus.scale import Scale

ON_POSTGRES = Peer("slow", drained=1, settings="as it comes")
FASTER = Peer("fast", drained=1, settings="as it comes")
ON_SQLITE = Peer("embedded", drained=1, settings="as it comes", ground="SQLite")
SYSTEMS = (ON_POSTGRES, FASTER, ON_SQLITE)


def _measured(figure: str, **values: float) -> Measured:
    measured = Measured()
    for who, value in values.items():
        measured.add(FLOOR if who == "floor" else who, Sample(figure, value))
    return measured


def _lines(figure: str, measured: Measured) -> dict[str, Line]:
    return {line.who: line for line in lines_of(figure, measured, SYSTEMS)}


def test_a_value_is_compared_with_ours_the_best_peer_and_the_floor() -> None:
    measured = _measured("drain", ductape=100, slow=20, fast=50, floor=400)
    slow = _lines("drain", measured)["slow"]
    assert (slow.of_ours, slow.of_best_peer, slow.of_floor) == (0.2, 0.4, 0.05)


def test_a_system_on_another_ground_is_shown_but_is_not_the_best_peer() -> None:
    measured = _measured("drain", ductape=100, fast=50, embedded=1_000)
    assert _lines("drain", measured)[OURS].of_best_peer == 2


def test_the_best_latency_is_the_smallest_and_stands_first() -> None:
    measured = _measured("pick_up_p50", ductape=4, slow=8, fast=2)
    assert [line.who for line in lines_of("pick_up", measured, SYSTEMS)] == ["fast", OURS, "slow"]
    assert _lines("pick_up", measured)[OURS].of_best_peer == 2


def test_who_starts_early_is_nobody_s_measure() -> None:
    measured = _measured("lateness_p50", ductape=2, slow=-300, fast=40)
    lines = _lines("lateness", measured)
    assert lines[OURS].of_best_peer == 0.05
    assert lines["slow"].of_ours is None


def test_a_figure_is_the_median_of_its_rounds() -> None:
    measured = _measured("single", ductape=10)
    for value in (30, 20):
        measured.add(OURS, Sample("single", value))
    assert _lines("single", measured)[OURS].values == {"single": 20}


def test_who_or_what_is_missing_is_told_with_its_reason() -> None:
    lacking = replace(FASTER, lacks={"backlog": "it has no rows"}, blocking=True)
    measured = _measured("single", ductape=10)
    measured.faults["draining", "slow"] = "it ended"
    report = as_json(
        Run((ON_POSTGRES, lacking), set(ASKED), Scale.short(), Path()),
        measured,
        [Absent(ON_SQLITE, "no such package")],
        command="",
        machine="",
    )
    missing = report["missing"]
    assert isinstance(missing, list)
    assert {
        "embedded: cannot be installed: no such package",
        "slow, draining: it ended",
        "fast, backlog: it has no rows",
        "fast, concurrent: its calls block",
    } <= set(missing)


def test_every_figure_that_may_be_asked_for_has_its_table() -> None:
    assert tuple(FIGURES) == ASKED


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
def test_a_peer_has_an_adapter_and_every_package_pinned(peer: Peer) -> None:
    ending = "mjs" if peer.kind == "node" else "py"
    assert (ROOT / "bench" / "peers" / f"{peer.adapter}.{ending}").exists()
    if peer.name != OURS and peer.kind == "python":
        lines = peer.requirements.read_text(encoding="utf-8").splitlines()
        packages = [line for line in lines if not line.startswith("#")]
        assert packages
        assert all(re.fullmatch(r"[\w.-]+==[\w.]+", package) for package in packages)


async def test_an_adapter_that_ends_is_quoted(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "raise ValueError('no such table')"]
    with pytest.raises(AdapterFailed, match="ValueError: no such table"):
        async with running(command, {}, tmp_path) as adapter:
            await adapter.ready()


async def test_a_worker_tells_what_it_holds_and_what_it_handled(tmp_path: Path) -> None:
    program = tmp_path / "worker.py"
    program.write_text(
        "import asyncio\n"
        "from bench.peers.line import tally\n"
        "async def work():\n"
        "    async with asyncio.TaskGroup() as group:\n"
        "        for _ in range(3):\n"
        "            group.create_task(tally().noop())\n"
        "    await tally().noop()\n"
        "    tally().probe({'due_s': 0})\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(work())\n"
    )
    async with running(
        [sys.executable, str(program)], {"PYTHONPATH": str(ROOT)}, tmp_path
    ) as worker:
        assert await worker.until(lambda seen: seen.get("waiting") == 3, within_s=20)
        assert worker.number("handled") == 0
        worker.send("go")
        assert await worker.until(lambda seen: seen.get("late") == 1, within_s=20)
        assert (worker.number("held"), worker.number("handled")) == (3, 4)

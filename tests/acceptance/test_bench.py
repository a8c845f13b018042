"""The benchmarks' short forms: every figure is measured, with its floor where it has one."""

import asyncio
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.versus.roster import OURS
from bench.versus.run import FLOOR

ROOT = Path(__file__).resolve().parents[2]

WITH_A_FLOOR = 8
CALLS = [
    "actions, HTTP",
    "actions, HTTP, 20 ms away",
    "notifications, HTTP callback",
    "notifications, SMTP",
    "publish, Redis Streams",
    "publish, NATS JetStream",
    "subscribe, Redis Streams, beside 50 of one",
    "subscribe, Redis Streams, beside one of 100",
    "subscribe, NATS JetStream, beside 50 of one",
    "subscribe, NATS JetStream, beside one of 100",
]
"""Beside the bare library."""
MOST_MIB = 32

PHASES = [
    "dispatch, one by one",
    "dispatch, 1,000 a call",
    "promotion of a run due later",
    "claim and settle",
    "an occurrence",
]
BY_TURNS = ("single", "drain", "pick_up")
"""Those of the comparison that have a floor and are quick."""


@pytest.mark.timeout(150)
async def test_every_figure_is_measured(tmp_path: Path) -> None:
    rows = {row["figure"]: row for row in await _bench("--short", disk=tmp_path)}
    assert all(row["value"] > 0 for name, row in rows.items() if name != "idle worker, of one core")
    assert sum(row["floor"] is not None for row in rows.values()) == WITH_A_FLOOR + len(CALLS)
    assert rows["earliest"]["value"] >= 0
    assert [name for name, row in rows.items() if row["own_cost"] is not None] == CALLS
    for row in map(rows.__getitem__, CALLS):  # of one round, so that these are its very figures
        assert row["own_cost"] == pytest.approx(row["floor"] / row["value"] - 1)


async def test_a_slower_disk_makes_a_lone_commit_slower(tmp_path: Path) -> None:
    if shutil.which("cc") is None:
        with pytest.raises(AssertionError, match="needs a C compiler"):
            await _bench("single", "--short", "--sync-ms", "4", disk=tmp_path)
        return
    [row] = await _bench("single", "--short", "--sync-ms", "4", disk=tmp_path)
    assert row["floor"] < 1_000 / 4
    assert row["value"] < 1_000 / 4


async def test_ours_is_measured_on_postgres_beside_the_floor(tmp_path: Path) -> None:
    report = await _bench("peers", "--short", "--peers", OURS, *BY_TURNS, disk=tmp_path)
    assert "fsync on, synchronous_commit on" in report["server"]
    assert tuple(report["figures"]) == BY_TURNS
    for figure in report["figures"].values():
        lines = {line["who"]: line for line in figure["lines"]}
        assert {OURS, FLOOR} <= set(lines)
        assert lines[OURS]["of_floor"] > 0
    assert not [line for line in report["missing"] if line.startswith(OURS)]


async def test_what_passes_through_postgres_leaves_its_table_small(tmp_path: Path) -> None:
    """Untidied it has 44 MiB after as many jobs, and grows on."""
    figures = await _bench("bloat", "--short", disk=tmp_path)
    assert figures["table_mib"] < MOST_MIB
    assert figures["vacuums"] > 1


@pytest.mark.timeout(150)
async def test_every_cost_of_a_job_is_measured(tmp_path: Path) -> None:
    costs = await _bench("costs", "--short", disk=tmp_path)
    assert [phase["name"] for phase in costs["phases"]] == PHASES
    for phase in costs["phases"]:
        assert min(phase[cost] for cost in ("server_us", "client_us", "wal_bytes", "commits")) > 0
    # The server's counts come late now and then: a row may be counted in the phase after its own.
    one_off = {
        phase["name"]: {table: [round(each) for each in counts] for table, counts in rows.items()}
        for phase, rows in ((one, one["rows"]) for one in costs["phases"][:4])
    }
    assert one_off["dispatch, one by one"] == {"runs": [1, 0, 0]}
    assert one_off["claim and settle"] == {"history": [1, 0, 0], "runs": [0, 1, 1]}


async def test_a_day_of_a_fleet_is_modelled(tmp_path: Path) -> None:
    drains = (await _bench("scale", "--short", disk=tmp_path))["drains"]
    assert [drain["workers"] for drain in drains] == [1, 2]


async def _bench(*words: str, disk: Path) -> Any:  # noqa: ANN401 (JSON)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench",
        *words,
        "--json",
        cwd=ROOT,
        env={**os.environ, "BENCH_DIR": str(disk)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return json.loads(out)

"""The benchmark's short form: every figure is measured, with its floor where it has one."""

import asyncio
import json
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

WITH_A_FLOOR = 5


async def test_every_figure_is_measured(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench",
        "--short",
        "--json",
        cwd=ROOT,
        env={**os.environ, "BENCH_DIR": str(tmp_path)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    rows = {row["figure"]: row for row in json.loads(out)}
    assert all(row["value"] > 0 for name, row in rows.items() if name != "idle worker, of one core")
    assert sum(row["floor"] is not None for row in rows.values()) == WITH_A_FLOOR
    assert rows["earliest"]["value"] >= 0

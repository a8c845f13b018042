"""Schedules applied by processes of their own: at the same time, and killed in the middle."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL, Process
from pathlib import Path

from ductape import Ductape
from ductape.domain.jsonvalue import JsonObject
from tests.acceptance.test_schedules import only, product

MANY = 300
"""As many as take a process a while."""


def many() -> JsonObject:
    return product(*({**only(), "tag": f"s{at}"} for at in range(MANY)))


async def applying(store: str, folder: Path, document: JsonObject) -> Process:
    """Start a process that applies a document."""
    file = folder / "product.json"
    file.write_text(json.dumps(document))
    command = Path(sys.executable).with_name("ductape")
    return await asyncio.create_subprocess_exec(
        command,
        "apply",
        file,
        "--store",
        store,
        cwd=folder,
        env=dict(os.environ),
        stdout=DEVNULL,
        stderr=DEVNULL,
    )


async def live_jobs(ductape: Ductape) -> dict[str, int]:
    """Return how often each schedule is retried, of all live jobs, none of them twice."""
    found = await ductape.jobs.list(status="scheduled", limit=1_000)
    jobs = {job["metadata"]["schedule"]: job["retries"] for job in found}
    assert len(jobs) == len(found)
    return jobs


async def test_processes_that_apply_at_once_make_no_job_twice(store: str, tmp_path: Path) -> None:
    document = product(only(), {**only(), "tag": "rare"})
    async with Ductape.open(store, worker=False) as ductape, asyncio.timeout(60):
        running = [await applying(store, tmp_path, document) for _ in range(3)]
        assert [await one.wait() for one in running] == [0, 0, 0]
        assert await live_jobs(ductape) == {"nightly": 0, "rare": 0}
        assert (await ductape.products.get("shop"))["version"] == 1


async def test_what_a_killed_process_left_undone_the_next_one_does(
    store: str, tmp_path: Path
) -> None:
    async with Ductape.open(store, worker=False) as ductape, asyncio.timeout(90):
        process = await applying(store, tmp_path, many())
        while not await live_jobs(ductape) and process.returncode is None:
            continue
        process.kill()
        await process.wait()
        assert 0 < len(await live_jobs(ductape)) < MANY
        applied = await ductape.products.apply(many())
        assert (applied["changed"], 0 < len(applied["schedules"]) < MANY) == (False, True)
        assert await live_jobs(ductape) == {f"s{at}": 0 for at in range(MANY)}

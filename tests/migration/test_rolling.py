"""A rolling restart and a rolling upgrade: nothing lost, nothing run twice, nobody waits long."""

import asyncio
import json
from collections import Counter
from pathlib import Path

import pytest

from ductape import Ductape, StoreError
from ductape.domain.wire import JobView
from ductape.stores.sqlite.file.statements import known_schema
from tests.migration.fleet import PATIENCE_S, PRODUCT, Fleet, Flow, a_request, next_version, settled

pytestmark = pytest.mark.timeout(180)
"""Up to eight processes are started one after another: a busy machine takes a minute for it."""
NEWEST = known_schema().number
LONGEST_WAIT_MS = 5_000
SOON_S = 0.05
OUT_OF_REACH = 3


async def executed_once(here: Ductape, fleet: Fleet, flow: Flow) -> None:
    """Check that every run was executed once, and soon."""
    wanted = await settled(here, flow)
    executions = fleet.executions()
    assert Counter((one.job, one.run) for one in executions) == wanted
    jobs = set(flow.jobs)
    assert max(one.late_ms for one in executions if one.job in jobs) < LONGEST_WAIT_MS


async def test_workers_restarted_one_after_another_lose_nothing_and_repeat_nothing(
    fleet: Fleet,
) -> None:
    async with Ductape.open(fleet.store, worker=False) as here:
        await here.products.apply(PRODUCT)
        workers = await asyncio.gather(*(fleet.start() for _ in range(3)))
        async with Flow(here) as flow:
            for worker in workers:
                await worked(fleet, worker.pid)
                await fleet.stop(worker)
                await fleet.start()
        await executed_once(here, fleet, flow)


async def test_old_workers_go_on_beside_new_ones_on_a_newer_schema(
    fleet: Fleet, folder: Path
) -> None:
    newer = next_version(folder, oldest=NEWEST)
    async with Ductape.open(fleet.store, worker=False) as here:
        await here.products.apply(PRODUCT)
        stays, goes = await asyncio.gather(fleet.start(), fleet.start())
        async with Flow(here) as flow:
            migrated = await fleet.told("migrate", version=newer)
            assert f"schema   {NEWEST + 1}" in migrated
            await fleet.start(version=newer)
            await fleet.stop(goes)
            returned = await fleet.start()
            await worked(fleet, returned.pid)
        await executed_once(here, fleet, flow)
        report = await here.doctor()
    seen = {one.pid for one in fleet.executions()}
    assert {stays.pid, goes.pid, returned.pid} <= seen
    assert any(one.next for one in fleet.executions())
    [schema] = [one for one in report["findings"] if one["section"] == "schema"]
    assert schema["state"] == "warning"
    assert f"{NEWEST + 1} is newer than this release, which has {NEWEST}" in schema["said"]


async def test_old_workers_claim_nothing_once_the_schema_has_outlived_them(
    fleet: Fleet, folder: Path
) -> None:
    (folder / "ductape.toml").write_text("[worker]\nlease = 6000\ngrace = 1000\n")
    newer = next_version(folder, oldest=NEWEST + 1)
    said = f"the database has schema {NEWEST + 1}, this version knows {NEWEST}"
    async with Ductape.open(fleet.store, worker=False) as here:
        await here.products.apply(PRODUCT)
        old = await fleet.start()
        [worker] = [one["id"] for one in await here.workers.list()]
        held = (await here.processor.job.dispatch(a_request("hold")))["job_id"]
        await worked(fleet, old.pid)
        await fleet.told("migrate", version=newer)
        (folder / "job.json").write_text(json.dumps(a_request()))
        refused, _ = await asyncio.gather(until_refused(here), fleet.start(version=newer))
        assert said in refused.message
    await fleet.told("schedule", "job.json", "--wait", version=newer)
    taken = await ended(fleet, held, newer)
    assert [attempt["status"] for attempt in taken["attempts"]] == ["lost", "completed"]
    await fleet.told("worker", "--handlers", "handlers:handlers", code=OUT_OF_REACH)
    async with asyncio.timeout(PATIENCE_S):
        assert await old.wait() == OUT_OF_REACH
    assert f"worker {worker} ends: {said}" in fleet.complaints()
    # Of this one, and of that which is not even let in.
    assert fleet.complaints().count("hint: upgrade ductape-jobs") == 2
    assert [one.job for one in fleet.executions() if one.pid == old.pid] == [held]


async def worked(fleet: Fleet, pid: int) -> None:
    """Wait until a process has executed something."""
    async with asyncio.timeout(PATIENCE_S):
        while pid not in {one.pid for one in fleet.executions()}:  # noqa: ASYNC110 (a file tells nobody)
            await asyncio.sleep(SOON_S)


async def until_refused(here: Ductape) -> StoreError:
    """Store jobs that are due in years, until that is refused; return the error."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                await here.processor.job.dispatch(a_request(start_at=1_900_000_000_000))
            except StoreError as error:
                return error
            await asyncio.sleep(SOON_S)


async def ended(fleet: Fleet, job: str, newer: Path) -> JobView:
    """Wait until the next version has brought a job to its end; return what there is to tell."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            if not any(one.next and one.job == job for one in fleet.executions()):
                await asyncio.sleep(SOON_S)
                continue
            shown = await fleet.told("jobs", "show", job, "--json", version=newer)
            view: JobView = json.loads(shown)
            if view["status"] == "completed":
                return view

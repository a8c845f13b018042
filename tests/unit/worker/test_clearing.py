"""The file of a large result goes with its run, whenever its storage lets it."""

import logging
from pathlib import Path

import pytest
from msgspec.structs import replace

from ductape import NotFound, ProviderError, WorkerOptions
from ductape.ports.stores.result_files import ResultFile
from ductape.testing import Harness
from ductape.worker.attempt.running import DAY_MS
from ductape.worker.duties.clearing import FIRST_WAIT_MS, LOOK_EVERY_MS, MOST_TRIES
from tests.unit.worker.builders import PRODUCT, a_job, registry, until_status, view_of
from tests.unit.worker.conftest import Play

HOUR_MS = 3_600_000
KEPT_SHORTLY = WorkerOptions(
    completed_kept_ms=HOUR_MS, failed_kept_ms=2 * HOUR_MS, upkeep_ms=60_000
)
NOWHERE = Path("/proc/nowhere")


async def large(given: dict[str, object]) -> list[str]:
    del given
    return ["line" * 10] * 30_000


def files_in(harness: Harness) -> list[str]:
    return sorted(path.name for path in (harness.folder / "files").rglob("*") if path.is_file())


async def declared(harness: Harness, path: Path | None = None, **sections: object) -> None:
    """Apply the product with its storage for results, here or elsewhere."""
    folder = path or harness.folder / "files"
    storage = [{"tag": "files", "type": "local", "path": str(folder)}]
    document = {**PRODUCT, "result_storage": "files", "storage": storage, **sections}
    await harness.ductape.products.apply(document)


async def with_a_file(harness: Harness, **parts: object) -> str:
    """Let a job leave a file."""
    receipt = await harness.ductape.processor.job.dispatch(a_job("large", **parts))
    await until_status(harness, receipt["job_id"], "completed")
    return receipt["job_id"]


async def until_pruned(harness: Harness, job_id: str) -> None:
    async def is_gone() -> bool:
        try:
            await view_of(harness, job_id)
        except NotFound:
            return True
        return False

    await harness.until(is_gone, within_ms=2 * HOUR_MS)


def test_a_file_stays_as_long_as_its_run_and_goes_after_it(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        await declared(harness)
        job_id = await with_a_file(harness)
        await harness.sleep(HOUR_MS - LOOK_EVERY_MS)
        assert files_in(harness) == [f"{job_id}-1.json"]
        await until_pruned(harness, job_id)
        await harness.sleep(2 * LOOK_EVERY_MS)
        assert files_in(harness) == []
        assert await left(harness) == []

    play(scenario, registry(large=large), worker=KEPT_SHORTLY)


async def left(harness: Harness, *, in_ms: int = 2**50) -> list[ResultFile]:
    """List the files that are due in so long, as far as the store knows by now."""
    files = harness.ductape.core.store.result_files
    return await files.left(now_ms=harness.clock.now_ms() + in_ms, limit=9)


async def tried(harness: Harness, file: ResultFile, times: int) -> None:
    """Let a file be one whose removal has failed so often."""
    files = harness.ductape.core.store.result_files
    await files.put_off(replace(file, tries=times), until_ms=0)


def test_a_storage_out_of_reach_holds_no_pruning_up_and_is_asked_again(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        await declared(harness)
        jobs = [await with_a_file(harness) for _ in range(3)]
        await declared(harness, NOWHERE)
        for job_id in jobs:
            await until_pruned(harness, job_id)
        await harness.sleep(5 * FIRST_WAIT_MS)
        assert len(files_in(harness)) == 3
        await declared(harness)
        await harness.sleep(10 * FIRST_WAIT_MS)
        assert files_in(harness) == []

    play(scenario, registry(large=large), worker=KEPT_SHORTLY)


def test_a_file_that_cannot_be_removed_at_all_is_given_up_and_named(
    play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(harness: Harness) -> None:
        await declared(harness)
        job_id = await with_a_file(harness)
        await declared(harness, storage=[], result_storage=None)
        await until_pruned(harness, job_id)
        (file,) = await left(harness)
        await tried(harness, file, MOST_TRIES - 1)
        with caplog.at_level(logging.ERROR):
            await harness.sleep(2 * LOOK_EVERY_MS)
        (said,) = [one.getMessage() for one in caplog.records if one.levelno == logging.ERROR]
        assert f"results/{job_id}-1.json" in said
        assert "NOT_FOUND" in said
        assert await left(harness) == []
        assert files_in(harness) == [f"{job_id}-1.json"]

    play(scenario, registry(large=large), worker=KEPT_SHORTLY)


def test_of_a_storage_out_of_reach_one_file_is_tried_for_all(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        await declared(harness)
        jobs = [await with_a_file(harness) for _ in range(3)]
        blobs = harness.ductape.core.outside.blobs
        tried: list[str] = []

        async def refuse(place: object, name: str, *, timeout_ms: int) -> None:
            del place, timeout_ms
            tried.append(name)
            raise ProviderError("CONNECTION_ERROR", "nobody is there")

        whole, blobs.delete = blobs.delete, refuse  # type: ignore[method-assign]
        for job_id in jobs:
            await until_pruned(harness, job_id)
        await harness.sleep(2 * LOOK_EVERY_MS)
        assert len(set(tried)) == 1
        assert {file.tries for file in await left(harness)} == {0, len(tried)}
        blobs.delete = whole  # type: ignore[method-assign]
        await harness.sleep(10 * FIRST_WAIT_MS)
        assert (files_in(harness), await left(harness)) == ([], [])

    play(scenario, registry(large=large), worker=KEPT_SHORTLY)


def test_a_file_that_a_cache_may_point_at_outlives_its_run_by_that(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        await declared(harness)
        job_id = await with_a_file(harness, cache="quick")
        await until_pruned(harness, job_id)
        await harness.sleep(2 * LOOK_EVERY_MS)
        assert files_in(harness) == [f"{job_id}-1.json"]
        assert await left(harness, in_ms=DAY_MS - HOUR_MS) == []
        assert len(await left(harness, in_ms=DAY_MS + HOUR_MS)) == 1

    play(scenario, registry(large=large), worker=KEPT_SHORTLY)


def test_every_run_of_a_recurrence_has_a_file_of_its_own(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        await declared(harness)
        repeat = {"every": HOUR_MS, "limit": 3}
        receipt = await harness.ductape.processor.job.dispatch(a_job("large", repeat=repeat))
        await harness.sleep(2 * HOUR_MS + LOOK_EVERY_MS)
        assert files_in(harness) == [f"{receipt['job_id']}-{at}.json" for at in (2, 3)]
        await harness.sleep(2 * HOUR_MS)
        assert files_in(harness) == []

    play(scenario, registry(large=large), worker=KEPT_SHORTLY)

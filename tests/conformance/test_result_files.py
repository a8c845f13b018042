"""What every store must do about files of large results: never forget one, and let go with its run.

Their removal is the worker's (`tests/unit/worker/test_clearing.py`).
"""

from msgspec.structs import replace

from ductape.domain.outcome import Success
from ductape.ports.stores import Store
from ductape.ports.stores.result_files import ResultFile
from tests.builders import NOW_MS, a_failure
from tests.conformance.steps import hired
from tests.conformance.test_upkeep import DAY_MS, an_ended_job, pruned

LATER_MS = NOW_MS + 2 * DAY_MS


def a_file(job_id: str = "j1", number: int = 1, **parts: int) -> ResultFile:
    return ResultFile(job_id, number, "shop", "dev", "files", f"results/{job_id}.json", **parts)


async def left(store: Store, *, now_ms: int = LATER_MS) -> list[ResultFile]:
    return await store.result_files.left(now_ms=now_ms, limit=9)


async def with_a_file(store: Store, *, ended_ms: int, failed: bool = False) -> ResultFile:
    """Store a run that has ended, and has a file."""
    outcome = a_failure() if failed else Success({"stored": {}})
    file = a_file(await an_ended_job(store, outcome, at_ms=ended_ms), lingers_ms=7)
    await store.result_files.note(file)
    return file


async def test_a_file_is_left_when_its_run_is_pruned_and_no_earlier(store: Store) -> None:
    await hired(store, "w1")
    old = await with_a_file(store, ended_ms=NOW_MS - DAY_MS)
    young = await with_a_file(store, ended_ms=NOW_MS)
    assert await left(store) == []
    await pruned(store)
    assert await left(store) == [old]
    await pruned(store, completed_ms=NOW_MS + DAY_MS, failed_ms=NOW_MS)
    assert {file.job_id for file in await left(store)} == {old.job_id, young.job_id}


async def test_a_failed_run_s_file_is_left_when_that_is_pruned(store: Store) -> None:
    await hired(store, "w1")
    file = await with_a_file(store, ended_ms=NOW_MS - DAY_MS, failed=True)
    await pruned(store, failed_ms=NOW_MS - 2 * DAY_MS)
    assert await left(store) == []
    await pruned(store)
    assert await left(store) == [file]


async def test_a_run_that_never_ended_keeps_what_was_noted(store: Store) -> None:
    await store.result_files.note(a_file())
    await pruned(store)
    assert await left(store) == []


async def test_a_later_attempt_s_note_replaces_an_earlier_one(store: Store) -> None:
    await hired(store, "w1")
    file = await with_a_file(store, ended_ms=NOW_MS - DAY_MS)
    moved = replace(file, storage="elsewhere", name="other.json", lingers_ms=0)
    await store.result_files.note(moved)
    await pruned(store)
    assert await left(store) == [moved]


async def test_what_is_put_off_is_left_again_later(store: Store) -> None:
    await hired(store, "w1")
    file = await with_a_file(store, ended_ms=NOW_MS - DAY_MS)
    await pruned(store)
    waiting = replace(file, lingers_ms=0, tries=1)
    await store.result_files.put_off(waiting, until_ms=LATER_MS)
    await pruned(store)
    assert await left(store, now_ms=LATER_MS - 1) == []
    assert await left(store) == [waiting]


async def test_what_is_forgotten_is_left_no_more(store: Store) -> None:
    await hired(store, "w1")
    file = await with_a_file(store, ended_ms=NOW_MS - DAY_MS)
    await pruned(store)
    await store.result_files.forget(file)
    assert await left(store) == []


async def test_no_more_are_listed_than_asked_for_those_first_that_wait_longest(
    store: Store,
) -> None:
    await hired(store, "w1")
    files = [await with_a_file(store, ended_ms=NOW_MS - DAY_MS) for _ in range(3)]
    await pruned(store)
    for at, file in enumerate(reversed(files)):
        await store.result_files.put_off(file, until_ms=NOW_MS + at)
    found = await store.result_files.left(now_ms=LATER_MS, limit=2)
    assert [file.job_id for file in found] == [files[2].job_id, files[1].job_id]

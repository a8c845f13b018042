"""Versions of a product: compared, and brought back as new ones (SPEC 8)."""

import pytest

from ductape import Conflict, Ductape, NotFound, ValidationError
from ductape.domain.jsonvalue import JsonObject, JsonValue
from tests.acceptance.test_schedules import NIGHTLY, SetClock, jobs_of, only, product, the_job

RECEIPT: JsonObject = {"product_tag": "shop", "env": "dev", "input": {}, "start_at": 0}


async def test_two_versions_are_compared_thing_by_thing(store: str) -> None:
    async with Ductape.open(store, worker=False) as ductape:
        await ductape.products.apply(product(name="One"))
        await ductape.products.apply(product(NIGHTLY, name="Two"))
        await ductape.products.apply(product({**NIGHTLY, "retries": 2}, name="Two"))
        assert await ductape.products.diff("shop") == [
            {"op": "added", "path": "schedules[nightly].retries"}
        ]
        assert await ductape.products.diff("shop", 1) == [
            {"op": "added", "path": "schedules[nightly]"},
            {"op": "changed", "path": "name"},
        ]
        assert await ductape.products.diff("shop", 2, 1) == [
            {"op": "removed", "path": "schedules[nightly]"},
            {"op": "changed", "path": "name"},
        ]
        assert await ductape.products.diff("shop", 2, 2) == []
        assert (await ductape.products.get("shop", version=1))["document"]["name"] == "One"


async def test_the_first_version_is_compared_with_nothing(store: str) -> None:
    async with Ductape.open(store, worker=False) as ductape:
        await ductape.products.apply({"tag": "shop", "envs": [{"slug": "dev"}]})
        found = await ductape.products.diff("shop")
    assert found == [{"op": "added", "path": "tag"}, {"op": "added", "path": "envs[dev]"}]


async def test_what_is_not_there_is_not_found(store: str) -> None:
    async with Ductape.open(store, worker=False) as ductape:
        await ductape.products.apply(product())
        with pytest.raises(NotFound, match="`shop`"):
            await ductape.products.diff("shp")
        with pytest.raises(NotFound, match="no version 7"):
            await ductape.products.diff("shop", 7)
        with pytest.raises(NotFound, match="no version 7"):
            await ductape.products.rollback("shop", 7)
        with pytest.raises(NotFound, match="no version 0"):
            await ductape.products.rollback("shop")
        with pytest.raises(NotFound, match="no version 2"):
            await ductape.products.get("shop", version=2)


async def test_an_earlier_version_comes_back_as_a_new_one_with_its_schedules(store: str) -> None:
    async with Ductape.open(store, worker=False) as ductape:
        await ductape.products.apply(product(NIGHTLY))
        await ductape.products.apply(product(only(retries=2)))
        told = await ductape.products.rollback("shop", 1, dry_run=True)
        assert (told["version"], told["changed"]) == (2, True)
        assert (await ductape.products.get("shop"))["version"] == 2
        done = await ductape.products.rollback("shop")
        ops = [(one["op"], one["env"]) for one in done["schedules"]]
        assert ops == [("changed", "dev"), ("created", "prd")]
        assert [(one["op"], one["env"]) for one in told["schedules"]] == ops
        assert (done["version"], done["diff"]) == (3, told["diff"])
        current = await ductape.products.get("shop")
        assert current["document"] == (await ductape.products.get("shop", version=1))["document"]
        jobs = await jobs_of(ductape)
        assert {env: job["retries"] for env, job in jobs.items()} == {"dev": 0, "prd": 0}
        assert {job["status"] for job in jobs.values()} == {"scheduled"}
        same = await ductape.products.rollback("shop", 1)
        assert (same["changed"], same["version"], same["schedules"]) == (False, 3, [])


async def test_a_version_that_would_strand_jobs_needs_force(store: str) -> None:
    jobs: list[JsonValue] = [{"tag": "late", "handler": "python"}]
    async with Ductape.open(store, worker=False) as ductape:
        await ductape.products.apply(product())
        await ductape.products.apply(product(jobs=jobs))
        receipt = await ductape.processor.job.dispatch({**RECEIPT, "event": "late"})
        with pytest.raises(Conflict) as caught:
            await ductape.products.rollback("shop", 1)
        assert receipt["job_id"] in caught.value.message
        done = await ductape.products.rollback("shop", 1, force=True)
    assert (done["version"], len(done["stranded"])) == (3, 1)


async def test_a_schedule_that_is_over_by_now_does_not_hold_a_version_back(
    tmp_path: object,
) -> None:
    clock = SetClock()
    over = {**only(), "repeat": {"every": 1_000, "endDate": clock.at_ms + 5_000}}
    url = f"sqlite:///{tmp_path}/a.db"
    async with Ductape.open(url, worker=False, clock=clock) as ductape:
        await ductape.products.apply(product(over))
        await ductape.products.apply(product())
        clock.at_ms += 3_600_000
        done = await ductape.products.rollback("shop")
        assert (done["version"], done["schedules"]) == (3, [])
        assert (await the_job(ductape))["status"] == "cancelled"
        with pytest.raises(ValidationError):
            await ductape.products.apply(product({**over, "retries": 2}))


@pytest.mark.parametrize("version", ["x", True, 1.5])
async def test_a_version_is_an_integer(store: str, version: int) -> None:
    async with Ductape.open(store, worker=False) as ductape:
        await ductape.products.apply({"tag": "shop", "envs": [{"slug": "dev"}]})
        with pytest.raises(ValidationError, match="version: expected an integer"):
            await ductape.products.get("shop", version=version)
        for none_such in (0, -1, 2, 10**30):
            with pytest.raises(NotFound, match="has no version"):
                await ductape.products.rollback("shop", none_such)


@pytest.mark.parametrize("tag", ["a\0b", "caf\udce9", 5])
async def test_a_tag_is_text_that_there_can_be(store: str, tag: str) -> None:
    async with Ductape.open(store, worker=False) as ductape:
        for asked in (ductape.products.get, ductape.products.versions, ductape.products.rollback):
            with pytest.raises(ValidationError, match="tag"):
                await asked(tag)

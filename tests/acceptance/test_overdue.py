"""What no worker has looked at since it became due is told as what it is: queued (SPEC 2)."""

from pathlib import Path

from ductape import Ductape
from tests.acceptance.test_product_versions import SetClock

PRODUCT: dict[str, object] = {
    "tag": "shop",
    "envs": [{"slug": "dev"}],
    "jobs": [{"tag": "bill", "handler": "python"}],
}
HOUR_MS = 3_600_000


async def test_a_job_whose_instant_has_passed_is_queued_everywhere(tmp_path: Path) -> None:
    clock = SetClock()
    job = {"product_tag": "shop", "env": "dev", "event": "bill", "input": {}, "key": "one"}
    async with Ductape.open(f"sqlite:///{tmp_path}/a.db", worker=False, clock=clock) as ductape:
        await ductape.products.apply(PRODUCT)
        later = {**job, "start_at": clock.at_ms + HOUR_MS}
        receipt = await ductape.processor.job.dispatch(later)
        assert receipt["status"] == "scheduled"
        clock.at_ms += HOUR_MS
        assert (await ductape.processor.job.dispatch(later))["status"] == "queued"
        assert (await ductape.jobs.get(receipt["job_id"]))["status"] == "queued"
        assert [one["key"] for one in await ductape.jobs.list(status="queued")] == ["one"]
        assert await ductape.jobs.list(status="scheduled") == []
        [queue] = await ductape.queues.list()
        assert (queue["scheduled"], queue["queued"]) == (0, 1)
        assert queue["oldest_due_at"] == clock.at_ms
        assert await ductape.jobs.cancel_many({"status": "queued"}) == {"count": 1}

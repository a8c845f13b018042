"""The example `features`, as its page says to use it: paid, packed, picked up, delivered."""

import asyncio
import importlib.util
import sys
from pathlib import Path

import pytest

from ductape import Ductape, Handlers, JobFailed
from tests.pages import ROOT

EXAMPLE = ROOT / "examples" / "features"


@pytest.fixture
def handlers(monkeypatch: pytest.MonkeyPatch) -> Handlers:
    spec = importlib.util.spec_from_file_location("features_example", EXAMPLE / "handlers.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "features_example", module)
    spec.loader.exec_module(module)
    found = module.handlers
    assert isinstance(found, Handlers)
    return found


def an_order(event: str = "order", **given: object) -> dict[str, object]:
    return {"product_tag": "shop", "env": "dev", "event": event, "start_at": 0, "input": given}


async def test_an_order_is_delivered_once_it_was_picked_up(
    handlers: Handlers, tmp_path: Path
) -> None:
    async with Ductape.open(f"sqlite:///{tmp_path / 'a.db'}", handlers=handlers) as ductape:
        await ductape.products.apply(EXAMPLE / "product.yaml")
        job = ductape.processor.job
        job_id = (await job.dispatch(an_order(order=7, to="Utrecht")))["job_id"]
        await ductape.features.signal(job_id, "picked_up", {"driver": "Bo"})
        result = await job.wait(job_id, timeout=20)
        assert result == {"payment": "p-7", "delivered": "parcel 7 to Utrecht by Bo"}
        paths = {step["path"] for step in await ductape.jobs.steps(job_id)}
    assert paths == {"pay.charge", "pack.pack", "tell.announce", "send.ready", "send.deliver"}


async def test_what_cannot_be_delivered_is_refunded(handlers: Handlers, tmp_path: Path) -> None:
    async with Ductape.open(f"sqlite:///{tmp_path / 'a.db'}", handlers=handlers) as ductape:
        await ductape.products.apply(EXAMPLE / "product.yaml")
        job = ductape.processor.job
        job_id = (await job.dispatch(an_order(order=8, to="Atlantis")))["job_id"]
        await ductape.features.signal(job_id, "picked_up", {"driver": "Bo"})
        with pytest.raises(JobFailed, match="nobody goes there"):
            await job.wait(job_id, timeout=20)
        steps = {step["path"]: step["result"] for step in await ductape.jobs.steps(job_id)}
    assert steps["pay.charge~rollback"] == "refunded p-8"


async def test_reminders_are_written_apart(handlers: Handlers, tmp_path: Path) -> None:
    async with Ductape.open(f"sqlite:///{tmp_path / 'a.db'}", handlers=handlers) as ductape:
        await ductape.products.apply(EXAMPLE / "product.yaml")
        async with asyncio.timeout(20):
            job = an_order("reminders", times=2, pause_ms=600)
            assert await ductape.processor.job.schedule(job) == ["reminder 1", "reminder 2"]

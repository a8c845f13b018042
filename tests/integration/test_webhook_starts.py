"""An attempt begins only once its start is stored for those who are told (SPEC 9)."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from ductape import Ductape
from ductape.catalog import ProductCatalog
from ductape.domain.webhooks.subscription import Subscriptions
from ductape.errors import StoreError
from ductape.ports.stores.intake import Added, NewJob
from ductape.stores.sqlite.intake.storing import SqliteIntake
from tests.acceptance.hooks import JOB, SECRET, Told, handlers, shop
from tests.servers.http import http_receiver


async def test_an_attempt_waits_until_it_is_known_who_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscriptions, asked = ProductCatalog.subscriptions, list[int]()

    async def telling(catalog: ProductCatalog, product: str, *, version: int) -> Subscriptions:
        """Fail the first time that a worker asks, as a server that is gone would."""
        asked.append(version)
        if len(asked) == 1:
            raise StoreError("out of reach")
        return await subscriptions(catalog, product, version=version)

    store = f"sqlite:///{tmp_path}/a.db"
    async with Ductape.open(store, worker=False) as ductape:
        await ductape.products.apply(shop("http://127.0.0.1:9", events=["job.paused"]))
        receipt = await ductape.processor.job.dispatch(JOB)
    monkeypatch.setattr(ProductCatalog, "subscriptions", telling)
    async with Ductape.open(store, handlers=handlers(), worker=True) as ductape:
        await ductape.processor.job.wait(receipt["job_id"], timeout=20)
        view = await ductape.jobs.get(receipt["job_id"])
    assert [attempt["status"] for attempt in view["attempts"]] == ["interrupted", "completed"]
    assert asked == [1, 1]


async def test_an_attempt_whose_start_cannot_be_stored_has_not_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add, refused = SqliteIntake.add, list[str]()

    async def adding(intake: SqliteIntake, jobs: Sequence[NewJob], **rest: int) -> list[Added]:
        """Fail the first time that a start is to be told, as a full disk would."""
        key = jobs[0].spec.key
        if key is not None and not refused:
            refused.append(key)
            raise StoreError("no room")
        return await add(intake, jobs, **rest)

    monkeypatch.setattr(SqliteIntake, "add", adding)
    told = Told()
    async with (
        http_receiver() as receiver,
        Ductape.open(f"sqlite:///{tmp_path}/a.db", handlers=handlers(), worker=True) as ductape,
    ):
        receiver.answers += [told.take] * 10
        await ductape.secrets.set("hook", SECRET, product="shop")
        await ductape.products.apply(shop(f"{receiver.url}/hook", events=["job.started"]))
        receipt = await ductape.processor.job.dispatch(JOB)
        await ductape.processor.job.wait(receipt["job_id"], timeout=20)
        await told.until("job.started")
        view = await ductape.jobs.get(receipt["job_id"])
        deliveries = await ductape.jobs.list(event="webhook:partner")
    assert [attempt["status"] for attempt in view["attempts"]] == ["interrupted", "completed"]
    assert refused == [f"webhook:partner:{receipt['job_id']}:1:1:started"]
    assert [one["key"] for one in deliveries] == [
        f"webhook:partner:{receipt['job_id']}:1:2:started"
    ]

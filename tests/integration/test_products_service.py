"""Applying products on a real store: versions, diffs, missing secrets, stranded jobs (SPEC 8)."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from ductape.catalog import ProductCatalog, load_document
from ductape.domain.inputs import check_input
from ductape.domain.job import JobSpec, Run
from ductape.domain.jsonvalue import JsonObject
from ductape.domain.product import Product, zone_faults
from ductape.domain.request import JobEventTypes
from ductape.errors import Conflict, Fault, NotFound, ValidationError
from ductape.ports.stores.intake import NewJob
from ductape.services.products.applied import lacking_of
from ductape.services.products.applying import ProductService
from ductape.services.products.declaring import ScheduleChange
from ductape.services.products.stranding import Stranding
from ductape.services.secrets import Secrets
from ductape.stores.along import Along
from ductape.stores.sqlite.file.engine import Engine
from ductape.stores.sqlite.intake.storing import SqliteIntake
from ductape.stores.sqlite.products import SqliteProducts
from ductape.stores.sqlite.reading.jobs import SqliteReading
from ductape.stores.sqlite.secrets import SqliteSecrets
from tests.builders import ZONES
from tests.unit.catalog.builders import a_document, a_small_document
from tests.unit.sessions.builders import SetClock
from tests.unit.vault.builders import a_vault

NOW_MS = 1_800_000_000_000


class StoppedClock:
    """Always the same instant."""

    def now_ms(self) -> int:
        return NOW_MS


@dataclass
class House:
    """The service with the real parts that it is made of."""

    engine: Engine
    handlers: set[str] = field(default_factory=set[str])
    kept: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])

    def __post_init__(self) -> None:
        self.secrets = SqliteSecrets(self.engine)
        self.intake = SqliteIntake(self.engine, Along(lambda: False))
        self.products = ProductService(
            SqliteProducts(self.engine),
            Stranding(SqliteReading(self.engine), self.known),
            load=load_document,
            lacking=lacking_of(self.secrets.names, self.known),
            clock=StoppedClock(),
            rule=lambda product: zone_faults(product, ZONES),
            declared=self,
        )

    def shapes(self, product: Product) -> list[Fault]:
        del product
        return []

    async def judged(
        self, product: Product, before: Product | None
    ) -> tuple[list[Fault], list[str]]:
        del product, before
        return [], []

    async def planned(
        self, product: Product, version: int
    ) -> tuple[list[ScheduleChange], list[str]]:
        del product, version
        return [], []

    async def keep(self, product: Product, version: int) -> list[ScheduleChange]:
        self.kept.append((product.tag, version))
        return []

    async def finish(self, product: Product, version: int) -> None:
        del product, version

    async def known(self, tags: frozenset[str]) -> frozenset[str]:
        return tags & self.handlers

    async def job(self, job_id: str, event: str, *, env: str = "dev") -> None:
        spec = JobSpec(
            product="shop",
            env=env,
            event=event,
            kind=JobEventTypes.JOB,
            input={},
            retries=0,
            created_at_ms=NOW_MS,
        )
        run = Run(job_id, 1, "scheduled", spec, NOW_MS + 1, NOW_MS + 1)
        await self.intake.add([NewJob(job_id, spec, run)], now_ms=NOW_MS)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    engine = Engine(str(tmp_path / "a.db"))
    yield House(engine)
    await engine.aclose()


def with_jobs(*tags: str, **sections: object) -> JsonObject:
    return a_small_document(jobs=[{"tag": tag, "handler": "python"} for tag in tags], **sections)


async def test_a_first_document_becomes_version_1(house: House) -> None:
    applied = await house.products.apply(a_small_document())
    assert applied == {
        "tag": "shop",
        "version": 1,
        "changed": True,
        "diff": [{"op": "added", "path": "tag"}, {"op": "added", "path": "envs[dev]"}],
        "warnings": [],
        "stranded": [],
        "schedules": [],
    }


async def test_a_file_is_applied_as_its_content(house: House, tmp_path: Path) -> None:
    path = tmp_path / "product.yaml"
    path.write_text(yaml.safe_dump(a_small_document()))
    assert (await house.products.apply(str(path)))["version"] == 1
    assert (await house.products.apply(a_small_document()))["changed"] is False


async def test_a_fault_names_the_file_and_keeps_its_path(house: House, tmp_path: Path) -> None:
    path = tmp_path / "product.yaml"
    path.write_text("tag: shop\nenvs: 3\n")
    with pytest.raises(ValidationError) as caught:
        await house.products.apply(path)
    assert [one["path"] for one in caught.value.errors] == ["envs"]
    assert caught.value.message == f"{path}: envs: expected a list, found a number"


async def test_an_unchanged_document_is_a_no_op(house: House) -> None:
    await house.products.apply(a_document())
    again = await house.products.apply(dict(reversed(a_document().items())))
    assert (again["version"], again["changed"], again["diff"]) == (1, False, [])
    assert len(await house.products.versions("shop")) == 1


async def test_a_changed_document_becomes_the_next_version(house: House) -> None:
    await house.products.apply(a_small_document())
    applied = await house.products.apply(a_small_document(name="Shop"))
    assert (applied["version"], applied["diff"]) == (2, [{"op": "added", "path": "name"}])
    assert (await house.products.get("shop"))["document"]["name"] == "Shop"


async def test_what_today_s_rules_refuse_is_replaced_by_what_they_take(house: House) -> None:
    old = a_small_document(jobs=[{"tag": "a"}])
    await SqliteProducts(house.engine).put("shop", old, b"", after=0, now_ms=NOW_MS)
    assert (await house.products.apply(a_small_document()))["version"] == 2


async def test_a_dry_run_stores_nothing(house: House) -> None:
    applied = await house.products.apply(a_small_document(), dry_run=True)
    assert (applied["version"], applied["changed"]) == (0, True)
    assert await house.products.list() == []


async def test_a_faulty_document_stores_nothing(house: House) -> None:
    with pytest.raises(ValidationError):
        await house.products.apply(a_small_document(jobs=[{"tag": "a"}, {"tag": "a"}]))
    assert await house.products.list() == []


async def test_a_secret_that_does_not_exist_yet_is_a_warning(house: House) -> None:
    await house.secrets.put("shop", "", "expo", b"sealed", now_ms=0)
    await house.secrets.put("shop", "dev", "partner_token", b"sealed", now_ms=0)
    live, partner = (await house.products.apply(a_document()))["warnings"]
    assert live.startswith("the secret `live_token` does not exist yet for env `prd`")
    assert partner.endswith("`ductape secrets set partner_token --product shop --env prd`")


async def test_a_secret_that_no_env_has_is_one_warning(house: House) -> None:
    app = {
        "tag": "partner",
        "base_url": "https://a.example",
        "auths": [{"tag": "t", "type": "bearer", "token": "$Secret{a}"}],
    }
    assert (await house.products.apply(a_small_document(apps=[app])))["warnings"] == [
        "the secret `a` does not exist yet: `ductape secrets set a --product shop`"
    ]


def a_caller(**step: object) -> JsonObject:
    sequence = [{"tag": "main", "events": [step]}]
    return a_small_document(features=[{"tag": "order", "sequence": sequence}])


async def test_a_step_of_what_nobody_has_yet_is_a_warning(house: House) -> None:
    undo = {"event": "back", "type": "job"}
    document = a_caller(event="ghost", rollback=undo)
    step, rollback = (await house.products.apply(document))["warnings"]
    place = "features[0].sequence[0].events[0]"
    unheard = "is not declared, and no worker has announced it as a"
    assert step == f"{place}.event: `ghost` {unheard} feature, function or job yet"
    assert rollback == f"{place}.rollback.event: `back` {unheard} job yet"


async def test_what_a_worker_has_announced_is_no_warning(house: House) -> None:
    house.handlers |= {"function:ghost", "feature:child"}
    for step in ({"event": "ghost"}, {"event": "child", "type": "child"}):
        assert (await house.products.apply(a_caller(**step)))["warnings"] == []
    (warning,) = (await house.products.apply(a_caller(event="ghost", type="job")))["warnings"]
    assert warning.endswith("as a job yet")


async def test_options_and_pointing_jobs_of_what_nobody_has_yet_are_warned_of(house: House) -> None:
    option = {"type": "function", "event": "ghost"}
    document = a_small_document(
        jobs=[{"tag": "nightly", "event_type": "job", "event_tag": "ghost"}],
        quotas=[{"tag": "share", "options": [option]}],
        fallbacks=[{"tag": "reach", "options": [option]}],
    )
    warnings = (await house.products.apply(document))["warnings"]
    assert [one.partition(":")[0] for one in warnings] == [
        "jobs[0].event_tag",
        "quotas[0].options[0].event",
        "fallbacks[0].options[0].event",
    ]


async def test_a_step_that_subscribes_for_what_nobody_has_yet_is_a_warning(house: House) -> None:
    step = {"event": "bus:orders", "input": {"callback": "ghost"}}
    bus = {"tag": "bus", "type": "redis", "url": "redis://127.0.0.1", "topics": [{"tag": "orders"}]}
    document = a_caller(**step) | {"brokers": [bus]}
    (warning,) = (await house.products.apply(document))["warnings"]
    assert warning.startswith("features[0].sequence[0].events[0].input.callback: `ghost`")
    house.handlers.add("job:ghost")
    assert (await house.products.apply(document))["warnings"] == []


async def test_a_change_that_would_strand_live_jobs_is_refused(house: House) -> None:
    await house.products.apply(with_jobs("report", "clean"))
    await house.job("01", "report")
    await house.job("02", "clean")
    with pytest.raises(Conflict, match="1 live jobs would be stranded, such as 01"):
        await house.products.apply(with_jobs("clean"))
    assert (await house.products.get("shop"))["version"] == 1


async def test_a_dry_run_lists_what_would_be_stranded(house: House) -> None:
    await house.products.apply(with_jobs("report"))
    await house.job("01", "report")
    applied = await house.products.apply(with_jobs("clean"), dry_run=True)
    (stranded,) = applied["stranded"]
    assert (stranded["job_id"], stranded["env"], stranded["event"]) == ("01", "dev", "report")
    assert "there is `clean`" in stranded["reason"]


async def test_force_applies_all_the_same(house: House) -> None:
    await house.products.apply(with_jobs("report"))
    await house.job("01", "report")
    applied = await house.products.apply(with_jobs("clean"), force=True)
    assert (applied["version"], len(applied["stranded"])) == (2, 1)


async def test_a_job_whose_env_goes_is_stranded(house: House) -> None:
    await house.products.apply(with_jobs("report", envs=[{"slug": "dev"}, {"slug": "prd"}]))
    await house.job("01", "report", env="prd")
    with pytest.raises(Conflict):
        await house.products.apply(with_jobs("report"))


async def test_a_job_that_would_be_of_another_kind_is_stranded(house: House) -> None:
    await house.products.apply(with_jobs("report"))
    await house.job("01", "report")
    functions = [{"tag": "report", "handler": "python"}]
    with pytest.raises(Conflict, match="of kind function"):
        await house.products.apply(a_small_document(functions=functions))


async def test_a_job_of_an_undeclared_handler_is_not_stranded(house: House) -> None:
    house.handlers.add("job:sweep")
    await house.products.apply(with_jobs("report"))
    await house.job("01", "sweep")
    assert (await house.products.apply(with_jobs("clean")))["version"] == 2


async def test_a_hundred_who_apply_the_same_at_once_make_one_version(house: House) -> None:
    applies = [house.products.apply(a_small_document()) for _ in range(100)]
    applied = await asyncio.gather(*applies)
    assert {one["version"] for one in applied} == {1}
    assert sum(one["changed"] for one in applied) == 1


async def test_products_are_listed_with_their_current_version(house: House) -> None:
    await house.products.apply(a_small_document(name="Shop"))
    assert await house.products.list() == [
        {"tag": "shop", "name": "Shop", "version": 1, "applied_at": NOW_MS}
    ]


@pytest.mark.parametrize("verb", ["get", "versions"])
async def test_an_unknown_product_names_what_exists(house: House, verb: str) -> None:
    await house.products.apply(a_small_document())
    with pytest.raises(NotFound, match="did you mean `shop`"):
        await getattr(house.products, verb)("shp")


SEEDS_INPUT: JsonObject = {
    "slug": "order_update",
    "push_notification": {
        "title": {"en": "Order Shipped"},
        "body": {"en": "Your order #12345 has been shipped!"},
        "data": {"trackingId": "XYZ987"},
        "device_token": "abcdef123456",
    },
}


async def test_the_demos_product_takes_the_seeds_example(house: House) -> None:
    path = Path(__file__).parents[2] / "examples/orders/product.yaml"
    applied = await house.products.apply(path)
    assert (applied["tag"], applied["version"], len(applied["warnings"])) == ("my-product", 1, 2)
    secrets = Secrets(SqliteSecrets(house.engine), a_vault("k1"), SetClock())
    catalog = ProductCatalog(SqliteProducts(house.engine), house.known, secrets)
    target = await catalog.resolve("my-product", "prd", "send_notification", None, SEEDS_INPUT)
    assert check_input(target, SEEDS_INPUT, resolved=True) == []
    assert await catalog.session("my-product", "prd", "user-session")

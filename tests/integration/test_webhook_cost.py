"""What webhooks cost where there are none: not one statement more, and one look into a table."""

from collections import Counter
from collections.abc import Sequence

import pytest

from ductape import Ductape, Handlers
from ductape.catalog import ProductCatalog
from ductape.domain.change import Settlement
from ductape.ports.stores.intake import Added, NewJob
from ductape.stores.sqlite.intake.storing import SqliteIntake
from ductape.stores.sqlite.turns.claims import SqliteClaims
from tests.acceptance.hooks import JOB, SECRET, shop

JOBS = 50


class Counting:
    """Counts what a process asks of its catalog, and what it hands to its store."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        """Count from now on."""
        self.asked: Counter[int] = Counter()
        """How often who is told was asked of the catalog, by version."""
        self.added = 0
        self.also = 0
        subscriptions, add, turn = ProductCatalog.subscriptions, SqliteIntake.add, SqliteClaims.turn

        async def asked(catalog: ProductCatalog, product: str, *, version: int) -> object:
            self.asked[version] += 1
            return await subscriptions(catalog, product, version=version)

        async def adding(
            intake: SqliteIntake, jobs: Sequence[NewJob], **rest: object
        ) -> list[Added]:
            self.added += len(jobs)
            self.also += sum(len(job.also) for job in jobs)
            return await add(intake, jobs, **rest)  # type: ignore[arg-type]

        async def turning(
            claims: SqliteClaims, wish: object, ended: Sequence[Settlement], **rest: object
        ) -> object:
            self.also += sum(len(one.also) for one in ended)
            return await turn(claims, wish, ended, **rest)  # type: ignore[arg-type]

        patch.setattr(ProductCatalog, "subscriptions", asked)
        patch.setattr(SqliteIntake, "add", adding)
        patch.setattr(SqliteClaims, "turn", turning)


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> Counting:
    return Counting(monkeypatch)


def quick() -> Handlers:
    handlers = Handlers()

    @handlers.job("ship")
    async def ship() -> None:
        return

    return handlers


async def done(ductape: Ductape) -> None:
    receipts = await ductape.processor.job.dispatch_many([JOB] * JOBS)
    for receipt in receipts:
        await ductape.processor.job.wait(receipt["job_id"], timeout=20)


@pytest.mark.parametrize("hook", [None, {"filter": {"kinds": ["action"]}}])
async def test_nothing_more_is_stored_or_read_for_a_run_that_nobody_is_told_of(
    tmp_path: object, counting: Counting, hook: dict[str, object] | None
) -> None:
    document = shop("http://localhost:9", **(hook or {}))
    if hook is None:
        document["webhooks"] = []
    async with Ductape.open(f"sqlite:///{tmp_path}/a.db", handlers=quick(), worker=True) as ductape:
        await ductape.secrets.set("hook", SECRET, product="shop")
        await ductape.products.apply(document)
        await done(ductape)
        assert counting.asked == {1: 1}
        await done(ductape)
    assert counting.asked == {1: 1}
    assert (counting.added, counting.also) == (2 * JOBS, 0)


async def test_the_count_counts(tmp_path: object, counting: Counting) -> None:
    async with Ductape.open(f"sqlite:///{tmp_path}/a.db", handlers=quick(), worker=True) as ductape:
        await ductape.secrets.set("hook", SECRET, product="shop")
        await ductape.products.apply(shop("http://localhost:9"))
        await done(ductape)
    assert counting.also == 2 * JOBS
    assert counting.added == 2 * JOBS

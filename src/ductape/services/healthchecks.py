"""Healthchecks, read as health (SPEC 9).

Each is a recurring job with a key of its own, made and ended by whoever applies the product
(`declaring`).
"""

from collections.abc import Iterator, Sequence
from typing import Literal, TypedDict

from ductape.domain.job import Finished
from ductape.domain.lifecycle import JobStatus
from ductape.domain.product import Product, all_checks, no_such, stored_product
from ductape.domain.product.format.healthcheck import Check
from ductape.domain.record import JobRecord
from ductape.ports.stores import Store

HealthStatus = Literal["healthy", "unhealthy", "unknown"]

MOST_LOOKED_AT = 1_000
"""How many of its latest runs tell since when a check is as it is."""

_ENDED: frozenset[JobStatus] = frozenset({"completed", "failed", "cancelled"})
_FOUND: dict[str, HealthStatus] = {"completed": "healthy", "failed": "unhealthy"}


class CheckView(TypedDict):
    """What one healthcheck has found."""

    product: str
    tag: str
    event: str
    job_id: str | None
    status: HealthStatus
    since: int | None
    """Epoch ms of the first of the runs in a row that found the same."""
    checked_at: int | None
    """Epoch ms at which it was last found."""
    error: str | None
    """The code of what it failed with."""


class HealthView(TypedDict):
    """How well an app is in one env."""

    app: str
    env: str
    status: HealthStatus
    """Unhealthy where any check is; healthy where all are."""
    since: int | None
    """Epoch ms of the latest change of a check."""
    checks: list[CheckView]


class KnownHealth:
    """`ports.health.Health`, of what the jobs of the checks came to."""

    def __init__(self, store: Store) -> None:
        """Read a store."""
        self._store = store

    async def ill(self, product: str, env: str, key: str) -> bool:
        """Tell whether a check failed when it was last made."""
        record = await self.record(product, env, key)
        if record is None or record.status in _ENDED or record.last is None:
            return False
        return record.last.outcome == "failed"

    async def record(self, product: str, env: str, key: str) -> JobRecord | None:
        """Return a check's job."""
        holder = await self._store.intake.holder(product, env, key)
        return None if holder is None else await self._store.reading.get(holder.job_id)


class HealthService:
    """`ductape.health`."""

    def __init__(self, store: Store) -> None:
        """Read a store."""
        self._store = store
        self._known = KnownHealth(store)

    async def status(self, app: str, env: str, *, product: str | None = None) -> HealthView:
        """Tell how well an app is in an env, by the healthchecks of all products, or of one.

        Raises `NotFound` for an app that no product has, and for an env of none that has it.
        """
        products = await self._products(product)
        _refuse_unknown(products, app, env)
        views = [
            await self._view(each.tag, check)
            for each in products
            for check in all_checks(each)
            if (check.app, check.env) == (app, env)
        ]
        since = max((view["since"] for view in views if view["since"] is not None), default=None)
        return HealthView(app=app, env=env, status=_joined(views), since=since, checks=views)

    async def _products(self, product: str | None) -> list[Product]:
        tags = await self._store.products.tags() if product is None else [product]
        rows = [await self._store.products.current(tag) for tag in tags]
        if product is not None and rows == [None]:
            raise no_such("product", "product", product, await self._store.products.tags())
        return [stored_product(row.document) for row in rows if row is not None]

    async def _view(self, product: str, check: Check) -> CheckView:
        record = await self._known.record(product, check.env, check.key)
        runs: Sequence[Finished] = []
        if record is not None and record.status not in _ENDED:
            runs = await self._store.reading.history(record.job_id, limit=MOST_LOOKED_AT)
        streak = [*_streak(runs)]
        latest = streak[0] if streak else None
        error = None if latest is None or latest.error is None else latest.error.code
        return CheckView(
            product=product,
            tag=check.tag,
            event=check.event,
            job_id=None if record is None else record.job_id,
            status="unknown" if latest is None else _FOUND[latest.outcome],
            since=streak[-1].completed_at_ms if streak else None,
            checked_at=None if latest is None else latest.completed_at_ms,
            error=error,
        )


def _refuse_unknown(products: Sequence[Product], app: str, env: str) -> None:
    apps = sorted({one.tag for each in products for one in each.apps})
    if app not in apps:
        raise no_such("app", "app", app, apps)
    having = [each for each in products if app in {one.tag for one in each.apps}]
    envs = sorted({one.slug for each in having for one in each.envs})
    if env not in envs:
        raise no_such("env", f"env of a product with the app `{app}`", env, envs)


def _streak(runs: Sequence[Finished]) -> Iterator[Finished]:
    """Yield the latest runs in a row that found the same, newest first; a cancelled one nothing."""
    found = [run for run in runs if run.outcome in _FOUND]
    for run in found:
        if run.outcome != found[0].outcome:
            return
        yield run


def _joined(views: Sequence[CheckView]) -> HealthStatus:
    statuses = {view["status"] for view in views}
    if "unhealthy" in statuses:
        return "unhealthy"
    return "healthy" if statuses == {"healthy"} else "unknown"

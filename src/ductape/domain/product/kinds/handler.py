"""What a Python handler does: a job or a function, declared or only announced.

A job may instead point at another event, which it runs (SPEC 9).
"""

from msgspec.structs import replace

from ductape.domain.definitions.pointing import PointingTarget
from ductape.domain.jsonvalue import JsonObject
from ductape.domain.product.addresses import Address
from ductape.domain.product.calls import calls_features, is_sensitive
from ductape.domain.product.format.document import Env, Product
from ductape.domain.product.kinds.making import plain, target
from ductape.domain.request import JobEventTypes
from ductape.domain.target import Target

EXECUTION_MS = 60_000
"""What each execution of a pointing job adds to its time-out."""


def resolve_job(product: Product, env: Env, address: Address) -> Target:
    """Return the target of a declared job."""
    job = next(one for one in product.jobs if one.tag == address.event)
    if job.event_tag is None or job.event_type is None:
        return handler_target(product, env, f"job:{job.tag}", sensitive=job.sensitive)
    pointing = PointingTarget(
        kind=JobEventTypes(job.event_type),
        event=job.event_tag,
        app=job.app,
        executions=job.executions or 1,
        intervals_ms=job.intervals or 0,
    )
    definition, kind = plain(pointing), JobEventTypes.JOB
    sensitive = is_sensitive(product, job.tag)
    made = target(product, env, kind, job.tag, definition, sensitive=sensitive)
    stepwise = calls_features(product, job.tag)
    return replace(made, timeout_ms=_time_for(pointing), calls_features=stepwise)


def _time_for(pointing: PointingTarget) -> int:
    """Return how long all executions may take: a minute each, and what lies between them."""
    executions = pointing.executions
    return executions * EXECUTION_MS + (executions - 1) * pointing.intervals_ms


def handler_target(
    product: Product,
    env: Env,
    needs: str,
    *,
    definition: JsonObject | None = None,
    sensitive: bool = False,
) -> Target:
    """Return what a Python handler does, named by its tag, as `job:report`."""
    kind, _, tag = needs.partition(":")
    made = target(product, env, JobEventTypes(kind), tag, definition or {}, sensitive=sensitive)
    return replace(made, needs=needs)

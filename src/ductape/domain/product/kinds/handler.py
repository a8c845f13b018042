"""What a Python handler does: a job, or a function, declared or only announced."""

from msgspec.structs import replace

from ductape.domain.jsonvalue import JsonObject
from ductape.domain.product.addresses import Address
from ductape.domain.product.document import Env, Product
from ductape.domain.product.kinds.making import target
from ductape.domain.request import JobEventTypes
from ductape.domain.target import Target


def resolve_job(product: Product, env: Env, address: Address) -> Target:
    """Return the target of a declared job."""
    job = next(one for one in product.jobs if one.tag == address.event)
    return handler_target(product, env, f"job:{job.tag}", sensitive=job.sensitive)


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

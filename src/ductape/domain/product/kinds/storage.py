"""A storage, as it is in an env that it is in."""

import msgspec

from ductape.domain.definitions.storage import StorageTarget
from ductape.domain.product.addresses import Address
from ductape.domain.product.format.document import Env, Product
from ductape.domain.product.format.storage_places import place_in
from ductape.domain.product.kinds.making import plain, target
from ductape.domain.product.missing import no_such
from ductape.domain.request import JobEventTypes
from ductape.domain.target import Target


def resolve_storage(product: Product, env: Env, address: Address) -> Target:
    """Return the target of a storage; raises `NotFound` where it is not in the env."""
    storage = next(one for one in product.storage if one.tag == address.event)
    place = place_in(storage, env)
    if place is None:
        slugs = [one.slug for one in storage.envs]
        raise no_such("env", f"env of storage `{storage.tag}`", env.slug, slugs)
    prefix = str(place.get("prefix", "")).strip("/")
    private = place.get("allow_private", env.allow_private)
    definition = {**place, "prefix": prefix, "allow_private": private}
    return target(
        product,
        env,
        JobEventTypes.STORAGE,
        storage.tag,
        plain(msgspec.convert(definition, StorageTarget)),
        sensitive=storage.sensitive,
    )

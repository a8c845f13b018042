"""Rules about storages: where each one is in every env, and as whom we come there (SPEC 8)."""

from collections.abc import Iterator

from ductape.domain.files.names import name_faults
from ductape.domain.found import listed
from ductape.domain.http.addresses import web_address
from ductape.domain.jsonvalue import JsonObject
from ductape.domain.parsing.nearest import hint_for
from ductape.domain.product.format.document import Product
from ductape.domain.product.format.storage import Storage, StorageEnv
from ductape.domain.product.format.storage_places import NEEDED, TAKES, given, merged, type_of
from ductape.errors import Fault, fault

_PLAIN = {
    "path": "the path of a folder",
    "bucket": "the name of a bucket",
    "container": "the name of a container",
}
"""What each place is called by, of which none is a URL: `endpoint` alone takes one."""


def storage_faults(product: Product) -> Iterator[Fault]:
    """Tell what keeps each storage from being reached in the envs that it names."""
    tags = [storage.tag for storage in product.storage]
    if product.result_storage is not None and product.result_storage not in tags:
        hint = hint_for(product.result_storage, tags, {}) if tags else None
        found = f"`{product.result_storage}`"
        yield fault("result_storage", "the tag of one of the product's storages", found, hint=hint)
    for at, storage in enumerate(product.storage):
        path = f"storage[{at}]"
        yield from _own_faults(storage, path)
        for place, here in enumerate(storage.envs):
            where = f"{path}.envs[{place}]"
            yield from _own_faults(here, where)
            yield from _place_faults(merged(storage, here), given(here), where)
        if not storage.envs:
            yield from _place_faults(given(storage), given(storage), path)


def _place_faults(found: JsonObject, own: JsonObject, path: str) -> Iterator[Fault]:
    kind = type_of(found)
    if kind is None:
        yield fault(f"{path}.type", f"one of {listed([*NEEDED])}", "nothing")
        return
    for name in NEEDED[kind]:
        if name not in found:
            yield fault(f"{path}.{name}", f"a text, as storages of type {kind} have", "nothing")
    if ("access_key_id" in found) != ("secret_access_key" in found):
        lacking = "secret_access_key" if "access_key_id" in found else "access_key_id"
        yield fault(f"{path}.{lacking}", "both parts of a key, or neither", "one")
    for name in sorted(own.keys() - TAKES[kind]):
        yield fault(f"{path}.{name}", f"none in a storage of type {kind}", "one")


def _own_faults(part: Storage | StorageEnv, path: str) -> Iterator[Fault]:
    if part.container is not None and part.bucket is not None:
        hint = "both are the same"
        yield fault(f"{path}.container", "nothing beside `bucket`", "one more", hint=hint)
    if part.endpoint is not None and "$" not in part.endpoint:
        yield from _endpoint_faults(part.endpoint, f"{path}.endpoint")
    if part.prefix is not None and "$" not in part.prefix:
        yield from name_faults(part.prefix.strip("/"), f"{path}.prefix")
    if part.path is not None and "\0" in part.path:
        yield fault(f"{path}.path", "the path of a folder", "a text with NUL")
    for name, wanted in _PLAIN.items():
        if "://" in (getattr(part, name) or ""):
            yield fault(f"{path}.{name}", wanted, "a URL")


def _endpoint_faults(url: str, path: str) -> Iterator[Fault]:
    parts = web_address(url)
    if parts is None or any(sign.isspace() for sign in url):
        yield fault(path, "an http or https URL with a host", "another text")
    elif "@" in parts.netloc or parts.query or parts.fragment:
        yield fault(path, "a URL without credentials, query and fragment", "one with")

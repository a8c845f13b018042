"""Where a storage is in each env: its entry over what stands beside it, of one type (SPEC 8)."""

from collections.abc import Mapping
from typing import cast

from msgspec import structs

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.product.format.document import Env
from ductape.domain.product.format.storage import Storage, StorageEnv, StorageType

NEEDED: Mapping[StorageType, tuple[str, ...]] = {
    "local": ("path",),
    "s3": ("bucket",),
    "gcs": ("bucket",),
    "azure": ("bucket", "account"),
}
"""What says where a storage of each type is."""

_ALWAYS = frozenset({"type", "prefix", "max_bytes", "allow_private"})
_REMOTE = _ALWAYS | {"bucket", "endpoint"}
_KEYS = frozenset({"access_key_id", "secret_access_key", "session_token"})
TAKES: Mapping[StorageType, frozenset[str]] = {
    "local": _ALWAYS | {"path"},
    "s3": _REMOTE | _KEYS | {"region", "addressing"},
    "gcs": _REMOTE | {"service_account"},
    "azure": _REMOTE | {"account", "account_key", "sas_token"},
}
"""The fields that each type has."""

_NOT_PLACE = frozenset({"slug", "tag", "name", "description", "sensitive", "envs"})


def place_in(storage: Storage, env: Env) -> JsonObject | None:
    """Return what a storage is in an env; none where nothing says that it is there."""
    here = next((one for one in storage.envs if one.slug == env.slug), None)
    found = merged(storage, here)
    kind = type_of(found)
    whole = kind is not None and set(NEEDED[kind]) <= set(found)
    return found if whole else None


def merged(storage: Storage, here: StorageEnv | None) -> JsonObject:
    """Return an env's entry over what stands beside it, as far as that fits the entry's type."""
    base, own = given(storage), {} if here is None else given(here)
    kind = type_of(base | own)
    if kind is not None and "type" in own:
        base = {name: value for name, value in base.items() if name in TAKES[kind]}
    return base | own


def given(part: Storage | StorageEnv) -> JsonObject:
    """Return the fields that are given, a container as the bucket that it is."""
    found: JsonObject = {
        name: value
        for name, value in cast("JsonObject", structs.asdict(part)).items()
        if name not in _NOT_PLACE and value is not None
    }
    container = found.pop("container", None)
    return found if container is None else {"bucket": container, **found}


def type_of(found: JsonObject) -> StorageType | None:
    """Return the type that is given, if any."""
    kind: JsonValue = found.get("type")
    return next((one for one in NEEDED if one == kind), None)

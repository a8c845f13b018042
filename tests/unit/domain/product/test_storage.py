"""Storages in a document: where each one is in every env, and what is refused."""

import pytest

from ductape.domain.definitions.storage import StorageTarget
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.product import parse_product, resolve
from ductape.domain.product.addresses import reachable
from ductape.domain.product.resolution import Question
from ductape.domain.product.rules.references import secrets_of
from ductape.domain.request import JobEventTypes
from ductape.domain.target import Target
from ductape.errors import NotFound, ValidationError

KEYS: JsonObject = {"access_key_id": "AKIA1", "secret_access_key": "$Secret{KEY}"}


def a_product(*storages: JsonObject) -> JsonObject:
    """Build a product of storages with two envs."""
    envs: list[JsonValue] = [{"slug": "dev", "allow_private": True}, {"slug": "prd"}]
    return {"tag": "shop", "envs": envs, "storage": list(storages)}


def a_storage(**changes: JsonValue) -> JsonObject:
    """Build a folder in `dev` and a bucket in `prd`."""
    envs: list[JsonValue] = [
        {"slug": "dev", "type": "local", "path": "files"},
        {"slug": "prd", "bucket": "invoices", **KEYS},
    ]
    return {"tag": "files", "type": "s3", "prefix": "/t1/", "envs": envs, **changes}


def target_in(env: str, storage: JsonObject) -> Target:
    """Resolve a storage."""
    found = resolve(parse_product(a_product(storage)), Question(env, "files"))
    assert isinstance(found, Target)
    return found


def faults_of(**changes: JsonValue) -> dict[str, str]:
    """Return what is wrong with a storage that was changed."""
    with pytest.raises(ValidationError) as raised:
        parse_product(a_product(a_storage(**changes)))
    return {one["path"]: one["found"] for one in raised.value.errors}


def test_an_env_has_its_own_type_and_what_belongs_to_it() -> None:
    dev, prd = (target_in(env, a_storage(region="eu-west-1")) for env in ("dev", "prd"))
    assert dev.kind is prd.kind is JobEventTypes.STORAGE
    assert (dev.definition["type"], dev.definition["path"]) == ("local", "files")
    assert "region" not in dev.definition
    assert (dev.definition["allow_private"], dev.definition["prefix"]) == (True, "t1")
    assert prd.definition["bucket"] == "invoices"
    assert prd.definition["region"] == "eu-west-1"
    assert prd.definition["secret_access_key"] == "$Secret{KEY}"
    assert dev.digest != prd.digest


def test_a_container_is_a_bucket() -> None:
    azure: JsonObject = {"tag": "files", "type": "azure", "container": "c", "account": "a"}
    assert target_in("prd", azure).definition["bucket"] == "c"


def test_an_env_that_nothing_is_said_about_is_not_there() -> None:
    storage = a_storage(envs=[{"slug": "prd", "bucket": "b"}])
    product = parse_product(a_product(storage))
    with pytest.raises(NotFound, match="prd"):
        resolve(product, Question("dev", "files"))
    assert {env for env, *_ in reachable(product)} == {"prd"}


def test_secrets_that_are_needed_are_known() -> None:
    product = parse_product(a_product(a_storage()))
    assert secrets_of(product, "prd") == {"KEY"}
    assert secrets_of(product, "dev") == frozenset()


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"type": "ftp"}, "storage[0].type"),
        ({"type": None, "envs": [{"slug": "prd", "bucket": "b"}]}, "storage[0].envs[0].type"),
        ({"envs": []}, "storage[0].bucket"),
        ({"envs": [{"slug": "prd"}]}, "storage[0].envs[0].bucket"),
        ({"envs": [{"slug": "qa", "bucket": "b"}]}, "storage[0].envs[0].slug"),
        (
            {"envs": [{"slug": "prd", "bucket": "b", "access_key_id": "A"}]},
            "storage[0].envs[0].secret_access_key",
        ),
        (
            {"envs": [{"slug": "prd", "bucket": "b", "account": "a"}]},
            "storage[0].envs[0].account",
        ),
        (
            {"envs": [{"slug": "prd", "bucket": "b", "container": "c"}]},
            "storage[0].envs[0].container",
        ),
        ({"secret_access_key": "literal", "access_key_id": "A"}, "storage[0].secret_access_key"),
        ({"endpoint": "ftp://x"}, "storage[0].endpoint"),
        ({"endpoint": "https://key:secret@x"}, "storage[0].endpoint"),
        ({"endpoint": "https://x/?token=1"}, "storage[0].endpoint"),
        ({"prefix": "../up"}, "storage[0].prefix"),
        ({"max_bytes": 0}, "storage[0].max_bytes"),
        ({"buket": "b"}, "storage[0].buket"),
        ({"region": "$Session{user}{x}"}, "storage[0].region"),
    ],
)
def test_what_cannot_work_is_told_with_its_path(changes: JsonObject, path: str) -> None:
    assert path in faults_of(**changes)


@pytest.mark.parametrize(
    "name", ["secret_access_key", "session_token", "account_key", "sas_token", "service_account"]
)
def test_a_literal_credential_is_refused_and_not_shown(name: str) -> None:
    with pytest.raises(ValidationError) as raised:
        parse_product(a_product(a_storage(**{name: "lit3ral"})))
    assert f"storage[0].{name}" in {one["path"] for one in raised.value.errors}
    assert "lit3ral" not in str(raised.value)


def test_a_definition_shows_no_credential() -> None:
    place = StorageTarget(type="s3", bucket="b", access_key_id="A", secret_access_key="s3cret")
    assert "s3cret" not in repr(place)

"""What a storage says where it cannot work: a missing extra, a prefix that climbs."""

import sys

import pytest

from ductape.domain.jsonvalue import JsonObject
from ductape.errors import ConfigError, ValidationError
from tests.integration.storing import stored

S3: JsonObject = {"type": "s3", "bucket": "b", "allow_private": False}


async def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "obstore", None)
    monkeypatch.delitem(sys.modules, "ductape.providers.storage.buckets", raising=False)
    async with stored(S3) as bucket:
        with pytest.raises(ConfigError) as raised:
            await bucket.act({"operation": "list"})
    assert "`s3`" in str(raised.value)
    assert raised.value.hint == "pip install 'ductape-jobs[s3]'"


async def test_a_prefix_that_a_reference_brought_must_not_climb() -> None:
    async with stored({**S3, "prefix": "../other"}) as bucket:
        with pytest.raises(ValidationError, match="prefix"):
            await bucket.act({"operation": "list"})


@pytest.mark.parametrize("cursor", ["%%%", "Li4vYQ==", "/w=="])
async def test_a_cursor_that_no_page_gave_is_refused(cursor: str) -> None:
    async with stored(S3) as bucket:
        with pytest.raises(ValidationError, match="cursor"):
            await bucket.act({"operation": "list", "cursor": cursor})


async def test_without_a_key_nothing_is_signed() -> None:
    async with stored(S3) as bucket:
        error = await bucket.refused({"operation": "sign", "fileName": "a"})
    assert error.code == "VALIDATION_ERROR"

"""Signed URLs of Azure: the signatures are those that Microsoft's own SDK makes (12.31.1)."""

from typing import Literal

import pytest

from ductape.domain.http.azure import AzureBlob, signed_query
from ductape.errors import ProviderError
from tests.servers.buckets import AZURE_KEY

EXPIRES_AT_MS = 1_800_000_000_999
BESIDE = "se=2027-01-15T08%3A00%3A00Z&sv=2023-11-03&sr=b"


@pytest.mark.parametrize(
    ("name", "method", "may", "signature"),
    [
        ("a b.txt", "GET", "r", "mUeWLqgLxrdQukwaUCPSSLekbwxxtkzC713%2FgaPOmBU%3D"),
        ("a b.txt", "PUT", "cw", "buK16ePMVHmrftdfszzAI1UHMeTIg1lljballZVRZT4%3D"),
        ("ü/語.txt", "GET", "r", "pdXZmiddOnxaxdeiVGq82HXZP6Mye33i5hmVFporlEY%3D"),
        ("a%20b+c#d?e", "PUT", "cw", "TisiW4%2BYRs%2Bi4G5Ca1KoWHt1RjE0RBh8h61PXQXFR%2B4%3D"),
    ],
)
def test_a_name_is_signed_as_it_is_called(
    name: str, method: Literal["GET", "PUT"], may: str, signature: str
) -> None:
    blob = AzureBlob("devstoreaccount1", "invoices", name)
    query = signed_query(blob, AZURE_KEY, method=method, expires_at_ms=EXPIRES_AT_MS)
    assert query == f"sp={may}&{BESIDE}&sig={signature}"


@pytest.mark.parametrize("key", ["sh@pkey", "kéy"])
def test_a_key_that_is_none_cannot_sign(key: str) -> None:
    with pytest.raises(ProviderError) as raised:
        signed_query(AzureBlob("a", "b", "c"), key, method="GET", expires_at_ms=EXPIRES_AT_MS)
    assert raised.value.code == "UNAUTHORIZED"
    assert key not in str(raised.value)

"""Storages on Google Cloud Storage, against a stub of its published protocol.

The names are Google's own; the line leads to the stub, which has a certificate for them.
"""

import asyncio
import ssl
from base64 import b64decode
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from socket import socket

import aiohttp
import pytest
import trustme
from aiohttp import web
from yarl import URL

from ductape.domain.egress import Destination
from ductape.domain.jsonvalue import JsonObject
from ductape.providers.http import AiohttpClient, Guard, connect
from ductape.providers.storage import tunnel
from tests.integration.storing import LOOPBACK, Stored, stored
from tests.servers.google import BUCKET, EMAIL, Google, google
from tests.servers.http import http_receiver

MIB = 1_048_576
HOST = "storage.googleapis.com"


@dataclass
class Around:
    """The stub, a storage on it, and who was asked for."""

    stub: Google
    bucket: Stored
    asked: set[tuple[str, int]]
    authority: trustme.CA


@pytest.fixture
async def around(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Around]:
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(HOST, "localhost", "127.0.0.1").configure_cert(context)
    asked: set[tuple[str, int]] = set()
    async with google(context) as stub:

        async def led(guard: Guard, destination: Destination) -> socket:
            asked.add((destination.host, destination.port))
            return await connect(guard, Destination("127.0.0.1", stub.port, asks_private=True))

        monkeypatch.setattr(tunnel, "connect", led)
        monkeypatch.setenv("GOOGLE_BEARER_TOKEN", "somebody-else")
        definition: JsonObject = {
            "type": "gcs",
            "bucket": BUCKET,
            "service_account": stub.service_account(),
            "prefix": "t1",
            "allow_private": True,
        }
        trusted = authority.cert_pem.bytes()
        trust = ssl.create_default_context(cadata=trusted.decode())
        client = AiohttpClient(LOOPBACK, tls=trust)
        async with stored(definition, tmp_path, trusted=trusted, http=client) as bucket:
            yield Around(stub, bucket, asked, authority)
        await client.aclose()


async def test_every_operation_in_googles_words(around: Around) -> None:
    bucket, stub = around.bucket, around.stub
    put = await bucket.upload("a/b ü.txt", b"hello")
    assert put["url"] == f"https://storage.googleapis.com/{BUCKET}/t1/a/b%20%C3%BC.txt"
    assert stub.files == {"t1/a/b ü.txt": (b"hello", "text/plain")}
    assert b64decode(str((await bucket.download("a/b ü.txt"))["buffer"])) == b"hello"
    assert await bucket.names() == ["a/b ü.txt"]
    exists: JsonObject = {"operation": "exists", "fileName": "a/b ü.txt"}
    assert (await bucket.act(exists))["exists"] is True
    assert (await bucket.act({**exists, "fileName": "no"}))["exists"] is False
    for _ in range(2):
        await bucket.act({"operation": "delete", "fileName": "a/b ü.txt"})
    assert stub.files == {}
    assert len(stub.claims) == 1
    assert stub.claims[0]["iss"] == EMAIL
    assert str(stub.claims[0]["scope"]).endswith("/auth/devstorage.read_write")
    assert around.asked == {(HOST, 443)}


async def test_a_large_file_goes_in_parts(around: Around, tmp_path: Path) -> None:
    large = tmp_path / "large.bin"
    large.write_bytes(b"".join(bytes([at]) * MIB for at in range(20)))
    put = await around.bucket.act({"fileName": "large.bin", "file": str(large)})
    assert put["size"] == 20 * MIB
    assert around.stub.files["t1/large.bin"][0] == large.read_bytes()


async def test_a_source_that_takes_its_time_keeps_its_token_good(around: Around) -> None:
    """The library asks for the token again in threads of its own."""

    async def slow(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for at in range(3):
            await response.write(bytes([at]) * 8 * MIB)
            await asyncio.sleep(0.3)
        return response

    async with http_receiver() as server:
        server.answers.append(slow)
        put = await around.bucket.act({"fileName": "slow.bin", "url": f"{server.url}/slow"})
    assert put["size"] == 24 * MIB
    assert around.stub.files["t1/slow.bin"][0][:: 8 * MIB] == b"\0\1\2"
    assert len(around.stub.claims) == 1


async def test_a_signed_url_is_signed_as_google_checks_it(around: Around) -> None:
    await around.bucket.upload("a b.txt", b"hello")
    signed = await around.bucket.act({"operation": "sign", "fileName": "a b.txt"})
    here = f"https://127.0.0.1:{around.stub.port}"
    url = str(signed["url"]).replace("https://storage.googleapis.com", here)
    trust = ssl.create_default_context(cadata=around.authority.cert_pem.bytes().decode())
    headers = {"Host": "storage.googleapis.com"}

    async with aiohttp.ClientSession() as client:
        asked = client.get(URL(url, encoded=True), headers=headers, ssl=trust)
        async with asked as answer:
            assert (answer.status, await answer.read()) == (200, b"hello")
        forged = URL(url.replace("Expires=900", "Expires=999"), encoded=True)
        async with client.get(forged, headers=headers, ssl=trust) as answer:
            assert answer.status == 401


async def test_a_key_that_google_does_not_know_is_unauthorized(around: Around) -> None:
    stranger = Google(port=around.stub.port).service_account()
    given: JsonObject = {"fileName": "a", "buffer": "YQ=="}
    error = await around.bucket.refused(given, service_account=stranger)
    assert error.code == "UNAUTHORIZED"
    assert "PRIVATE KEY" not in f"{error!r}{error.details}"


@pytest.mark.parametrize("wrong", ["not json", '{"client_email": "x"}'])
async def test_a_key_that_is_none_is_told_without_it(around: Around, wrong: str) -> None:
    given: JsonObject = {"fileName": "a", "buffer": "YQ=="}
    error = await around.bucket.refused(given, service_account=wrong)
    assert error.code in {"VALIDATION_ERROR", "UNAUTHORIZED"}
    assert wrong not in f"{error!r}{error.details}"


async def test_a_bucket_that_is_not_there_is_not_found(around: Around) -> None:
    error = await around.bucket.refused({"operation": "list"}, bucket="elsewhere")
    assert error.code == "NOT_FOUND"

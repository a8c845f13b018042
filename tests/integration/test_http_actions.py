"""Actions through the real client against a real partner API (SPEC 9, row `action`)."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from unittest.mock import ANY

import msgspec
import pytest
from aiohttp import BodyPartReader, web
from aiohttp.test_utils import TestServer

from ductape.domain.egress import EgressPolicy
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.request import JobEventTypes
from ductape.errors import ProviderError, ValidationError
from ductape.handlers.action import ActionHandler
from ductape.providers.http import AiohttpClient
from tests.servers.http import Received, Receiver, http_receiver
from tests.unit.handlers.builders import (
    FixedClock,
    NoTokens,
    RecordingContext,
    an_invocation,
    judged,
)


@dataclass
class Partner:
    """A partner's API, and the handler that calls it."""

    server: Receiver
    handler: ActionHandler
    context: RecordingContext = field(default_factory=RecordingContext)

    async def act(self, given: JsonObject, **definition: JsonValue) -> JsonValue:
        """Run one attempt of `POST /v1/users`, or of what `definition` changes about it."""
        action: JsonObject = {
            "base_url": f"{self.server.url}/v1/",
            "resource": "/users",
            "method": "POST",
            "allow_private": True,
        }
        invocation = an_invocation(
            JobEventTypes.ACTION, {**action, **definition}, given, context=self.context
        )
        return await self.handler(judged(invocation))

    async def refused(self, given: JsonObject, **definition: JsonValue) -> ProviderError:
        """Run an attempt that the provider must refuse."""
        with pytest.raises(ProviderError) as raised:
            await self.act(given, **definition)
        return raised.value

    def seen(self) -> Received:
        """Return the one request that arrived."""
        return self.server.only()


@pytest.fixture
async def partner() -> AsyncIterator[Partner]:
    client = AiohttpClient(EgressPolicy(grant_loopback=True))
    async with http_receiver() as server:
        yield Partner(server, ActionHandler(client, FixedClock(), NoTokens()))
        await client.aclose()


Part = tuple[str | None, str | None, str | None, bytes]
"""Name, file name, type, content."""

PNG = b"\x89PNG\r\n\x1a\n\r\n--ductape-\r\n\x00"


@dataclass
class Uploads:
    """A server that reads bodies of several parts, one by one as they come."""

    url: str = ""
    parts: list[Part] = field(default_factory=list[Part])

    async def take(self, request: web.Request) -> web.Response:
        reader = await request.multipart()
        while isinstance(part := await reader.next(), BodyPartReader):
            mime = part.headers.get("Content-Type")
            self.parts.append((part.name, part.filename, mime, bytes(await part.read())))
        return web.json_response({"parts": len(self.parts)})


@pytest.fixture
async def uploads() -> AsyncIterator[Uploads]:
    kept = Uploads()
    application = web.Application()
    application.router.add_post("/files", kept.take)
    async with TestServer(application) as server:
        kept.url = str(server.make_url("/files"))
        yield kept


async def test_fields_and_files_are_sent_in_parts(partner: Partner, uploads: Uploads) -> None:
    photo: JsonObject = {"buffer": b64encode(PNG).decode(), "fileName": "Äda 1.png"}
    note: JsonObject = {"blob": b64encode(b"hi").decode(), "mimeType": "text/x-note"}
    given: JsonObject = {"body": {"title": "Äda", "photo": photo, "notes": [note, note]}}
    sent: JsonObject = {"base_url": uploads.url, "resource": "", "content_type": "multipart"}
    answer = await partner.act(given, **sent, body={"source": "shop"})
    assert answer == {"status": 200, "headers": ANY, "body": {"parts": 5}}
    assert uploads.parts == [
        ("source", None, None, b"shop"),
        ("title", None, None, "Äda".encode()),
        ("photo", "Äda 1.png", "image/png", PNG),
        ("notes", "notes", "text/x-note", b"hi"),
        ("notes", "notes", "text/x-note", b"hi"),
    ]


@pytest.mark.parametrize("place", ["headers", "definition"])
async def test_no_header_takes_the_boundary_from_the_parts(
    partner: Partner, uploads: Uploads, place: str
) -> None:
    other: JsonObject = {"content-type": "multipart/form-data"}
    given: JsonObject = {"body": {"a": 1}, "headers": other if place == "headers" else {}}
    headers: JsonObject = other if place == "definition" else {}
    sent: JsonObject = {"base_url": uploads.url, "resource": "", "content_type": "multipart"}
    await partner.act(given, **sent, headers=headers)
    assert uploads.parts == [("a", None, None, b"1")]


@pytest.mark.parametrize(
    ("file", "headers", "definition", "mime"),
    [
        ({}, {}, {}, "image/png"),
        ({"mimeType": "image/x-own"}, {}, {}, "image/x-own"),
        ({}, {}, {"Content-Type": "application/octet-stream"}, "application/octet-stream"),
        ({"mimeType": "image/x-own"}, {}, {"content-type": "application/zip"}, "image/x-own"),
        ({"mimeType": "image/x-own"}, {"content-type": "a/b"}, {}, "a/b"),
    ],
)
async def test_a_file_is_sent_as_its_bytes(
    partner: Partner, file: JsonObject, headers: JsonObject, definition: JsonObject, mime: str
) -> None:
    body: JsonObject = {"buffer": b64encode(PNG).decode(), "fileName": "a.png", **file}
    given: JsonObject = {"body": body, "headers": headers}
    await partner.act(given, content_type="file", headers=definition)
    seen = partner.seen()
    assert (seen.body, seen.headers["content-type"]) == (PNG, mime)


async def test_a_file_that_is_no_base64_is_refused_before_anything_is_sent(
    partner: Partner,
) -> None:
    with pytest.raises(ValidationError) as raised:
        await partner.act({"body": {"f": {"buffer": "?"}}}, content_type="multipart")
    assert raised.value.path == "input.body.f.buffer"
    assert partner.server.requests == []


async def test_the_input_becomes_the_request(partner: Partner) -> None:
    given: JsonObject = {
        "params:id": "a/b",
        "query": {"limit": 5, "tag": ["x", "y"]},
        "body": {"name": "Äda", "age": 36},
        "headers:X-Tenant": "t1",
    }
    await partner.act(given, resource="users/:id/orders")
    seen = partner.seen()
    assert seen.method == "POST"
    assert seen.path == "/v1/users/a%2Fb/orders?limit=5&tag=x&tag=y"
    assert msgspec.json.decode(seen.body) == {"name": "Äda", "age": 36}
    assert seen.headers["content-type"] == "application/json"
    assert seen.headers["x-tenant"] == "t1"
    assert seen.headers["idempotency-key"] == "job-1:1"


async def test_the_definitions_values_are_defaults(partner: Partner) -> None:
    await partner.act(
        {"body:source": "app", "headers:x-a": "mine", "query:v": 2},
        body={"source": "shop", "kind": "user"},
        headers={"X-A": "theirs", "X-B": "theirs"},
        query={"v": 1, "w": 1},
    )
    seen = partner.seen()
    assert msgspec.json.decode(seen.body) == {"source": "app", "kind": "user"}
    assert (seen.headers["x-a"], seen.headers["x-b"]) == ("mine", "theirs")
    assert seen.path == "/v1/users?v=2&w=1"


async def test_a_paths_parameters_have_defaults(partner: Partner) -> None:
    definition: JsonObject = {
        "resource": "/users/:id/:part",
        "params": {"id": "a/b", "part": "all"},
        "request": {"params": {"id": {"type": "STRING"}}},
    }
    await partner.act({"params": {"part": "one"}}, **definition)
    assert partner.seen().path == "/v1/users/a%2Fb/one"


async def test_a_callers_own_idempotency_key_wins(partner: Partner) -> None:
    await partner.act({"headers:idempotency-key": "mine"})
    assert partner.seen().headers["idempotency-key"] == "mine"


@pytest.mark.parametrize(
    ("auth", "header", "value"),
    [
        ({"type": "bearer", "token": "t0ken"}, "authorization", "Bearer t0ken"),
        (
            {"type": "basic", "username": "ada", "password": "pass"},
            "authorization",
            "Basic YWRhOnBhc3M=",
        ),
        (
            {"type": "basic", "username": "", "password": "pass"},
            "authorization",
            "Basic OnBhc3M=",
        ),
        ({"type": "basic", "username": "k3y", "password": ""}, "authorization", "Basic azN5Og=="),
        ({"type": "api_key", "name": "X-Key", "value": "k3y"}, "x-key", "k3y"),
    ],
)
async def test_the_apps_auth_is_sent(
    partner: Partner, auth: dict[str, str], header: str, value: str
) -> None:
    await partner.act({}, auth={"tag": "main", **auth})
    assert partner.seen().headers[header] == value


async def test_an_api_key_may_stand_in_the_query(partner: Partner) -> None:
    auth: JsonObject = {
        "tag": "m",
        "type": "api_key",
        "name": "key",
        "location": "query",
        "value": "k&y",
    }
    await partner.act({"query:a": 1}, auth=auth)
    assert partner.seen().path == "/v1/users?a=1&key=k%26y"


async def test_a_form_and_a_text_are_sent_as_such(partner: Partner) -> None:
    await partner.act({"body": {"a": "1 2"}}, content_type="form")
    await partner.act({"body": "hello"}, content_type="text")
    form, text = partner.server.requests
    assert (form.headers["content-type"], form.body) == (
        "application/x-www-form-urlencoded",
        b"a=1+2",
    )
    assert (text.headers["content-type"], text.body) == ("text/plain; charset=utf-8", b"hello")


@pytest.mark.parametrize(
    ("response", "body"),
    [
        ({"body": b'{"id": 1}', "content_type": "application/json"}, {"id": 1}),
        ({"body": b'{"id": 1}', "content_type": "application/problem+json"}, {"id": 1}),
        ({"body": b"{broken", "content_type": "application/json"}, "{broken"),
        ({"body": b"[" * 100_000, "content_type": "application/json"}, "[" * 100_000),
        ({"text": "hé", "content_type": "text/plain"}, "hé"),
        ({"body": b"h\xe9", "content_type": "text/plain", "charset": "latin-1"}, "hé"),
        ({"body": b"\xff\xfe\x00", "content_type": "image/png"}, "//4A"),
        ({}, None),
    ],
)
async def test_the_answers_body_is_json_text_or_base64(
    partner: Partner, response: dict[str, str], body: JsonValue
) -> None:
    partner.server.answers = [web.Response(**response)]
    result = await partner.act({})
    assert isinstance(result, dict)
    assert (result["status"], result["body"]) == (200, body)


@pytest.mark.parametrize("status", [301, 302])
async def test_a_post_that_is_asked_for_elsewhere_has_failed(partner: Partner, status: int) -> None:
    there = f"{partner.server.url}/v2/users"
    headers = {"Location": f"{there.replace('//', '//me:pw@', 1)}?token=t0ken"}
    partner.server.answers = [web.Response(status=status, headers=headers)]
    error = await partner.refused({"body": {"a": 1}})
    assert error.code == "PROVIDER_ERROR"
    assert error.details == {"status": status, "location": there}


async def test_a_post_is_sent_again_where_it_is_to_go_unchanged(partner: Partner) -> None:
    partner.server.answers = [web.Response(status=307, headers={"Location": "/v2/users"})]
    assert (await partner.act({"body": {"a": 1}}))["status"] == 200
    first, second = partner.server.requests
    assert (second.path, second.body) == ("/v2/users", first.body)
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]


async def test_a_redirected_post_is_a_result_and_secrets_in_headers_are_masked(
    partner: Partner,
) -> None:
    headers = {"Location": "/there", "Set-Cookie": "sid=secret", "X-Request-Id": "r1"}
    partner.server.answers = [web.Response(status=303, headers=headers)]
    result = await partner.act({})
    assert isinstance(result, dict)
    assert result["status"] == 303
    assert isinstance(result["headers"], dict)
    assert result["headers"]["set-cookie"] == "***"
    assert result["headers"]["x-request-id"] == "r1"


async def test_a_refusal_has_its_code_its_wait_and_no_credentials(partner: Partner) -> None:
    partner.server.answers = [
        web.Response(
            status=429,
            headers={"Retry-After": "Fri, 15 Jan 2027 08:00:09 GMT"},
            text="too many calls with t0ken-12345 " + "x" * 5_000,
        )
    ]
    error = await partner.refused(
        {"params:id": 77, "query:q": "private"},
        resource="/users/:id",
        auth={"tag": "m", "type": "bearer", "token": "t0ken-12345"},
    )
    assert (error.code, error.retry_after_ms) == ("RATE_LIMITED", 9_000)
    assert error.message == "POST /users/:id answered 429"
    shown = f"{error.message} {error.details}"
    assert "t0ken-12345" not in shown
    assert "private" not in shown
    assert len(shown) < 2_500


@pytest.mark.parametrize(
    "given",
    [
        {"params:id": ".."},
        {"params:id": 1, "headers:X": "a\r\nb: c"},
        {"params:id": 1, "headers": {"Content-Length": "0"}},
        {"params:id": 1, "path": "x"},
        {},
    ],
)
async def test_a_bad_input_sends_nothing(partner: Partner, given: JsonObject) -> None:
    with pytest.raises(ValidationError):
        await partner.act(given, resource="/users/:id")
    assert partner.server.requests == []


async def test_loopback_is_refused_to_an_env_that_does_not_ask(partner: Partner) -> None:
    error = await partner.refused({}, allow_private=False)
    assert error.code == "FORBIDDEN"


async def test_a_longer_answer_than_allowed_is_refused(partner: Partner) -> None:
    partner.server.answers = [web.Response(body=b"x" * 101)]
    assert (await partner.refused({}, max_response_bytes=100)).code == "PROVIDER_ERROR"


async def test_an_attempt_is_cut_off_at_its_deadline(partner: Partner) -> None:
    released = asyncio.Event()

    async def wait(_: web.Request) -> web.StreamResponse:
        await released.wait()
        return web.Response()

    partner.server.answers = [wait]
    partner.context.deadline_ms = FixedClock.now + 50
    error = await partner.refused({})
    released.set()
    assert error.code == "TIMEOUT"
    assert error.message.endswith("within 50 ms")

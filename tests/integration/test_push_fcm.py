"""Push by FCM, against a server that takes what Google's reference describes (SPEC 9)."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import unused_port

from ductape.domain.egress import EgressPolicy
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.request import JobEventTypes
from ductape.errors import ProviderError
from ductape.handlers.notification import NotificationHandler
from ductape.providers.http import AiohttpClient
from ductape.providers.mail import SmtpMailer
from ductape.providers.tokens import TokenKeeper
from tests.integration.faults import cut_off, huge, limited
from tests.integration.test_tokens import HeldSecrets
from tests.servers.fcm import Fcm, fcm_error, fcm_service
from tests.servers.tokens import TokenUrl, key_file, token_url
from tests.unit.handlers.builders import FixedClock, NoEngine, RecordingContext, an_invocation

PUSH: JsonObject = {
    "device_token": "device-token-1",
    "title": "Hi",
    "body": "Your order",
    "data": {"order": 7, "gift": True, "note": "x", "lines": [{"sku": "a"}], "none": None},
}


@dataclass
class World:
    """A push service, the token URL that it trusts, and the handler that sends."""

    fcm: Fcm
    tokens: TokenUrl
    handler: NotificationHandler
    context: RecordingContext = field(default_factory=RecordingContext)
    engine: NoEngine = field(default_factory=NoEngine)

    async def push(self, content: JsonObject = PUSH, **provider: JsonValue) -> JsonValue:
        definition: JsonObject = {
            "push": {
                "type": "fcm",
                "url": self.fcm.url,
                "project_id": "project-1",
                "service_account": key_file(self.tokens.token_url),
                **provider,
            },
            "allow_private": True,
        }
        return await self.handler(
            an_invocation(
                JobEventTypes.NOTIFICATION,
                definition,
                {"push_notification": content},
                context=self.context,
                engine=self.engine,
            )
        )

    async def failed(self, *answers: web.Response, **provider: JsonValue) -> ProviderError:
        self.fcm.answers = [*answers]
        with pytest.raises(ProviderError) as caught:
            await self.push(**provider)
        shown = f"{caught.value.message} {caught.value.details}"
        assert "token-1" not in shown
        return caught.value


@pytest.fixture
async def world() -> AsyncIterator[World]:
    policy, clock = EgressPolicy(grant_loopback=True), FixedClock()
    client = AiohttpClient(policy)
    keeper = TokenKeeper(client, clock, HeldSecrets())
    handler = NotificationHandler(client, SmtpMailer(policy, clock), clock, keeper)
    async with token_url() as tokens, fcm_service(tokens) as fcm:
        yield World(fcm, tokens, handler)
        await client.aclose()


async def test_a_push_is_sent_in_the_published_shape(world: World) -> None:
    result = await world.push()
    assert result == {
        "push_notification": {"status": "sent", "provider_id": "projects/p/messages/1"}
    }
    seen = world.fcm.only()
    assert (seen.method, seen.path) == ("POST", "/v1/projects/project-1/messages:send")
    assert seen.headers["authorization"] == "Bearer token-1"
    assert msgspec.json.decode(seen.body) == {
        "message": {
            "token": "device-token-1",
            "notification": {"title": "Hi", "body": "Your order"},
            "data": {
                "order": "7",
                "gift": "true",
                "note": "x",
                "lines": '[{"sku":"a"}]',
                "none": "null",
            },
        }
    }
    assert world.engine.hidden == ("token-1",)
    (claims,) = world.tokens.claims
    assert claims["scope"] == "https://www.googleapis.com/auth/firebase.messaging"


async def test_data_alone_is_sent_without_a_notification(world: World) -> None:
    await world.push({"device_token": "d", "data": {"a": "b"}})
    message = {"token": "d", "data": {"a": "b"}}
    assert msgspec.json.decode(world.fcm.only().body) == {"message": message}


async def test_fifty_pushes_share_one_token(world: World) -> None:
    await asyncio.gather(*(world.push() for _ in range(50)))
    assert len(world.fcm.requests) == 50
    assert len(world.tokens.requests) == 1


async def test_a_token_that_is_not_taken_any_more_is_got_anew_once(world: World) -> None:
    await world.push()
    world.tokens.good.clear()
    await world.push()
    assert [one.headers["authorization"] for one in world.fcm.requests] == [
        "Bearer token-1",
        "Bearer token-1",
        "Bearer token-2",
    ]
    assert world.engine.hidden == ("token-1", "token-1", "token-2")


async def test_a_service_account_that_is_not_taken_at_all_is_unauthorized(world: World) -> None:
    no = [fcm_error(401, "UNAUTHENTICATED") for _ in range(3)]
    error = await world.failed(*no)
    assert error.code == "UNAUTHORIZED"
    assert len(world.fcm.requests) == 2


@pytest.mark.parametrize(
    ("status", "name", "errorcode", "code"),
    [
        (404, "NOT_FOUND", "UNREGISTERED", "NOT_FOUND"),
        (400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", "VALIDATION_ERROR"),
        (403, "PERMISSION_DENIED", "SENDER_ID_MISMATCH", "FORBIDDEN"),
        (429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED", "RATE_LIMITED"),
        (503, "UNAVAILABLE", "UNAVAILABLE", "SERVICE_UNAVAILABLE"),
        (500, "INTERNAL", "INTERNAL", "SERVICE_UNAVAILABLE"),
        (401, "UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR", "UNAUTHORIZED"),
        (403, "PERMISSION_DENIED", None, "FORBIDDEN"),
        (400, "FAILED_PRECONDITION", "SOMETHING_NEW", "VALIDATION_ERROR"),
        (418, "TEAPOT", None, "PROVIDER_ERROR"),
    ],
)
async def test_a_refused_push_has_its_code(
    world: World, status: int, name: str, errorcode: str | None, code: str
) -> None:
    error = await world.failed(fcm_error(status, name, errorcode))
    assert error.code == code
    assert len(world.fcm.requests) == 1


async def test_a_quotas_wait_is_kept_or_is_a_minute(world: World) -> None:
    told = fcm_error(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED", Retry_After="7")
    assert (await world.failed(told)).retry_after_ms == 7_000
    untold = fcm_error(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED")
    assert (await world.failed(untold)).retry_after_ms == 60_000
    down = fcm_error(503, "UNAVAILABLE", "UNAVAILABLE", Retry_After="9")
    assert (await world.failed(down)).retry_after_ms == 9_000


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (limited, "RATE_LIMITED"),
        (huge, "PROVIDER_ERROR"),
        (lambda: web.Response(text="<html>"), "PROVIDER_ERROR"),
        (lambda: web.json_response([]), "PROVIDER_ERROR"),
        (lambda: web.json_response({}), "PROVIDER_ERROR"),
        (lambda: web.Response(body=b"[" * 100_000), "PROVIDER_ERROR"),
        (lambda: web.Response(status=302, headers={"Location": "/"}), "PROVIDER_ERROR"),
        (lambda: web.Response(status=502, text="bad gateway"), "PROVIDER_ERROR"),
        (lambda: cut_off, "CONNECTION_ERROR"),
    ],
    ids=["limited", "huge", "html", "list", "empty", "deep", "redirect", "gateway", "cut"],
)
async def test_an_answer_that_is_no_answer_is_told(world: World, answer: object, code: str) -> None:
    assert callable(answer)
    assert (await world.failed(answer())).code == code


async def test_a_service_that_is_slow_or_not_there_is_told(world: World) -> None:
    released = asyncio.Event()

    async def wait(_: web.Request) -> web.StreamResponse:
        await released.wait()
        return web.Response()

    world.fcm.answers = [wait]
    world.context.deadline_ms = FixedClock.now + 100
    with pytest.raises(ProviderError) as caught:
        await world.push()
    released.set()
    assert caught.value.code == "TIMEOUT"
    gone = await world.failed(url=f"http://localhost:{unused_port()}")
    assert gone.code == "CONNECTION_ERROR"


async def test_wrong_credentials_are_told_by_the_token_url(world: World) -> None:
    error = await world.failed(service_account='{"client_email": "a", "private_key": "x"}')
    assert error.code == "UNAUTHORIZED"
    assert world.fcm.requests == []


async def test_a_device_token_is_never_shown(world: World) -> None:
    body = {"error": {"message": "device-token-1 is gone", "status": "NOT_FOUND"}}
    error = await world.failed(web.json_response(body, status=404))
    assert "device-token-1" not in f"{error.message} {error.details}"

"""Text messages, against servers that take what Twilio, Plivo and Vonage publish (SPEC 9)."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from urllib.parse import parse_qs

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import unused_port

from ductape.domain.egress import EgressPolicy
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.request import JobEventTypes
from ductape.domain.retry import NEVER_RETRIED
from ductape.errors import ProviderError
from ductape.handlers.notification import NotificationHandler
from ductape.providers.http import AiohttpClient
from ductape.providers.mail import SmtpMailer
from tests.integration.faults import cut_off, huge, limited
from tests.servers.sms import (
    ACCOUNT,
    SECRET,
    ServiceName,
    Sms,
    sms_service,
    twilio_error,
    vonage_status,
)
from tests.unit.handlers.builders import (
    FixedClock,
    NoTokens,
    RecordingContext,
    an_invocation,
    judged,
)

ADA, BOB, CY = "+31612345678", "+31687654321", "+14155550100"
CREDENTIALS: dict[ServiceName, JsonObject] = {
    "twilio": {"account_sid": ACCOUNT, "auth_token": SECRET},
    "plivo": {"auth_id": ACCOUNT, "auth_token": SECRET},
    "vonage": {"api_key": ACCOUNT, "api_secret": SECRET},
}
IDS = {"twilio": "SM1", "plivo": "uuid-1", "vonage": "vonage-1"}


@dataclass
class World:
    """One service, and the handler that sends to it."""

    service: Sms
    handler: NotificationHandler
    context: RecordingContext = field(default_factory=RecordingContext)

    async def send(
        self,
        to: JsonValue = ADA,
        body: JsonValue = "Hi",
        message: JsonObject | None = None,
        **provider: JsonValue,
    ) -> JsonValue:
        definition: JsonObject = {
            "message": message,
            "locale": "nl",
            "sms": {
                "type": self.service.kind,
                "url": self.service.url,
                "sender": "Shop",
                **CREDENTIALS[self.service.kind],
                **provider,
            },
            "allow_private": True,
        }
        given: JsonObject = {"sms": {"to": to, "body": body}}
        invocation = an_invocation(
            JobEventTypes.NOTIFICATION, definition, given, context=self.context
        )
        return await self.handler(judged(invocation))

    async def failed(self, to: JsonValue = ADA, **provider: JsonValue) -> ProviderError:
        with pytest.raises(ProviderError) as caught:
            await self.send(to, **provider)
        shown = f"{caught.value.message} {caught.value.details}"
        assert SECRET not in shown
        assert ADA.removeprefix("+") not in shown
        return caught.value


@pytest.fixture(params=["twilio", "plivo", "vonage"])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    policy, clock = EgressPolicy(grant_loopback=True), FixedClock()
    client = AiohttpClient(policy)
    handler = NotificationHandler(client, SmtpMailer(policy, clock), clock, NoTokens())
    async with sms_service(request.param) as service:
        yield World(service, handler)
        await client.aclose()


twilio = pytest.mark.parametrize("world", ["twilio"], indirect=True)
vonage = pytest.mark.parametrize("world", ["vonage"], indirect=True)
plivo = pytest.mark.parametrize("world", ["plivo"], indirect=True)


async def test_a_text_message_is_taken_by_every_service(world: World) -> None:
    result = await world.send()
    assert result == {"sms": {"status": "sent", "provider_id": IDS[world.service.kind]}}
    ((to, text),) = world.service.texts
    assert (to.removeprefix("+"), text) == (ADA.removeprefix("+"), "Hi")
    assert world.service.only().headers["idempotency-key"] == "job-1:1:sms:0"


async def test_an_address_may_be_whole_already(world: World) -> None:
    await world.send()
    path = world.service.only().path
    await world.send(url=f"{world.service.url}{path}")
    assert [one.path for one in world.service.requests] == [path, path]


async def test_a_defined_text_is_filled_in_the_envs_language(world: World) -> None:
    message: JsonObject = {"tag": "m", "sms": {"body": {"en": "Hi {{name}}", "nl": "Hoi {{name}}"}}}
    await world.send(body={"name": "Ada & Bob 100%"}, message=message)
    assert world.service.texts[0][1] == "Hoi Ada & Bob 100%"


async def test_text_of_any_alphabet_arrives_whole(world: World) -> None:
    await world.send(body="Olá 你好 😀 ~[€]")
    assert world.service.texts[0][1] == "Olá 你好 😀 ~[€]"


async def test_a_list_is_sent_number_by_number(world: World) -> None:
    result = await world.send([ADA, BOB])
    assert isinstance(result, dict)
    first = IDS[world.service.kind]
    ids = [first, first.replace("1", "2")]
    assert result["sms"] == {"status": "sent", "provider_id": first, "provider_ids": ids}
    assert len(world.service.texts) == 2


async def test_a_retry_sends_only_to_the_numbers_that_have_nothing_yet(world: World) -> None:
    world.service.barred = {BOB}
    error = await world.failed([ADA, BOB, CY])
    assert error.code == "VALIDATION_ERROR"
    assert "2 of 3 numbers have the message" in error.message
    world.service.barred = set()
    world.context.last_checkpoint = world.context.checkpoints[-1]
    result = await world.send([ADA, BOB, CY])
    numbers = [to.removeprefix("+") for to, _ in world.service.texts]
    assert numbers == [one.removeprefix("+") for one in (ADA, CY, BOB)]
    assert isinstance(result, dict)
    assert isinstance(result["sms"], dict)
    first = IDS[world.service.kind]
    assert result["sms"]["provider_ids"] == [first.replace("1", at) for at in "132"]
    assert world.context.checkpoints[-1] == {
        "sent": {},
        "sms": {"0": first, "2": first.replace("1", "2"), "1": first.replace("1", "3")},
    }


async def test_after_a_limit_no_further_number_is_tried(world: World) -> None:
    world.service.answers = [limited()]
    error = await world.failed([ADA, BOB])
    assert (error.code, error.retry_after_ms) == ("RATE_LIMITED", 7_000)
    assert len(world.service.requests) == 1


async def test_wrong_credentials_are_unauthorized(world: World) -> None:
    wrong = {name: "wrong" for name in CREDENTIALS[world.service.kind] if "id" not in name}
    assert (await world.failed(**wrong)).code == "UNAUTHORIZED"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (huge, "PROVIDER_ERROR"),
        (lambda: web.Response(text="<html>"), "PROVIDER_ERROR"),
        (lambda: web.json_response([]), "PROVIDER_ERROR"),
        (lambda: web.json_response({}), "PROVIDER_ERROR"),
        (lambda: web.json_response({"messages": []}), "PROVIDER_ERROR"),
        (lambda: web.Response(body=b"[" * 100_000), "PROVIDER_ERROR"),
        (lambda: web.Response(status=302, headers={"Location": "/"}), "PROVIDER_ERROR"),
        (lambda: web.Response(status=503, text="later"), "SERVICE_UNAVAILABLE"),
        (lambda: web.Response(status=400, text=f"{SECRET} {ADA}"), "VALIDATION_ERROR"),
        (lambda: cut_off, "CONNECTION_ERROR"),
    ],
    ids=["huge", "html", "list", "empty", "none", "deep", "redirect", "down", "bad", "cut"],
)
async def test_an_answer_that_is_no_answer_is_told(world: World, answer: object, code: str) -> None:
    assert callable(answer)
    world.service.answers = [answer()]
    assert (await world.failed()).code == code


async def test_a_service_that_is_slow_or_not_there_is_told(world: World) -> None:
    released = asyncio.Event()

    async def wait(_: web.Request) -> web.StreamResponse:
        await released.wait()
        return web.Response()

    world.service.answers = [wait]
    world.context.deadline_ms = FixedClock.now + 50
    error = await world.failed()
    released.set()
    assert error.code == "TIMEOUT"
    gone = await world.failed(url=f"http://localhost:{unused_port()}")
    assert gone.code == "CONNECTION_ERROR"


@twilio
@pytest.mark.parametrize(
    ("status", "number", "code"),
    [
        (400, 21211, "VALIDATION_ERROR"),
        (400, 21610, "FORBIDDEN"),
        (400, 21611, "RATE_LIMITED"),
        (401, 20003, "UNAUTHORIZED"),
        (404, 20404, "NOT_FOUND"),
        (429, 20429, "RATE_LIMITED"),
        (403, 99999, "FORBIDDEN"),
        (500, 20500, "PROVIDER_ERROR"),
    ],
)
async def test_twilios_codes(world: World, status: int, number: int, code: str) -> None:
    world.service.answers = [twilio_error(status, number, Retry_After="3")]
    error = await world.failed()
    lasting = code in NEVER_RETRIED
    assert (error.code, error.retry_after_ms) == (code, None if lasting else 3_000)
    assert error.details["failed"] == {
        "sms": {"code": code, "status": status, "error": str(number)}
    }


@twilio
async def test_a_messaging_service_of_twilio_may_be_the_sender(world: World) -> None:
    service = "MG" + "0" * 32
    await world.send(sender=service)
    form = parse_qs(world.service.only().body.decode())
    assert form == {"To": [ADA], "MessagingServiceSid": [service], "Body": ["Hi"]}


@vonage
@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("1", "RATE_LIMITED"),
        ("4", "UNAUTHORIZED"),
        ("5", "SERVICE_UNAVAILABLE"),
        ("6", "VALIDATION_ERROR"),
        ("7", "FORBIDDEN"),
        ("9", "FORBIDDEN"),
        ("33", "NOT_FOUND"),
        ("99", "PROVIDER_ERROR"),
    ],
)
async def test_vonage_says_no_inside_of_a_200(world: World, status: str, code: str) -> None:
    world.service.answers = [vonage_status(status)]
    assert (await world.failed()).code == code


@vonage
async def test_vonage_is_told_of_an_alphabet_that_takes_more_room(world: World) -> None:
    for body in ("plain {€}", "你好"):
        await world.send(body=body)
    sent = [msgspec.json.decode(one.body) for one in world.service.requests]
    assert [one["type"] for one in sent] == ["text", "unicode"]
    assert {one["client-ref"] for one in sent} == {sent[0]["client-ref"]}


@plivo
async def test_plivo_says_what_was_wrong(world: World) -> None:
    world.service.barred = {ADA}
    error = await world.failed()
    assert (error.code, error.message) == (
        "VALIDATION_ERROR",
        "sms: POST localhost answered 400",
    )

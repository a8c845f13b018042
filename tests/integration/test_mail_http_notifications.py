"""Notifications through real push, mail and HTTP servers (SPEC 9, issue 3 item 12)."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import msgspec
import pytest
from aiohttp import web

from ductape.domain.egress import EgressPolicy
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.request import JobEventTypes
from ductape.errors import ProviderError, ValidationError
from ductape.handlers.notification import NotificationHandler
from ductape.providers.http import AiohttpClient
from ductape.providers.mail import SmtpMailer
from tests.servers.http import Expo, Receiver, expo_receiver, http_receiver
from tests.servers.smtp import Mailbox, smtp_receiver
from tests.unit.handlers.builders import (
    FixedClock,
    NoTokens,
    RecordingContext,
    an_invocation,
    judged,
)

MESSAGE: JsonObject = {
    "tag": "shipped",
    "push_notification": {
        "title": "Hello {{username}}",
        "body": "Order {{ order }}",
        "data": {"order": "{{order}}", "kind": "shipped"},
    },
    "email": {
        "subject": "Order {{order}} for {{username}}",
        "template": '<p>Hi {{name}},<br><a href="https://shop.example">track it</a></p>',
    },
    "callback": {"body": {"id": "{{order}}"}, "query": {"from": "shop"}},
}
GIVEN: JsonObject = {
    "push_notification": {
        "device_token": "ExponentPushToken[abc]",
        "title": {"username": "Ada"},
        "body": {"order": 7},
        "data": {"order": 7},
    },
    "email": {
        "to": ["ada@example.org", "bob@example.org"],
        "subject": {"order": 7, "username": "Ada & Bob"},
        "template": {"name": "<Ada>"},
    },
    "callback": {"body": {"order": 7}, "params": {"id": "p/1"}, "headers": {"X-A": "1"}},
}
ALL_SENT = {
    "push_notification": {"status": "sent", "provider_id": "ticket-1"},
    "callback": {"status": "sent", "provider_id": "r-1"},
}


@dataclass
class World:
    """Every receiver, and the handler that sends to them."""

    expo: Expo
    mailbox: Mailbox
    partner: Receiver
    handler: NotificationHandler
    context: RecordingContext = field(default_factory=RecordingContext)

    async def send(
        self, given: JsonObject, message: JsonObject | None = None, **changes: JsonValue
    ) -> JsonValue:
        """Run one attempt."""
        definition: JsonObject = {
            "message": message,
            "push": {"url": f"{self.expo.url}/push", "access_token": "expo-token"},
            "email": {
                "host": "localhost",
                "port": self.mailbox.port,
                "security": "none",
                "sender": "Shop <shop@shop.example>",
            },
            "callback": {
                "url": f"{self.partner.url}/hooks/:id",
                "method": "PUT",
                "headers": {"X-A": "0", "X-B": "0"},
                "auth": {"tag": "a", "type": "bearer", "token": "hook-token"},
            },
            "allow_private": True,
            **changes,
        }
        invocation = an_invocation(
            JobEventTypes.NOTIFICATION, definition, given, context=self.context
        )
        return await self.handler(judged(invocation))

    async def failed(self, given: JsonObject, message: JsonObject | None = None) -> ProviderError:
        """Run an attempt on which a channel fails."""
        with pytest.raises(ProviderError) as raised:
            await self.send(given, message)
        return raised.value


@pytest.fixture
async def world() -> AsyncIterator[World]:
    policy, clock = EgressPolicy(grant_loopback=True), FixedClock()
    client = AiohttpClient(policy)
    handler = NotificationHandler(client, SmtpMailer(policy, clock), clock, NoTokens())
    async with expo_receiver() as expo, smtp_receiver() as mailbox, http_receiver() as partner:
        partner.answers = [web.Response(headers={"X-Request-Id": "r-1"})]
        yield World(expo, mailbox, partner, handler)
        await client.aclose()


async def test_a_defined_message_is_filled_on_every_channel(world: World) -> None:
    result = await world.send(GIVEN, MESSAGE)
    assert isinstance(result, dict)
    assert {**result, "email": None} == {**ALL_SENT, "email": None}

    push = world.expo.only()
    assert msgspec.json.decode(push.body) == {
        "to": "ExponentPushToken[abc]",
        "title": "Hello Ada",
        "body": "Order 7",
        "data": {"order": 7, "kind": "shipped"},
    }
    assert push.headers["authorization"] == "Bearer expo-token"

    mail = world.mailbox.only()
    assert mail.recipients == ["ada@example.org", "bob@example.org"]
    assert mail.message["Subject"] == "Order 7 for Ada & Bob"
    assert mail.part("html") == (
        '<p>Hi &lt;Ada&gt;,<br><a href="https://shop.example">track it</a></p>'
    )
    assert mail.part("plain") == "Hi <Ada>,\ntrack it (https://shop.example)"

    call = world.partner.only()
    assert (call.method, call.path) == ("PUT", "/hooks/p%2F1?from=shop")
    assert msgspec.json.decode(call.body) == {"id": 7}
    assert (call.headers["x-a"], call.headers["x-b"]) == ("1", "0")
    assert call.headers["authorization"] == "Bearer hook-token"
    assert call.headers["idempotency-key"] == "job-1:1"


async def test_the_seeds_own_example_arrives(world: World) -> None:
    given: JsonObject = {
        "slug": "order_update",
        "push_notification": {
            "title": {"en": "Order Shipped"},
            "body": {"en": "Your order #12345 has been shipped!"},
            "data": {"trackingId": "XYZ987"},
            "device_token": "abcdef123456",
        },
    }
    result = await world.send(given)
    assert result == {"push_notification": {"status": "sent", "provider_id": "ticket-1"}}
    assert msgspec.json.decode(world.expo.only().body) == {
        "to": "abcdef123456",
        "title": "Order Shipped",
        "body": "Your order #12345 has been shipped!",
        "data": {"trackingId": "XYZ987"},
    }


async def test_the_envs_locale_chooses_the_text(world: World) -> None:
    title: JsonObject = {"en": "Hi", "nl": "Hoi"}
    given: JsonObject = {"push_notification": {"device_token": "a", "title": title}}
    await world.send(given, locale="nl")
    await world.send(given, {"tag": "m", "locale": "en"}, locale="nl")
    titles = [msgspec.json.decode(one.body)["title"] for one in world.expo.requests]
    assert titles == ["Hoi", "Hi"]


async def test_an_unfilled_variable_sends_nothing_at_all(world: World) -> None:
    given: JsonObject = {**GIVEN, "email": {"to": "ada@example.org", "subject": {"order": 1}}}
    with pytest.raises(ValidationError) as raised:
        await world.send(given, MESSAGE)
    assert [one["path"] for one in raised.value.errors] == [
        "input.email.subject.username",
        "input.email.template.name",
    ]
    assert world.expo.requests == []
    assert world.partner.requests == []


async def test_a_plain_template_is_a_mail_of_text_only(world: World) -> None:
    await world.send({"email": {"to": "ada@example.org", "subject": "Hi", "template": "1 < 2"}})
    mail = world.mailbox.only()
    assert (mail.part("plain"), mail.part("html")) == ("1 < 2", None)


async def test_a_message_may_be_of_text_alone(world: World) -> None:
    message: JsonObject = {
        "tag": "t",
        "email": {"subject": "Hi", "text": {"en": "plain <b>{{name}}</b>", "nl": "gewoon"}},
    }
    await world.send({"email": {"to": "a@example.org", "template": {"name": "A & B"}}}, message)
    assert world.mailbox.only().part("plain") == "plain <b>A & B</b>"
    assert world.mailbox.only().part("html") is None
    with pytest.raises(ValidationError) as raised:
        await world.send({"email": {"to": "a@example.org", "template": {}}}, message)
    assert [one["path"] for one in raised.value.errors] == ["input.email.template.name"]


async def test_a_messages_own_text_part_is_used(world: World) -> None:
    message: JsonObject = {
        "tag": "m",
        "email": {"subject": "Hi", "template": "<b>{{name}}</b>", "text": "plain {{name}}"},
    }
    given: JsonObject = {"email": {"to": "ada@example.org", "template": {"name": "A&B"}}}
    await world.send(given, message)
    mail = world.mailbox.only()
    assert (mail.part("html"), mail.part("plain")) == ("<b>A&amp;B</b>", "plain A&B")


async def test_a_variable_cannot_add_a_header_to_a_mail(world: World) -> None:
    given: JsonObject = {
        "email": {
            "to": "ada@example.org",
            "subject": {"order": "1\r\nBcc: eve@example.org", "username": "x"},
            "template": {"name": "x"},
        }
    }
    with pytest.raises(ValidationError):
        await world.send(given, MESSAGE)
    assert world.mailbox.mails == []


async def test_a_mail_keeps_its_message_id_over_attempts(world: World) -> None:
    given: JsonObject = {"email": {"to": "ada@example.org", "subject": "Hi", "template": "x"}}
    result = await world.send(given)
    await world.send(given)
    world.context.idempotency_key = "job-1:2"
    await world.send(given)
    first, second, third = [mail.message["Message-ID"] for mail in world.mailbox.mails]
    assert result == {"email": {"status": "sent", "provider_id": first}}
    assert first.endswith("@shop.example>")
    assert first == second != third


@pytest.mark.parametrize(
    ("sender", "domain"),
    [("Shop, Inc. <a@shop.example>", "shop.example"), ("Shop <a@shöp.example>", "localhost")],
)
async def test_a_mails_id_has_its_senders_domain_where_headers_can(
    world: World, sender: str, domain: str
) -> None:
    given: JsonObject = {"email": {"to": "ada@example.org", "subject": "Hi", "template": "x"}}
    place: JsonObject = {"host": "localhost", "port": world.mailbox.port, "security": "none"}
    await world.send(given, email={**place, "sender": sender})
    assert world.mailbox.mails[0].message["Message-ID"].endswith(f"@{domain}>")


async def test_each_success_is_checkpointed_and_every_channel_is_tried(world: World) -> None:
    world.mailbox.reply = "451 later"
    error = await world.failed(GIVEN, MESSAGE)
    assert error.code == "SERVICE_UNAVAILABLE"
    assert error.message.startswith("email: localhost:")
    assert world.context.checkpoints == [
        {"sent": {"push_notification": ALL_SENT["push_notification"]}},
        {"sent": ALL_SENT},
    ]


async def test_the_success_that_ends_it_all_is_left_to_the_result(world: World) -> None:
    await world.send(GIVEN, MESSAGE)
    assert [list(sent_so_far(one)) for one in world.context.checkpoints] == [
        ["push_notification"],
        ["push_notification", "email"],
    ]


async def test_a_retry_sends_only_what_has_not_succeeded(world: World) -> None:
    world.mailbox.reply = "451 later"
    await world.failed(GIVEN, MESSAGE)
    world.mailbox.reply = "250 OK"
    world.context.last_checkpoint = world.context.checkpoints[-1]
    result = await world.send(GIVEN, MESSAGE)
    assert isinstance(result, dict)
    assert list(result) == ["push_notification", "email", "callback"]
    assert result["push_notification"] == ALL_SENT["push_notification"]
    assert len(world.expo.requests) == len(world.mailbox.mails) == len(world.partner.requests) == 1


async def test_a_callback_that_is_asked_for_elsewhere_has_failed(world: World) -> None:
    given: JsonObject = {"callback": {"body": {"a": 1}, "params": {"id": "1"}}}
    world.partner.answers = [web.Response(status=301, headers={"Location": "/moved/s3cret"})]
    error = await world.failed(given)
    assert error.code == "PROVIDER_ERROR"
    assert "s3cret" not in f"{error.message} {error.details}"
    world.partner.answers = [web.Response(status=308, headers={"Location": "/moved"})]
    await world.send(given)
    assert (world.partner.requests[-1].method, world.partner.requests[-1].path) == ("PUT", "/moved")


async def test_of_mixed_failures_the_one_worth_another_attempt_is_raised(world: World) -> None:
    world.expo.tickets = [{"status": "error", "details": {"error": "DeviceNotRegistered"}}]
    world.partner.answers = [web.Response(status=503, headers={"Retry-After": "5"})]
    error = await world.failed(GIVEN, MESSAGE)
    assert (error.code, error.retry_after_ms) == ("SERVICE_UNAVAILABLE", 5_000)
    assert isinstance(error.details["failed"], dict)
    assert sorted(error.details["failed"]) == ["callback", "push_notification"]
    assert error.details["sent"] == ["email"]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("DeviceNotRegistered", "NOT_FOUND"),
        ("MessageRateExceeded", "RATE_LIMITED"),
        ("MessageTooBig", "VALIDATION_ERROR"),
        ("InvalidCredentials", "UNAUTHORIZED"),
        ("SomethingNew", "PROVIDER_ERROR"),
    ],
)
async def test_a_refused_push_has_the_code_of_its_ticket(
    world: World, name: str, code: str
) -> None:
    message = '"tok-123456" is not a registered push notification recipient'
    world.expo.tickets = [{"status": "error", "message": message, "details": {"error": name}}]
    error = await world.failed({"push_notification": {"device_token": "tok-123456", "title": "x"}})
    assert error.code == code
    assert "tok-123456" not in f"{error.message} {error.details}"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ({"data": [{"status": "ok", "id": "t"}]}, None),
        ({"data": []}, "PROVIDER_ERROR"),
        ({"errors": [{"code": "TOO_MANY_REQUESTS", "message": "slow"}]}, "RATE_LIMITED"),
        ("not a ticket", "PROVIDER_ERROR"),
    ],
)
async def test_every_shape_of_a_push_answer_is_understood(
    world: World, answer: JsonValue, code: str | None
) -> None:
    world.expo.answers = [web.json_response(answer)]
    given: JsonObject = {"push_notification": {"device_token": "a", "title": "x"}}
    if code is None:
        result = await world.send(given)
        assert result == {"push_notification": {"status": "sent", "provider_id": "t"}}
    else:
        assert (await world.failed(given)).code == code


async def test_a_failing_push_service_is_told_by_its_status(world: World) -> None:
    world.expo.answers = [web.Response(status=401, text="bad expo-token")]
    error = await world.failed({"push_notification": {"device_token": "a", "title": "x"}})
    assert error.code == "UNAUTHORIZED"
    assert error.message == "push_notification: POST localhost answered 401"
    assert "expo-token" not in str(error.details)


def sent_so_far(checkpoint: JsonValue) -> JsonObject:
    """Return what a checkpoint says of the channels that have succeeded."""
    assert isinstance(checkpoint, dict)
    sent = checkpoint["sent"]
    assert isinstance(sent, dict)
    return sent


async def test_a_retry_mails_only_those_whom_the_server_refused(world: World) -> None:
    given: JsonObject = {
        "email": {
            "to": ["ada@example.org", "bob@example.org", "cy@example.org"],
            "subject": "Hi",
            "template": "x",
        }
    }
    world.mailbox.refused["bob@example.org"] = "451 come back later"
    error = await world.failed(given)
    assert error.code == "SERVICE_UNAVAILABLE"
    world.mailbox.refused.clear()
    (world.context.last_checkpoint,) = world.context.checkpoints
    result = await world.send(given)
    assert isinstance(result, dict)
    assert [mail.recipients for mail in world.mailbox.mails] == [
        ["ada@example.org", "cy@example.org"],
        ["bob@example.org"],
    ]
    assert len({str(mail.message["Message-ID"]) for mail in world.mailbox.mails}) == 1

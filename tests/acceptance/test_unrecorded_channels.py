"""A crash between a channel's yes and its recording: what a recipient's service is sent again.

Mail goes to a real SMTP server. The push and text services are stand-ins on loopback that take what
their makers publish, and nothing else.
"""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from tests.acceptance.dying import (
    LOST_ONCE,
    Where,
    a_job,
    after_a_death,
    applied,
    keys_of,
    tries,
    with_secrets,
)
from tests.servers.fcm import fcm_service
from tests.servers.http import Received, Receiver, expo_receiver, http_receiver
from tests.servers.sms import ACCOUNT, SECRET, ServiceName, sms_service
from tests.servers.smtp import smtp_receiver
from tests.servers.tokens import key_file, token_url

ADA, BOB, CY = "+31612345678", "+31687654321", "+14155550100"


@pytest.fixture
def store(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'jobs.db'}"


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with http_receiver() as running:
        yield running


async def told_by(store: str, **channels: object) -> None:
    """Have a notification `told` that goes by these channels."""
    messages = [{"tag": "shipped"}]
    await applied(store, notifications=[{"tag": "told", **channels, "messages": messages}])


def a_telling(**channels: object) -> dict[str, object]:
    return a_job("told", {"slug": "shipped", **channels})


async def test_an_e_mail_is_sent_again_under_the_same_message_id(store: str) -> None:
    async with smtp_receiver() as mailbox:
        server = {"host": "localhost", "port": mailbox.port, "security": "none"}
        await told_by(store, email={**server, "sender": "shop@shop.example"})
        email = {"to": ["ada@shop.example"], "subject": "Shipped", "template": "On its way"}
        view = await after_a_death(store, a_telling(email=email))
    ids = [mail.message["Message-ID"] for mail in mailbox.mails]
    assert tries(view) == LOST_ONCE
    assert len(ids) == 2
    assert view["result"] == {"email": {"status": "sent", "provider_id": ids[0]}}
    assert len(set(ids)) == 1


async def test_a_push_by_fcm_is_sent_again_under_the_same_key(store: str) -> None:
    async with token_url() as tokens, fcm_service(tokens) as fcm:
        through = {"type": "fcm", "url": fcm.url, "project_id": "project-1"}
        through["service_account"] = "$Secret{firebase}"
        await told_by(store, push_notification=through)
        await with_secrets(store, firebase=key_file(tokens.token_url))
        push = {"title": "Shipped", "body": "On its way", "device_token": "device-1"}
        view = await after_a_death(store, a_telling(push_notification=push))
    assert tries(view) == LOST_ONCE
    assert keys_of(fcm) == [f"{view['id']}:1"] * 2
    assert fcm.requests[0].body == fcm.requests[1].body


CREDENTIALS = {
    "twilio": {"account_sid": ACCOUNT, "auth_token": "$Secret{sms}"},
    "plivo": {"auth_id": ACCOUNT, "auth_token": "$Secret{sms}"},
    "vonage": {"api_key": ACCOUNT, "api_secret": "$Secret{sms}"},
}


async def texted_by(store: str, kind: ServiceName, url: str) -> None:
    sms = {"type": kind, "url": url, "sender": CY, **CREDENTIALS[kind]}
    await told_by(store, sms=sms)
    await with_secrets(store, sms=SECRET)


@pytest.mark.parametrize("kind", ["twilio", "plivo", "vonage"])
async def test_a_text_is_sent_again_under_the_same_key(store: str, kind: ServiceName) -> None:
    async with sms_service(kind) as service:
        await texted_by(store, kind, service.url)
        view = await after_a_death(store, a_telling(sms={"to": ADA, "body": "Shipped"}))
    first, second = service.requests
    assert tries(view) == LOST_ONCE
    assert keys_of(service) == [f"{view['id']}:1:sms:0"] * 2
    assert fields_of(first) == fields_of(second)
    # The one service whose messages have a place for a word of the sender's own.
    assert bool(fields_of(first).get("client-ref")) == (kind == "vonage")


def fields_of(request: Received) -> dict[str, object]:
    if request.headers["content-type"] == "application/json":
        return json.loads(request.body)
    return dict(parse_qs(request.body.decode()))


async def test_of_several_numbers_those_that_were_noted_are_not_texted_again(store: str) -> None:
    # It dies where it would note the second one: the first is noted, and the third not sent yet.
    async with sms_service("twilio") as service:
        await texted_by(store, "twilio", service.url)
        text = {"to": [ADA, BOB, CY], "body": "Shipped"}
        view = await after_a_death(store, a_telling(sms=text), "second note")
    key = f"{view['id']}:1:sms"
    assert tries(view) == LOST_ONCE
    assert [to for to, _ in service.texts] == [ADA, BOB, BOB, CY]
    assert keys_of(service) == [f"{key}:0", f"{key}:1", f"{key}:1", f"{key}:2"]


async def test_the_last_channel_is_noted_with_the_result_and_told_again_without(
    store: str, receiver: Receiver
) -> None:
    await told_by(store, callback={"url": receiver.url})
    view = await after_a_death(store, a_telling(callback={"body": {"order": 7}}))
    assert tries(view) == LOST_ONCE
    assert keys_of(receiver) == [f"{view['id']}:1"] * 2


@pytest.mark.parametrize(("dies_at", "pushes", "callbacks"), [("turn", 1, 2), ("note", 2, 1)])
async def test_of_two_channels_the_one_that_was_noted_is_not_told_again(
    store: str, receiver: Receiver, dies_at: Where, pushes: int, callbacks: int
) -> None:
    async with expo_receiver() as expo:
        through = {"type": "expo", "url": expo.url}
        await told_by(store, callback={"url": receiver.url}, push_notification=through)
        push = {"title": "Shipped", "body": "On its way", "device_token": "ExponentPushToken[a]"}
        asked = a_telling(callback={"body": {}}, push_notification=push)
        view = await after_a_death(store, asked, dies_at)
    assert tries(view) == LOST_ONCE
    assert (len(expo.requests), len(receiver.requests)) == (pushes, callbacks)

"""Every Python example of the documentation runs, in a new store, and prints what it says.

Pages that call others are given real servers on this machine.
"""

import asyncio
import json
from itertools import count
from pathlib import Path

import pytest
from aiohttp import web

from tests.pages import DOCS, blocks, expected_print, prints_as_told, run_page
from tests.parts import parts_in
from tests.servers.buckets import moto_server
from tests.servers.fcm import fcm_service
from tests.servers.functions import google_function, lambda_service
from tests.servers.http import Received, expo_receiver, http_receiver
from tests.servers.postgres import postgres_server
from tests.servers.sms import sms_service
from tests.servers.smtp import smtp_receiver
from tests.servers.tokens import key_file, token_url
from tests.servers.valkey import valkey

ELSEWHERE = {
    "howto/testing.md",
    "reference/product.md",
    "reference/references.md",
    "tutorial/getting-started.md",
}
"""Pages with a test of their own, beside what they are about."""

SERVED = {
    "howto/actions.md",
    "howto/brokers.md",
    "howto/functions.md",
    "howto/healthchecks.md",
    "howto/notifications.md",
    "howto/storage.md",
    "howto/transactions.md",
    "howto/webhooks.md",
}
"""Pages that are given servers below."""

PLAIN = sorted(
    name
    for page in DOCS.rglob("*.md")
    if (name := page.relative_to(DOCS).as_posix()) not in ELSEWHERE | SERVED
    and blocks(page, "python")
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in an empty folder."""
    monkeypatch.chdir(tmp_path)


async def _runs(name: str, **given: object) -> None:
    page = DOCS / name
    printed = await run_page(page, given)
    assert prints_as_told(page, printed), f"{printed}\n--- told:\n{expected_print(page)}"


@pytest.mark.parametrize("name", PLAIN)
async def test_the_examples_print_what_the_page_says(name: str) -> None:
    await _runs(name)


async def test_the_actions_page_reaches_the_partner_with_its_credential() -> None:
    numbers = count(1)

    async def partner(request: web.Request) -> web.Response:
        if request.path.startswith("/customers/nobody/"):
            return web.json_response({"error": "no such customer"}, status=404)
        if request.path == "/orders/1/files":
            parts = parts_in(await request.read(), request.headers["Content-Type"])
            return web.json_response({name: mime for name, _, mime, _ in parts})
        return web.json_response({"order": next(numbers)}, status=201)

    async with http_receiver() as receiver, token_url() as tokens:
        receiver.answers += [partner] * 10
        await _runs("howto/actions.md", partner_url=receiver.url, token_url=tokens.token_url)
    assert [request.path for request in receiver.requests] == [
        "/customers/c-7/orders",
        "/customers/c-7/orders",
        "/orders/1/files",
        "/customers/c-9/orders",
        "/customers/nobody/orders",
        "/customers/c-8/orders",
    ]
    keys = {request.headers.get("authorization") for request in receiver.requests}
    assert keys == {"Bearer s3cret-token", "Bearer token-1", None}


async def test_the_functions_page_calls_every_cloud() -> None:
    async with (
        http_receiver() as plain,
        lambda_service() as aws,
        token_url() as tokens,
        google_function(tokens) as google,
    ):
        await _runs(
            "howto/functions.md",
            function_url=plain.url,
            lambda_url=aws.url,
            google_url=google.url,
            service_account=key_file(tokens.token_url),
        )
    assert plain.only().headers["authorization"] == "Bearer t0ken-s3cret"


async def test_the_healthchecks_page_asks_the_partner() -> None:
    async with http_receiver() as receiver:
        await _runs("howto/healthchecks.md", partner_url=receiver.url)
    assert receiver.requests[0].path == "/ping?deep=1"


async def test_the_brokers_page_publishes_and_subscribes(tmp_path: Path) -> None:
    async with valkey(tmp_path) as server:
        await _runs("howto/brokers.md", redis_url=server.url)


async def test_the_transactions_page_stores_rows_and_jobs_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DUCTAPE_KEY", "k1:" + "A" * 43)
    with postgres_server() as server:
        await _runs("howto/transactions.md", database=server.url)


async def test_the_storage_page_keeps_files_in_a_folder_and_in_a_bucket() -> None:
    with moto_server("shop-files") as server:
        await _runs("howto/storage.md", bucket_url=server.url)


async def test_the_notifications_page_reaches_people_on_every_channel() -> None:
    async with (
        expo_receiver() as expo,
        http_receiver() as hook,
        smtp_receiver() as mailbox,
        token_url() as tokens,
        fcm_service(tokens) as fcm,
        sms_service("twilio") as sms,
    ):
        await _runs(
            "howto/notifications.md",
            push_url=f"{expo.url}/push",
            hook_url=hook.url,
            smtp_port=mailbox.port,
            fcm_url=fcm.url,
            sms_url=sms.url,
            service_account=key_file(tokens.token_url),
        )
    titles = [json.loads(request.body)["title"] for request in expo.requests]
    assert titles == ["Order 12345", "Order Shipped"]
    assert mailbox.only().part("plain") == "Hello Ada\n\nYour order has left us."
    assert json.loads(hook.only().body) == {"order": 12345, "state": "shipped"}
    assert [text for _, text in sms.texts] == ["Zending 12345"] * 2


class Arrived:
    """A request as a receiver has it."""

    def __init__(self, received: Received) -> None:
        self.headers = received.headers
        self.body = received.body

    def json(self) -> object:
        return json.loads(self.body)


async def test_the_webhooks_page_checks_what_it_was_sent() -> None:
    come: asyncio.Queue[str] = asyncio.Queue()

    async def take(request: web.Request) -> web.Response:
        come.put_nowait(json.loads(await request.read())["event"])
        return web.Response(status=204)

    async with http_receiver() as hook:
        hook.answers += [take] * 10

        async def arrived(event: str) -> Arrived:
            async with asyncio.timeout(20):
                assert await come.get() == event
            return Arrived(hook.only())

        await _runs("howto/webhooks.md", hook_url=hook.url, arrived=arrived)

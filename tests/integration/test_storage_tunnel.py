"""The guarded way out: who may go through, where to, and what is passed on."""

import asyncio
import ssl
from collections.abc import AsyncIterator

import pytest
import trustme
from aiohttp import ClientError, ClientHttpProxyError, ClientSession, web

from ductape.app.system import SystemEntropy
from ductape.domain.egress import EgressPolicy
from ductape.providers.storage import Tunnel
from tests.servers.http import Receiver, http_receiver


@pytest.fixture
async def tunnel() -> AsyncIterator[Tunnel]:
    made = Tunnel(EgressPolicy(grant_loopback=True), SystemEntropy())
    yield made
    await made.aclose()
    await made.aclose()


@pytest.fixture
async def server() -> AsyncIterator[Receiver]:
    async with http_receiver() as running:
        yield running


async def test_a_request_arrives_as_if_it_had_been_sent_directly(
    tunnel: Tunnel, server: Receiver
) -> None:
    ticket = tunnel.ticket(asks_private=True)
    async with ClientSession() as client:
        for at in range(2):
            asked = client.put(
                f"{server.url}/a%20b?x={at}", data=b"body", proxy=await tunnel.url(ticket)
            )
            async with asked as answer:
                assert await answer.json() == {"ok": True}
    assert [one.path for one in server.requests] == ["/a%20b?x=0", "/a%20b?x=1"]
    assert {one.body for one in server.requests} == {b"body"}
    assert "proxy-authorization" not in server.requests[0].headers
    assert ticket.seen.failure is None


async def test_nobody_goes_through_without_a_ticket(tunnel: Tunnel, server: Receiver) -> None:
    ticket = tunnel.ticket(asks_private=True)
    url = await tunnel.url(ticket)
    stranger = url.replace(ticket.credentials, f"{ticket.credentials[:-1]}0x")
    tunnel_alone = f"http://{url.partition('@')[2]}"
    async with ClientSession() as client:
        for proxy in (stranger, tunnel_alone):
            async with client.get(server.url, proxy=proxy) as answer:
                assert answer.status == 407
        tunnel.withdraw(ticket)
        async with client.get(server.url, proxy=url) as answer:
            assert answer.status == 407
    assert server.requests == []


async def test_a_ticket_leads_only_where_its_bucket_may_go(
    tunnel: Tunnel, server: Receiver
) -> None:
    ticket = tunnel.ticket(asks_private=False)
    proxy = await tunnel.url(ticket)
    async with ClientSession() as client, client.get(server.url, proxy=proxy) as answer:
        assert answer.status == 502
    assert ticket.seen.failure is not None
    assert ticket.seen.failure.code == "FORBIDDEN"
    assert server.requests == []


async def test_tls_goes_through_untouched() -> None:
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    trust = ssl.create_default_context(cadata=authority.cert_pem.bytes().decode())
    made = Tunnel(EgressPolicy(grant_loopback=True), SystemEntropy())
    async with http_receiver(context) as server, ClientSession() as client:
        proxy = await made.url(made.ticket(asks_private=True))
        async with client.get(f"{server.url}/x", proxy=proxy, ssl=trust) as answer:
            assert await answer.json() == {"ok": True}
        closed = await made.url(made.ticket(asks_private=False))
        with pytest.raises(ClientHttpProxyError):
            await client.get(f"{server.url}/x", proxy=closed, ssl=trust)
    await made.aclose()


@pytest.mark.parametrize(
    "head",
    [b"\r\n\r\n", b"GET\r\n\r\n", b"\xff\xfe\r\n\r\n", b"x" * 100_000, b"GET / HTTP/1.1\r\n"],
)
async def test_garbage_is_let_go(tunnel: Tunnel, server: Receiver, head: bytes) -> None:
    ticket = tunnel.ticket(asks_private=False)
    url = await tunnel.url(ticket)
    reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
    writer.write(head.replace(b"TICKET", ticket.authorization.encode()))
    writer.write_eof()
    assert b"200" not in await reader.read()
    writer.close()
    assert server.requests == []


async def test_closing_ends_what_is_under_way(tunnel: Tunnel, server: Receiver) -> None:
    asked = asyncio.Event()

    async def silent(_: web.Request) -> web.StreamResponse:
        asked.set()
        await asyncio.Event().wait()
        return web.Response()

    server.answers.append(silent)
    async with ClientSession() as client:
        proxy = await tunnel.url(tunnel.ticket(asks_private=True))
        waiting = asyncio.create_task(client.get(server.url, proxy=proxy))  # type: ignore[arg-type]
        await asked.wait()
        await tunnel.aclose()
        with pytest.raises(ClientError):
            await waiting

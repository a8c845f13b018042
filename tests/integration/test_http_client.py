"""The guarded HTTP client against real servers on loopback (SPEC 16, 18)."""

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from ductape.domain.egress import EgressPolicy
from ductape.errors import ProviderError
from ductape.ports.http import HttpRequest, HttpResponse
from ductape.providers.http import AiohttpClient
from tests.servers.certificates import certificates
from tests.servers.http import Receiver, http_receiver

LOCAL = EgressPolicy(grant_loopback=True)


@pytest.fixture
async def server() -> AsyncIterator[Receiver]:
    async with http_receiver() as receiver:
        yield receiver


@pytest.fixture
async def client() -> AsyncIterator[AiohttpClient]:
    made = AiohttpClient(LOCAL)
    yield made
    await made.aclose()


async def got(client: AiohttpClient, url: str, **changes: object) -> HttpResponse:
    request = HttpRequest(method="GET", url=url, allow_private=True, timeout_ms=5_000)
    fields = {name: getattr(request, name) for name in request.__struct_fields__}
    return await client.send(HttpRequest(**{**fields, **changes}))


async def refused(client: AiohttpClient, url: str, **changes: object) -> ProviderError:
    with pytest.raises(ProviderError) as raised:
        await got(client, url, **changes)
    return raised.value


async def test_a_request_arrives_as_it_was_built(client: AiohttpClient, server: Receiver) -> None:
    url = f"{server.url}/a%2Fb/%C3%A9?x=1"
    query = (("q", "a b&c=é+"), ("q", "2"))
    answer = await got(client, url, method="POST", query=query, headers={"X-A": "1"}, body=b"\x00")
    assert (answer.status, answer.body) == (200, b'{"ok": true}')
    assert server.only().method == "POST"
    assert server.only().path == "/a%2Fb/%C3%A9?x=1&q=a+b%26c%3D%C3%A9%2B&q=2"
    assert server.only().headers["x-a"] == "1"
    assert server.only().body == b"\x00"


async def test_what_is_encoded_stays_so(client: AiohttpClient, server: Receiver) -> None:
    await got(client, f"{server.url}/a%2Cb,c;v=d%3Be/ä b/100%", query=(("ids", "1,2"),))
    assert server.only().path == "/a%2Cb,c;v=d%3Be/%C3%A4%20b/100%25?ids=1,2"


async def test_a_request_without_a_body_names_no_type(
    client: AiohttpClient, server: Receiver
) -> None:
    await got(client, server.url, method="POST")
    assert "content-type" not in server.only().headers


async def test_a_status_is_returned_not_raised(client: AiohttpClient, server: Receiver) -> None:
    server.answers = [web.Response(status=503, headers={"Retry-After": "3", "X-A": "1"})]
    answer = await got(client, server.url)
    assert (answer.status, answer.headers["retry-after"]) == (503, "3")


async def test_repeated_headers_are_joined(client: AiohttpClient, server: Receiver) -> None:
    response = web.Response()
    response.headers.add("X-Many", "1")
    response.headers.add("X-Many", "2")
    server.answers = [response]
    assert (await got(client, server.url)).headers["x-many"] == "1, 2"


async def test_loopback_is_refused_to_a_definition_that_does_not_ask(
    client: AiohttpClient, server: Receiver
) -> None:
    error = await refused(client, server.url, allow_private=False)
    assert error.code == "FORBIDDEN"
    assert server.requests == []


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::ffff:127.0.0.1]"])
async def test_loopback_is_refused_under_every_name_unless_granted(
    server: Receiver, host: str
) -> None:
    client = AiohttpClient(EgressPolicy())
    try:
        error = await refused(client, server.url.replace("localhost", host))
    finally:
        await client.aclose()
    assert error.code == "FORBIDDEN"
    assert server.requests == []


async def test_a_pooled_connection_is_not_lent_to_who_does_not_ask(
    client: AiohttpClient, server: Receiver
) -> None:
    await got(client, server.url)
    assert (await refused(client, server.url, allow_private=False)).code == "FORBIDDEN"


async def test_requests_side_by_side_are_each_judged_for_themselves(
    client: AiohttpClient, server: Receiver
) -> None:
    asked = [index % 2 == 0 for index in range(20)]
    outcomes = await asyncio.gather(
        *(got(client, server.url, allow_private=one) for one in asked), return_exceptions=True
    )
    assert [isinstance(one, HttpResponse) for one in outcomes] == asked
    assert len(server.requests) == sum(asked)


async def test_an_allowed_host_and_port_is_reached_by_that_name_only(server: Receiver) -> None:
    pair = server.url.removeprefix("http://")
    client = AiohttpClient(EgressPolicy(allow_private=(pair,)))
    try:
        assert (await got(client, server.url)).status == 200
        by_number = await refused(client, server.url.replace("localhost", "127.0.0.1"))
    finally:
        await client.aclose()
    assert by_number.code == "FORBIDDEN"


async def test_connections_are_reused(client: AiohttpClient, server: Receiver) -> None:
    peers: list[object] = []

    async def note_peer(request: web.Request) -> web.StreamResponse:
        transport = request.transport
        peers.append(transport.get_extra_info("peername") if transport else None)
        return web.Response()

    server.answers = [note_peer, note_peer]
    await got(client, server.url)
    await got(client, server.url)
    assert len(set(peers)) == 1


async def test_a_redirect_of_a_get_is_followed(client: AiohttpClient, server: Receiver) -> None:
    server.answers = [web.Response(status=302, headers={"Location": "/there?a=1#part"})]
    headers = {"Authorization": "Bearer t"}
    assert (await got(client, f"{server.url}/here", headers=headers)).status == 200
    assert [one.path for one in server.requests] == ["/here", "/there?a=1"]
    assert server.requests[1].headers["authorization"] == "Bearer t"


async def test_a_redirect_to_another_origin_takes_no_credentials_along(
    client: AiohttpClient, server: Receiver
) -> None:
    headers = {"Authorization": "Bearer t", "X-Api-Key": "k", "Cookie": "c=1", "Accept": "a/b"}
    async with http_receiver() as other:
        server.answers = [web.Response(status=307, headers={"Location": f"{other.url}/there"})]
        await got(client, server.url, headers=headers, query=(("key", "k"),))
        seen = other.only()
    assert seen.path == "/there"
    assert seen.headers["accept"] == "a/b"
    assert {"authorization", "x-api-key", "cookie"} & seen.headers.keys() == set()


async def test_a_redirect_of_a_post_is_the_answer(client: AiohttpClient, server: Receiver) -> None:
    server.answers = [web.Response(status=307, headers={"Location": "/there"})]
    assert (await got(client, server.url, method="POST")).status == 307
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [307, 308])
async def test_a_redirect_that_changes_nothing_is_followed_within_the_origin(
    client: AiohttpClient, server: Receiver, status: int
) -> None:
    server.answers = [web.Response(status=status, headers={"Location": "/there"})]
    sent = {"method": "POST", "body": b"x" * 70_000, "headers": {"X-Key": "1"}, "resends": True}
    assert (await got(client, server.url, **sent)).status == 200
    first, second = server.requests
    assert (first.body, first.method) == (second.body, second.method) == (b"x" * 70_000, "POST")
    assert (second.path, second.headers["x-key"]) == ("/there", "1")


async def test_what_was_meant_for_one_origin_is_sent_to_no_other(
    client: AiohttpClient, server: Receiver
) -> None:
    async with http_receiver() as other:
        server.answers = [web.Response(status=307, headers={"Location": f"{other.url}/there"})]
        answer = await got(client, server.url, method="POST", body=b"secret", resends=True)
        assert (answer.status, other.requests) == (307, [])


async def test_a_redirect_is_checked_like_any_other_url(server: Receiver) -> None:
    pair = server.url.removeprefix("http://")
    client = AiohttpClient(EgressPolicy(allow_private=(pair,)))
    async with http_receiver() as other:
        server.answers = [web.Response(status=302, headers={"Location": other.url})]
        try:
            error = await refused(client, server.url)
        finally:
            await client.aclose()
        assert other.requests == []
    assert error.code == "FORBIDDEN"


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://a.example", "gopher://a/"])
async def test_a_redirect_to_another_scheme_is_refused(
    client: AiohttpClient, server: Receiver, target: str
) -> None:
    server.answers = [web.Response(status=302, headers={"Location": target})]
    assert (await refused(client, server.url)).code == "VALIDATION_ERROR"


async def test_a_redirect_to_what_is_no_url_is_told(
    client: AiohttpClient, server: Receiver
) -> None:
    server.answers = [web.Response(status=302, headers={"Location": "http://[::1"})]
    assert (await refused(client, server.url)).code == "PROVIDER_ERROR"


async def test_redirects_end(client: AiohttpClient, server: Receiver) -> None:
    server.answers = [
        web.Response(status=302, headers={"Location": f"/{number}"}) for number in range(9)
    ]
    error = await refused(client, server.url)
    assert (error.code, len(server.requests)) == ("PROVIDER_ERROR", 6)


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "http://",
        "//a.example",
        "https://a.example:99999",
        "http://[::1",
        "https://ada:secret@a.example/",
        "https://secret@a.example/",
        "",
    ],
)
async def test_a_url_of_another_kind_is_refused_without_showing_it(
    client: AiohttpClient, url: str
) -> None:
    error = await refused(client, url)
    assert error.code == "VALIDATION_ERROR"
    assert "secret" not in error.message


async def test_a_long_answer_is_refused(client: AiohttpClient, server: Receiver) -> None:
    server.answers = [web.Response(body=b"x" * 1_001), web.Response(body=b"x" * 1_000)]
    error = await refused(client, server.url, max_response_bytes=1_000)
    assert error.code == "PROVIDER_ERROR"
    assert len((await got(client, server.url, max_response_bytes=1_000)).body) == 1_000


async def test_a_compressed_answer_is_measured_unpacked(
    client: AiohttpClient, server: Receiver
) -> None:
    packed = gzip.compress(b"\x00" * 20_000_000)
    server.answers = [web.Response(body=packed, headers={"Content-Encoding": "gzip"})]
    error = await refused(client, server.url)
    assert error.code == "PROVIDER_ERROR"


TEXT = b"an answer of some length, " * 4_000
RAW = zlib.compressobj(wbits=-15)
UNWRAPPED = RAW.compress(TEXT) + RAW.flush()
GZIPPED = gzip.compress(TEXT, mtime=0)


@pytest.mark.parametrize(
    ("coding", "packed"),
    [
        ("gzip", GZIPPED),
        ("X-GZIP", GZIPPED),
        ("deflate", zlib.compress(TEXT)),
        ("deflate", UNWRAPPED),
        ("deflate, gzip", gzip.compress(zlib.compress(TEXT), mtime=0)),
        ("gzip, identity", GZIPPED),
        ("gzip", gzip.compress(TEXT[:1_000], mtime=0) + gzip.compress(TEXT[1_000:], mtime=0)),
        ("gzip", GZIPPED + bytes(100)),
        ("identity", TEXT),
        ("utf-8", TEXT),
    ],
)
async def test_a_compressed_answer_is_unpacked(
    client: AiohttpClient, server: Receiver, coding: str, packed: bytes
) -> None:
    async def bit_by_bit(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Encoding": coding})
        await answer.prepare(request)
        for at in range(0, len(packed), 97):
            await answer.write(packed[at : at + 97])
        return answer

    server.answers = [web.Response(body=packed, headers={"Content-Encoding": coding}), bit_by_bit]
    for _ in server.answers[:]:
        assert (await got(client, server.url)).body == TEXT
    assert server.requests[0].headers["accept-encoding"] == "gzip, deflate"


@pytest.mark.parametrize(
    ("coding", "packed", "code"),
    [
        ("gzip", GZIPPED[:-1], "CONNECTION_ERROR"),
        ("gzip", GZIPPED[:20], "CONNECTION_ERROR"),
        ("gzip", gzip.compress(TEXT, mtime=0) + GZIPPED[:20], "CONNECTION_ERROR"),
        ("deflate", UNWRAPPED[:-1], "CONNECTION_ERROR"),
        ("gzip", b"no gzip", "PROVIDER_ERROR"),
        ("gzip", GZIPPED[:-8] + bytes(8), "PROVIDER_ERROR"),
        ("br", b"\x0b\x03\x80", "PROVIDER_ERROR"),
        ("zstd, gzip", GZIPPED, "PROVIDER_ERROR"),
    ],
)
async def test_an_answer_that_cannot_be_unpacked_to_its_end_is_none(
    client: AiohttpClient, server: Receiver, coding: str, packed: bytes, code: str
) -> None:
    server.answers = [web.Response(body=packed, headers={"Content-Encoding": coding})]
    error = await refused(client, f"{server.url}/?key=secret")
    assert error.code == code
    assert coding.split(",", maxsplit=1)[0] in error.message
    assert "secret" not in error.message


async def test_an_answer_without_a_body_has_nothing_to_unpack(
    client: AiohttpClient, server: Receiver
) -> None:
    for coding in ("gzip", "br"):
        headers = {"Content-Encoding": coding}
        server.answers = [web.Response(headers=headers), web.Response(status=204, headers=headers)]
        assert (await got(client, server.url, method="HEAD")).body == b""
        assert (await got(client, server.url)).status == 204


async def test_a_server_that_never_answers_times_out(
    client: AiohttpClient, server: Receiver
) -> None:
    released = asyncio.Event()

    async def wait(_: web.Request) -> web.StreamResponse:
        await released.wait()
        return web.Response()

    server.answers = [wait]
    error = await refused(client, server.url, timeout_ms=50, query=(("key", "secret"),))
    released.set()
    assert error.code == "TIMEOUT"
    assert "secret" not in error.message


async def test_a_server_that_breaks_off_is_a_connection_error(client: AiohttpClient) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.close()

    listening = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with listening:
        port = listening.sockets[0].getsockname()[1]
        error = await refused(client, f"http://localhost:{port}/?key=secret")
    assert error.code == "CONNECTION_ERROR"
    assert "secret" not in error.message


async def test_a_server_that_speaks_no_http_is_told_as_one(client: AiohttpClient) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"220 mail.example ESMTP\r\n\r\n")
        writer.close()

    listening = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with listening:
        port = listening.sockets[0].getsockname()[1]
        error = await refused(client, f"http://localhost:{port}/?key=secret")
    assert error.code == "CONNECTION_ERROR"
    assert error.message == f"http://localhost:{port} answered with what is no HTTP"


async def test_a_closed_port_is_a_connection_error(client: AiohttpClient) -> None:
    async with http_receiver() as gone:
        url = gone.url
    assert (await refused(client, url)).code == "CONNECTION_ERROR"


async def test_the_environments_proxy_is_ignored(
    client: AiohttpClient, server: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert (await got(client, server.url)).status == 200


async def test_cookies_are_not_kept(client: AiohttpClient, server: Receiver) -> None:
    server.answers = [web.Response(headers={"Set-Cookie": "a=1"})]
    await got(client, server.url)
    await got(client, server.url)
    assert "cookie" not in server.requests[1].headers


async def test_a_certificate_must_fit_its_server() -> None:
    good, stranger = certificates("localhost"), certificates("elsewhere.example")
    client = AiohttpClient(LOCAL, tls=good.client)
    try:
        async with http_receiver(good.server) as server:
            assert (await got(client, server.url)).status == 200
        async with http_receiver(stranger.server) as server:
            assert (await refused(client, server.url)).code == "CONNECTION_ERROR"
    finally:
        await client.aclose()


async def test_closing_twice_is_harmless(client: AiohttpClient, server: Receiver) -> None:
    await got(client, server.url)
    await client.aclose()
    await client.aclose()

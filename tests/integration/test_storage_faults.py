"""What goes wrong with a bucket on the way: refused, slow, cut, throttled, garbage, huge."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import trustme
from aiohttp import web

from ductape.domain.egress import EgressPolicy
from ductape.domain.jsonvalue import JsonObject
from tests.integration.storing import Stored, as_base64, stored
from tests.servers.buckets import BUCKET, BucketServer, moto_server, s3_client, s3_definition
from tests.servers.faulty import endless, faulty_servers
from tests.servers.http import Answer, Receiver, http_receiver
from tests.servers.postgres import free_port

MIB = 1_048_576
UPLOAD: JsonObject = {"fileName": "a.txt", "buffer": as_base64(b"hello")}
DOWNLOAD: JsonObject = {"operation": "download", "fileName": "a.txt"}


@pytest.fixture(scope="module")
def moto() -> Iterator[BucketServer]:
    with moto_server() as running:
        yield running


@pytest.fixture
async def server() -> AsyncIterator[Receiver]:
    async with http_receiver() as running:
        yield running


@pytest.fixture
async def bucket(server: Receiver) -> AsyncIterator[Stored]:
    definition = {**s3_definition(1), "endpoint": server.url}
    async with stored(definition) as one:
        yield one


def always(server: Receiver, status: int, body: str, **headers: str) -> None:
    """Give the same answer to every request, retries of the library included."""
    server.answers += [web.Response(status=status, text=body, headers=headers) for _ in range(8)]


def s3_error(name: str) -> str:
    return f"<?xml version='1.0'?><Error><Code>{name}</Code><Message>no</Message></Error>"


@pytest.mark.parametrize(
    ("status", "name", "code"),
    [
        (503, "SlowDown", "RATE_LIMITED"),
        (429, "TooManyRequests", "RATE_LIMITED"),
        (503, "ServiceUnavailable", "RATE_LIMITED"),
        (500, "InternalError", "PROVIDER_ERROR"),
        (403, "AccessDenied", "FORBIDDEN"),
        (403, "SignatureDoesNotMatch", "UNAUTHORIZED"),
        (403, "InvalidAccessKeyId", "UNAUTHORIZED"),
        (400, "ExpiredToken", "UNAUTHORIZED"),
        (404, "NoSuchBucket", "NOT_FOUND"),
        (400, "RequestTimeout", "TIMEOUT"),
    ],
)
async def test_a_refusal_has_its_code(
    bucket: Stored, server: Receiver, status: int, name: str, code: str
) -> None:
    always(server, status, s3_error(name))
    error = await bucket.refused(UPLOAD)
    assert error.code == code
    assert error.details == {"status": status, "error": name}
    assert str(error) == f"{server.url} answered {status} ({name}) to the upload"


@pytest.mark.parametrize(
    ("status", "code"),
    [(401, "UNAUTHORIZED"), (403, "FORBIDDEN"), (404, "NOT_FOUND"), (500, "PROVIDER_ERROR")],
)
async def test_a_refusal_in_no_text_has_its_code_too(
    bucket: Stored, server: Receiver, status: int, code: str
) -> None:
    server.answers += [web.Response(status=status, body=b"\xff\xfe no") for _ in range(8)]
    error = await bucket.refused(UPLOAD)
    assert error.code == code
    assert error.details == {"status": status, "error": None}
    assert str(error) == f"{server.url} answered {status} to the upload"


async def test_nobody_there_is_a_connection_error() -> None:
    port = free_port()
    async with stored(s3_definition(port)) as bucket:
        error = await bucket.refused(UPLOAD)
    assert error.code == "CONNECTION_ERROR"
    assert f"cannot connect to 127.0.0.1:{port}" in str(error)


async def test_an_unknown_host_is_a_connection_error() -> None:
    definition = {**s3_definition(1), "endpoint": "https://nowhere.invalid"}
    async with stored(definition) as bucket:
        error = await bucket.refused(UPLOAD)
    assert error.code == "CONNECTION_ERROR"
    assert "nowhere.invalid:443" in str(error)


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    ("policy", "asks"),
    [(EgressPolicy(), True), (EgressPolicy(grant_loopback=True), False)],
)
async def test_an_address_that_is_not_allowed_is_never_connected_to(
    policy: EgressPolicy,
    *,
    asks: bool,
    scheme: str,
    server: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("NO_PROXY", "no_proxy", "PROXY_EXCLUDES", "AWS_PROXY_EXCLUDES"):
        monkeypatch.setenv(name, "*,localhost,127.0.0.1")
    endpoint = server.url.replace("http", scheme)
    definition = {**s3_definition(1), "endpoint": endpoint, "allow_private": asks}
    async with stored(definition, policy=policy) as bucket:
        error = await bucket.refused(UPLOAD)
    assert error.code == "FORBIDDEN"
    assert "non-public address" in str(error)
    assert server.requests == []


async def test_a_redirect_to_where_nobody_may_go_is_not_followed(
    bucket: Stored, server: Receiver
) -> None:
    always(server, 307, "", Location="http://169.254.169.254/latest/meta-data")
    error = await bucket.refused(DOWNLOAD)
    assert error.code in {"FORBIDDEN", "PROVIDER_ERROR"}


async def test_a_server_that_never_answers_is_a_time_out(bucket: Stored, server: Receiver) -> None:
    asked, over = asyncio.Event(), asyncio.Event()

    async def silent(_: web.Request) -> web.StreamResponse:
        asked.set()
        await over.wait()
        return web.Response()

    server.answers.append(silent)
    bucket.context.deadline_ms = 1_800_000_000_000 + 300
    error = await bucket.refused(UPLOAD)
    over.set()
    assert asked.is_set()
    assert error.code == "TIMEOUT"


def cut_off(length: int) -> Answer:
    """Answer half of what was promised, then hang up."""

    async def answer(request: web.Request) -> web.StreamResponse:
        headers = {
            "Content-Length": str(length),
            "ETag": '"1"',
            "Last-Modified": "Fri, 27 Nov 2026 10:00:00 GMT",
        }
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        await response.write(b"x" * (length // 2))
        assert request.transport is not None
        request.transport.abort()
        return response

    return answer


async def hang_up(request: web.Request) -> web.StreamResponse:
    """Answer nothing."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def test_a_download_that_is_cut_in_the_middle_is_a_connection_error(
    bucket: Stored, server: Receiver
) -> None:
    server.answers += [cut_off(10_000), *(hang_up for _ in range(8))]
    assert (await bucket.refused(DOWNLOAD)).code == "CONNECTION_ERROR"


async def test_an_upload_that_is_cut_in_the_middle_is_a_connection_error(
    bucket: Stored, server: Receiver
) -> None:
    server.answers += [hang_up for _ in range(8)]
    assert (await bucket.refused(UPLOAD)).code == "CONNECTION_ERROR"


@pytest.mark.parametrize(
    "given", [UPLOAD, DOWNLOAD, {"operation": "list"}, {"operation": "exists", "fileName": "a"}]
)
async def test_garbage_is_a_provider_error(
    bucket: Stored, server: Receiver, given: JsonObject
) -> None:
    always(server, 200, "welcome to the wifi <br> please log in")
    error = await bucket.refused(given)
    assert error.code == "PROVIDER_ERROR"
    assert "welcome" not in str(error)


async def test_more_than_was_promised_is_never_read_whole(bucket: Stored, server: Receiver) -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        headers = {"ETag": '"1"', "Last-Modified": "Fri, 27 Nov 2026 10:00:00 GMT"}
        response = web.StreamResponse(headers={**headers, "Content-Length": "999999999999"})
        await response.prepare(request)
        return response

    server.answers.append(endless)
    with pytest.raises(Exception, match="more than the") as raised:
        await bucket.act(DOWNLOAD)
    assert type(raised.value).__name__ == "ResultTooLarge"


@pytest.mark.parametrize("given", [DOWNLOAD, {"operation": "list"}])
@pytest.mark.parametrize("status", [200, 500])
async def test_no_answer_without_an_end_is_read_on_over_tls_either(
    tmp_path: Path, given: JsonObject, status: int
) -> None:
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    acts = {"endless": endless(status, "application/xml")}
    async with faulty_servers(acts, context) as servers:
        server = servers["endless"]
        definition = {**s3_definition(1), "endpoint": f"https://localhost:{server.port}"}
        trusted = authority.cert_pem.bytes()
        async with stored(definition, tmp_path, trusted=trusted) as bucket:
            assert (await bucket.refused(given)).code == "PROVIDER_ERROR"
        await server.all_gone()
        assert server.sent < 200 * MIB


async def test_a_bucket_s_wait_is_honoured_over_plain_http(
    bucket: Stored, server: Receiver
) -> None:
    always(server, 503, s3_error("SlowDown"), **{"retry-after": "7"})
    error = await bucket.refused(UPLOAD)
    assert (error.code, error.retry_after_ms) == ("RATE_LIMITED", 7_000)
    always(server, 503, s3_error("SlowDown"))
    server.answers = server.answers[-8:]
    assert (await bucket.refused(UPLOAD)).retry_after_ms is None


async def test_an_upload_of_which_less_arrived_is_a_failure(
    bucket: Stored, server: Receiver
) -> None:
    server.answers += [
        web.Response(headers={"ETag": '"0123"'}),
        web.Response(
            headers={
                "ETag": '"0123"',
                "Last-Modified": "Fri, 27 Nov 2026 10:00:00 GMT",
                "Content-Length": "4",
            }
        ),
    ]
    error = await bucket.refused(UPLOAD)
    assert error.code == "PROVIDER_ERROR"
    assert "5 bytes were sent, the storage has 4" in str(error)


async def test_a_source_that_is_cut_leaves_nothing_behind(
    moto: BucketServer, server: Receiver
) -> None:
    server.answers.append(cut_off(40 * MIB))
    async with stored(moto.definition) as bucket:
        error = await bucket.refused({"fileName": "cut.bin", "url": f"{server.url}/cut"})
        assert error.code == "CONNECTION_ERROR"
        assert server.url in str(error)
        assert await bucket.names() == []
    client = s3_client(moto.port)
    assert "Uploads" not in client.list_multipart_uploads(Bucket=BUCKET)
    client.close()


async def test_a_source_that_is_too_large_is_given_up(moto: BucketServer, server: Receiver) -> None:
    server.answers.append(web.Response(body=b"x" * 20 * MIB))
    async with stored(moto.definition) as bucket:
        error = await bucket.refused(
            {"fileName": "huge.bin", "url": f"{server.url}/huge"}, max_bytes=10 * MIB
        )
        assert error.code == "VALIDATION_ERROR"
        assert str(10 * MIB) in str(error)
        assert error.hint == "raise the storage's `max_bytes`"
        assert await bucket.names() == []


async def test_a_name_that_nobody_of_us_gave_is_told_at_a_listing(moto: BucketServer) -> None:
    client = s3_client(moto.port)
    client.put_object(Bucket=BUCKET, Key="theirs//odd", Body=b"x")
    client.put_object(Bucket=BUCKET, Key="ours/even", Body=b"x")
    client.close()
    async with stored(moto.definition) as bucket:
        error = await bucket.refused({"operation": "list"})
        assert (error.code, "empty" in str(error)) == ("PROVIDER_ERROR", True)
        assert await bucket.names(prefix="ours") == ["ours/even"]
        await bucket.act({"operation": "delete", "fileName": "ours/even"})
    client = s3_client(moto.port)
    client.delete_object(Bucket=BUCKET, Key="theirs//odd")
    client.close()


async def test_a_url_is_fetched_in_pieces_and_stored(moto: BucketServer, server: Receiver) -> None:
    content = b"%PDF-1.7" + b"x" * 12 * MIB
    server.answers.append(web.Response(body=content))
    async with stored({**moto.definition, "prefix": "fetched"}) as bucket:
        put = await bucket.act({"fileName": "a.pdf", "url": f"{server.url}/a?token=1"})
    assert (put["size"], put["mimeType"]) == (len(content), "application/pdf")
    client = s3_client(moto.port)
    assert client.get_object(Bucket=BUCKET, Key="fetched/a.pdf")["Body"].read() == content
    client.close()


async def test_a_url_that_refuses_has_its_code_and_its_wait(
    moto: BucketServer, server: Receiver
) -> None:
    always(server, 429, "", **{"Retry-After": "7"})
    async with stored(moto.definition) as bucket:
        error = await bucket.refused({"fileName": "a", "url": f"{server.url}/a?token=hidden"})
    assert (error.code, error.retry_after_ms) == ("RATE_LIMITED", 7_000)
    assert "hidden" not in str(error)


async def test_a_url_that_leads_inside_is_refused(moto: BucketServer, server: Receiver) -> None:
    definition = {**moto.definition, "allow_private": False}
    async with stored(definition) as bucket:
        error = await bucket.refused({"fileName": "a", "url": f"{server.url}/a"})
    assert error.code == "FORBIDDEN"
    assert server.requests == []


async def test_the_hosts_environment_says_nothing(
    moto: BucketServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "AKIASOMEBODYELSE",
        "AWS_SECRET_ACCESS_KEY": "somebody",
        "AWS_SESSION_TOKEN": "else",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1",
        "AWS_SKIP_SIGNATURE": "true",
        "AWS_VIRTUAL_HOSTED_STYLE_REQUEST": "true",
        "HTTP_PROXY": "http://127.0.0.1:1",
        "PROXY_URL": "http://127.0.0.1:1",
        "NO_PROXY": "*",
        "no_proxy": "*",
    }.items():
        monkeypatch.setenv(name, value)
    async with stored({**moto.definition, "prefix": "own"}) as bucket:
        await bucket.upload("a.txt", b"x")
        signed = await bucket.act({"operation": "sign", "fileName": "a.txt"})
    assert "AKIATESTKEY0000001" in str(signed["url"])
    assert "Security-Token" not in str(signed["url"])


async def test_tls_is_checked_against_the_endpoints_own_name(tmp_path: Path) -> None:
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    async with http_receiver(context) as server:
        server.answers.append(web.Response(headers={"ETag": '"5d41402abc4b2a76b9719d911017c592"'}))
        definition = {**s3_definition(1), "endpoint": server.url}
        trusted = authority.cert_pem.bytes()
        async with stored(definition, tmp_path, trusted=trusted) as bucket:
            assert (await bucket.act(UPLOAD))["etag"] == "5d41402abc4b2a76b9719d911017c592"
        async with stored(definition, tmp_path) as bucket:
            assert (await bucket.refused(UPLOAD)).code == "CONNECTION_ERROR"
        elsewhere = {**definition, "endpoint": server.url.replace("localhost", "127.0.0.1")}
        async with stored(elsewhere, tmp_path, trusted=trusted) as bucket:
            assert (await bucket.refused(UPLOAD)).code == "CONNECTION_ERROR"
        assert len(server.requests) == 1

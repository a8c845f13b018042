"""Functions behind URLs: Lambda that checks signatures, Google that checks tokens, any other."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import unused_port

from ductape.domain.egress import EgressPolicy
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.request import JobEventTypes
from ductape.errors import ProviderError, ValidationError
from ductape.handlers.function import FunctionHandler
from ductape.ports.handler import Invocation
from ductape.providers.http import AiohttpClient
from ductape.providers.tokens import TokenKeeper
from tests.integration.faults import cut_off, huge, limited
from tests.integration.test_tokens import HeldSecrets
from tests.servers.functions import AWS_ID, AWS_SECRET, REGION, google_function, lambda_service
from tests.servers.http import Receiver, http_receiver
from tests.servers.tokens import key_file, token_url
from tests.unit.handlers.builders import FixedClock, NoEngine, RecordingContext, an_invocation

AWS: JsonObject = {
    "type": "aws",
    "access_key_id": AWS_ID,
    "secret_access_key": AWS_SECRET,
    "region": REGION,
}
INVOKE = "/2015-03-31/functions/arn:aws:lambda:eu-west-1:1:function:add/invocations"


async def python(invocation: Invocation) -> JsonValue:
    """Stand for a registered function."""
    return {"python": invocation.input["payload"]}


@dataclass
class World:
    """The handler, over the real client."""

    handler: FunctionHandler
    context: RecordingContext = field(default_factory=RecordingContext)
    engine: NoEngine = field(default_factory=NoEngine)

    async def call(
        self, server: Receiver, payload: JsonValue = None, **definition: JsonValue
    ) -> JsonValue:
        target: JsonObject = {"url": server.url, "allow_private": True, **definition}
        return await self.handler(
            an_invocation(
                JobEventTypes.FUNCTION,
                target,
                {"payload": payload},
                context=self.context,
                engine=self.engine,
            )
        )

    async def refused(self, server: Receiver, **definition: JsonValue) -> ProviderError:
        with pytest.raises(ProviderError) as caught:
            await self.call(server, {"a": 1}, **definition)
        shown = f"{caught.value.message} {caught.value.details}"
        assert AWS_SECRET not in shown
        assert "s3cret" not in shown
        return caught.value


@pytest.fixture
async def world() -> AsyncIterator[World]:
    client, clock = AiohttpClient(EgressPolicy(grant_loopback=True)), FixedClock()
    keeper = TokenKeeper(client, clock, HeldSecrets())
    yield World(FunctionHandler(python, client, clock, keeper))
    await client.aclose()


@pytest.fixture
async def server() -> AsyncIterator[Receiver]:
    async with http_receiver() as running:
        yield running


@pytest.mark.parametrize("payload", [{"a": [1, "é"]}, [1], "text", 7, True])
async def test_the_payload_goes_as_json(world: World, server: Receiver, payload: JsonValue) -> None:
    assert await world.call(server, payload) == {"ok": True}
    seen = server.only()
    assert (seen.method, seen.path) == ("POST", "/")
    assert seen.headers["content-type"] == "application/json"
    assert seen.headers["idempotency-key"] == "job-1:1"
    assert msgspec.json.decode(seen.body) == payload


async def test_no_payload_is_no_body(world: World, server: Receiver) -> None:
    await world.call(server)
    assert server.only().body == b""


async def test_a_get_carries_the_payload_as_its_query(world: World, server: Receiver) -> None:
    url = f"{server.url}/find?v=1"
    await world.call(server, {"q": "a b&c", "tag": ["x", "y"]}, url=url, method="GET")
    assert server.only().path == "/find?v=1&q=a%20b%26c&tag=x&tag=y"
    with pytest.raises(ValidationError):
        await world.call(server, [1], method="GET")


async def test_headers_and_a_bearer_token_are_sent(world: World, server: Receiver) -> None:
    auth: JsonObject = {"type": "bearer", "token": "t0ken-s3cret"}
    await world.call(server, 1, headers={"X-A": "1"}, auth=auth, method="PUT")
    seen = server.only()
    assert (seen.method, seen.headers["x-a"]) == ("PUT", "1")
    assert seen.headers["authorization"] == "Bearer t0ken-s3cret"


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        (web.json_response([1, {"a": None}]), [1, {"a": None}]),
        (web.Response(text="hé"), "hé"),
        (web.Response(body=b"\xff\x00", content_type="image/png"), b64encode(b"\xff\x00").decode()),
        (web.Response(status=204), None),
        (web.Response(body=b"7", content_type="application/vnd.x+json"), 7),
    ],
    ids=["json", "text", "bytes", "nothing", "other json"],
)
async def test_what_it_returns_is_the_result(
    world: World, server: Receiver, answer: web.Response, result: JsonValue
) -> None:
    server.answers = [answer]
    assert await world.call(server, {}) == result


async def test_a_payload_that_does_not_fit_sends_nothing(world: World, server: Receiver) -> None:
    schema: JsonObject = {"email": {"type": "EMAIL_STRING"}}
    with pytest.raises(ValidationError) as caught:
        await world.call(server, {"email": "ada"}, input=schema)
    assert [one["path"] for one in caught.value.errors] == ["input.payload.email"]
    assert server.requests == []


async def test_a_registered_function_is_called_as_before(world: World) -> None:
    definition: JsonObject = {"input": {"a": {"type": "INTEGER"}}}
    kind = JobEventTypes.FUNCTION
    right = an_invocation(kind, definition, {"payload": {"a": 1}}, needs="function:add")
    assert await world.handler(right) == {"python": {"a": 1}}
    wrong = an_invocation(kind, definition, {"payload": {}}, needs="function:add")
    with pytest.raises(ValidationError):
        await world.handler(wrong)


@pytest.mark.parametrize("session_token", [None, "session-s3cret"])
@pytest.mark.parametrize(
    "path", [INVOKE, "/", "/a%20b/%C3%A9?x=1&b=%2F&a=c+d", "/it's(ok)*!,$@~=&+;x"]
)
async def test_lambda_takes_our_signature(
    world: World, path: str, session_token: str | None
) -> None:
    async with lambda_service() as aws:
        aws.session_token = session_token
        auth = AWS | {"session_token": session_token}
        result = await world.call(aws, {"a": "é"}, url=aws.url + path, auth=auth)
    assert result == {"ok": True}


async def test_every_attempt_carries_the_same_key(world: World, server: Receiver) -> None:
    server.answers = [web.Response(status=503)]
    with pytest.raises(ProviderError):
        await world.call(server, 1)
    world.context.attempt = 2
    await world.call(server, 1)
    assert [one.headers["idempotency-key"] for one in server.requests] == ["job-1:1"] * 2


async def test_lambda_takes_a_signed_query_as_well(world: World) -> None:
    async with lambda_service() as aws:
        payload: JsonObject = {"b": "x y", "a": "é/+"}
        result = await world.call(aws, payload, auth=AWS, method="GET")
    assert result == {"ok": True}


async def test_a_wrong_key_is_forbidden_by_lambda(world: World) -> None:
    async with lambda_service() as aws:
        error = await world.refused(aws, auth=AWS | {"secret_access_key": "wrong"})
    assert error.code == "FORBIDDEN"


async def test_code_that_failed_inside_of_lambda_is_an_error(world: World) -> None:
    async with lambda_service() as aws:
        aws.answers = [
            web.json_response(
                {"errorMessage": f"division by zero {AWS_SECRET}", "errorType": "X"},
                headers={"X-Amz-Function-Error": "Unhandled"},
            )
        ]
        error = await world.refused(aws, url=aws.url + INVOKE, auth=AWS)
    assert (error.code, error.message) == (
        "PROVIDER_ERROR",
        "the function failed: Unhandled",
    )
    assert "division by zero ***" in str(error.details["body"])


async def test_google_is_shown_an_identity_token_for_its_audience(world: World) -> None:
    async with token_url() as tokens, google_function(tokens) as google:
        auth: JsonObject = {"type": "google", "service_account": key_file(tokens.token_url)}
        assert await world.call(google, {"a": 1}, auth=auth) == {"ok": True}
        assert await world.call(google, {"a": 2}, auth=auth) == {"ok": True}
        audience = {"audience": "https://audience.example"}
        assert await world.call(google, {"a": 3}, auth=auth | audience) == {"ok": True}
    audiences = [one["target_audience"] for one in tokens.claims]
    assert audiences == [google.url, "https://audience.example"]
    assert world.engine.hidden == ("token-1", "token-1", "token-2")


async def test_google_gets_a_new_token_once_where_it_takes_the_old_one_no_more(
    world: World,
) -> None:
    async with token_url() as tokens, google_function(tokens) as google:
        auth: JsonObject = {"type": "google", "service_account": key_file(tokens.token_url)}
        await world.call(google, 1, auth=auth)
        tokens.good.clear()
        await world.call(google, 1, auth=auth)
        assert len(google.requests) == 3
        google.answers = [web.Response(status=401), web.Response(status=401)]
        error = await world.refused(google, auth=auth)
    assert error.code == "UNAUTHORIZED"
    assert len(google.requests) == 5


@pytest.mark.parametrize(
    ("answer", "code", "wait_ms"),
    [
        (limited, "RATE_LIMITED", 7_000),
        (huge, "PROVIDER_ERROR", None),
        (lambda: web.Response(status=302, headers={"Location": "/"}), "PROVIDER_ERROR", None),
        (lambda: web.Response(status=500, text="t0ken-s3cret"), "PROVIDER_ERROR", None),
        (lambda: web.Response(status=503), "SERVICE_UNAVAILABLE", None),
        (lambda: web.Response(status=404), "NOT_FOUND", None),
        (lambda: cut_off, "CONNECTION_ERROR", None),
    ],
    ids=["limited", "huge", "redirect", "failed", "down", "gone", "cut"],
)
async def test_a_call_that_fails_has_its_code(
    world: World, server: Receiver, answer: object, code: str, wait_ms: int | None
) -> None:
    assert callable(answer)
    server.answers = [answer()]
    auth: JsonObject = {"type": "bearer", "token": "t0ken-s3cret"}
    error = await world.refused(server, auth=auth)
    assert (error.code, error.retry_after_ms) == (code, wait_ms)


async def test_garbage_that_calls_itself_json_is_text(world: World, server: Receiver) -> None:
    server.answers = [web.Response(body=b"{broken", content_type="application/json")]
    assert await world.call(server, 1) == "{broken"


async def test_a_call_ends_at_its_own_time_out_and_at_the_attempts(
    world: World, server: Receiver
) -> None:
    released = asyncio.Event()

    async def wait(_: web.Request) -> web.StreamResponse:
        await released.wait()
        return web.Response()

    server.answers = [wait, wait]
    assert (await world.refused(server, timeout_ms=50)).message.endswith("within 50 ms")
    world.context.deadline_ms = FixedClock.now + 60
    error = await world.refused(server, timeout_ms=5_000)
    released.set()
    assert (error.code, error.message[-12:]) == ("TIMEOUT", "within 60 ms")


@pytest.mark.parametrize("url", ["http://[bad", "http://localhost:99999/", "ftp://x.example", "x"])
async def test_a_url_that_a_reference_brought_in_may_be_none(
    world: World, server: Receiver, url: str
) -> None:
    for auth in (None, AWS):
        error = await world.refused(server, url=url, auth=auth)
        assert error.code == "VALIDATION_ERROR"


async def test_a_url_that_is_not_there_or_not_allowed_is_told(
    world: World, server: Receiver
) -> None:
    gone = await world.refused(server, url=f"http://localhost:{unused_port()}")
    assert gone.code == "CONNECTION_ERROR"
    assert (await world.refused(server, allow_private=False)).code == "FORBIDDEN"
    assert server.requests == []

"""Fallbacks from the document to the result: who answered, and why the others did not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import msgspec
import pytest
from aiohttp import web

from ductape import Ductape, Handlers, JobCancelled, JobFailed, ValidationError
from ductape.domain.jsonvalue import JsonObject, JsonValue
from tests.servers.http import Answer, Receiver, http_receiver

CLOSED = "http://127.0.0.1:9"
"""Where nobody listens."""


def an_option(app: str, **parts: JsonValue) -> JsonObject:
    return {
        "type": "action",
        "app": app,
        "event": "send",
        "input": {"body": {"to": "$Input{to}", "text": "$Uppercase($Input{text})"}},
        "output": {"id": "$Response{body}{id}"},
        **parts,
    }


def product(urls: dict[str, str], *options: JsonObject) -> JsonObject:
    """Declare one fallback over apps that each have one action."""
    send = {"tag": "send", "method": "POST", "resource": "/send"}
    return {
        "tag": "shop",
        "envs": [{"slug": "dev", "allow_private": True}],
        "apps": [{"tag": tag, "base_url": url, "actions": [send]} for tag, url in urls.items()],
        "fallbacks": [
            {
                "tag": "mail",
                "input": {"to": {"type": "EMAIL_STRING"}, "text": {"type": "STRING"}},
                "options": [*options],
            }
        ],
    }


MAIL = {
    "product_tag": "shop",
    "env": "dev",
    "event": "mail",
    "input": {"to": "ada@example.org", "text": "hi"},
}


@dataclass
class Two:
    """Two providers; each answers with its own id unless told otherwise."""

    first: Receiver
    second: Receiver

    @property
    def urls(self) -> dict[str, str]:
        return {"first": self.first.url, "second": self.second.url}

    def say(self, *answers: web.Response | Answer) -> None:
        """Let the first one answer so, then with its id."""
        self.first.answers[:] = [*answers, *(_id("one") for _ in range(9))]


def _id(name: str) -> web.Response:
    return web.json_response({"id": name})


@pytest.fixture
async def two() -> AsyncIterator[Two]:
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(http_receiver())
        second = await stack.enter_async_context(http_receiver())
        first.answers += [_id("one") for _ in range(9)]
        second.answers += [_id("two") for _ in range(5_000)]
        yield Two(first, second)


async def run(ductape: Ductape, **parts: object) -> JsonObject:
    return cast("JsonObject", await ductape.processor.fallback.run({**MAIL, **parts}))


async def failed(ductape: Ductape, **parts: object) -> dict[str, object]:
    with pytest.raises(JobFailed) as caught:
        await run(ductape, **parts)
    return caught.value.error


async def test_the_first_option_that_answers_is_the_result(store: str, two: Two) -> None:
    async with Ductape.open(store, worker=False) as ductape:
        await ductape.products.apply(product(two.urls, an_option("first"), an_option("second")))
        assert await run(ductape) == {"id": "one", "provider": "first"}
    assert msgspec.json.decode(two.first.only().body) == {"to": "ada@example.org", "text": "HI"}
    assert two.second.requests == []


async def cut(request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def slow(request: web.Request) -> web.Response:
    del request
    await asyncio.sleep(5)
    return web.Response()


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (web.Response(status=500), "PROVIDER_ERROR"),
        (web.Response(status=503), "SERVICE_UNAVAILABLE"),
        (web.Response(status=429, headers={"Retry-After": "60"}), "RATE_LIMITED"),
        (web.Response(status=401), "UNAUTHORIZED"),
        (web.Response(status=400), "VALIDATION_ERROR"),
        (web.Response(body=b"x" * 2_000_000), "PROVIDER_ERROR"),
        (web.Response(text="no JSON"), "REFERENCE_MISSING"),
        (cut, "CONNECTION_ERROR"),
        (slow, "TIMEOUT"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_another_option_answers_for_one_that_fails(
    tmp_path: object, two: Two, answer: web.Response | Answer, code: str
) -> None:
    two.say(answer)
    async with Ductape.open(f"sqlite:///{tmp_path}/a.db", worker=False) as ductape:
        first = an_option("first", timeout=300)
        await ductape.products.apply(product(two.urls, first, an_option("second")))
        result = await run(ductape)
    assert (result["id"], result["provider"]) == ("two", "second")
    (failure,) = cast("list[JsonObject]", result["failures"])
    assert (failure["provider"], failure["code"]) == ("first", code)


async def test_nobody_listens_at_the_first(store: str, two: Two) -> None:
    urls = {"first": CLOSED, "second": two.second.url}
    async with Ductape.open(store, worker=False) as ductape:
        await ductape.products.apply(product(urls, an_option("first"), an_option("second")))
        result = await run(ductape)
    (failure,) = cast("list[JsonObject]", result["failures"])
    assert (result["provider"], failure["code"]) == ("second", "CONNECTION_ERROR")


async def test_an_option_is_tried_again_as_often_as_it_says(store: str, two: Two) -> None:
    two.say(web.Response(status=500), web.Response(status=500))
    async with Ductape.open(store, worker=False) as ductape:
        first = an_option("first", retries=2)
        await ductape.products.apply(product(two.urls, first, an_option("second")))
        assert await run(ductape) == {"id": "one", "provider": "first"}
    keys = {request.headers["idempotency-key"] for request in two.first.requests}
    assert (len(two.first.requests), len(keys)) == (3, 1)


async def test_where_all_fail_the_error_has_the_last_code_and_every_reason(store: str) -> None:
    urls = {"first": CLOSED, "second": CLOSED}
    async with http_receiver() as server, Ductape.open(store, worker=False) as ductape:
        server.answers[:] = [web.Response(status=503, text="tok-123456")]
        urls["second"] = server.url
        await ductape.products.apply(product(urls, an_option("first"), an_option("second")))
        error = await failed(ductape)
    assert error["code"] == "SERVICE_UNAVAILABLE"
    message = str(error["message"])
    assert "first: CONNECTION_ERROR" in message
    assert "second: SERVICE_UNAVAILABLE" in message
    details = cast("JsonObject", error["details"])
    assert [one["provider"] for one in cast("list[JsonObject]", details["failures"])] == [
        "first",
        "second",
    ]


async def test_an_option_without_a_time_out_leaves_time_for_the_others(
    store: str, two: Two
) -> None:
    two.say(slow)
    async with Ductape.open(store, worker=False) as ductape:
        await ductape.products.apply(product(two.urls, an_option("first"), an_option("second")))
        result = await run(ductape, timeout=1_500)
    assert result["provider"] == "second"


async def test_a_provider_that_keeps_failing_is_skipped_by_the_whole_fleet(
    store: str, two: Two
) -> None:
    two.say(*(web.Response(status=500) for _ in range(2)))
    breaker: JsonObject = {"failures": 2, "cooldown": 700}
    async with (
        Ductape.open(store, worker=False) as ductape,
        Ductape.open(store, worker=False) as elsewhere,
    ):
        first = an_option("first", breaker=breaker)
        await ductape.products.apply(product(two.urls, first, an_option("second")))
        for _ in range(2):
            assert (await run(ductape))["provider"] == "second"
        skipped = await run(elsewhere)
        (failure,) = cast("list[JsonObject]", skipped["failures"])
        assert (skipped["provider"], failure["code"]) == ("second", "CIRCUIT_OPEN")
        assert len(two.first.requests) == 2
        async with asyncio.timeout(10):
            while (await run(elsewhere))["provider"] != "first":
                pass
        assert await run(ductape) == {"id": "one", "provider": "first"}


@pytest.mark.parametrize("how", ["refused", "cancelled"])
async def test_a_probe_that_tells_nothing_of_the_provider_is_followed_by_another(
    store: str, two: Two, how: str
) -> None:
    """By the very next run: it would else count as lost only after a minute."""
    asked = asyncio.Event()

    async def hangs(request: web.Request) -> web.Response:
        del request
        asked.set()
        await asyncio.Event().wait()
        return web.Response()

    refused = web.Response(status=400)
    two.say(web.Response(status=503), hangs if how == "cancelled" else refused)
    first = an_option("first", breaker={"failures": 1, "cooldown": 1})
    async with asyncio.timeout(20), Ductape.open(store, worker=True) as ductape:
        await ductape.products.apply(product(two.urls, first, an_option("second")))
        assert (await run(ductape))["provider"] == "second"
        if how == "cancelled":
            receipt = await ductape.processor.job.dispatch({**MAIL, "start_at": 0})
            await asked.wait()
            await ductape.jobs.cancel(receipt["job_id"])
            with pytest.raises(JobCancelled):
                await ductape.processor.job.wait(receipt["job_id"])
        else:
            assert (await run(ductape))["provider"] == "second"
        assert await run(ductape) == {"id": "one", "provider": "first"}


async def test_what_a_secret_brought_in_is_not_told_in_the_reasons(store: str) -> None:
    handlers = Handlers()

    @handlers.function("leak")
    def leak(payload: str) -> None:
        raise RuntimeError(f"refused {payload}")

    options: list[JsonValue] = [
        {"type": "function", "event": "leak", "input": {"payload": "$Variable{crm}{key}"}},
        {"type": "job", "event": "echo"},
    ]

    @handlers.job("echo")
    def echo(given: JsonObject) -> JsonValue:
        return given["to"]

    document = product({}, *cast("list[JsonObject]", options))
    document["apps"] = [
        {
            "tag": "crm",
            "base_url": CLOSED,
            "variables": [{"key": "key", "value": "$Secret{crm_key}"}],
        }
    ]
    async with Ductape.open(store, handlers=handlers, worker=False) as ductape:
        await ductape.secrets.set("crm_key", "sesame-opens", product="shop")
        await ductape.products.apply(document)
        result = await run(ductape)
    (failure,) = cast("list[JsonObject]", result["failures"])
    assert result == {"output": "ada@example.org", "provider": "echo", "failures": [failure]}
    assert failure["message"] == "refused ***"


async def test_the_input_is_checked_by_the_schema(store: str, two: Two) -> None:
    async with Ductape.open(store, worker=False) as ductape:
        await ductape.products.apply(product(two.urls, an_option("first")))
        with pytest.raises(ValidationError) as caught:
            await run(ductape, input={"to": "nobody"})
    assert {one["path"] for one in caught.value.errors} == {"input.to", "input.text"}


@pytest.mark.parametrize(
    ("option", "path"),
    [
        ({"event": "nothing"}, "event"),
        ({"type": "notification"}, "type"),
        ({"input": "$Response{id}"}, "input"),
        ({"output": {"provider": 1}}, "output.provider"),
        ({"input": ["a"]}, "input"),
        ({"retries": -1}, "retries"),
        ({"weight": 3}, "weight"),
        ({"input": {"body": "$Secret{token}"}}, "input.body"),
        ({"input": {"body": "$Message{a}"}}, "input.body"),
        ({"event": "$Input{event}"}, "event"),
    ],
)
async def test_an_option_that_cannot_work_is_refused(
    tmp_path: object, option: JsonObject, path: str
) -> None:
    document = product({"first": CLOSED}, an_option("first", **option))
    async with Ductape.open(f"sqlite:///{tmp_path}/a.db", worker=False) as ductape:
        with pytest.raises(ValidationError) as caught:
            await ductape.products.apply(document)
    assert {one["path"] for one in caught.value.errors} == {f"fallbacks[0].options[0].{path}"}


async def test_two_options_that_nothing_tells_apart_are_refused(tmp_path: object) -> None:
    document = product({"first": CLOSED}, an_option("first"), an_option("first"))
    async with Ductape.open(f"sqlite:///{tmp_path}/a.db", worker=False) as ductape:
        with pytest.raises(ValidationError, match="a tag that tells the options apart"):
            await ductape.products.apply(document)


async def test_where_every_option_names_a_wait_the_job_is_tried_again_after_the_shortest(
    store: str, two: Two
) -> None:
    busy = [web.Response(status=429, headers={"Retry-After": after}) for after in ("1", "30")]
    two.say(busy[0])
    two.second.answers[:] = [busy[1]]
    options = [an_option("first"), an_option("second")]
    async with Ductape.open(store, worker=True) as ductape:
        await ductape.products.apply(product(two.urls, *options))
        retries = {"initialDelay": 1, "jitter": False}
        job = {**MAIL, "start_at": 0, "retries": 1, "retryConfig": retries}
        receipt = await ductape.processor.job.dispatch(job)
        result = await ductape.processor.job.wait(receipt["job_id"], timeout=20)
        assert result == {"id": "one", "provider": "first"}
        refused, done = (await ductape.jobs.get(receipt["job_id"]))["attempts"]
    assert done["started_at"] - (refused["completed_at"] or 0) >= 1_000


async def test_a_mapping_takes_what_the_session_has_and_reasons_do_not_tell_it(
    store: str, two: Two
) -> None:
    session = {"tag": "user", "schema": {"id": "", "card": ""}, "expiry": 60_000}
    mapping: JsonObject = {"body": {"to": "$Session{user}{card}"}}
    handlers = Handlers()

    @handlers.function("leak")
    def leak(payload: str) -> None:
        raise RuntimeError(f"no such card {payload}")

    leaky: JsonObject = {
        "type": "function",
        "event": "leak",
        "input": {"payload": "$Session{user}{card}"},
    }
    document = product(two.urls, leaky, an_option("first", input=mapping))
    where = {"product": "shop", "env": "dev", "tag": "user"}
    async with Ductape.open(store, handlers=handlers, worker=False) as ductape:
        await ductape.products.apply({**document, "sessions": [session]})
        data = {"id": "u1", "card": "4929-1234"}
        tokens = await ductape.processor.sessions.start({**where, "data": data})
        token = {"tag": "user", "token": tokens["token"]}
        result = await run(ductape, session=token)
    assert two.first.only().body == b'{"to":"4929-1234"}'
    (failure,) = cast("list[JsonObject]", result["failures"])
    assert failure["message"] == "no such card ***"


async def test_fallbacks_nest_and_an_inner_one_that_fails_is_an_option_that_failed(
    store: str, two: Two
) -> None:
    two.say(web.Response(status=500))
    document = product(two.urls, {"type": "fallback", "event": "inner"}, an_option("second"))
    outer = cast("list[JsonValue]", document["fallbacks"])
    inner: JsonObject = {"tag": "inner", "options": [an_option("first")]}
    async with Ductape.open(store, worker=False) as ductape:
        await ductape.products.apply({**document, "fallbacks": [*outer, inner]})
        result = await run(ductape)
        assert result["provider"] == "second"
        again = await run(ductape)
    assert again == {"id": "one", "provider": "inner"}


def all_of(folder: Path) -> bytes:
    """Return all bytes of a file and what lies beside it."""
    return b"".join(each.read_bytes() for each in folder.glob("a.db*") if each.is_file())


async def test_what_calls_something_sensitive_is_sealed_as_that_is(tmp_path: Path) -> None:
    handlers = Handlers()

    @handlers.function("card")
    def card(payload: str) -> str:
        return f"card 4929-1234 of {payload}"

    path = tmp_path / "a.db"
    option: JsonObject = {"type": "function", "event": "card", "input": {"payload": "$Input{to}"}}
    document = product({}, option)
    document["functions"] = [{"tag": "card", "handler": "python", "sensitive": True}]
    document["jobs"] = [
        {"tag": "twice", "event_type": "fallback", "event_tag": "mail", "executions": 2}
    ]
    document["quotas"] = [{"tag": "spread", "options": [{"type": "job", "event": "twice"}]}]
    async with Ductape.open(f"sqlite:///{path}", handlers=handlers, worker=False) as ductape:
        await ductape.products.apply(document)
        spread = await ductape.processor.quota.run({**MAIL, "event": "spread"})
        answer = {"output": "card 4929-1234 of ada@example.org", "provider": "card"}
        assert cast("JsonObject", spread)["result"] == [answer, answer]
    stored = all_of(tmp_path)
    assert b"4929-1234" not in stored
    assert b"ada@example.org" not in stored

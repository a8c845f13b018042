"""A product job that points at another event: how often, how far apart, through a death."""

import asyncio
import sys

import pytest
from aiohttp import web

from ductape import Ductape, Handlers, JobFailed, ValidationError, WorkerOptions
from ductape.domain.jsonvalue import JsonObject, JsonValue
from tests.servers.http import Answer, Receiver, http_receiver

SHORT = WorkerOptions(lease_ms=600, grace_ms=200, upkeep_ms=100)
WORKER = """
import asyncio, sys
from ductape import Ductape, WorkerOptions

async def serve():
    short = WorkerOptions(lease_ms=600, grace_ms=200, upkeep_ms=100)
    async with Ductape.open(sys.argv[1], config={}, worker=short):
        await asyncio.Event().wait()

asyncio.run(serve())
"""


def product(url: str, **job: JsonValue) -> JsonObject:
    """Declare a job that points at an action through a fallback, with an action beside it."""
    send: JsonObject = {"tag": "send", "method": "POST", "resource": "/send"}
    option: JsonObject = {
        "type": "action",
        "app": "mailer",
        "event": "send",
        "output": {"n": "$Response{body}{n}"},
    }
    return {
        "tag": "shop",
        "envs": [{"slug": "dev", "allow_private": True}],
        "apps": [{"tag": "mailer", "base_url": url, "actions": [send]}],
        "fallbacks": [{"tag": "mail", "options": [option]}],
        "jobs": [{"tag": "remind", "event_type": "fallback", "event_tag": "mail", **job}],
    }


def a_job(**parts: object) -> dict[str, object]:
    return {
        "product_tag": "shop",
        "env": "dev",
        "event": "remind",
        "input": {"body": {"to": "ada"}},
        "start_at": 0,
        **parts,
    }


def numbered(receiver: Receiver, *before: Answer) -> None:
    """Let a server give its first answers, then numbers: how many requests it has had."""

    async def answer(request: web.Request) -> web.Response:
        del request
        receiver.answers.append(answer)
        return web.json_response({"n": len(receiver.requests)})

    receiver.answers[:] = [*before, answer]


async def test_it_returns_what_the_event_returns(store: str) -> None:
    async with http_receiver() as server, Ductape.open(store, worker=True) as ductape:
        numbered(server)
        await ductape.products.apply(product(server.url))
        result = await ductape.processor.job.schedule(a_job(), timeout=20)
    assert result == {"n": 1, "provider": "mailer"}


async def test_an_interval_of_nothing_runs_one_right_after_the_other(store: str) -> None:
    async with http_receiver() as server, Ductape.open(store, worker=True) as ductape:
        numbered(server)
        await ductape.products.apply(product(server.url, executions=2, intervals=0))
        result = await ductape.processor.job.schedule(a_job(), timeout=20)
    assert result == [{"n": n, "provider": "mailer"} for n in (1, 2)]


async def test_several_executions_follow_one_another_and_all_results_are_told(store: str) -> None:
    loop = asyncio.get_running_loop()
    async with http_receiver() as server, Ductape.open(store, worker=True) as ductape:
        numbered(server)
        await ductape.products.apply(product(server.url, executions=3, intervals=150))
        began_s = loop.time()
        result = await ductape.processor.job.schedule(a_job(), timeout=20)
    assert loop.time() - began_s >= 0.3
    assert result == [{"n": n, "provider": "mailer"} for n in (1, 2, 3)]
    keys = {request.headers["idempotency-key"] for request in server.requests}
    assert len(keys) == 3


async def test_executions_that_have_ended_are_not_repeated_after_a_death(store: str) -> None:
    hanging, never = asyncio.Event(), asyncio.Event()

    async def one(request: web.Request) -> web.Response:
        del request
        return web.json_response({"n": 1})

    async def hang(request: web.Request) -> web.Response:
        del request
        hanging.set()
        await never.wait()
        return web.Response()

    async with http_receiver() as server, Ductape.open(store, worker=False) as ductape:
        numbered(server, one, hang)
        await ductape.products.apply(product(server.url, executions=3))
        receipt = await ductape.processor.job.dispatch(a_job())
        other = await asyncio.create_subprocess_exec(sys.executable, "-c", WORKER, store)
        try:
            async with asyncio.timeout(20):
                await hanging.wait()
        finally:
            other.kill()
            await other.wait()
        never.set()
        async with Ductape.open(store, worker=SHORT) as survivor:
            result = await survivor.processor.job.wait(receipt["job_id"], timeout=30)
    assert result == [{"n": n, "provider": "mailer"} for n in (1, 3, 4)]
    keys = [request.headers["idempotency-key"] for request in server.requests]
    assert keys[1] == keys[2]
    assert len({*keys}) == 3


async def test_a_retry_goes_on_where_the_attempt_before_it_ended(store: str) -> None:
    async def one(request: web.Request) -> web.Response:
        del request
        return web.json_response({"n": 1})

    async def refuse(request: web.Request) -> web.Response:
        del request
        return web.Response(status=500)

    async with http_receiver() as server, Ductape.open(store, worker=True) as ductape:
        numbered(server, one, refuse)
        await ductape.products.apply(product(server.url, executions=2))
        retries = {"initialDelay": 1, "jitter": False}
        job = a_job(retries=1, retryConfig=retries)
        result = await ductape.processor.job.schedule(job, timeout=20)
    assert result == [{"n": n, "provider": "mailer"} for n in (1, 3)]


async def test_what_the_event_fails_with_the_job_fails_with(store: str) -> None:
    async with Ductape.open(store, worker=True) as ductape:
        await ductape.products.apply(product("http://127.0.0.1:9"))
        with pytest.raises(JobFailed) as caught:
            await ductape.processor.job.schedule(a_job(), timeout=20)
    assert caught.value.error["code"] == "CONNECTION_ERROR"


async def test_results_that_take_too_much_room_are_told_all_the_same(store: str) -> None:
    handlers = Handlers()

    @handlers.job("big")
    def big() -> str:
        return "x" * 50_000

    document = product("http://127.0.0.1:9", event_type="job", event_tag="big", executions=3)
    async with Ductape.open(store, handlers=handlers, worker=True) as ductape:
        await ductape.products.apply(document)
        result = await ductape.processor.job.schedule(a_job(), timeout=20)
    assert result == ["x" * 50_000] * 3


@pytest.mark.parametrize(
    ("job", "path"),
    [
        ({"handler": "python"}, "jobs[0]"),
        ({"event_tag": None}, "jobs[0]"),
        ({"event_type": None}, "jobs[0].event_type"),
        ({"event_type": "quota"}, "jobs[0].event_type"),
        ({"event_tag": "nothing"}, "jobs[0].event_tag"),
        ({"executions": 0}, "jobs[0].executions"),
        ({"intervals": -1}, "jobs[0].intervals"),
        ({"app": "mailer", "event_type": "action", "event_tag": "x"}, "jobs[0].event_tag"),
    ],
)
async def test_a_job_that_cannot_work_is_refused(
    tmp_path: object, job: JsonObject, path: str
) -> None:
    async with Ductape.open(f"sqlite:///{tmp_path}/a.db", worker=False) as ductape:
        with pytest.raises(ValidationError) as caught:
            await ductape.products.apply(product("http://127.0.0.1:9", **job))
    assert path in {one["path"] for one in caught.value.errors}


async def test_an_input_that_the_event_does_not_take_is_refused_when_it_is_scheduled(
    store: str,
) -> None:
    document = product("http://127.0.0.1:9")
    fallback: JsonObject = {
        "tag": "strict",
        "input": {"to": {"type": "EMAIL_STRING"}},
        "options": [{"type": "action", "app": "mailer", "event": "send"}],
    }
    jobs: list[JsonValue] = [
        {"tag": "remind", "event_type": "job", "event_tag": "inner"},
        {"tag": "inner", "event_type": "fallback", "event_tag": "strict"},
    ]
    async with Ductape.open(store, worker=False) as ductape:
        await ductape.products.apply({**document, "fallbacks": [fallback], "jobs": jobs})
        with pytest.raises(ValidationError) as caught:
            await ductape.processor.job.dispatch(a_job(input={"to": "nobody"}))
        assert [one["path"] for one in caught.value.errors] == ["input.to"]
        assert await ductape.jobs.list() == []

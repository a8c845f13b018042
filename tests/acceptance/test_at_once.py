"""Events that run at once, in the caller's own process, are recorded as any other job (SPEC 9)."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

import pytest

from ductape import Conflict, Ductape, Handlers, JobFailed, ValidationError
from ductape.services.intake.building import Builder, Built
from tests.servers.http import http_receiver


def product(url: str) -> dict[str, object]:
    actions = [{"tag": "order", "method": "POST", "resource": "/orders"}]
    envs = [{"slug": "dev", "base_url": url, "allow_private": True}]
    app = {"tag": "partner", "envs": envs, "actions": actions}
    return {"tag": "shop", "envs": [{"slug": "dev", "allow_private": True}], "apps": [app]}


ORDER = {"product_tag": "shop", "env": "dev", "event": "order", "input": {"body": {"sku": "lamp"}}}

NOTING = {
    "tag": "shop",
    "envs": [{"slug": "dev"}],
    "functions": [{"tag": "note", "handler": "python"}],
}
NOTE = {"product_tag": "shop", "env": "dev", "event": "note"}


async def test_an_action_runs_here_without_any_worker_and_is_in_the_history(store: str) -> None:
    async with (
        http_receiver() as partner,
        Ductape.open(store, worker=False) as ductape,
    ):
        await ductape.products.apply(product(partner.url))
        result = await ductape.processor.action.run(ORDER)
        assert isinstance(result, dict)
        assert result["status"] == 200
        (job,) = await ductape.jobs.list()
        history = await ductape.jobs.history(job["id"])
    assert (job["status"], job["kind"], history["successful_executions"]) == (
        "completed",
        "action",
        1,
    )


async def test_a_failure_is_raised_here_and_recorded(store: str) -> None:
    async with Ductape.open(store, worker=False) as ductape:
        await ductape.products.apply(product("http://127.0.0.1:9"))
        with pytest.raises(JobFailed) as caught:
            await ductape.processor.action.run(ORDER)
        assert caught.value.error["code"] == "CONNECTION_ERROR"
        assert (await ductape.jobs.get(caught.value.job_id))["status"] == "failed"


async def test_under_a_key_an_event_runs_once(store: str) -> None:
    async with (
        http_receiver() as partner,
        Ductape.open(store, worker=False) as ductape,
    ):
        await ductape.products.apply(product(partner.url))
        keyed = {**ORDER, "key": "order 7"}
        first, second = await asyncio.gather(
            ductape.processor.action.run(keyed), ductape.processor.action.run(keyed)
        )
        assert first == second
        assert first == await ductape.processor.job.schedule({**keyed, "start_at": 0})
        assert partner.only().method == "POST"
        job = await ductape.jobs.get(key="order 7", product="shop", env="dev")
        with pytest.raises(Conflict) as caught:
            await ductape.processor.action.run({**keyed, "input": {"body": {"sku": "chair"}}})
    assert (caught.value.path, caught.value.job_id) == ("key", job["id"])


async def test_a_product_that_changes_meanwhile_is_looked_at_again(
    store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        http_receiver() as partner,
        Ductape.open(store, worker=False) as ductape,
    ):
        await ductape.products.apply(product("http://127.0.0.1:9"))
        build = Builder.build

        async def slowly(self: Builder, *given: object, **named: object) -> Built:
            built = await cast("Callable[..., Awaitable[Built]]", build)(self, *given, **named)
            monkeypatch.setattr(Builder, "build", build)
            await ductape.products.apply(product(partner.url))
            return built

        monkeypatch.setattr(Builder, "build", slowly)
        result = await ductape.processor.action.run(ORDER)
        assert isinstance(result, dict)
        assert result["status"] == 200


async def test_it_waits_for_no_key_and_jobs_wait_for_it(store: str) -> None:
    handlers = Handlers()
    began, go_on = asyncio.Queue[str](), asyncio.Event()

    @handlers.function("sync")
    async def sync(name: str) -> str:
        began.put_nowait(name)
        await go_on.wait()
        return name

    def keyed(name: str) -> dict[str, object]:
        asked = {"product_tag": "shop", "env": "dev", "event": "sync", "input": {"payload": name}}
        return {**asked, "concurrency_key": "customer 7"}

    async with Ductape.open(store, handlers=handlers, worker=True) as ductape:
        functions = [{"tag": "sync", "handler": "python"}]
        await ductape.products.apply({**product("http://127.0.0.1:9"), "functions": functions})
        running = asyncio.ensure_future(ductape.processor.function.invoke(keyed("first")))
        assert await began.get() == "first"
        waiting = await ductape.processor.job.dispatch({**keyed("third"), "start_at": 0})
        beside = asyncio.ensure_future(ductape.processor.function.invoke(keyed("second")))
        assert await began.get() == "second"
        assert (await ductape.jobs.get(waiting["job_id"]))["status"] == "queued"
        go_on.set()
        assert (await running, await beside) == ("first", "second")
        assert await ductape.processor.job.wait(waiting["job_id"]) == "third"


async def test_what_is_for_later_is_refused_at_once(store: str) -> None:
    async with Ductape.open(store, worker=False) as ductape:
        await ductape.products.apply(product("http://127.0.0.1:9"))
        with pytest.raises(ValidationError) as caught:
            await ductape.processor.action.run({**ORDER, "start_at": 5, "repeat": {"every": 1000}})
        assert {each["path"] for each in caught.value.errors} == {"start_at", "repeat"}
        with pytest.raises(ValidationError, match="notification"):
            await ductape.processor.notification.send(ORDER)
        assert await ductape.jobs.list() == []


async def test_wherever_its_caller_goes_away_it_runs_once_or_not_at_all(store: str) -> None:
    ran: list[int] = []
    handlers = Handlers()

    @handlers.function("note")
    def note(given: int) -> int:
        ran.append(given)
        return given

    async with Ductape.open(store, handlers=handlers, worker=False) as ductape:
        await ductape.products.apply(NOTING)
        for steps in range(150):
            call = {**NOTE, "input": {"payload": steps}}
            calling = asyncio.create_task(ductape.processor.function.invoke(call))
            for _ in range(steps):
                await asyncio.sleep(0)
            calling.cancel()
            await asyncio.wait([calling])
        stored = await ductape.jobs.list(limit=200)
        ends = (ductape.processor.job.wait(job["id"], timeout=10) for job in stored)
        assert sorted(map(int, cast("list[int]", await asyncio.gather(*ends)))) == sorted(ran)

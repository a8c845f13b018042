"""One process over three stores: two files and a database on a server, each with its products."""

import asyncio
import json
import logging
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from ductape import Ductape, Handlers, JobFailed, NotFound, ValidationError
from tests.servers.http import http_receiver
from tests.servers.postgres import PostgresServer, postgres_server

DUCTAPE = Path(sys.executable).with_name("ductape")
KEY = "k1:" + "A" * 43
"""32 bytes of nothing; a test seals nothing worth more."""
PATIENCE_S = 20
LATER = "2190-01-01T00:00:00Z"
PRODUCTS = {"shop": "default", "orders": "eu", "mail": "us"}
HANDLERS = """
from ductape import Handlers

handlers = Handlers()

@handlers.job("echo")
def echo(given):
    return given
"""

handlers = Handlers()


@handlers.job("echo")
def echo(given: dict[str, object]) -> dict[str, object]:
    return given


def a_product(tag: str, **changes: object) -> dict[str, object]:
    product = {
        "tag": tag,
        "envs": [{"slug": "dev", "allow_private": True}],
        "jobs": [{"tag": "echo", "handler": "python"}],
        "caches": [{"tag": "kept", "expiry": 60_000}],
        "sessions": [
            {
                "tag": "user",
                "schema": {"id": "u1"},
                "selector": "$Session{id}",
                "expiry": 1,
                "period": "hours",
            }
        ],
    }
    return product | changes


def a_request(product: str, **changes: object) -> dict[str, object]:
    request = {"product_tag": product, "env": "dev", "event": "echo", "start_at": 0}
    return request | {"input": {"for": product}} | changes


@pytest.fixture
def urls(server: PostgresServer, tmp_path: Path) -> dict[str, str]:
    """Give the URL of each store by its name."""
    schema = f"r_{tmp_path.name.lower()}"
    return {
        "default": f"sqlite:///{tmp_path}/here.db",
        "us": f"sqlite:///{tmp_path}/us.db",
        "eu": f"{server.url}?schema={schema}".replace("postgres@", "postgres:hush@"),
    }


@pytest.fixture
def config(urls: dict[str, str]) -> dict[str, object]:
    stores = {name: url for name, url in urls.items() if name != "default"}
    routes = {product: name for product, name in PRODUCTS.items() if name != "default"}
    return {"store": urls["default"], "stores": stores, "routes": routes, "key": KEY}


@pytest.fixture
async def ductape(config: dict[str, object]) -> AsyncIterator[Ductape]:
    """Give a process that serves all three, and works for all three."""
    async with Ductape.open(config=config, handlers=handlers, worker=True) as opened:
        for tag in PRODUCTS:
            await opened.products.apply(a_product(tag))
        yield opened


@pytest.fixture
async def idle(config: dict[str, object], ductape: Ductape) -> AsyncIterator[Ductape]:
    """Give a second process that serves all three and works for none."""
    assert ductape.worker_ids.keys() == set(PRODUCTS.values())
    async with Ductape.open(config=config, worker=False) as opened:
        yield opened


async def stored_in(url: str, config: dict[str, object]) -> list[str]:
    """Return the products of the jobs that one store has, opened alone."""
    async with Ductape.open(url, config=config, worker=False) as alone:
        return [job["product"] for job in await alone.jobs.list()]


Told = Callable[[str], Awaitable[None]]


@pytest.fixture
async def told() -> AsyncIterator[Told]:
    """Give what waits until the log says something."""
    said: asyncio.Queue[str] = asyncio.Queue()

    class Listening(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.put_nowait(record.getMessage())

    async def until(text: str) -> None:
        while text not in await said.get():
            continue

    listening = Listening()
    logging.getLogger("ductape").addHandler(listening)
    yield until
    logging.getLogger("ductape").removeHandler(listening)


async def test_each_product_s_jobs_are_stored_and_executed_in_its_store(
    ductape: Ductape, urls: dict[str, str], config: dict[str, object]
) -> None:
    for product in PRODUCTS:
        assert await ductape.processor.job.schedule(a_request(product)) == {"for": product}
    for product, store in PRODUCTS.items():
        assert await stored_in(urls[store], config) == [product]


async def test_quotas_breakers_and_healthchecks_are_in_the_store_of_their_product(
    config: dict[str, object], urls: dict[str, str]
) -> None:
    option = {"type": "action", "app": "gone", "event": "get", "healthcheck": "up"}
    sections = {
        "apps": [
            {
                "tag": "gone",
                "base_url": "http://127.0.0.1:9",
                "actions": [{"tag": "get", "method": "GET", "resource": "/"}],
            }
        ],
        "quotas": [{"tag": "uses", "limit": 2, "period": "month"}],
        "fallbacks": [{"tag": "try", "options": [{**option, "breaker": {"failures": 1}}]}],
        "healthchecks": [{"tag": "up", "app": "gone", "event": "get", "interval": 60_000}],
    }
    used = a_request("orders", event="uses", input={})
    asked = a_request("orders", event="try", input={})
    for request in (used, asked):
        del request["start_at"]
    async with Ductape.open(config=config, worker=False) as here:
        await here.products.apply(a_product("orders", **sections))
        await here.processor.quota.run(used)
        with pytest.raises(JobFailed, match="CONNECTION_ERROR"):
            await here.processor.fallback.run(asked)
        assert (await here.health.status("gone", "dev"))["status"] == "unknown"
    async with Ductape.open(urls["eu"], config=config, worker=False) as alone:
        again = await alone.processor.quota.run(used)
        assert isinstance(again, dict)
        assert again["remaining"] == 0
        with pytest.raises(JobFailed, match="CIRCUIT_OPEN"):
            await alone.processor.fallback.run(asked)
        assert len((await alone.health.status("gone", "dev"))["checks"]) == 1


async def test_a_job_is_found_by_its_id_wherever_it_is(ductape: Ductape, idle: Ductape) -> None:
    for product in PRODUCTS:
        receipt = await ductape.processor.job.dispatch(a_request(product, key="mine"))
        job = receipt["job_id"]
        assert await idle.processor.job.wait(job, timeout=PATIENCE_S) == {"for": product}
        assert (await idle.jobs.get(job))["product"] == product
        assert (await idle.jobs.get(key="mine", product=product, env="dev"))["id"] == job
        assert (await idle.jobs.history(job))["successful_executions"] == 1
        seen = [view["status"] async for view in idle.jobs.watch(job)]
        assert seen[-1] == "completed"
    with pytest.raises(NotFound):
        await idle.jobs.get("01900000-0000-7000-8000-000000000000")


async def test_verbs_reach_a_job_wherever_it_is(config: dict[str, object]) -> None:
    async with (
        Ductape.open(config=config, handlers=handlers, worker=False) as here,
        Ductape.open(config=config, worker=False) as there,
    ):
        for product in PRODUCTS:
            await here.products.apply(a_product(product))
            request = a_request(product, repeat={"every": 60_000}, start_at=LATER)
            job = (await here.processor.job.dispatch(request))["job_id"]
            assert (await there.jobs.pause(job))["status"] == "paused"
            assert (await there.jobs.resume(job))["status"] == "scheduled"
            assert (await there.jobs.run_now(job))["changed"]
            assert (await there.jobs.cancel(job))["status"] == "cancelled"


async def test_lists_are_newest_first_over_all_stores_page_by_page(
    ductape: Ductape, idle: Ductape
) -> None:
    made = [
        (await ductape.processor.job.dispatch(a_request(product, start_at=LATER)))["job_id"]
        for _ in range(3)
        for product in PRODUCTS
    ]
    page = await idle.jobs.list(limit=4)
    met = [job["id"] for job in page]
    while page.next_cursor is not None:
        page = await idle.jobs.list(limit=4, cursor=page.next_cursor)
        met += [job["id"] for job in page]
    assert met == made[::-1]
    assert [job["product"] for job in await idle.jobs.list(product="orders")] == ["orders"] * 3


async def test_a_bulk_verb_goes_over_all_stores(ductape: Ductape) -> None:
    for product in PRODUCTS:
        await ductape.processor.job.dispatch(a_request(product, start_at=LATER))
    assert await ductape.jobs.cancel_many({"env": "dev"}) == {"count": 3}


async def test_a_batch_over_several_stores_is_refused_whole(ductape: Ductape) -> None:
    one = [a_request("orders", start_at=LATER)] * 2
    assert len(await ductape.processor.job.dispatch_many(one)) == 2
    with pytest.raises(ValidationError, match="one store") as caught:
        await ductape.processor.job.dispatch_many([a_request("orders"), a_request("mail")])
    assert "`mail`, `orders`" in str(caught.value)
    assert len(await ductape.jobs.list()) == 2


async def test_what_belongs_to_a_product_is_in_its_store(
    ductape: Ductape, urls: dict[str, str], config: dict[str, object]
) -> None:
    where = {"product": "orders", "env": "dev", "tag": "user"}
    await ductape.secrets.set("token", "hush", product="orders")
    pair = await ductape.processor.sessions.start({**where, "data": {"id": "ada"}})
    request = a_request("orders", cache="kept", input={"id": "$Session{id}"})
    session = {"tag": "user", "token": pair["token"]}
    ran = await ductape.processor.job.schedule({**request, "session": session})
    assert ran == {"id": "ada"}
    asked = {"product_tag": "orders", "cache_tag": "kept"}
    async with Ductape.open(urls["eu"], config=config, worker=False) as eu:
        assert await eu.secrets.list(product="orders") == [{"name": "token", "env": None}]
        assert await eu.processor.sessions.decrypt({**where, "token": pair["token"]}) == ran
        assert [entry["value"] for entry in await eu.caches.values(asked)] == [ran]
    await ductape.processor.sessions.revoke({**where, "token": pair["token"]})
    assert await ductape.caches.clear(asked) == {"count": 1}
    assert [one["tag"] for one in await ductape.products.list()] == sorted(PRODUCTS)


async def test_an_event_runs_at_once_in_the_store_of_its_product(
    config: dict[str, object], urls: dict[str, str]
) -> None:
    async with http_receiver() as partner, Ductape.open(config=config, worker=False) as opened:
        actions = [{"tag": "order", "method": "POST", "resource": "/orders"}]
        envs = [{"slug": "dev", "base_url": partner.url, "allow_private": True}]
        app = {"tag": "partner", "envs": envs, "actions": actions}
        await opened.products.apply(a_product("orders", apps=[app]))
        request = {"product_tag": "orders", "env": "dev", "event": "order", "input": {}}
        result = await opened.processor.action.run(request)
        assert isinstance(result, dict)
        assert result["status"] == 200
        assert opened.worker_ids.keys() == {"eu"}
    assert await stored_in(urls["eu"], config) == ["orders"]


async def test_the_map_tells_routes_products_and_strays_without_passwords(
    ductape: Ductape, urls: dict[str, str], config: dict[str, object]
) -> None:
    async with Ductape.open(urls["us"], config=config, worker=False) as us:
        await us.products.apply(a_product("orders"))
    found = {one["name"]: one for one in await ductape.stores()}
    assert found["eu"]["url"] == urls["eu"].replace(":hush@", "@")
    assert (found["eu"]["routes"], found["eu"]["products"]) == (["orders"], ["orders"])
    assert (found["default"]["routes"], found["default"]["products"]) == ([], ["shop"])
    assert (found["us"]["products"], found["us"]["strays"]) == (["mail", "orders"], ["orders"])
    assert [one["tag"] for one in await ductape.products.list()] == sorted(PRODUCTS)


async def test_what_waits_at_the_old_place_of_a_product_is_still_executed_there(
    config: dict[str, object],
) -> None:
    async with Ductape.open(config=config, worker=False) as opened:
        for name in ("first", "second"):
            await opened.products.apply(a_product("orders", name=name))
        job = (await opened.processor.job.dispatch(a_request("orders")))["job_id"]
    moved = config | {"routes": {"orders": "us"}}
    async with Ductape.open(config=moved, handlers=handlers, worker=True) as opened:
        await opened.products.apply(a_product("orders"))
        assert await opened.processor.job.wait(job, timeout=PATIENCE_S) == {"for": "orders"}


async def test_a_worker_of_another_store_does_not_serve_a_job(
    config: dict[str, object], urls: dict[str, str], told: Told
) -> None:
    async with (
        Ductape.open(config=config, worker=False) as opened,
        Ductape.open(urls["default"], config=config, handlers=handlers, worker=True),
    ):
        await opened.products.apply(a_product("orders"))
        assert len(await opened.workers.list()) == 1
        waiting = asyncio.create_task(opened.processor.job.schedule(a_request("orders")))
        async with asyncio.timeout(PATIENCE_S):
            await told("no live worker")
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)


async def test_without_a_wish_only_the_files_get_a_worker(config: dict[str, object]) -> None:
    async with Ductape.open(config=config) as opened:
        assert opened.worker_ids.keys() == {"default", "us"}
        assert opened.worker_id == opened.worker_ids["default"]


async def test_one_store_out_of_reach_hides_no_job_of_the_others(
    config: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    with postgres_server() as mortal:
        stores = {"eu": mortal.url}
        async with Ductape.open(config=config | {"stores": stores, "routes": {}}) as opened:
            await opened.products.apply(a_product("shop"))
            job = (await opened.processor.job.dispatch(a_request("shop")))["job_id"]
            opened.core.store._places._found.clear()
            mortal.stop(at_once=True)
            assert (await opened.jobs.get(job))["product"] == "shop"


def test_a_worker_process_works_for_every_store_and_for_one_if_told(
    urls: dict[str, str], config: dict[str, object], tmp_path: Path
) -> None:
    (tmp_path / "handlers.py").write_text(HANDLERS)
    (tmp_path / "ductape.toml").write_text(
        f'store = "{urls["default"]}"\nhandlers = ["handlers:handlers"]\n'
        '[routes]\norders = "eu"\nmail = "us"\n'
    )
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("DUCTAPE_")},
        "DUCTAPE_KEY": KEY,
        "DUCTAPE_STORES_EU": urls["eu"],
        "DUCTAPE_STORES_US": urls["us"],
    }

    async def scheduled() -> list[object]:
        async with Ductape.open(config=config, worker=False) as opened:
            for tag in PRODUCTS:
                await opened.products.apply(a_product(tag))
            schedule = opened.processor.job.schedule
            asked = (schedule(a_request(tag), timeout=PATIENCE_S) for tag in PRODUCTS)
            return await asyncio.gather(*asked)

    with worker_of(tmp_path, environment, "worker") as said:
        greetings = [said.readline() for _ in PRODUCTS]
        assert [" works on " in greeting for greeting in greetings] == [True] * 3
        assert "hush" not in "".join(greetings)
        assert asyncio.run(scheduled()) == [{"for": product} for product in PRODUCTS]
    with worker_of(tmp_path, environment, "worker", "--store", urls["us"]) as said:
        assert urls["us"] in said.readline()
        listed = answer_of(tmp_path, environment, "workers", "--json")
        assert len(json.loads(listed)) == 1


@contextmanager
def worker_of(folder: Path, environment: dict[str, str], *words: str) -> Iterator[IO[str]]:
    """Run a worker process and give what it says; it ends in peace."""
    with subprocess.Popen(  # noqa: S603 (our own command)
        [DUCTAPE, *words], cwd=folder, env=environment, stdout=subprocess.PIPE, text=True
    ) as worker:
        assert worker.stdout is not None
        try:
            yield worker.stdout
        finally:
            worker.terminate()
            assert worker.wait(PATIENCE_S) == 0


def answer_of(folder: Path, environment: dict[str, str], *words: str) -> str:
    """Run a command to its end; return what it says."""
    done = subprocess.run(  # noqa: S603 (our own command)
        [DUCTAPE, *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=True,
    )
    return done.stdout

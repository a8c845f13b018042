"""Healthchecks: jobs that the product declares, health that they tell, options that they skip."""

import asyncio
from typing import cast

import pytest
from aiohttp import web

from ductape import Ductape, JobFailed, NotFound, ValidationError, WorkerOptions
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.wire import JobPage
from tests.servers.http import Receiver, http_receiver

EAGER = WorkerOptions(lease_ms=600, grace_ms=200, upkeep_ms=100)
NOWHERE = "http://127.0.0.1:9"
STRICT: JsonObject = {
    "tag": "strict",
    "method": "POST",
    "resource": "/strict",
    "request": {"body": {"to": {"type": "STRING"}}},
}
PING: JsonObject = {"tag": "ping", "app": "mailer", "event": "ping", "interval": 100}


def product(url: str, *checks: JsonObject, **sections: JsonValue) -> JsonObject:
    actions: list[JsonValue] = [
        {"tag": tag, "method": "POST", "resource": f"/{tag}"} for tag in ("ping", "send", "look")
    ]
    return {
        "tag": "shop",
        "envs": [{"slug": "dev", "allow_private": True}, {"slug": "prd", "allow_private": True}],
        "apps": [
            {
                "tag": "mailer",
                "actions": actions,
                "envs": [{"slug": "dev", "base_url": url}],
            },
            {"tag": "post", "base_url": url, "actions": [*actions, STRICT]},
        ],
        "healthchecks": [*checks],
        **sections,
    }


async def until(ductape: Ductape, status: str) -> JsonObject:
    """Watch the job of the first check until its app is as it should be."""
    (check, *_) = (await ductape.health.status("mailer", "dev"))["checks"]
    async with asyncio.timeout(20):
        async for _ in ductape.jobs.watch(check["job_id"] or ""):
            health = await ductape.health.status("mailer", "dev")
            if health["status"] == status:
                return cast("JsonObject", health)
    raise AssertionError("the check ended")


async def jobs_of(ductape: Ductape) -> JobPage:
    return await ductape.jobs.list(recurring=True)


async def test_a_healthcheck_is_a_recurring_job_whose_outcome_is_the_apps_health(
    store: str,
) -> None:
    async with http_receiver() as server, Ductape.open(store, worker=EAGER) as ductape:
        envs: list[JsonValue] = [{"slug": "dev", "inputs": {"body": {"from": "us"}}}]
        await ductape.products.apply(product(server.url, {**PING, "envs": envs}))
        health = await until(ductape, "healthy")
        (check,) = cast("list[JsonObject]", health["checks"])
        assert (check["product"], check["tag"], check["status"]) == ("shop", "ping", "healthy")
        assert health["since"] == check["since"]
        assert server.requests[0].body == b'{"from":"us"}'
        server.answers[:] = [web.Response(status=503) for _ in range(2_000)]
        ill = await until(ductape, "unhealthy")
        (check,) = cast("list[JsonObject]", ill["checks"])
        assert check["error"] == "SERVICE_UNAVAILABLE"
        assert cast("int", ill["since"]) > cast("int", health["since"])
        server.answers.clear()
        await until(ductape, "healthy")


async def test_nothing_is_known_before_the_first_run_and_nothing_of_strangers(store: str) -> None:
    async with Ductape.open(store, worker=False) as ductape:
        await ductape.products.apply(product(NOWHERE, PING))
        health = await ductape.health.status("mailer", "dev")
        assert (health["status"], health["since"], len(health["checks"])) == ("unknown", None, 1)
        assert (await ductape.health.status("post", "dev"))["checks"] == []
        assert (await ductape.health.status("mailer", "prd"))["checks"] == []
        with pytest.raises(NotFound, match="`mailer`"):
            await ductape.health.status("mailler", "dev")
        with pytest.raises(NotFound, match="did you mean `prd`") as refused:
            await ductape.health.status("mailer", "prod")
        assert refused.value.path == "env"


async def test_applying_again_keeps_the_job_and_a_change_gives_it_its_new_definition(
    store: str,
) -> None:
    async with Ductape.open(store, worker=False) as ductape:
        await ductape.products.apply(product(NOWHERE, PING))
        (first,) = await jobs_of(ductape)
        assert (first["env"], first["every"], first["metadata"]["healthcheck"]) == (
            "dev",
            100,
            "ping",
        )
        for _ in range(2):
            await ductape.products.apply(product(NOWHERE, PING, name="again"))
        (same,) = await jobs_of(ductape)
        assert (same["id"], same["updated_at"]) == (first["id"], first["updated_at"])
        await ductape.products.apply(product(NOWHERE, {**PING, "interval": 500, "retries": 2}))
        (changed,) = await jobs_of(ductape)
    assert (changed["id"], changed["every"], changed["retries"]) == (first["id"], 500, 2)


async def test_a_healthcheck_that_is_declared_no_more_ends_and_comes_back_when_it_is_again(
    store: str,
) -> None:
    async with Ductape.open(store, worker=False) as ductape:
        await ductape.products.apply(product(NOWHERE, PING))
        await ductape.products.apply(product(NOWHERE))
        (ended,) = await jobs_of(ductape)
        assert ended["status"] == "cancelled"
        await ductape.products.apply(product(NOWHERE, PING))
        (revived,) = await jobs_of(ductape)
        assert (revived["id"], revived["status"]) == (ended["id"], "queued")
        await ductape.products.apply(product(NOWHERE, {**PING, "event": "look"}))
        statuses = {job["event"]: job["status"] for job in await jobs_of(ductape)}
    assert statuses == {"ping": "cancelled", "look": "queued"}


async def test_the_action_of_a_check_may_go_with_it(store: str) -> None:
    async with Ductape.open(store, worker=False) as ductape:
        await ductape.products.apply(product(NOWHERE, PING))
        without = product(NOWHERE)
        without["apps"] = []
        assert (await ductape.products.apply(without))["stranded"] == []
        (ended,) = await jobs_of(ductape)
    assert ended["status"] == "cancelled"


async def test_an_option_whose_healthcheck_failed_is_skipped(store: str) -> None:
    options: list[JsonValue] = [
        {"type": "action", "app": "mailer", "event": "send", "healthcheck": "ping"},
        {"type": "action", "app": "post", "event": "send"},
    ]
    sections: dict[str, JsonValue] = {
        "fallbacks": [{"tag": "mail", "options": options}],
        "quotas": [{"tag": "spread", "options": options[:1]}],
    }
    request = {"product_tag": "shop", "env": "dev", "event": "mail", "input": {"body": {"n": 1}}}
    async with http_receiver() as server, Ductape.open(store, worker=EAGER) as ductape:

        async def ill(asked: web.Request) -> web.Response:
            server.answers.append(ill)
            return web.Response(status=500 if asked.path == "/ping" else 200)

        server.answers.append(ill)
        await ductape.products.apply(product(server.url, PING, **sections))
        await until(ductape, "unhealthy")
        result = cast("JsonObject", await ductape.processor.fallback.run(request))
        (failure,) = cast("list[JsonObject]", result["failures"])
        assert (result["provider"], failure["code"]) == ("post", "UNHEALTHY")
        with pytest.raises(JobFailed) as caught:
            await ductape.processor.quota.run({**request, "event": "spread"})
        assert caught.value.error["code"] == "SERVICE_UNAVAILABLE"
        well(server)
        await until(ductape, "healthy")
        again = cast("JsonObject", await ductape.processor.fallback.run(request))
    assert (again["provider"], "failures" in again) == ("mailer", False)


def well(server: Receiver) -> None:
    """Let a server answer well from now on, whatever it is about to be told."""

    async def fine(asked: web.Request) -> web.Response:
        del asked
        server.answers[:] = [fine]
        return web.json_response({})

    server.answers[:] = [fine]


@pytest.mark.parametrize(
    ("check", "path"),
    [
        ({"event": "nothing"}, "healthchecks[0].event"),
        ({"app": None}, "healthchecks[0].app"),
        ({"interval": 99}, "healthchecks[0].interval"),
        (
            {"envs": [{"slug": "dev", "inputs": {"boddy": 1}}]},
            "healthchecks[0].envs[0].inputs.boddy",
        ),
        ({"app": "post", "event": "strict"}, "healthchecks[0].body.to"),
        ({"envs": [{"slug": "prd"}]}, "healthchecks[0].envs[0].slug"),
        ({"envs": [{"slug": "tst"}]}, "healthchecks[0].envs[0].slug"),
        (
            {"envs": [{"slug": "dev", "inputs": {"a": "$Secret{b}"}}]},
            "healthchecks[0].envs[0].inputs.a",
        ),
    ],
)
async def test_a_healthcheck_that_cannot_work_is_refused(
    tmp_path: object, check: JsonObject, path: str
) -> None:
    async with Ductape.open(f"sqlite:///{tmp_path}/a.db", worker=False) as ductape:
        with pytest.raises(ValidationError) as caught:
            await ductape.products.apply(product(NOWHERE, {**PING, **check}))
    assert {one["path"] for one in caught.value.errors} == {path}


async def test_a_healthcheck_that_would_not_be_taken_as_a_request_stores_nothing(
    tmp_path: object,
) -> None:
    inputs: JsonObject = {"callback": "nope"}
    check: JsonObject = {**PING, "app": None, "event": "bus:orders"}
    check["envs"] = [{"slug": "dev", "inputs": inputs}]
    bus: JsonObject = {"tag": "bus", "type": "redis", "url": "redis://127.0.0.1"}
    brokers: list[JsonValue] = [{**bus, "topics": [{"tag": "orders"}]}]
    async with Ductape.open(f"sqlite:///{tmp_path}/a.db", worker=False) as ductape:
        with pytest.raises(ValidationError, match="nope") as caught:
            await ductape.products.apply(product(NOWHERE, check, brokers=brokers))
        assert await ductape.products.list() == []
    assert [one["path"] for one in caught.value.errors] == [
        "healthchecks[0].envs[0].inputs.callback"
    ]


async def test_an_option_names_a_healthcheck_that_is_there(tmp_path: object) -> None:
    option: JsonObject = {"type": "action", "app": "post", "event": "send", "healthcheck": "pong"}
    fallbacks: list[JsonValue] = [{"tag": "mail", "options": [option]}]
    async with Ductape.open(f"sqlite:///{tmp_path}/a.db", worker=False) as ductape:
        with pytest.raises(ValidationError, match="ping"):
            await ductape.products.apply(product(NOWHERE, PING, fallbacks=fallbacks))

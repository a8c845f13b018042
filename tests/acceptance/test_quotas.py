"""Quotas from the document to the result: counted, refused, reset, spread over providers."""

import asyncio
from collections import Counter
from typing import cast

import pytest
from aiohttp import web

from ductape import Ductape, JobFailed, ValidationError
from ductape.domain.jsonvalue import JsonObject, JsonValue
from tests.servers.http import Receiver, http_receiver

SENDS: JsonObject = {"tag": "sends", "limit": 5, "period": "day", "per": ["user"]}


def product(*quotas: JsonObject, urls: dict[str, str] | None = None) -> JsonObject:
    """Declare quotas, and an app with one action for each URL."""
    return {
        "tag": "shop",
        "envs": [{"slug": "dev", "allow_private": True}],
        "apps": [
            {
                "tag": tag,
                "base_url": url,
                "actions": [{"tag": "send", "method": "POST", "resource": "/send"}],
            }
            for tag, url in (urls or {}).items()
        ],
        "quotas": [*quotas],
    }


def a_use(quota: str = "sends", **given: object) -> dict[str, object]:
    return {"product_tag": "shop", "env": "dev", "event": quota, "input": {"user": "ada", **given}}


async def run(ductape: Ductape, quota: str = "sends", **given: object) -> JsonObject:
    return cast("JsonObject", await ductape.processor.quota.run(a_use(quota, **given)))


async def exceeded(ductape: Ductape, quota: str = "sends", **given: object) -> JobFailed:
    with pytest.raises(JobFailed) as caught:
        await run(ductape, quota, **given)
    assert caught.value.error["code"] == "QUOTA_EXCEEDED"
    return caught.value


async def test_use_is_counted_for_each_subject_until_the_limit(store: str) -> None:
    async with Ductape.open(store) as ductape:
        await ductape.products.apply(product(SENDS))
        first = await run(ductape, amount=4)
        assert {**first, "resets_at": 0} == {
            "success": True,
            "remaining": 1,
            "limit": 5,
            "period": "day",
            "resets_at": 0,
        }
        over = await exceeded(ductape, amount=2)
        assert over.error["details"]["remaining"] == 1
        assert 0 < over.error["details"]["retry_after"] <= 90_000_000
        assert "1 of 5 per day are left, 2 were asked for; try again in" in over.error["message"]
        assert (await run(ductape, user="bob"))["remaining"] == 4
        assert (await run(ductape))["remaining"] == 0


async def test_an_amount_that_can_never_fit_is_refused_at_once_and_for_good(store: str) -> None:
    async with Ductape.open(store, worker=True) as ductape:
        await ductape.products.apply(product(SENDS))
        receipt = await ductape.processor.job.dispatch(
            {**a_use(amount=6), "start_at": 0, "retries": 3}
        )
        with pytest.raises(JobFailed) as caught:
            await ductape.processor.job.wait(receipt["job_id"], timeout=10)
        assert len((await ductape.jobs.get(receipt["job_id"]))["attempts"]) == 1
        assert (await run(ductape, action="check", amount=6))["success"] is False
        assert (await run(ductape, amount=5))["remaining"] == 0
    error = caught.value.error
    assert (error["code"], error["details"]["retry_after"]) == ("QUOTA_EXCEEDED", None)
    assert "6 can never fit" in error["message"]


async def test_checking_counts_nothing_and_resetting_begins_anew(store: str) -> None:
    async with Ductape.open(store) as ductape:
        await ductape.products.apply(product(SENDS))
        await run(ductape, amount=5)
        looked = await run(ductape, action="check")
        assert (looked["success"], looked["remaining"]) == (False, 0)
        reset = await run(ductape, action="reset")
        assert (reset["success"], reset["remaining"]) == (True, 5)
        assert (await run(ductape, action="check", amount=5))["success"] is True


async def test_of_two_hundred_jobs_at_once_exactly_as_many_as_fit_succeed(store: str) -> None:
    async with Ductape.open(store, worker=True) as ductape:
        await ductape.products.apply(product({**SENDS, "limit": 50}))
        jobs = [{**a_use(), "start_at": 0} for _ in range(200)]
        receipts = await ductape.processor.job.dispatch_many(jobs)
        ended = await asyncio.gather(
            *(ductape.processor.job.wait(one["job_id"], timeout=60) for one in receipts),
            return_exceptions=True,
        )
    failures = [one for one in ended if isinstance(one, BaseException)]
    codes = Counter(one.error["code"] for one in failures if isinstance(one, JobFailed))
    assert codes == {"QUOTA_EXCEEDED": 150}
    assert len(ended) - len(failures) == 50


async def test_a_full_quota_is_tried_again_no_earlier_than_the_wait(store: str) -> None:
    quota: JsonObject = {"tag": "sends", "limit": 1, "period": "second", "algorithm": "sliding"}
    async with Ductape.open(store, worker=True) as ductape:
        await ductape.products.apply(product(quota))
        await run(ductape)
        retries = {"initialDelay": 1, "jitter": False}
        job = {**a_use(), "start_at": 0, "retries": 1, "retryConfig": retries}
        receipt = await ductape.processor.job.dispatch(job)
        result = cast("JsonObject", await ductape.processor.job.wait(receipt["job_id"], timeout=20))
        assert result["success"] is True
        refused, succeeded = (await ductape.jobs.get(receipt["job_id"]))["attempts"]
    error = refused["error"]
    assert error is not None
    wait_ms = cast("int", error.get("details", {})["retry_after"])
    assert succeeded["started_at"] - (refused["completed_at"] or 0) >= wait_ms > 100


async def test_a_wrong_input_is_refused_when_it_is_scheduled(store: str) -> None:
    async with Ductape.open(store, worker=False) as ductape:
        await ductape.products.apply(product(SENDS))
        with pytest.raises(ValidationError) as caught:
            await run(ductape, user=None, amount=0, action="erase")
        paths = {one["path"] for one in caught.value.errors}
        assert paths == {"input.user", "input.amount", "input.action"}
        with pytest.raises(ValidationError, match="did you mean `amount`"):
            await run(ductape, amonut=2)


async def test_calls_are_spread_by_weight(store: str) -> None:
    async with (
        http_receiver() as big,
        http_receiver() as small,
        Ductape.open(store, worker=False) as ductape,
    ):
        options: list[JsonValue] = [
            {"type": "action", "app": "big", "event": "send", "weight": 9},
            {"type": "action", "app": "small", "event": "send", "weight": 1},
        ]
        quota: JsonObject = {"tag": "spread", "options": options}
        await ductape.products.apply(product(quota, urls={"big": big.url, "small": small.url}))
        jobs = [{**a_use("spread"), "input": {"body": {"n": n}}} for n in range(60)]
        results = [cast("JsonObject", await ductape.processor.quota.run(job)) for job in jobs]
    counts = Counter(str(result["provider"]) for result in results)
    assert counts == {"big": len(big.requests), "small": len(small.requests)}
    assert counts["big"] > 35
    assert cast("JsonObject", results[0]["result"])["body"] == {"ok": True}
    assert results[0]["limit"] is None


async def test_a_provider_that_keeps_failing_is_skipped(store: str) -> None:
    async with http_receiver() as well, Ductape.open(store, worker=False) as ductape:
        mapping: JsonObject = {"body": {"to": "$Input{user}"}}
        ill: JsonObject = {"type": "action", "app": "ill", "event": "send", "input": mapping}
        fine: JsonObject = {**ill, "app": "fine", "weight": 0.001}
        ill["breaker"] = {"failures": 2, "cooldown": 60_000}
        quota: JsonObject = {**SENDS, "options": [ill, fine]}
        urls = {"ill": "http://127.0.0.1:9", "fine": well.url}
        await ductape.products.apply(product(quota, urls=urls))
        for _ in range(2):
            with pytest.raises(JobFailed) as caught:
                await run(ductape)
            assert caught.value.error["code"] == "CONNECTION_ERROR"
        result = await run(ductape)
    assert (result["provider"], result["remaining"]) == ("fine", 2)
    assert body_of(well) == b'{"to":"ada"}'


def body_of(receiver: Receiver) -> bytes:
    return receiver.only().body


@pytest.mark.parametrize(
    ("quota", "path"),
    [
        ({"tag": "q"}, "quotas[0]"),
        ({"tag": "q", "limit": 5}, "quotas[0].period"),
        ({"tag": "q", "period": "day"}, "quotas[0].limit"),
        ({"tag": "q", "limit": 0, "period": "day"}, "quotas[0].limit"),
        ({"tag": "q", "limit": 5, "period": "year"}, "quotas[0].period"),
        ({"tag": "q", "limit": 5, "period": "day", "tz": "Europe/Utopia"}, "quotas[0].tz"),
        ({"tag": "q", "limit": 5, "period": "day", "per": ["amount"]}, "quotas[0].per"),
        (
            {"tag": "q", "options": [{"type": "job", "event": "q", "weight": 0}]},
            "quotas[0].options",
        ),
        (
            {"tag": "q", "options": [{"type": "action", "event": "nothing"}]},
            "quotas[0].options[0].event",
        ),
    ],
)
async def test_a_quota_that_cannot_work_is_refused(
    tmp_path: object, quota: JsonObject, path: str
) -> None:
    async with Ductape.open(f"sqlite:///{tmp_path}/a.db", worker=False) as ductape:
        with pytest.raises(ValidationError) as caught:
            await ductape.products.apply(product(quota))
    assert path in {one["path"] for one in caught.value.errors}


async def test_each_run_of_a_recurring_job_counts_and_a_retry_does_not(store: str) -> None:
    async with http_receiver() as server, Ductape.open(store, worker=True) as ductape:
        server.answers += [web.Response(status=503)]
        option: JsonObject = {"type": "action", "app": "mailer", "event": "send", "input": {}}
        quota: JsonObject = {**SENDS, "options": [option]}
        await ductape.products.apply(product(quota, urls={"mailer": server.url}))
        retries = {"initialDelay": 1, "jitter": False}
        repeat = {"every": 100, "limit": 3}
        job = {**a_use(), "start_at": 0, "retries": 1, "retryConfig": retries, "repeat": repeat}
        receipt = await ductape.processor.job.dispatch(job)
        async with asyncio.timeout(20):
            async for view in ductape.jobs.watch(receipt["job_id"]):
                status = view["status"]
        assert status == "completed"
        assert len(server.requests) == 4
        assert (await run(ductape, action="check"))["remaining"] == 2

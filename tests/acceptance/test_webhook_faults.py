"""Receivers that are away, slow, odd or hostile: what is told reaches them or ends for a reason."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import unused_port

from ductape import Ductape
from ductape.domain.webhooks import delivery
from ductape.domain.wire import JobView
from tests.acceptance.hooks import JOB, SECRET, Told, handlers, shop
from tests.servers.http import Answer, Receiver, http_receiver

Open = Callable[..., Awaitable[Ductape]]


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with http_receiver() as server:
        yield server


@pytest.fixture
async def open_shop(tmp_path: Path, receiver: Receiver) -> AsyncIterator[Open]:
    """Open a store with the product in it, told of results; the webhook is changed by name."""
    async with AsyncExitStack() as stack:

        async def opened(*, secret: str | None = SECRET, **hook: object) -> Ductape:
            ductape = Ductape.open(f"sqlite:///{tmp_path}/a.db", handlers=handlers(), worker=True)
            await stack.enter_async_context(ductape)
            if secret is not None:
                await ductape.secrets.set("hook", secret, product="shop")
            usual = {"events": ["job.completed"], "initial_delay": 10}
            await ductape.products.apply(shop(f"{receiver.url}/hook?key=k9", **{**usual, **hook}))
            return ductape

        yield opened


async def delivered(ductape: Ductape, *, tries: int) -> JobView:
    """Wait until the one delivery has been tried so often, or is over."""
    (made,) = await ductape.jobs.list(event="webhook:partner")
    async for seen in ductape.jobs.watch(made["id"]):
        tried = [attempt for attempt in seen["attempts"] if attempt["status"] != "running"]
        if len(tried) >= tries:
            return seen
    return await ductape.jobs.get(made["id"])


async def after_one(ductape: Ductape, receiver: Receiver, answer: web.Response | Answer) -> JobView:
    """Let the receiver answer so once, and return the delivery as that leaves it."""
    receiver.answers.append(answer)
    await ductape.processor.job.schedule(JOB)
    return await delivered(ductape, tries=1)


async def test_a_receiver_that_was_down_is_told_once_it_is_back(open_shop: Open) -> None:
    told, port = Told(), unused_port()
    ductape = await open_shop(url=f"http://127.0.0.1:{port}/hook", initial_delay=200)
    await ductape.processor.job.schedule(JOB)
    first = await delivered(ductape, tries=1)
    assert first["attempts"][0]["error"]["code"] == "CONNECTION_ERROR"
    application = web.Application()
    application.router.add_post("/hook", told.take)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await told.until("job.completed")
    await runner.cleanup()


async def test_every_attempt_has_the_same_id_and_a_signature_of_its_own(
    open_shop: Open, receiver: Receiver, told: Told
) -> None:
    ductape = await open_shop()
    told.answers += [web.Response(status=503), web.Response(status=500), web.Response(status=200)]
    receiver.answers += [told.take] * 3
    await ductape.processor.job.schedule(JOB)
    await told.until("job.completed")
    (made,) = await ductape.jobs.list(event="webhook:partner")
    assert told.ids == [made["id"]] * 3
    assert len({request.body for request in receiver.requests}) == 1
    done = await delivered(ductape, tries=3)
    assert done["result"] == {"status": 200, "webhook_id": made["id"]}
    codes = [one["error"] and one["error"]["code"] for one in done["attempts"]]
    assert codes == ["SERVICE_UNAVAILABLE", "PROVIDER_ERROR", None]


async def test_gone_is_a_last_word(open_shop: Open, receiver: Receiver) -> None:
    ductape = await open_shop()
    seen = await after_one(ductape, receiver, web.Response(status=410))
    assert seen["status"] == "failed"
    assert "410" in seen["last_error"]["message"]
    assert len(receiver.requests) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 422, 429, 500, 502, 503])
async def test_any_other_refusal_is_tried_again(
    open_shop: Open, receiver: Receiver, told: Told, status: int
) -> None:
    ductape = await open_shop()
    receiver.answers += [web.Response(status=status), told.take]
    await ductape.processor.job.schedule(JOB)
    await told.until("job.completed")


async def test_a_redirect_is_refused_and_not_followed(open_shop: Open, receiver: Receiver) -> None:
    ductape = await open_shop(retries=0)
    elsewhere = web.Response(status=307, headers={"Location": f"{receiver.url}/elsewhere"})
    seen = await after_one(ductape, receiver, elsewhere)
    assert seen["status"] == "failed"
    assert "redirect" in seen["last_error"]["message"]
    assert [request.path for request in receiver.requests] == ["/hook?key=k9"]


async def test_retry_after_is_heeded(open_shop: Open, receiver: Receiver) -> None:
    ductape = await open_shop()
    busy = web.Response(status=429, headers={"Retry-After": "3600"})
    seen = await after_one(ductape, receiver, busy)
    ended = seen["attempts"][0]["completed_at"]
    assert ended is not None
    assert seen["next_run_at"] - ended >= 3_600_000


async def test_a_slow_receiver_is_given_up_for_a_while(
    open_shop: Open, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "TIMEOUT_MS", 300)
    ductape = await open_shop(retries=0)

    async def sleepy(_: web.Request) -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    seen = await after_one(ductape, receiver, sleepy)
    assert (seen["status"], seen["last_error"]["code"]) == ("failed", "TIMEOUT")


async def test_an_answer_cut_in_the_middle_is_no_answer(
    open_shop: Open, receiver: Receiver
) -> None:
    ductape = await open_shop(retries=0)

    async def cut(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Length": "100"})
        await answer.prepare(request)
        await answer.write(b"half")
        assert request.transport is not None
        request.transport.abort()
        return answer

    seen = await after_one(ductape, receiver, cut)
    assert seen["last_error"]["code"] == "CONNECTION_ERROR"


async def test_a_huge_answer_is_not_read_to_its_end(open_shop: Open, receiver: Receiver) -> None:
    ductape = await open_shop(retries=0)
    seen = await after_one(ductape, receiver, web.Response(body=bytes(4 * 1024 * 1024)))
    assert seen["last_error"]["code"] == "PROVIDER_ERROR"
    assert "more than" in seen["last_error"]["message"]


async def test_an_answer_that_is_garbage_counts_by_its_status(
    open_shop: Open, receiver: Receiver
) -> None:
    ductape = await open_shop()
    seen = await after_one(ductape, receiver, web.Response(body=b"\xff{not json", status=202))
    assert (seen["status"], seen["result"]["status"]) == ("completed", 202)


async def test_no_error_shows_the_url_or_the_secret(open_shop: Open, receiver: Receiver) -> None:
    ductape = await open_shop(retries=0)
    seen = await after_one(ductape, receiver, web.Response(status=500, text=f"you sent {SECRET}"))
    assert "k9" not in str(seen)
    assert SECRET not in str(seen)


async def test_a_secret_that_comes_later_signs_what_waits(
    open_shop: Open, receiver: Receiver, told: Told
) -> None:
    ductape = await open_shop(secret=None, initial_delay=100)
    receiver.answers.append(told.take)
    await ductape.processor.job.schedule(JOB)
    seen = await delivered(ductape, tries=1)
    assert seen["attempts"][0]["error"]["code"] == "REFERENCE_MISSING"
    await ductape.secrets.set("hook", "too short", product="shop")
    seen = await delivered(ductape, tries=2)
    assert "too short" not in str(seen)
    assert seen["attempts"][1]["error"]["code"] == "VALIDATION_ERROR"
    await ductape.secrets.set("hook", SECRET, product="shop")
    await told.until("job.completed")


async def test_a_private_address_is_refused_where_nobody_asked(
    open_shop: Open, receiver: Receiver
) -> None:
    ductape = await open_shop(retries=0, allow_private=False)
    await ductape.processor.job.schedule(JOB)
    seen = await delivered(ductape, tries=1)
    assert seen["last_error"]["code"] == "FORBIDDEN"
    assert receiver.requests == []


async def test_a_failed_delivery_tells_nobody_and_can_be_tried_again(
    open_shop: Open, receiver: Receiver, told: Told
) -> None:
    ductape = await open_shop(retries=0, events=["job.completed", "job.failed", "job.scheduled"])
    receiver.answers += [web.Response(status=500), web.Response(status=500)]
    await ductape.processor.job.schedule(JOB)
    made = await ductape.jobs.list(event="webhook:partner")
    for one in made:
        async for _ in ductape.jobs.watch(one["id"]):
            pass
    receiver.answers += [told.take] * 2
    again = await ductape.jobs.retry_many({"event": "webhook:partner", "status": "failed"})
    await told.until("job.scheduled", "job.completed")
    assert (again["count"], len(made)) == (2, 2)
    assert len(await ductape.jobs.list(event="webhook:partner")) == 2
    assert sorted(told.ids) == sorted(one["id"] for one in made)


async def test_the_deliveries_of_a_job_are_found_by_its_id(
    open_shop: Open, receiver: Receiver, told: Told
) -> None:
    ductape = await open_shop(events=["job.completed", "job.scheduled"])
    receiver.answers += [told.take] * 2
    await ductape.processor.job.schedule(JOB)
    await told.until("job.scheduled", "job.completed")
    job_id = str(told.job("job.completed")["id"])
    found = await ductape.jobs.list(metadata={"webhook_job": job_id})
    assert {one["metadata"]["webhook_event"] for one in found} == {"job.scheduled", "job.completed"}

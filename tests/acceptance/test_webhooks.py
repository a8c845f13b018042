"""What happens to jobs is told to webhooks, signed, once, durably (SPEC 9)."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from ductape import Ductape, JobFailed, NotFound, ValidationError
from ductape.app.ductape import WorkerWish
from tests.acceptance.conftest import KEY
from tests.acceptance.hooks import AT_ONCE, FORMER, JOB, SECRET, SECRET_REF, Told, handlers, shop
from tests.servers.http import Receiver, http_receiver

Open = Callable[..., Awaitable[Ductape]]


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
async def receiver(told: Told) -> AsyncIterator[Receiver]:
    async with http_receiver() as server:
        server.answers += [told.take] * 200
        yield server


@pytest.fixture
async def open_shop(store: str, receiver: Receiver) -> AsyncIterator[Open]:
    """Open a store with the product in it; the webhook is changed by name."""
    async with AsyncExitStack() as stack:

        async def opened(*, worker: WorkerWish = True, **hook: object) -> Ductape:
            ductape = Ductape.open(store, handlers=handlers(), worker=worker)
            await stack.enter_async_context(ductape)
            await ductape.secrets.set("hook", SECRET, product="shop")
            await ductape.secrets.set("former", FORMER, product="shop")
            await ductape.products.apply(shop(f"{receiver.url}/hook", **hook))
            return ductape

        yield opened


async def test_a_job_is_told_from_its_storing_to_its_result(open_shop: Open, told: Told) -> None:
    ductape = await open_shop()
    result = await ductape.processor.job.schedule(JOB)
    await told.until("job.scheduled", "job.started", "job.completed")
    done = told.job("job.completed")
    assert (done["status"], done["result"], done["input"]) == ("completed", result, {"order": 7})
    assert (done["product"], done["env"], done["namespace"]) == ("shop", "dev", "jobs")
    assert done["execution_count"] == 1
    assert told.job("job.scheduled")["status"] == "queued"
    assert told.job("job.started")["status"] == "running"
    assert {job["id"] for job in (done, told.job("job.scheduled"))} == {done["id"]}


async def test_a_failure_is_told_once_with_its_error(open_shop: Open, told: Told) -> None:
    ductape = await open_shop(events=["job.failed"])
    with pytest.raises(JobFailed):
        await ductape.processor.job.schedule(
            {**JOB, "input": {"fails": True}, "retries": 1, "retryConfig": {"initialDelay": 1}}
        )
    await told.until("job.failed")
    job = told.job("job.failed")
    assert (job["error"], len(job["attempts"])) == ("out of stock", 2)
    assert "traceback" not in str(job)


async def test_each_attempt_is_told_to_start(open_shop: Open, told: Told) -> None:
    ductape = await open_shop(events=["job.started"])
    failing = {**JOB, "input": {"fails": True}, "retries": 2, "retryConfig": {"initialDelay": 1}}
    with pytest.raises(JobFailed):
        await ductape.processor.job.schedule(failing)
    await told.until(*["job.started"] * 3)
    assert sorted(len(one["job"]["attempts"]) for one in told.bodies) == [1, 2, 3]


async def test_each_run_of_a_recurrence_is_told(open_shop: Open, told: Told) -> None:
    ductape = await open_shop(events=["job.scheduled", "job.completed"])
    repeat = {"every": 100, "limit": 3}
    await ductape.processor.job.dispatch({**JOB, "repeat": repeat})
    await told.until("job.scheduled", *["job.completed"] * 3)
    done = [body["job"] for body in told.bodies if body["event"] == "job.completed"]
    seen = sorted((job["execution_count"], job["status"]) for job in done)
    assert seen == [(1, "scheduled"), (2, "scheduled"), (3, "completed")]


async def test_pausing_resuming_and_cancelling_a_recurrence_are_told(
    open_shop: Open, told: Told
) -> None:
    ductape = await open_shop(events=["job.paused", "job.resumed", "job.cancelled"])
    hourly = {**JOB, "start_at": 4_000_000_000, "repeat": {"every": 3_600_000}}
    receipt = await ductape.processor.job.dispatch(hourly)
    for verb in (ductape.jobs.pause, ductape.jobs.resume, ductape.jobs.cancel):
        assert (await verb(receipt["job_id"]))["changed"]
        assert not (await verb(receipt["job_id"]))["changed"]
    await told.until("job.paused", "job.resumed", "job.cancelled")
    assert told.job("job.paused")["status"] == "paused"
    assert told.job("job.resumed")["status"] == "scheduled"
    assert told.job("job.cancelled")["status"] == "cancelled"


async def test_cancelling_what_waits_and_trying_again_are_told(open_shop: Open, told: Told) -> None:
    ductape = await open_shop(events=["job.scheduled", "job.cancelled"])
    receipt = await ductape.processor.job.dispatch({**JOB, "start_at": 4_000_000_000})
    await ductape.jobs.cancel(receipt["job_id"], "wrong order")
    await ductape.jobs.retry(receipt["job_id"])
    await told.until("job.scheduled", "job.cancelled", "job.scheduled")
    assert told.job("job.cancelled")["error"] == "wrong order"


async def test_cancelling_what_runs_is_told_once(open_shop: Open, told: Told) -> None:
    ductape = await open_shop(events=["job.started", "job.cancelled"])
    await ductape.processor.job.dispatch({**JOB, "input": {"waits": True}})
    await told.until("job.started")
    await ductape.jobs.cancel(str(told.job("job.started")["id"]))
    await told.until("job.started", "job.cancelled")


async def test_cancelling_a_recurrence_that_runs_is_told_once(open_shop: Open, told: Told) -> None:
    ductape = await open_shop(events=["job.started", "job.cancelled"])
    waiting = {**JOB, "input": {"waits": True}, "repeat": {"every": 60_000}}
    receipt = await ductape.processor.job.dispatch(waiting)
    await told.until("job.started")
    await ductape.jobs.cancel(receipt["job_id"])
    async for seen in ductape.jobs.watch(receipt["job_id"]):
        last = seen
    assert last["status"] == "cancelled"
    await told.until("job.started", "job.cancelled")
    deliveries = await ductape.jobs.list(event="webhook:partner")
    assert len(deliveries) == 2


async def test_a_batch_and_a_second_one_like_it_are_told(open_shop: Open, told: Told) -> None:
    ductape = await open_shop(events=["job.completed"])
    for first in (0, 5):
        batch = [{**JOB, "input": {"order": at}} for at in range(first, first + 5)]
        await ductape.processor.job.dispatch_many(batch)
    await told.until(*["job.completed"] * 10)
    assert {body["job"]["input"]["order"] for body in told.bodies} == set(range(10))


async def test_jobs_that_differ_in_their_input_alone_are_told_to_be_scheduled(
    open_shop: Open, told: Told
) -> None:
    ductape = await open_shop(events=["job.scheduled"])
    for at in range(3):
        await ductape.processor.job.dispatch({**JOB, "input": {"order": at}})
    await told.until(*["job.scheduled"] * 3)


async def test_a_known_key_tells_nothing_new(open_shop: Open, told: Told) -> None:
    ductape = await open_shop(events=["job.scheduled"])
    keyed = {**JOB, "key": "one"}
    first = await ductape.processor.job.dispatch(keyed)
    assert (await ductape.processor.job.dispatch(keyed))["job_id"] == first["job_id"]
    await told.until("job.scheduled")
    assert len(await ductape.jobs.list(event="webhook:partner")) == 1


async def test_a_run_that_a_cache_answers_and_those_behind_it_are_told(
    open_shop: Open, told: Told
) -> None:
    ductape = await open_shop(events=["job.started", "job.completed"])
    cached = {**JOB, "input": {"slow": True}, "cache": "ships"}
    await ductape.processor.job.dispatch_many([cached] * 3)
    await told.until("job.started", *["job.completed"] * 3)
    assert sorted(body["job"]["cached"] for body in told.bodies) == [False, False, True, True]
    assert len({body["job"]["id"] for body in told.bodies if body["event"] != "job.started"}) == 3


async def test_an_event_run_at_once_is_told(open_shop: Open, told: Told) -> None:
    ductape = await open_shop()
    await ductape.processor.function.invoke({**AT_ONCE, "input": {"payload": {"order": 1}}})
    await told.until("job.scheduled", "job.started", "job.completed")
    assert {body["job"]["namespace"] for body in told.bodies} == {"functions"}


async def test_what_is_in_a_transaction_that_is_undone_is_not_told(
    open_shop: Open, told: Told
) -> None:
    ductape = await open_shop(events=["job.scheduled"])

    async def undone() -> None:
        async with ductape.transaction() as tx:
            await ductape.processor.job.dispatch(JOB, transaction=tx)
            raise LookupError

    with pytest.raises(LookupError):
        await undone()
    async with ductape.transaction() as tx:
        kept = await ductape.processor.job.dispatch(JOB, transaction=tx)
    await told.until("job.scheduled")
    assert told.job("job.scheduled")["id"] == kept["job_id"]


async def test_a_sensitive_job_is_told_without_input_and_result(
    open_shop: Open, told: Told, receiver: Receiver
) -> None:
    ductape = await open_shop()
    card = "4000-1234-5678"
    await ductape.processor.job.schedule({**JOB, "event": "charge", "input": {"card": card}})
    await told.until("job.scheduled", "job.started", "job.completed")
    assert told.job("job.completed")["omitted"] == ["input", "result"]
    for request in receiver.requests:
        assert card.encode() not in request.body
        assert b"$sealed" not in request.body


async def test_what_looks_like_a_reference_is_told_as_it_is(open_shop: Open, told: Told) -> None:
    ductape = await open_shop(events=["job.completed"])
    texts = {"a": "$$Session{details}{id}", "b": {"$literal": "$Secret{hook}"}}
    result = await ductape.processor.job.schedule({**JOB, "input": texts})
    await told.until("job.completed")
    job = told.job("job.completed")
    assert job["input"] == texts
    assert job["result"] == result == {"shipped": {"a": "$Session{details}{id}", "b": SECRET_REF}}


async def test_both_secrets_sign_while_one_is_replaced(open_shop: Open, told: Told) -> None:
    told.secrets = (FORMER,)
    ductape = await open_shop(events=["job.completed"], previous_secret="$Secret{former}")
    await ductape.processor.job.schedule(JOB)
    await told.until("job.completed")


async def test_another_env_is_told_nothing_where_it_has_no_url(
    open_shop: Open, told: Told, receiver: Receiver
) -> None:
    url = f"{receiver.url}/hook"
    ductape = await open_shop(
        url=None,
        events=["job.completed"],
        envs=[{"slug": "prd", "url": url, "allow_private": True}],
    )
    await ductape.processor.job.schedule(JOB)
    await ductape.processor.job.schedule({**JOB, "env": "prd"})
    await told.until("job.completed")
    assert told.job("job.completed")["env"] == "prd"
    assert len(await ductape.jobs.list(event="webhook:partner")) == 1


async def test_a_filter_leaves_out_what_nobody_asked_for(open_shop: Open, told: Told) -> None:
    ductape = await open_shop(events=["job.completed"], filter={"events": ["charge"]})
    await ductape.processor.job.schedule(JOB)
    await ductape.processor.job.schedule({**JOB, "event": "charge"})
    await told.until("job.completed")
    assert told.job("job.completed")["event"] == "charge"


async def test_nobody_but_the_system_makes_deliveries(open_shop: Open) -> None:
    ductape = await open_shop()
    forged = {**JOB, "event": "webhook:partner", "input": {"body": {"event": "job.completed"}}}
    with pytest.raises(ValidationError, match="event: expected an event of the product"):
        await ductape.processor.job.dispatch(forged)
    with pytest.raises(ValidationError, match="event: expected an event of the product"):
        await ductape.processor.action.run({**forged, "start_at": None})
    with pytest.raises(NotFound):
        await ductape.processor.job.dispatch({**forged, "event": "webhook:other"})


async def test_a_new_version_of_the_product_is_heeded(open_shop: Open, told: Told) -> None:
    ductape = await open_shop(events=["job.failed"])
    await ductape.processor.job.schedule(JOB)
    document = shop("http://localhost:9")
    document["webhooks"] = []
    await ductape.products.apply(document)
    with pytest.raises(JobFailed):
        await ductape.processor.job.schedule({**JOB, "input": {"fails": True}})
    assert await ductape.jobs.list(event="webhook:partner") == []
    assert told.bodies == []


async def test_a_verb_heeds_what_this_process_has_just_applied(
    open_shop: Open, told: Told, receiver: Receiver
) -> None:
    ductape = await open_shop(events=["job.failed"])
    later = {**JOB, "start_at": 4_000_000_000, "repeat": {"every": 60_000}}
    receipt = await ductape.processor.job.dispatch(later)
    await ductape.jobs.pause(receipt["job_id"])
    await ductape.products.apply(shop(f"{receiver.url}/hook", events=["job.resumed"]))
    await ductape.jobs.resume(receipt["job_id"])
    await told.until("job.resumed")


async def test_what_is_told_lies_in_the_store_of_the_product(
    store: str, tmp_path: Path, receiver: Receiver, told: Told
) -> None:
    config = {
        "store": f"sqlite:///{tmp_path}/main.db",
        "stores": {"far": store},
        "routes": {"shop": "far"},
        "key": KEY,
    }
    async with Ductape.open(config=config, handlers=handlers(), worker=True) as ductape:
        await ductape.secrets.set("hook", SECRET, product="shop")
        events = ["job.scheduled", "job.started", "job.completed", "job.paused", "job.resumed"]
        await ductape.products.apply(shop(f"{receiver.url}/hook", events=events))
        receipt = await ductape.processor.job.dispatch({**JOB, "repeat": {"every": 3_600_000}})
        await told.until("job.scheduled", "job.started", "job.completed")
        await ductape.jobs.pause(receipt["job_id"])
        await ductape.jobs.resume(receipt["job_id"])
        await told.until(*events)
    async with Ductape.open(store, config={"key": KEY}, worker=False) as alone:
        assert len(await alone.jobs.list(event="webhook:partner")) == len(events)


async def test_a_new_definition_under_a_key_is_told(open_shop: Open, told: Told) -> None:
    ductape = await open_shop(events=["job.scheduled"])
    keyed = {**JOB, "key": "nightly", "start_at": 4_000_000_000}
    first = await ductape.processor.job.dispatch({**keyed, "repeat": {"every": 60_000}})
    second = await ductape.processor.job.dispatch({**keyed, "repeat": {"every": 90_000}})
    await told.until("job.scheduled", "job.scheduled")
    assert first["job_id"] == second["job_id"]
    assert sorted(body["job"]["every"] for body in told.bodies) == [60_000, 90_000]


async def test_a_recurrence_that_pauses_itself_is_told_as_failed_and_paused(
    open_shop: Open, told: Told
) -> None:
    ductape = await open_shop(events=["job.failed", "job.paused"])
    repeat = {"every": 60_000, "onFailure": "pause"}
    await ductape.processor.job.dispatch({**JOB, "input": {"fails": True}, "repeat": repeat})
    await told.until("job.failed", "job.paused")
    assert {body["job"]["status"] for body in told.bodies} == {"paused"}


async def test_a_bulk_verb_tells_of_each_job(open_shop: Open, told: Told) -> None:
    ductape = await open_shop(events=["job.cancelled"])
    await ductape.processor.job.dispatch_many([{**JOB, "start_at": 4_000_000_000}] * 20)
    assert await ductape.jobs.cancel_many({"event": "ship"}) == {"count": 20}
    await told.until(*["job.cancelled"] * 20)


async def test_a_feature_that_sleeps_is_told_to_start_once(
    store: str, receiver: Receiver, told: Told
) -> None:
    events = ["job.scheduled", "job.started", "job.completed"]
    nap = {"tag": "nap", "type": "sleep", "input": {"ms": 100}}
    naps = [{**nap, "tag": f"nap{at}"} for at in range(3)]
    document = shop(f"{receiver.url}/hook", events=events)
    document["features"] = [{"tag": "rest", "sequence": [{"tag": "only", "events": naps}]}]
    async with Ductape.open(store, handlers=handlers(), worker=True) as ductape:
        await ductape.secrets.set("hook", SECRET, product="shop")
        await ductape.products.apply(document)
        await ductape.processor.job.schedule({**JOB, "event": "rest", "input": {}})
        await told.until(*events)
        assert len(await ductape.jobs.list(event="webhook:partner")) == 3
    assert {body["job"]["namespace"] for body in told.bodies} == {"features"}

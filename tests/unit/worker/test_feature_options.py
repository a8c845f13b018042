"""Features as options of fallbacks and quotas: tried, given up, undone, begun anew."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from ductape import FeatureContext, Handlers, JobCancelled, JobFailed, ProviderError
from ductape.domain.change import RunRef
from ductape.domain.job import JobSpec
from ductape.handlers.python import AsyncContext
from ductape.testing import Harness, run
from tests.unit.worker.builders import PRODUCT, a_job, until_status

Part = dict[str, Any]
MINUTE_MS = 60_000
UNDONE: Part = {"event": "refund"}
NAP: Part = {"type": "sleep", "input": {"ms": MINUTE_MS}}
WAIT: Part = {"type": "wait", "event": "go"}


class Acting:
    """Jobs for the steps; some fail a few times, or take their time."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.keys: list[str] = []
        self.failing: dict[str, int] = {}
        self.lasting_ms: dict[str, int] = {}
        self.after_ms: int | None = None
        self.handlers = Handlers()
        for tag in ("charge", "ship", "refund", "other", "last"):
            self.handlers.job(tag)(self._acting(tag))
        self.handlers.feature("kid")(self._kid)

    def _acting(self, tag: str) -> Callable[..., Awaitable[object]]:
        async def act(_: object, ctx: AsyncContext) -> object:
            self.done.append(tag)
            self.keys.append(ctx.idempotency_key.partition(":")[2])
            await asyncio.sleep(self.lasting_ms.get(tag, 0) / 1000)
            if self.failing.get(tag, 0) > 0:
                self.failing[tag] -= 1
                raise ProviderError(
                    "SERVICE_UNAVAILABLE", f"{tag} is out", retry_after_ms=self.after_ms
                )
            return {"by": tag}

        return act

    async def _kid(self, ctx: FeatureContext) -> object:
        """Do what the declared feature of these tests does."""
        await ctx.job("charge", undo=lambda _: self.done.append("refund"))
        return await ctx.job("ship")


@pytest.fixture
def acting() -> Acting:
    return Acting()


def feature(tag: str, *events: Part, **parts: object) -> Part:
    return {"tag": tag, "sequence": [{"tag": "main", "events": list(events)}], **parts}


PAYING = feature("paying", {"event": "charge", "rollback": UNDONE}, {"event": "ship"})
RESTING = feature("paying", {"event": "charge", "rollback": UNDONE}, NAP, {"event": "ship"})
OTHER: Part = {"type": "job", "event": "other"}


def option(event: str = "paying", **parts: object) -> Part:
    return {"type": "feature", "event": event, **parts}


def fallback(*options: Part) -> Part:
    return {"tag": "somehow", "options": list(options)}


def outcome(
    folder: Path, acting: Acting, features: list[Part], *options: Part, **job: object
) -> tuple[Any, list[Part]]:
    """Run the fallback of some options, or another event of the product."""

    async def scenario(harness: Harness) -> tuple[Any, list[Part]]:
        processor = harness.ductape.processor.job
        job_id = (await processor.dispatch(a_job(**{"event": "somehow", **job})))["job_id"]
        try:
            result: object = await processor.wait(job_id)
        except JobFailed as error:
            result = error.error
        return result, [dict(step) for step in await harness.ductape.jobs.steps(job_id)]

    product = {**PRODUCT, "features": features, "fallbacks": [fallback(*options)]}
    return run(scenario, folder, handlers=acting.handlers, product=product)


@pytest.mark.parametrize("event", ["paying", "kid"])
def test_tries_of_an_option_go_on_at_the_step_that_failed(
    folder: Path, acting: Acting, event: str
) -> None:
    acting.failing = {"ship": 2}
    result, _ = outcome(folder, acting, [PAYING], option(event, retries=2), OTHER)
    assert acting.done == ["charge", "ship", "ship", "ship"]
    assert result["provider"] == event
    assert len(set(acting.keys)) == 2


@pytest.mark.parametrize("event", ["paying", "kid"])
def test_an_option_that_is_given_up_is_undone_before_the_next(
    folder: Path, acting: Acting, event: str
) -> None:
    acting.failing = {"ship": 9}
    result, steps = outcome(folder, acting, [PAYING], option(event, retries=1), OTHER)
    assert acting.done == ["charge", "ship", "ship", "refund", "other"]
    assert result["provider"] == "other"
    assert [one["code"] for one in result["failures"]] == ["SERVICE_UNAVAILABLE"]
    shown = [(one["path"], one["status"]) for one in steps if "/" not in one["path"]]
    assert shown == [
        (f"fallback.somehow.{event}", "allowed"),
        ("fallback.somehow.other", "completed"),
    ]


def test_an_option_that_takes_too_long_is_undone_before_the_next(
    folder: Path, acting: Acting
) -> None:
    acting.lasting_ms = {"ship": MINUTE_MS}
    result, _ = outcome(folder, acting, [PAYING], option(timeout=5_000), OTHER)
    assert acting.done == ["charge", "ship", "refund", "other"]
    assert [one["code"] for one in result["failures"]] == ["TIMEOUT"]


def test_an_option_that_hangs_leaves_time_to_the_next(folder: Path, acting: Acting) -> None:
    acting.lasting_ms = {"ship": 10 * MINUTE_MS}
    result, _ = outcome(folder, acting, [PAYING], option(), OTHER)
    assert acting.done == ["charge", "ship", "refund", "other"]
    assert result["provider"] == "other"


def test_holds_count_for_an_option_s_own_time(folder: Path, acting: Acting) -> None:
    result, steps = outcome(folder, acting, [RESTING], option(timeout=5_000), OTHER)
    assert acting.done == ["charge", "refund", "other"]
    assert [one["code"] for one in result["failures"]] == ["TIMEOUT"]
    assert 5_000 <= steps[0]["completed_at"] - steps[0]["started_at"] < 6_000


def test_an_option_may_take_longer_than_an_attempt(folder: Path, acting: Acting) -> None:
    """Step by step: only one that takes longer than the option's share is too late."""
    acting.lasting_ms = {"charge": 20_000, "ship": 25_000}
    slow = feature(
        "paying", *({"event": "charge", "tag": f"c{at}"} for at in range(4)), {"event": "ship"}
    )
    result, _ = outcome(folder, acting, [slow], option(), OTHER)
    assert result["provider"] == "paying"
    assert acting.done == ["charge"] * 4 + ["ship"]


def test_an_answer_of_no_use_is_undone_before_the_next(folder: Path, acting: Acting) -> None:
    odd = option(output={"id": "$Response{main}{ship}{nowhere}"})
    result, _ = outcome(folder, acting, [PAYING], odd, OTHER)
    assert acting.done == ["charge", "ship", "refund", "other"]
    assert [one["code"] for one in result["failures"]] == ["REFERENCE_MISSING"]


def test_who_asks_for_a_long_wait_is_given_up(folder: Path, acting: Acting) -> None:
    acting.failing, acting.after_ms = {"ship": 9}, 3_600_000
    outcome(folder, acting, [PAYING], option(retries=3), OTHER)
    assert acting.done == ["charge", "ship", "refund", "other"]


def test_a_breaker_that_opens_ends_the_tries(folder: Path, acting: Acting) -> None:
    acting.failing = {"ship": 9}
    breaking = option(retries=5, breaker={"failures": 2})
    result, _ = outcome(folder, acting, [PAYING], breaking, OTHER)
    assert acting.done == ["charge", "ship", "ship", "refund", "other"]
    assert [one["code"] for one in result["failures"]] == ["SERVICE_UNAVAILABLE"]


@pytest.mark.parametrize("event", ["paying", "kid"])
def test_the_run_s_own_retries_try_an_option_anew(folder: Path, acting: Acting, event: str) -> None:
    acting.failing = {"ship": 1, "other": 1}
    result, steps = outcome(folder, acting, [PAYING], option(event), OTHER, retries=1)
    assert acting.done == ["charge", "ship", "refund", "other", "charge", "ship"]
    assert result["provider"] == event
    charges = [key for key in acting.keys if key.endswith("charge")]
    assert len(set(charges)) == 2
    assert [one["path"] for one in steps if "/" not in one["path"]] == [
        f"fallback.somehow.{event}",
        "fallback.somehow.other",
        f"fallback.somehow.{event}#2",
    ]


def test_what_was_never_a_feature_keeps_its_key(folder: Path, acting: Acting) -> None:
    acting.failing = {"ship": 2, "other": 1}
    outcome(folder, acting, [PAYING], option(), OTHER, retries=1)
    assert acting.done == ["charge", "ship", "refund", "other"] * 2
    assert len({key for key in acting.keys if key.endswith("other")}) == 1


def test_a_refused_option_is_passed_over(folder: Path, acting: Acting) -> None:
    strict = feature("paying", {"event": "charge"}, input={"n": {"type": "INTEGER"}})
    result, _ = outcome(folder, acting, [strict], option(retries=3), OTHER)
    assert [one["code"] for one in result["failures"]] == ["VALIDATION_ERROR"]
    assert acting.done == ["other"]


def test_what_was_tried_before_a_hold_is_not_tried_after_it(folder: Path, acting: Acting) -> None:
    acting.failing = {"other": 1}
    result, _ = outcome(folder, acting, [RESTING], OTHER, option())
    assert acting.done == ["other", "charge", "ship"]
    assert result["provider"] == "paying"
    assert [one["provider"] for one in result["failures"]] == ["other"]


def test_an_option_s_breaker_is_not_asked_in_the_middle_of_it(folder: Path, acting: Acting) -> None:
    """Another run opens it meanwhile: this one has begun already."""

    async def scenario(harness: Harness) -> object:
        processor = harness.ductape.processor.job
        first = (await processor.dispatch(a_job("somehow")))["job_id"]
        await until_status(harness, first, "scheduled")
        acting.failing = {"charge": 1}
        await processor.schedule(a_job("somehow"))
        return await processor.wait(first)

    options = [option(breaker={"failures": 1, "cooldown": 10 * MINUTE_MS}), OTHER]
    product = {**PRODUCT, "features": [RESTING], "fallbacks": [fallback(*options)]}
    result: Any = run(scenario, folder, handlers=acting.handlers, product=product)
    assert result["provider"] == "paying"


@pytest.mark.parametrize("event", ["somehow", "share"])
def test_a_waiting_option_gets_its_signal(folder: Path, acting: Acting, event: str) -> None:
    async def scenario(harness: Harness) -> object:
        processor = harness.ductape.processor.job
        job_id = (await processor.dispatch(a_job(event)))["job_id"]
        await until_status(harness, job_id, "scheduled")
        await harness.ductape.features.signal(job_id, "go", {})
        return await processor.wait(job_id)

    waiting = feature("paying", {"event": "charge"}, WAIT, {"event": "ship"})
    quota = {"tag": "share", "options": [option()]}
    product = {**PRODUCT, "features": [waiting], "fallbacks": [fallback(option(), OTHER)]}
    product["quotas"] = [quota]
    result: Any = run(scenario, folder, handlers=acting.handlers, product=product)
    assert (result["provider"], acting.done) == ("paying", ["charge", "ship"])


@pytest.mark.parametrize("points", [True, False])
def test_cancelling_undoes_the_option_under_way(
    folder: Path,
    acting: Acting,
    points: bool,  # noqa: FBT001 (a parameter)
) -> None:
    async def scenario(harness: Harness) -> str:
        processor = harness.ductape.processor.job
        job_id = (await processor.dispatch(a_job("points" if points else "somehow")))["job_id"]
        await until_status(harness, job_id, "scheduled")
        await harness.ductape.jobs.cancel(job_id, "enough")
        with pytest.raises(JobCancelled):
            await processor.wait(job_id)
        return (await harness.ductape.jobs.get(job_id))["status"]

    acting.failing = {"other": 1}
    pointing = {"tag": "points", "event_type": "fallback", "event_tag": "somehow"}
    listed = fallback(OTHER, option(), {"type": "job", "event": "last"})
    product = {**PRODUCT, "features": [RESTING], "fallbacks": [listed], "jobs": [pointing]}
    assert run(scenario, folder, handlers=acting.handlers, product=product) == "cancelled"
    assert acting.done == ["other", "charge", "refund"]


@pytest.mark.parametrize("state", ["held", "finished"])
def test_options_are_undone_with_the_feature_around_them(
    folder: Path, acting: Acting, state: str
) -> None:
    acting.failing = {"last": 9}
    inner = PAYING if state == "finished" else RESTING
    doomed = {"tag": "two", "events": [{"event": "last"}]}
    if state == "finished":
        doomed["parents"] = ["main"]
    around = feature("order", {"event": "somehow"})
    around["sequence"].append(doomed)
    outcome(folder, acting, [inner, around], option(), OTHER, event="order")
    assert acting.done.count("refund") == 1
    assert acting.done.count("ship") == (state == "finished")
    assert "other" not in acting.done


def test_a_step_s_tries_try_its_options_anew(folder: Path, acting: Acting) -> None:
    acting.failing = {"ship": 1}
    around = feature("order", {"event": "somehow", "retries": 1})
    outcome(folder, acting, [PAYING, around], option(), event="order")
    assert acting.done == ["charge", "ship", "refund", "charge", "ship"]


def spread(
    folder: Path, acting: Acting, inner: Part, *options: Part, **job: object
) -> tuple[Any, list[Part]]:
    """Run a quota that spreads its calls."""

    async def scenario(harness: Harness) -> tuple[Any, list[Part]]:
        processor = harness.ductape.processor.job
        job_id = (await processor.dispatch(a_job("share", **job)))["job_id"]
        try:
            result: object = await processor.wait(job_id)
        except JobFailed as error:
            result = error.error
        return result, [dict(step) for step in await harness.ductape.jobs.steps(job_id)]

    quota = {"tag": "share", "options": list(options)}
    product = {**PRODUCT, "features": [inner], "quotas": [quota]}
    return run(scenario, folder, handlers=acting.handlers, product=product, seed=3)


def test_a_quota_s_chosen_option_stays_the_chosen_one_while_it_is_held(
    folder: Path, acting: Acting
) -> None:
    naps = [NAP | {"tag": f"nap{at}"} for at in range(8)]
    inner = feature("paying", {"event": "charge"}, *naps, {"event": "ship"})
    twins = [option(tag="one", weight=1), option(tag="two", weight=1)]
    spread(folder, acting, inner, *twins)
    assert acting.done == ["charge", "ship"]


def test_a_quota_s_option_that_fails_is_undone_and_tried_anew(folder: Path, acting: Acting) -> None:
    acting.failing = {"ship": 1}
    result, _ = spread(folder, acting, PAYING, option(), retries=1)
    assert acting.done == ["charge", "ship", "refund", "charge", "ship"]
    assert result["provider"] == "paying"
    assert len(set(acting.keys)) == 5


def test_a_feature_option_keeps_the_version_that_the_run_began_with(
    folder: Path, acting: Acting
) -> None:
    async def scenario(harness: Harness) -> object:
        processor = harness.ductape.processor.job
        job_id = (await processor.dispatch(a_job("somehow")))["job_id"]
        await until_status(harness, job_id, "scheduled")
        changed = {**product, "features": [feature("paying", {"event": "other"})]}
        await harness.ductape.products.apply(changed, force=True)
        return await processor.wait(job_id)

    product = {**PRODUCT, "features": [RESTING], "fallbacks": [fallback(option())]}
    run(scenario, folder, handlers=acting.handlers, product=product)
    assert acting.done == ["charge", "ship"]


def test_an_attempt_that_is_over_undoes_what_its_features_have_done(
    folder: Path, acting: Acting
) -> None:
    acting.lasting_ms = {"ship": 10 * MINUTE_MS}
    pointing = {"tag": "points", "event_type": "feature", "event_tag": "paying"}

    async def scenario(harness: Harness) -> str:
        with pytest.raises(JobFailed) as failed:
            await harness.ductape.processor.job.schedule(a_job("points", timeout=10_000))
        return failed.value.error["code"]

    product = {**PRODUCT, "features": [PAYING], "jobs": [pointing]}
    assert run(scenario, folder, handlers=acting.handlers, product=product) == "TIMEOUT"
    assert acting.done == ["charge", "ship", "refund"]


def test_a_schedule_learns_that_its_fallback_calls_a_feature(folder: Path, acting: Acting) -> None:
    """By another version of the product, which changes nothing else of it."""
    daily = {
        "tag": "daily",
        "event": "somehow",
        "envs": [{"slug": "dev"}],
        "input": {},
        "repeat": {"every": MINUTE_MS * 10},
    }
    base = {**PRODUCT, "features": [RESTING], "schedules": [daily]}

    async def scenario(harness: Harness) -> None:
        await harness.until(lambda: acting.done)
        await harness.ductape.products.apply({**base, "fallbacks": [fallback(option())]})
        await harness.until(lambda: "charge" in acting.done)
        [job] = await harness.ductape.jobs.list(product="shop")
        await harness.ductape.jobs.cancel(job["id"])
        await harness.until(lambda: "refund" in acting.done)

    product = {**base, "fallbacks": [fallback(OTHER)]}
    run(scenario, folder, handlers=acting.handlers, product=product)
    assert acting.done == ["other", "charge", "refund"]


def test_a_wait_that_was_given_up_hears_no_signal(folder: Path, acting: Acting) -> None:
    """It would bring the run back again and again while the next option sleeps."""

    async def scenario(harness: Harness) -> object:
        processor = harness.ductape.processor.job
        job_id = (await processor.dispatch(a_job("somehow")))["job_id"]
        await harness.sleep(10_000)
        await harness.ductape.features.signal(job_id, "go", {})
        await harness.sleep(10_000)
        return (await harness.ductape.jobs.get(job_id))["status"]

    waiting = feature("waiting", {"event": "charge"}, WAIT)
    options = [option("waiting", timeout=5_000), option()]
    product = {**PRODUCT, "features": [RESTING, waiting], "fallbacks": [fallback(*options)]}
    status = run(scenario, folder, handlers=acting.handlers, product=product)
    assert status == "scheduled"


def test_a_slow_beginning_does_not_keep_a_run_from_going_on(folder: Path, acting: Acting) -> None:
    """A run goes back where half of its time is over: not before it has come any further."""

    @acting.handlers.feature("slow")
    async def slow(ctx: FeatureContext) -> object:
        await asyncio.sleep(6)
        await ctx.job("charge")
        return await ctx.job("ship")

    async def scenario(harness: Harness) -> object:
        return await harness.ductape.processor.job.schedule(a_job("points", timeout=10_000))

    pointing = {"tag": "points", "event_type": "feature", "event_tag": "slow"}
    product = {**PRODUCT, "jobs": [pointing]}
    run(scenario, folder, handlers=acting.handlers, product=product)
    assert acting.done == ["charge", "ship"]


def test_time_outs_of_a_whole_option_open_its_breaker(folder: Path, acting: Acting) -> None:
    async def scenario(harness: Harness) -> object:
        job = harness.ductape.processor.job
        await job.schedule(a_job("somehow"))
        return await job.schedule(a_job("somehow"))

    breaking = option(timeout=5_000, breaker={"failures": 1, "cooldown": 10 * MINUTE_MS})
    product = {**PRODUCT, "features": [RESTING], "fallbacks": [fallback(breaking, OTHER)]}
    result: Any = run(scenario, folder, handlers=acting.handlers, product=product)
    assert [one["code"] for one in result["failures"]] == ["CIRCUIT_OPEN"]


def test_an_option_is_told_by_its_last_try(folder: Path, acting: Acting) -> None:
    acting.failing = {"charge": 1}
    result, _ = outcome(folder, acting, [RESTING], option(timeout=5_000, retries=1), OTHER)
    assert [one["code"] for one in result["failures"]] == ["TIMEOUT"]


@pytest.mark.parametrize("around", [True, False])
def test_executions_that_have_ended_stand_unless_a_feature_around_them_fails(
    folder: Path,
    acting: Acting,
    around: bool,  # noqa: FBT001 (a parameter)
) -> None:
    acting.failing = {"last": 1}
    last: list[Part] = [] if around else [{"event": "last"}]
    inner = feature("paying", {"event": "charge", "rollback": UNDONE}, *last)
    pointing = {"tag": "points", "event_type": "feature", "event_tag": "paying", "executions": 2}
    outer = feature("order", {"event": "points"}, {"event": "last"})

    async def scenario(harness: Harness) -> None:
        processor = harness.ductape.processor.job
        if not around:
            acting.failing = {}
            job_id = (await processor.dispatch(a_job("points", retries=0)))["job_id"]
            await harness.until(lambda: "last" in acting.done)
            acting.failing = {"last": 1}
            await until_status(harness, job_id, "failed")
            return
        with pytest.raises(JobFailed):
            await processor.schedule(a_job("order"))

    product = {**PRODUCT, "features": [inner, outer], "jobs": [pointing | {"intervals": 1_000}]}
    run(scenario, folder, handlers=acting.handlers, product=product)
    assert acting.done.count("charge") == 2
    assert acting.done.count("refund") == (2 if around else 1)


def test_a_mended_product_helps_the_next_attempt(folder: Path, acting: Acting) -> None:
    """Which tries all anew: nothing of an earlier version is under way then."""
    acting.failing = {"ship": 9}

    async def scenario(harness: Harness) -> object:
        processor = harness.ductape.processor.job
        retry = {"initialDelay": MINUTE_MS, "jitter": False}
        job = a_job("somehow", retries=1, retryConfig=retry)
        job_id = (await processor.dispatch(job))["job_id"]
        await harness.until(lambda: "refund" in acting.done)
        mended = {**product, "features": [feature("paying", {"event": "last"})]}
        await harness.ductape.products.apply(mended, force=True)
        return await processor.wait(job_id)

    product = {**PRODUCT, "features": [PAYING], "fallbacks": [fallback(option())]}
    run(scenario, folder, handlers=acting.handlers, product=product)
    assert acting.done == ["charge", "ship", "refund", "last"]


@pytest.mark.parametrize("as_option", [True, False])
def test_a_mapped_input_is_the_same_after_a_hold_and_a_failure(
    folder: Path,
    acting: Acting,
    as_option: bool,  # noqa: FBT001 (a parameter)
) -> None:
    """Of a feature that is an option, or a child: what `$Now()` brings into it, too."""
    stamps: list[object] = []
    acting.failing = {"ship": 1}

    @acting.handlers.feature("stamped")
    async def stamped(given: dict[str, Any], ctx: FeatureContext) -> None:
        stamps.append(given["at"])
        await ctx.sleep(MINUTE_MS)
        await ctx.job("ship")

    given = {"event": "stamped", "type": "feature", "input": {"at": "$Now()"}, "retries": 1}
    around = feature("order", given if not as_option else {"event": "somehow"})
    outcome(folder, acting, [around], given if as_option else OTHER, event="order")
    assert len(stamps) > 2
    assert len(set(stamps)) == 1


@pytest.mark.parametrize("state", ["scheduled", "running"])
@pytest.mark.parametrize("event", ["somehow", "share", "points"])
def test_what_calls_a_feature_by_a_later_version_alone_undoes_what_it_has_done(
    folder: Path, acting: Acting, event: str, state: str
) -> None:
    """It was stored as a job that calls none."""

    def product(called: Part) -> Part:
        return {
            **PRODUCT,
            "features": [PAYING if state == "running" else RESTING],
            "fallbacks": [fallback(called)],
            "quotas": [{"tag": "share", "options": [called]}],
            "jobs": [{"tag": "points", "event_type": "fallback", "event_tag": "somehow"}],
        }

    async def scenario(harness: Harness) -> None:
        processor = harness.ductape.processor.job
        start_at = harness.clock.now_ms() + MINUTE_MS
        job_id = (await processor.dispatch(a_job(event, start_at=start_at)))["job_id"]
        await harness.ductape.products.apply(product(option()))
        await harness.until(lambda: acting.done)
        if state == "running":
            await harness.until(lambda: "ship" in acting.done)
        await until_status(harness, job_id, state)
        await harness.ductape.jobs.cancel(job_id, "enough")
        with pytest.raises(JobCancelled):
            await processor.wait(job_id)

    acting.lasting_ms = {"ship": 5_000}
    run(scenario, folder, handlers=acting.handlers, product=product(OTHER))
    assert [one for one in acting.done if one != "ship"] == ["charge", "refund"]


@pytest.mark.parametrize("first", ["asked", "learned"])
def test_who_cancels_while_a_run_finds_out_that_it_calls_a_feature_stops_it(
    folder: Path, acting: Acting, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    """Whichever comes first in the store: that it is asked to stop, or what it has learned."""

    async def scenario(harness: Harness) -> None:
        claims, asking = harness.ductape.core.store.claims, asyncio.Event()
        learn, ask_cancel = claims.learn, claims.ask_cancel
        cancelling: list[asyncio.Task[object]] = []

        async def ask(job_id: str, number: int, *, reason: str | None) -> bool:
            asking.set()
            if first == "learned" and "ship" not in acting.done:
                await harness.until(lambda: "ship" in acting.done)
            return await ask_cancel(job_id, number, reason=reason)

        async def learned(ref: RunRef, spec: JobSpec) -> bool:
            cancelling.append(asyncio.create_task(harness.ductape.jobs.cancel(job_id)))
            await (asking.wait() if first == "learned" else cancelling[0])
            return await learn(ref, spec)

        monkeypatch.setattr(claims, "ask_cancel", ask)
        monkeypatch.setattr(claims, "learn", learned)
        processor = harness.ductape.processor.job
        start_at = harness.clock.now_ms() + MINUTE_MS
        job_id = (await processor.dispatch(a_job("somehow", start_at=start_at)))["job_id"]
        await harness.ductape.products.apply({**product, "fallbacks": [fallback(option())]})
        with pytest.raises(JobCancelled):
            await processor.wait(job_id)
        await asyncio.gather(*cancelling)

    acting.lasting_ms = {"ship": 5_000}
    product = {**PRODUCT, "features": [PAYING], "fallbacks": [fallback(OTHER)]}
    run(scenario, folder, handlers=acting.handlers, product=product)
    assert acting.done == ([] if first == "asked" else ["charge", "ship", "refund"])


def test_what_a_later_version_lets_call_a_feature_is_held_with_its_input_and_version(
    folder: Path, acting: Acting
) -> None:
    stamps: list[object] = []

    @acting.handlers.feature("stamped")
    async def stamped(given: dict[str, Any], ctx: FeatureContext) -> None:
        stamps.append(given["at"])
        await ctx.sleep(MINUTE_MS)
        await ctx.job("ship")

    product = {**PRODUCT, "fallbacks": [fallback(OTHER)]}

    async def scenario(harness: Harness) -> None:
        processor = harness.ductape.processor.job
        start_at = harness.clock.now_ms() + MINUTE_MS
        job = a_job(
            "somehow", start_at=start_at, input={"at": "$Now()"}, expires_at=start_at + 5_000
        )
        job_id = (await processor.dispatch(job))["job_id"]
        await harness.ductape.products.apply(
            {**product, "fallbacks": [fallback(option("stamped"))]}
        )
        await harness.until(lambda: stamps)
        await harness.ductape.products.apply(product, force=True)
        await processor.wait(job_id)

    run(scenario, folder, handlers=acting.handlers, product=product)
    assert acting.done == ["ship"]
    assert len(stamps) > 1
    assert len(set(stamps)) == 1


@pytest.mark.parametrize("event", ["somehow", "share", "order"])
def test_what_now_brings_into_an_option_is_the_same_under_one_key(
    folder: Path, acting: Acting, event: str
) -> None:
    """By itself it is tried again by the run, in a feature by the step."""
    sent: list[tuple[str, object]] = []

    @acting.handlers.job("stamped")
    async def stamped(given: Part, ctx: AsyncContext) -> None:
        sent.append((ctx.idempotency_key, given["at"]))
        raise ProviderError("SERVICE_UNAVAILABLE", "no")

    called: Part = {"type": "job", "event": "stamped", "input": {"at": "$Now()"}}
    around = feature("order", {"event": "somehow", "retries": 1})
    product = {**PRODUCT, "features": [around], "fallbacks": [fallback(called)]}
    product["quotas"] = [{"tag": "share", "options": [called]}]

    async def scenario(harness: Harness) -> None:
        with pytest.raises(JobFailed):
            await harness.ductape.processor.job.schedule(a_job(event, retries=1))

    run(scenario, folder, handlers=acting.handlers, product=product)
    assert len(sent) > 1
    assert len(set(sent)) == 1


@pytest.mark.parametrize("called", [option(), OTHER], ids=["feature", "job"])
def test_a_quota_whose_mapping_cannot_be_filled_calls_nobody_else_instead(
    folder: Path, acting: Acting, called: Part
) -> None:
    """That says nothing of a provider: another attempt would find the same."""
    odd = {**called, "input": {"id": "$Input{nowhere}"}}
    error, _ = spread(folder, acting, PAYING, odd, retries=1)
    assert error["code"] == "REFERENCE_MISSING"
    assert acting.done == []


@pytest.mark.parametrize("called", [option(), OTHER], ids=["feature", "job"])
def test_a_quota_of_which_nobody_is_well_tells_why(
    folder: Path, acting: Acting, called: Part
) -> None:
    acting.failing = {"charge": 1, "other": 1}
    failing = {**called, "tag": "flaky", "breaker": {"failures": 1, "cooldown": 10 * MINUTE_MS}}
    retry = {"initialDelay": 1, "jitter": False}
    error, _ = spread(folder, acting, PAYING, failing, retries=1, retryConfig=retry)
    assert error["code"] == "SERVICE_UNAVAILABLE"
    [told] = error["details"]["failures"]
    assert (told["provider"], told["code"]) == ("flaky", "CIRCUIT_OPEN")
    assert len(acting.done) == 1

"""Children of features: how often they are tried, for how long, and what is left of them."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from ductape import FeatureContext, Handlers, JobFailed, ValidationError
from ductape.testing import Harness, run
from tests.unit.worker.builders import PRODUCT, a_job, until_status

Part = dict[str, Any]
MINUTE_MS = 60_000
UNDONE: Part = {"event": "refund"}
NAP: Part = {"type": "sleep", "input": {"ms": MINUTE_MS}}


class Acting:
    """Jobs for the steps; some fail a few times, or take their time."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.failing: dict[str, int] = {}
        self.lasting_ms: dict[str, int] = {}
        self.handlers = Handlers()
        for tag in ("charge", "ship", "mail", "refund", "recall"):
            self.handlers.job(tag)(self._acting(tag))
        self.handlers.feature("kid")(self._kid)

    def _acting(self, tag: str) -> Callable[..., Awaitable[object]]:
        async def act(_: object) -> str:
            self.done.append(tag)
            await asyncio.sleep(self.lasting_ms.get(tag, 0) / 1000)
            if self.failing.get(tag, 0) > 0:
                self.failing[tag] -= 1
                raise RuntimeError(f"{tag} does not work")
            return tag

        return act

    async def _kid(self, ctx: FeatureContext) -> str:
        """Do what the declared child of these tests does."""
        await ctx.job("charge", undo=lambda _: self.done.append("refund"))
        await ctx.job("ship")
        return "grown"


@pytest.fixture
def acting() -> Acting:
    return Acting()


def feature(tag: str, *events: Part, **parts: object) -> Part:
    return {"tag": tag, "sequence": [{"tag": "main", "events": list(events)}], **parts}


PAYING = feature("paying", {"event": "charge", "rollback": UNDONE}, {"event": "ship"})


def child(event: str = "paying", **parts: object) -> Part:
    return {"type": "child", "event": event, **parts}


def outcome(
    folder: Path, acting: Acting, *features: Part, **job: object
) -> tuple[object, list[Part]]:
    async def scenario(harness: Harness) -> tuple[object, list[Part]]:
        processor = harness.ductape.processor.job
        job_id = (await processor.dispatch(a_job("order", **job)))["job_id"]
        try:
            result: object = await processor.wait(job_id)
        except JobFailed as error:
            result = error.error
        return result, [dict(step) for step in await harness.ductape.jobs.steps(job_id)]

    product = {**PRODUCT, "features": list(features)}
    return run(scenario, folder, handlers=acting.handlers, product=product)


@pytest.mark.parametrize("event", ["paying", "kid"])
def test_a_child_goes_on_at_the_step_that_failed(folder: Path, acting: Acting, event: str) -> None:
    acting.failing = {"ship": 2}
    outcome(folder, acting, PAYING, feature("order", child(event, retries=2), {"event": "refund"}))
    assert acting.done == ["charge", "ship", "ship", "ship", "refund"]


@pytest.mark.parametrize("event", ["paying", "kid"])
def test_a_child_is_undone_once_where_its_tries_are_used_up(
    folder: Path, acting: Acting, event: str
) -> None:
    acting.failing = {"ship": 9}
    told, _ = outcome(folder, acting, PAYING, feature("order", child(event, retries=1)))
    assert acting.done == ["charge", "ship", "ship", "refund"]
    assert isinstance(told, dict)
    assert "ship does not work" in told["message"]


def test_a_child_that_may_fail_is_tried_first(folder: Path, acting: Acting) -> None:
    acting.failing = {"ship": 2}
    may = child(retries=1, allow_fail=True)
    outcome(folder, acting, PAYING, feature("order", may, {"event": "ship"}))
    assert acting.done == ["charge", "ship", "ship", "refund", "ship"]


def test_tries_of_a_child_count_for_what_its_own_children_fail_with(
    folder: Path, acting: Acting
) -> None:
    acting.failing = {"ship": 1}
    middle = feature("middle", child())
    outcome(folder, acting, PAYING, middle, feature("order", child("middle", retries=1)))
    assert acting.done == ["charge", "ship", "ship"]


def test_the_job_s_own_retries_try_a_child_anew(folder: Path, acting: Acting) -> None:
    acting.failing = {"ship": 3}
    outcome(folder, acting, PAYING, feature("order", child(retries=1)), retries=1)
    assert acting.done == ["charge", "ship", "ship", "ship", "ship"]


def test_a_refused_child_is_not_tried_again(folder: Path, acting: Acting) -> None:
    strict = feature("paying", {"event": "charge"}, input={"n": {"type": "INTEGER"}})
    asked = child(retries=3, input={"n": "$Concat(['one'])"})
    told, _ = outcome(folder, acting, strict, feature("order", asked))
    assert isinstance(told, dict)
    assert told["code"] == "VALIDATION_ERROR"
    assert acting.done == []


def test_a_child_that_takes_too_long_is_stopped_and_undone(folder: Path, acting: Acting) -> None:
    acting.lasting_ms = {"ship": MINUTE_MS}
    told, steps = outcome(folder, acting, PAYING, feature("order", child(timeout=5_000)))
    assert isinstance(told, dict)
    assert told["code"] == "TIMEOUT"
    assert "5000 ms" in told["message"]
    assert acting.done == ["charge", "ship", "refund"]
    assert steps[0]["completed_at"] - steps[0]["started_at"] < 6_000


@pytest.mark.parametrize("ms", [MINUTE_MS, None])
def test_holds_count_for_a_child_s_time(folder: Path, acting: Acting, ms: int | None) -> None:
    """Whether it sleeps or waits for a signal: the run comes back at the child's own end."""
    held: Part = {"type": "wait", "event": "never"} if ms is None else NAP
    resting = feature("paying", {"event": "charge", "rollback": UNDONE}, held, {"event": "ship"})
    may = child(timeout=5_000, allow_fail=True)
    _, steps = outcome(folder, acting, resting, feature("order", may, {"event": "ship"}))
    assert acting.done == ["charge", "refund", "ship"]
    assert 5_000 <= steps[0]["completed_at"] - steps[0]["started_at"] < 6_000
    assert steps[0]["result"]["error"]["code"] == "TIMEOUT"


def test_each_try_of_a_child_has_its_time(folder: Path, acting: Acting) -> None:
    acting.lasting_ms = {"ship": MINUTE_MS}
    outcome(folder, acting, PAYING, feature("order", child(timeout=5_000, retries=1)))
    assert acting.done == ["charge", "ship", "ship", "refund"]


def test_children_of_python_features_have_tries_and_time_too(folder: Path, acting: Acting) -> None:
    acting.failing = {"ship": 1}

    @acting.handlers.feature("order")
    async def order(ctx: FeatureContext) -> None:
        await ctx.child("paying", retries=1)
        acting.lasting_ms = {"ship": MINUTE_MS}
        await ctx.child("kid", timeout=5_000, allow_fail=True)

    async def scenario(harness: Harness) -> None:
        job_id = (await harness.ductape.processor.job.dispatch(a_job("order")))["job_id"]
        await until_status(harness, job_id, "completed")

    product = {**PRODUCT, "features": [PAYING]}
    run(scenario, folder, handlers=acting.handlers, product=product)
    assert acting.done == ["charge", "ship", "ship", "charge", "ship", "refund"]


def test_what_turns_out_to_be_a_feature_is_undone_with_its_parent(
    folder: Path, acting: Acting
) -> None:
    """A step that names no kind, and a Python feature that no product declares."""
    acting.failing = {"mail": 1}
    around = feature("order", {"event": "kid"}, {"event": "mail"})
    outcome(folder, acting, around)
    assert acting.done == ["charge", "ship", "mail", "refund"]


def test_a_python_feature_undoes_what_turns_out_to_be_one(folder: Path, acting: Acting) -> None:
    acting.failing = {"mail": 1}

    @acting.handlers.feature("order")
    async def order(ctx: FeatureContext) -> None:
        await ctx.event("paying")
        await ctx.job("mail")

    outcome(folder, acting, PAYING)
    assert acting.done == ["charge", "ship", "mail", "refund"]


@pytest.mark.parametrize("python", [True, False])
def test_what_turns_out_to_be_a_feature_has_its_tries_and_time(
    folder: Path,
    acting: Acting,
    python: bool,  # noqa: FBT001 (a parameter)
) -> None:
    """Its holds count, and its tries go on where it was left."""
    acting.failing = {"charge": 1}

    @acting.handlers.feature("slow")
    async def slow(ctx: FeatureContext) -> None:
        await ctx.job("charge", undo=lambda _: acting.done.append("refund"))
        await ctx.sleep(MINUTE_MS)

    if python:

        @acting.handlers.feature("order")
        async def order(ctx: FeatureContext) -> None:
            await ctx.event("slow", retries=1, timeout=5_000)

    part = {"event": "slow", "retries": 1, "timeout": 5_000}
    told, steps = outcome(folder, acting, *([] if python else [feature("order", part)]))
    assert isinstance(told, dict)
    assert told["code"] == "TIMEOUT"
    assert acting.done == ["charge", "charge", "refund"]
    assert steps[0]["failures"] == 2


@pytest.mark.parametrize("python", [True, False])
def test_a_child_that_was_left_undoes_itself_whatever_would_undo_it_whole(
    folder: Path,
    acting: Acting,
    python: bool,  # noqa: FBT001 (a parameter)
) -> None:
    """A rollback of its step is for a child that has finished."""
    resting = feature("paying", {"event": "charge", "rollback": UNDONE}, NAP)
    whole = child(rollback={"event": "recall"})

    if python:

        @acting.handlers.feature("order")
        async def order(ctx: FeatureContext) -> None:
            await ctx.child("paying", undo=lambda _: acting.done.append("recall"))

    async def scenario(harness: Harness) -> None:
        job_id = (await harness.ductape.processor.job.dispatch(a_job("order")))["job_id"]
        await until_status(harness, job_id, "scheduled")
        await harness.ductape.jobs.cancel(job_id)
        await until_status(harness, job_id, "cancelled")

    features = [resting] if python else [resting, feature("order", whole)]
    product = {**PRODUCT, "features": features}
    run(scenario, folder, handlers=acting.handlers, product=product)
    assert acting.done == ["charge", "refund"]


def test_a_child_that_another_branch_leaves_is_undone(folder: Path, acting: Acting) -> None:
    acting.failing = {"mail": 1}
    resting = feature("paying", {"event": "charge", "rollback": UNDONE}, NAP)

    @acting.handlers.feature("order")
    async def order(ctx: FeatureContext) -> None:
        await asyncio.gather(ctx.child("paying"), ctx.job("mail"))

    outcome(folder, acting, resting)
    assert sorted(acting.done) == ["charge", "mail", "refund"]


def test_a_child_whose_answer_is_too_large_is_undone_where_it_may_fail(
    folder: Path, acting: Acting
) -> None:
    large = {**PAYING, "output": {"all": "$Input{much}"}}
    may = child(allow_fail=True, input={"much": "$Input{much}"})
    double = {**large, "output": ["$Input{much}", "$Input{much}"]}
    around = feature("order", may, {"event": "mail"})
    outcome(folder, acting, double, around, input={"much": "x" * 600_000})
    assert acting.done == ["charge", "ship", "refund", "mail"]


def test_why_a_child_has_no_cache_is_told(folder: Path, acting: Acting) -> None:
    around = feature("order", child(cache="quick"))
    with pytest.raises(ValidationError) as refused:
        outcome(folder, acting, PAYING, around)
    [fault] = refused.value.errors
    assert fault["path"] == "features[1].sequence[0].events[0].cache"
    assert "undone" in (fault["hint"] or "")


def test_what_calls_a_feature_has_no_cache_either(folder: Path, acting: Acting) -> None:
    acting.failing = {"mail": 0}
    around = feature("order", {"event": "kid", "cache": "quick"})
    told, _ = outcome(folder, acting, around)
    assert isinstance(told, dict)
    assert told["code"] == "VALIDATION_ERROR"
    assert "cache" in told["message"]
    assert acting.done == []


@pytest.mark.parametrize("cancelled", [True, False])
@pytest.mark.parametrize("event", ["taking", "grown"])
def test_a_rollback_may_be_a_feature(
    folder: Path,
    acting: Acting,
    cancelled: bool,  # noqa: FBT001 (a parameter)
    event: str,
) -> None:
    """Which is done, not undone, whatever becomes of the run."""
    acting.failing = {"ship": 9}

    @acting.handlers.feature("grown")
    async def grown(ctx: FeatureContext) -> None:
        await ctx.job("refund")
        await ctx.sleep(MINUTE_MS)
        await ctx.job("mail")

    taking = feature("taking", {"event": "refund"}, NAP, {"event": "mail"})
    paid = {"event": "charge", "rollback": {"type": "feature", "event": event}}
    last = {"type": "wait", "event": "never"} if cancelled else {"event": "ship"}

    async def scenario(harness: Harness) -> None:
        job_id = (await harness.ductape.processor.job.dispatch(a_job("order")))["job_id"]
        if cancelled:
            await until_status(harness, job_id, "scheduled")
            await harness.ductape.jobs.cancel(job_id)
        view = await until_status(harness, job_id, "cancelled" if cancelled else "failed")
        assert "not undone" not in str(view["last_error"])

    product = {**PRODUCT, "features": [taking, feature("order", paid, last)]}
    run(scenario, folder, handlers=acting.handlers, product=product)
    assert [one for one in acting.done if one != "ship"] == ["charge", "refund", "mail"]


def test_a_rollback_s_tries_go_on_where_it_failed(folder: Path, acting: Acting) -> None:
    acting.failing = {"ship": 9, "mail": 2}
    taking = feature(
        "taking", {"event": "refund", "rollback": {"event": "recall"}}, {"event": "mail"}
    )
    paid = {"event": "charge", "rollback": {"type": "feature", "event": "taking", "retries": 2}}
    outcome(folder, acting, taking, feature("order", paid, {"event": "ship"}))
    assert acting.done == ["charge", "ship", "refund", "mail", "mail", "mail"]


@pytest.mark.parametrize("callee", ["child", "fallback"])
def test_what_a_sensitive_child_brings_is_sealed_at_rest(
    folder: Path, acting: Acting, callee: str
) -> None:
    """Its result, and those of its steps, though the feature around it is not sensitive."""

    @acting.handlers.job("tell")
    async def tell() -> str:
        return "hush-hush"

    secret = feature("secret", {"event": "tell"}, sensitive=True)
    fallback = {"tag": "somehow", "options": [{"type": "feature", "event": "secret"}]}
    called = child("secret") if callee == "child" else {"event": "somehow"}

    async def scenario(harness: Harness) -> list[Part]:
        job_id = (await harness.ductape.processor.job.dispatch(a_job("order")))["job_id"]
        await until_status(harness, job_id, "completed")
        assert "hush-hush" not in str(await harness.ductape.core.store.steps.of_run(job_id, 1))
        return [dict(step) for step in await harness.ductape.jobs.steps(job_id)]

    around = feature("order", called, {"event": "mail"}, output={})
    product = {**PRODUCT, "features": [secret, around], "fallbacks": [fallback]}
    steps = run(scenario, folder, handlers=acting.handlers, product=product)
    [told] = [step["result"] for step in steps if step["path"].endswith("main.tell")]
    assert told == "hush-hush"


def test_steps_that_a_run_left_are_told_as_cancelled_once_it_is_over(
    folder: Path, acting: Acting
) -> None:
    """Nothing of them runs or waits any more."""
    acting.failing = {"mail": 1}
    doomed = {"tag": "two", "events": [{"event": "mail"}]}
    around = feature("order", NAP)
    around["sequence"].append(doomed)
    _, steps = outcome(folder, acting, around)
    told = {step["path"]: (step["status"], step["due_at"]) for step in steps}
    assert told["main.sleep"] == ("cancelled", None)
    assert told["two.mail"] == ("failed", None)


def test_a_signal_for_a_sensitive_child_is_sealed_once_it_is_received(
    folder: Path, acting: Acting
) -> None:
    async def scenario(harness: Harness) -> object:
        job_id = (await harness.ductape.processor.job.dispatch(a_job("order")))["job_id"]
        await until_status(harness, job_id, "scheduled")
        await harness.ductape.features.signal(job_id, "go", {"pin": "hush-hush"})
        await until_status(harness, job_id, "completed")
        assert "hush-hush" not in str(await harness.ductape.core.store.steps.of_run(job_id, 1))
        [_, wait] = await harness.ductape.jobs.steps(job_id)
        return wait["result"]

    secret = feature("secret", {"type": "wait", "event": "go"}, sensitive=True, output={})
    product = {**PRODUCT, "features": [secret, feature("order", child("secret"), output={})]}
    assert run(scenario, folder, handlers=acting.handlers, product=product) == {"pin": "hush-hush"}

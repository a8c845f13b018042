"""Declared features, step by step, in virtual time."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from ductape import Handlers, JobCancelled, JobFailed, ValidationError
from ductape.domain.wire import StepView
from ductape.handlers.python import AsyncContext
from ductape.testing import Harness, run
from tests.unit.worker.builders import PRODUCT, a_job, until_status

T = TypeVar("T")
Scenario = Callable[[Harness], Awaitable[T]]


class Acting:
    """Jobs for the steps, which note what they were called with."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, object]] = []
        self.keys: list[str] = []
        self.failing: dict[str, int] = {}
        self.handlers = Handlers()
        for tag in ("charge", "ship", "mail", "refund", "recall"):
            self.handlers.job(tag)(self._acting(tag))

    def _acting(self, tag: str) -> Callable[..., Awaitable[object]]:
        async def act(given: dict[str, Any], ctx: AsyncContext) -> object:
            self.calls.append((tag, given))
            self.keys.append(ctx.idempotency_key.partition(":")[2])
            await asyncio.sleep(given.get("ms", 0) / 1000)
            if self.failing.get(tag, 0) > 0:
                self.failing[tag] -= 1
                raise RuntimeError(f"{tag} does not work")
            return {"id": f"{tag}-1", "given": given}

        return act

    @property
    def tags(self) -> list[str]:
        return [tag for tag, _ in self.calls]


def a_feature(*sequences: dict[str, object], **parts: object) -> dict[str, object]:
    return {"tag": "order", "sequence": list(sequences), **parts}


def in_order(*events: dict[str, object], **parts: object) -> dict[str, object]:
    return a_feature({"tag": "main", "events": list(events)}, **parts)


def event(name: str, given: dict[str, object] | None = None, **parts: object) -> dict[str, object]:
    return {"event": name, "input": given or {}, **parts}


@pytest.fixture
def acting() -> Acting:
    return Acting()


Play = Callable[..., Any]


@pytest.fixture
def play(folder: Path, acting: Acting) -> Play:
    def played(scenario: Scenario[T], *features: dict[str, object]) -> T:
        product = {**PRODUCT, "features": list(features)}
        return run(scenario, folder, handlers=acting.handlers, product=product)

    return played


def outcome_of(**job: object) -> Scenario[object]:
    async def scenario(harness: Harness) -> object:
        try:
            return await harness.ductape.processor.job.schedule(a_job("order", **job))
        except (JobFailed, JobCancelled, ValidationError) as error:
            return error

    return scenario


async def steps_of(harness: Harness, job_id: str) -> list[StepView]:
    return await harness.ductape.jobs.steps(job_id)


def states(steps: list[StepView]) -> dict[str, str]:
    return {step["path"]: step["status"] for step in steps}


def test_steps_follow_one_another_and_pass_their_results_on(play: Play, acting: Acting) -> None:
    feature = in_order(
        event("charge", {"amount": "$Input{amount}"}),
        event("ship", {"charge": "$Sequence{main}{charge}{id}", "note": "for $Input{who}"}),
        output={"shipped": "$Sequence{main}{ship}{id}", "paid": "$Sequence{main}{charge}"},
    )
    result = play(outcome_of(input={"amount": 7, "who": "ada"}), feature)
    assert acting.calls == [
        ("charge", {"amount": 7}),
        ("ship", {"charge": "charge-1", "note": "for ada"}),
    ]
    assert result == {"shipped": "ship-1", "paid": {"id": "charge-1", "given": {"amount": 7}}}
    assert acting.keys == ["1:main.charge", "1:main.ship"]


def test_without_an_output_every_result_is_returned(play: Play) -> None:
    result = play(outcome_of(), in_order(event("charge")))
    assert result == {"main": {"charge": {"id": "charge-1", "given": {}}}}


def test_the_input_is_checked_by_the_schema(play: Play) -> None:
    schema = {"amount": {"type": "INTEGER"}, "mail": {"type": "EMAIL_STRING"}}
    error = play(outcome_of(input={"mail": "no"}), in_order(event("charge"), input=schema))
    assert isinstance(error, ValidationError)
    assert {fault["path"] for fault in error.errors} == {"input.amount", "input.mail"}


def test_independent_sequences_run_side_by_side(play: Play, acting: Acting) -> None:
    feature = a_feature(
        {"tag": "a", "events": [event("charge", {"ms": 1_000})]},
        {"tag": "b", "events": [event("ship", {"ms": 1_000})]},
        {"tag": "c", "parents": ["a", "b"], "events": [event("mail")]},
    )

    async def scenario(harness: Harness) -> int:
        began_ms = harness.clock.now_ms()
        await harness.ductape.processor.job.schedule(a_job("order"))
        return harness.clock.now_ms() - began_ms

    assert 1_000 <= play(scenario, feature) < 1_200
    assert acting.tags == ["charge", "ship", "mail"]


def test_a_step_is_tried_again_by_its_own_retries(play: Play, acting: Acting) -> None:
    acting.failing = {"ship": 2}
    play(outcome_of(), in_order(event("charge"), event("ship", retries=2)))
    assert acting.tags == ["charge", "ship", "ship", "ship"]
    assert len(set(acting.keys[1:])) == 1


def test_a_failed_step_fails_the_feature(play: Play, acting: Acting) -> None:
    acting.failing = {"charge": 9}
    error = play(outcome_of(), in_order(event("charge"), event("ship")))
    assert isinstance(error, JobFailed)
    assert error.error["code"] == "HANDLER_ERROR"
    assert "step `main.charge`" in error.error["message"]
    assert acting.tags == ["charge"]


def test_the_job_s_retries_go_on_at_the_step_that_failed(play: Play, acting: Acting) -> None:
    acting.failing = {"ship": 1}
    undone = event("charge", rollback={"event": "refund"})
    play(outcome_of(retries=1), in_order(undone, event("ship")))
    assert acting.tags == ["charge", "ship", "ship"]


def test_what_may_fail_lets_the_feature_go_on(play: Play, acting: Acting) -> None:
    acting.failing = {"charge": 9}
    feature = in_order(
        event("charge", allow_fail=True),
        event("ship", {"why": "$Sequence{main}{charge}{error}{code}"}),
    )
    play(outcome_of(), feature)
    assert acting.calls[-1] == ("ship", {"why": "HANDLER_ERROR"})


def test_a_step_has_its_own_time_out(play: Play) -> None:
    error = play(outcome_of(), in_order(event("charge", {"ms": 5_000}, timeout=1_000)))
    assert isinstance(error, JobFailed)
    assert error.error["code"] == "TIMEOUT"


def test_the_job_s_time_out_is_each_step_s(play: Play, acting: Acting) -> None:
    long = [event("charge", {"ms": 900}, tag=f"s{at}") for at in range(5)]
    play(outcome_of(timeout=1_000), in_order(*long))
    assert len(acting.calls) == 5
    error = play(outcome_of(timeout=500), in_order(*long))
    assert isinstance(error, JobFailed)
    assert error.error["code"] == "TIMEOUT"


def test_a_failure_undoes_what_has_finished_the_last_one_first(play: Play, acting: Acting) -> None:
    acting.failing = {"mail": 9}
    feature = in_order(
        event(
            "charge", rollback={"event": "refund", "input": {"id": "$Sequence{main}{charge}{id}"}}
        ),
        event("ship", rollback={"event": "recall"}),
        event("mail", rollback={"event": "refund"}),
    )
    error = play(outcome_of(), feature)
    assert isinstance(error, JobFailed)
    assert acting.calls[3:] == [("recall", {}), ("refund", {"id": "charge-1"})]
    assert acting.keys[3:] == ["1:main.ship~rollback", "1:main.charge~rollback"]


@pytest.mark.parametrize(("mode", "undone"), [("critical_only", ["recall"]), ("none", [])])
def test_the_mode_decides_what_is_undone(
    play: Play, acting: Acting, mode: str, undone: list[str]
) -> None:
    acting.failing = {"mail": 9}
    feature = in_order(
        event("charge", rollback={"event": "refund"}),
        event("ship", rollback={"event": "recall"}, critical=True),
        event("mail"),
        rollback=mode,
    )
    play(outcome_of(), feature)
    assert acting.tags[3:] == undone


def test_what_cannot_be_undone_is_told_and_the_rest_is_undone(play: Play, acting: Acting) -> None:
    acting.failing = {"mail": 9, "recall": 9}
    feature = in_order(
        event("charge", rollback={"event": "refund"}),
        event("ship", rollback={"event": "recall", "retries": 1}),
        event("mail"),
    )
    error = play(outcome_of(), feature)
    assert isinstance(error, JobFailed)
    assert error.error["message"].endswith("not undone: main.ship")
    assert acting.tags[3:] == ["recall", "recall", "refund"]


def test_a_sleep_holds_no_worker(play: Play, acting: Acting) -> None:
    pause_ms = 3_600_000
    feature = in_order(
        event("charge"),
        {"tag": "pause", "type": "sleep", "input": {"ms": pause_ms}},
        event("ship"),
    )

    async def scenario(harness: Harness) -> list[object]:
        began_ms = harness.clock.now_ms()
        receipt = await harness.ductape.processor.job.dispatch(a_job("order"))
        view = await until_status(harness, receipt["job_id"], "scheduled")
        assert view["next_run_at"] == pytest.approx(began_ms + pause_ms, abs=100)
        assert states(await steps_of(harness, receipt["job_id"]))["main.pause"] == "sleeping"
        await harness.sleep(pause_ms + 1_000)
        view = await until_status(harness, receipt["job_id"], "completed")
        return [len(view["attempts"]), view["retry_count"]]

    assert play(scenario, feature) == [1, 0]
    assert acting.tags == ["charge", "ship"]


def test_a_wait_takes_its_signal_also_one_that_came_before(play: Play, acting: Acting) -> None:
    def waits(tag: str) -> dict[str, object]:
        return {"tag": tag, "type": "wait", "event": "approved"}

    said = {"by": ["$Sequence{main}{one}{by}", "$Sequence{main}{two}{by}"]}
    feature = in_order(
        event("charge", {"ms": 1_000}), waits("one"), waits("two"), event("ship", said)
    )

    async def scenario(harness: Harness) -> None:
        features = harness.ductape.features
        receipt = await harness.ductape.processor.job.dispatch(a_job("order"))
        job_id = receipt["job_id"]
        await features.signal(job_id, "approved", {"by": "ada"})
        view = await until_status(harness, job_id, "scheduled")
        assert view["next_run_at"] is None
        await harness.sleep(1_000_000)
        sent = await features.signal(job_id, "approved", {"by": "bob"})
        assert sent == {"job_id": job_id, "name": "approved", "changed": True}
        await until_status(harness, job_id, "completed")
        assert not (await features.signal(job_id, "approved"))["changed"]

    play(scenario, feature)
    assert acting.calls[-1] == ("ship", {"by": ["ada", "bob"]})


def test_a_wait_may_run_out_of_time(play: Play, acting: Acting) -> None:
    wait = {"type": "wait", "event": "approved", "timeout": 60_000}
    error = play(outcome_of(), in_order(event("charge", rollback={"event": "refund"}), wait))
    assert isinstance(error, JobFailed)
    assert error.error["code"] == "TIMEOUT"
    assert acting.tags == ["charge", "refund"]


@pytest.mark.parametrize("late", [True, False])
def test_when_a_signal_comes_decides_whether_it_is_in_time(
    play: Play,
    late: bool,  # noqa: FBT001 (a parameter)
) -> None:
    """Not when a worker is free to look at it."""

    async def scenario(harness: Harness) -> str:
        job_id = (await harness.ductape.processor.job.dispatch(a_job("order")))["job_id"]
        await until_status(harness, job_id, "scheduled")
        await harness.ductape.queues.pause("default")
        await harness.sleep(5_100 if late else 4_900)
        await harness.ductape.features.signal(job_id, "go", {})
        await harness.sleep(5_000)
        await harness.ductape.queues.resume("default")
        return (await until_status(harness, job_id, "failed" if late else "completed"))["status"]

    waiting = in_order({"type": "wait", "event": "go", "timeout": 5_000})
    assert play(scenario, waiting) == ("failed" if late else "completed")


def test_a_branch_that_sleeps_does_not_hold_up_another(play: Play, acting: Acting) -> None:
    feature = a_feature(
        {"tag": "a", "events": [{"tag": "nap", "type": "sleep", "input": {"ms": 60_000}}]},
        {"tag": "b", "events": [event("charge", {"ms": 100}), event("ship", {"ms": 100})]},
        {"tag": "c", "parents": ["a", "b"], "events": [event("mail")]},
    )
    play(outcome_of(), feature)
    assert acting.tags == ["charge", "ship", "mail"]


@pytest.mark.parametrize("waiting", [True, False])
def test_cancelling_undoes_what_has_finished(play: Play, acting: Acting, waiting: bool) -> None:  # noqa: FBT001 (a parameter)
    then = {"type": "wait", "event": "go"} if waiting else event("ship", {"ms": 9_000})
    feature = in_order(event("charge", rollback={"event": "refund"}), then)

    async def scenario(harness: Harness) -> JobCancelled:
        receipt = await harness.ductape.processor.job.dispatch(a_job("order"))
        job_id = receipt["job_id"]
        await harness.sleep(500)
        assert (await harness.ductape.jobs.cancel(job_id, reason="no more"))["changed"]
        with pytest.raises(JobCancelled, match="no more") as caught:
            await harness.ductape.processor.job.wait(job_id)
        assert not (await harness.ductape.jobs.cancel(job_id))["changed"]
        return caught.value

    play(scenario, feature)
    assert acting.tags[-1] == "refund"


def test_a_child_s_steps_are_recorded_below_its_own(play: Play, acting: Acting) -> None:
    child = {
        **in_order(event("charge", {"n": "$Input{n}"})),
        "tag": "paying",
        "output": {"ok": True},
    }
    feature = in_order({"type": "child", "event": "paying", "input": {"n": 3}}, event("ship"))

    async def scenario(harness: Harness) -> list[str]:
        receipt = await harness.ductape.processor.job.dispatch(a_job("order"))
        result = await harness.ductape.processor.job.wait(receipt["job_id"])
        assert result["main"]["paying"] == {"ok": True}  # type: ignore[index,call-overload]
        return [step["path"] for step in await steps_of(harness, receipt["job_id"])]

    assert play(scenario, child, feature) == ["main.paying", "main.paying/main.charge", "main.ship"]
    assert acting.keys[0] == "1:main.paying/main.charge"


@pytest.mark.parametrize("repeat", [None, {"every": 3_600_000}])
def test_what_was_done_for_a_session_is_undone_once_it_is_revoked(
    play: Play, acting: Acting, repeat: dict[str, object] | None
) -> None:
    where = {"product": "shop", "env": "dev", "tag": "user"}
    nap = {"type": "sleep", "input": {"ms": 60_000}, "tag": "nap"}
    undo = {"event": "refund", "input": {"who": "$Session{user}{id}"}}

    async def scenario(harness: Harness) -> tuple[str, str, dict[str, str]]:
        sessions = harness.ductape.processor.sessions
        pair = await sessions.start({**where, "data": {"id": "u1", "pet": "cat"}})
        session = {"tag": "user", "token": pair["token"]}
        job = a_job("order", session=session, repeat=repeat, retries=3)
        receipt = await harness.ductape.processor.job.dispatch(job)
        await harness.sleep(10_000)
        await sessions.revoke({**where, "token": pair["token"]})
        view = await until_status(harness, receipt["job_id"], "paused" if repeat else "failed")
        assert view["last_error"] is not None
        steps = await steps_of(harness, receipt["job_id"])
        return view["status"], view["last_error"]["code"], states(steps)

    status, code, steps = play(scenario, in_order(event("charge", rollback=undo), nap))
    assert (status, code) == ("paused" if repeat else "failed", "SESSION_INVALID")
    assert acting.calls == [("charge", {}), ("refund", {"who": "u1"})]
    assert steps["main.charge~rollback"] == "completed"


def test_a_result_that_fits_nowhere_undoes_what_was_done(play: Play, acting: Acting) -> None:
    for tag in ("large", "larger"):

        @acting.handlers.job(tag)
        async def large() -> str:
            return "x" * 900_000

    undo = {"rollback": {"event": "refund"}}
    feature = in_order(event("charge", **undo), event("large"), event("larger"))
    error = play(outcome_of(), feature)
    assert error.error["code"] == "RESULT_TOO_LARGE"
    assert acting.tags == ["charge", "refund"]


@pytest.mark.parametrize(
    ("held", "after_ms"),
    [
        ({"type": "wait", "event": "paid", "tag": "hold"}, 1_000),
        ({"type": "sleep", "input": {"ms": 2_000}, "tag": "hold"}, 2_000),
        ({"event": "mail", "retries": 1, "tag": "hold"}, 1_000),
    ],
)
def test_a_held_branch_goes_on_while_another_is_at_work(
    play: Play, acting: Acting, held: dict[str, object], after_ms: int
) -> None:
    acting.failing = {"mail": 1}
    slow = {"tag": "slow", "events": [event("charge", {"ms": 30_000})]}
    quick = {"tag": "quick", "events": [held, event("ship")]}

    async def scenario(harness: Harness) -> int:
        since_ms = harness.clock.now_ms()
        receipt = await harness.ductape.processor.job.dispatch(a_job("order"))
        await harness.sleep(1_000)
        await harness.ductape.features.signal(receipt["job_id"], "paid")
        await harness.until(lambda: "ship" in acting.tags)
        shipped_ms = harness.clock.now_ms() - since_ms
        await until_status(harness, receipt["job_id"], "completed")
        return shipped_ms

    late_ms = play(scenario, a_feature(slow, quick)) - after_ms
    assert 0 <= late_ms <= 600
    assert acting.tags.count("charge") == 1


def test_a_child_is_undone_with_its_parent(play: Play, acting: Acting) -> None:
    acting.failing = {"ship": 9}
    child = {**in_order(event("charge", rollback={"event": "refund"})), "tag": "paying"}
    nap = {"tag": "nap", "type": "sleep", "input": {"ms": 60_000}}
    feature = in_order({"type": "child", "event": "paying"}, nap, event("ship"))
    assert isinstance(play(outcome_of(), child, feature), JobFailed)
    assert acting.tags == ["charge", "ship", "refund"]


def test_a_child_may_sleep(play: Play, acting: Acting) -> None:
    nap = {"tag": "nap", "type": "sleep", "input": {"ms": 60_000}}
    child = {**in_order(event("charge"), nap, event("mail")), "tag": "paying"}
    play(outcome_of(), child, in_order({"type": "child", "event": "paying"}, event("ship")))
    assert acting.tags == ["charge", "mail", "ship"]


def test_a_feature_finishes_on_the_version_it_began_with(play: Play, acting: Acting) -> None:
    nap = {"tag": "nap", "type": "sleep", "input": {"ms": 60_000}}
    before = in_order(nap, event("charge", {"version": 1}))

    async def scenario(harness: Harness) -> None:
        receipt = await harness.ductape.processor.job.dispatch(a_job("order"))
        await until_status(harness, receipt["job_id"], "scheduled")
        after = in_order(nap, event("ship", {"version": 2}))
        await harness.ductape.products.apply({**PRODUCT, "features": [after]})
        await harness.ductape.processor.job.wait(receipt["job_id"])

    play(scenario, before)
    assert acting.calls == [("charge", {"version": 1})]


def test_a_feature_runs_at_once(play: Play) -> None:
    async def scenario(harness: Harness) -> object:
        data = {key: value for key, value in a_job("order").items() if key != "start_at"}
        return await harness.ductape.processor.feature.run(data)

    assert (
        play(scenario, in_order(event("charge"), output="$Sequence{main}{charge}{id}"))
        == "charge-1"
    )


def test_a_step_may_be_answered_by_a_cache(play: Play, acting: Acting) -> None:
    def asks(tag: str, n: int) -> dict[str, object]:
        return event("charge", {"n": n}, tag=tag, cache="quick")

    async def scenario(harness: Harness) -> None:
        job = harness.ductape.processor.job
        first = await job.schedule(a_job("order"))
        assert await job.schedule(a_job("order")) == first
        [entry, _] = await harness.ductape.caches.values(
            {
                "product_tag": "shop",
                "cache_tag": "quick",
                "component_tag": "charge",
                "component_type": "job",
            }
        )
        assert entry["value"]["id"] == "charge-1"
        await harness.sleep(6_000)
        await job.schedule(a_job("order"))

    play(scenario, in_order(asks("a", 1), asks("b", 1), asks("c", 2)))
    assert [given for _, given in acting.calls] == [{"n": 1}, {"n": 2}, {"n": 1}, {"n": 2}]


def test_large_results_count_against_their_steps(play: Play, acting: Acting) -> None:
    @acting.handlers.job("large")
    async def large() -> str:
        return "x" * 200_000

    @acting.handlers.job("too_large")
    async def too_large() -> list[str]:
        return ["x" * 600_000] * 2

    many = [event("large", tag=f"s{at}") for at in range(8)]
    assert play(outcome_of(), in_order(*many, output="ok")) == "ok"
    error = play(outcome_of(), in_order(event("too_large")))
    assert isinstance(error, JobFailed)
    assert error.error["code"] == "RESULT_TOO_LARGE"


def test_a_worker_that_stops_leaves_a_feature_to_the_next(play: Play, acting: Acting) -> None:
    feature = in_order(event("charge"), event("ship", {"ms": 60_000}), event("mail"))

    async def scenario(harness: Harness) -> list[str]:
        receipt = await harness.ductape.processor.job.dispatch(a_job("order", timeout=90_000))
        await harness.sleep(1_000)
        async with harness.neighbour():
            await harness.ductape._workers["default"].stop(grace_ms=100)
            view = await until_status(harness, receipt["job_id"], "completed")
        return [attempt["status"] for attempt in view["attempts"]]

    assert play(scenario, feature) == ["interrupted", "completed"]
    assert acting.tags == ["charge", "ship", "ship", "mail"]


def test_a_recurring_feature_is_cancelled_and_undone(play: Play, acting: Acting) -> None:
    nap = {"tag": "nap", "type": "sleep", "input": {"ms": 10_000_000}}
    feature = in_order(event("charge", rollback={"event": "refund"}), nap)

    async def scenario(harness: Harness) -> None:
        job = a_job("order", repeat={"every": 60_000})
        job_id = (await harness.ductape.processor.job.dispatch(job))["job_id"]
        await harness.sleep(200_000)
        assert acting.tags == ["charge"]
        await harness.ductape.jobs.pause(job_id)
        await harness.ductape.jobs.resume(job_id)
        await harness.ductape.jobs.cancel(job_id)
        await harness.sleep(200_000)
        view = await harness.ductape.jobs.get(job_id)
        assert (view["status"], view["execution_count"]) == ("cancelled", 1)

    play(scenario, feature)
    assert acting.tags == ["charge", "refund"]


def test_sensitive_results_are_sealed_and_shown_to_their_owner(play: Play) -> None:
    feature = in_order(event("charge", {"card": "4111-1111"}), event("ship"), sensitive=True)

    async def scenario(harness: Harness) -> None:
        job = harness.ductape.processor.job
        job_id = (await job.dispatch(a_job("order")))["job_id"]
        assert (await job.wait(job_id))["main"]["charge"]["given"] == {"card": "4111-1111"}  # type: ignore[index,call-overload]
        record = await harness.ductape.core.store.steps.of_run(job_id, 1)
        assert "4111" not in str(record)
        [charge, _] = await steps_of(harness, job_id)
        assert charge["result"]["given"] == {"card": "4111-1111"}  # type: ignore[index,call-overload]

    play(scenario, feature)


def test_a_feature_that_has_begun_does_not_expire_while_it_sleeps(
    play: Play, acting: Acting
) -> None:
    nap = {"tag": "nap", "type": "sleep", "input": {"ms": 120_000}}

    async def scenario(harness: Harness) -> None:
        expires = harness.clock.now_ms() + 60_000
        await harness.ductape.processor.job.schedule(a_job("order", expires_at=expires))

    play(scenario, in_order(nap, event("ship")))
    assert acting.tags == ["ship"]


@pytest.mark.parametrize("tried", ["step", "run", "rollback"])
def test_what_now_brings_into_a_step_is_the_same_in_all_of_its_tries(
    play: Play, acting: Acting, tried: str
) -> None:
    """They carry one idempotency key, under which a provider expects one body."""
    retries = 0 if tried == "run" else 2
    stamped = event("charge", {"at": "$Now()"}, retries=retries)
    feature = in_order(event("ship"), stamped)
    acting.failing = {"charge": 2}
    if tried == "rollback":
        undo = {"event": "refund", "input": {"at": "$Now()"}, "retries": 2}
        feature = in_order(event("charge", rollback=undo), event("ship"))
        acting.failing = {"refund": 2, "ship": 9}
    play(outcome_of(retries=2 if tried == "run" else 0), feature)
    tag = "refund" if tried == "rollback" else "charge"
    stamps = [given for one, given in acting.calls if one == tag]
    assert len(stamps) == 3
    assert stamps[1:] == stamps[:-1]


@pytest.mark.parametrize("ms", [1e300, 2**63, -1, "soon"])
def test_a_sleep_that_no_calendar_has_fails_its_feature(
    play: Play, acting: Acting, ms: object
) -> None:
    nap = {"type": "sleep", "input": {"ms": "$Input{ms}"}}
    undone = in_order(event("charge", rollback={"event": "refund"}), nap)
    error = play(outcome_of(input={"ms": ms}), undone)
    assert isinstance(error, JobFailed)
    assert error.error["code"] == "VALIDATION_ERROR"
    assert acting.tags == ["charge", "refund"]

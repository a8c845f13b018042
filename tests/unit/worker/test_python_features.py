"""Features in Python: recorded steps are replayed, changed code is told, in virtual time."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from ductape import FeatureContext, Handlers, JobCancelled, JobFailed, StepFailed
from ductape.testing import Harness, run
from tests.unit.worker.builders import PRODUCT, a_job, until_status

T = TypeVar("T")
Body = Callable[[dict[str, Any], FeatureContext], Awaitable[object]]
MINUTE_MS = 60_000


class Notes:
    """What was done, in order."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.failing = 0

    def does(self, what: str, result: object = None) -> Callable[..., object]:
        def do(*given: object) -> object:
            self.done.append(" ".join([what, *map(str, given)]))
            return result

        return do

    def fails(self) -> None:
        self.done.append("fail")
        if self.failing:
            self.failing -= 1
            raise RuntimeError("no")


@pytest.fixture
def notes() -> Notes:
    return Notes()


def registered(body: Body, notes: Notes) -> Handlers:
    handlers = Handlers()
    handlers.feature("order")(body)

    @handlers.job("charge")
    async def charge(given: dict[str, Any]) -> dict[str, Any]:
        notes.done.append(f"charge {given}")
        return {"id": "c1"}

    return handlers


@pytest.fixture
def play(folder: Path, notes: Notes) -> Callable[..., Any]:
    def played(body: Body, scenario: Callable[[Harness], Awaitable[T]]) -> T:
        return run(scenario, folder, handlers=registered(body, notes), product=PRODUCT)

    return played


async def scheduled(harness: Harness, **parts: object) -> object:
    try:
        return await harness.ductape.processor.job.schedule(a_job("order", **parts))
    except (JobFailed, JobCancelled) as error:
        return error


Play = Callable[..., Any]


def test_steps_events_and_the_result(play: Play, notes: Notes) -> None:
    async def order(given: dict[str, Any], ctx: FeatureContext) -> object:
        total = await ctx.step("total", lambda a, b: a + b, given["a"], 2)
        charged = await ctx.job("charge", {"amount": total})
        return {"charged": charged, "key": ctx.idempotency_key.partition(":")[2]}

    async def scenario(harness: Harness) -> object:
        return await scheduled(harness, input={"a": 1})

    assert play(order, scenario) == {"charged": {"id": "c1"}, "key": "1"}
    assert notes.done == ["charge {'amount': 3}"]


def test_what_has_finished_is_replayed_after_a_sleep(play: Play, notes: Notes) -> None:
    calls = 0

    async def order(ctx: FeatureContext) -> object:
        nonlocal calls
        calls += 1
        one = await ctx.step("pick", notes.does("pick", {"n": 1}))
        await ctx.sleep(MINUTE_MS)
        again = await ctx.step("pick", notes.does("pick", {"n": 2}))
        await ctx.sleep(MINUTE_MS)
        return [one, again]

    async def scenario(harness: Harness) -> object:
        began_ms = harness.clock.now_ms()
        result = await scheduled(harness)
        assert harness.clock.now_ms() - began_ms >= 2 * MINUTE_MS
        return result

    assert play(order, scenario) == [{"n": 1}, {"n": 2}]
    assert notes.done == ["pick", "pick"]
    assert calls == 3


def test_branches_go_on_while_one_sleeps(play: Play, notes: Notes) -> None:
    async def order(ctx: FeatureContext) -> object:
        async def naps() -> None:
            await ctx.sleep(MINUTE_MS)
            await ctx.step("late", notes.does("late"))

        async def works() -> None:
            await ctx.step("a", notes.does("a"))
            await ctx.step("b", notes.does("b"))

        async with asyncio.TaskGroup() as group:
            group.create_task(naps())
            group.create_task(works())
        return await ctx.step("end", notes.does("end", "done"))

    assert play(order, scheduled) == "done"
    assert notes.done == ["a", "b", "late", "end"]


def test_a_branch_that_was_held_goes_on_while_another_is_at_work(play: Play, notes: Notes) -> None:
    async def long() -> None:
        notes.done.append("long begins")
        await asyncio.sleep(MINUTE_MS / 2_000)
        notes.done.append("long ends")

    async def order(ctx: FeatureContext) -> object:
        async def short() -> object:
            await ctx.sleep(2_000)
            await ctx.step("slept", notes.does("slept"))
            said = await ctx.signal("go")
            await ctx.step("heard", notes.does("heard"))
            return said

        said, _ = await asyncio.gather(short(), ctx.step("long", long))
        return said

    async def scenario(harness: Harness) -> object:
        job_id = (await harness.ductape.processor.job.dispatch(a_job("order")))["job_id"]
        await harness.until(lambda: "slept" in notes.done)
        await harness.ductape.features.signal(job_id, "go", {"by": "Ada"})
        return await harness.ductape.processor.job.wait(job_id)

    assert play(order, scenario) == {"by": "Ada"}
    assert notes.done == ["long begins", "slept", "heard", "long ends"]


def test_a_new_step_waits_for_a_branch_with_much_to_replay(play: Play, notes: Notes) -> None:
    async def order(ctx: FeatureContext) -> object:
        async def few() -> None:
            await ctx.sleep(MINUTE_MS, name="nap")
            await ctx.step("new", notes.does("new"))

        async def many() -> None:
            for number in range(100):
                await ctx.step(f"step {number}", notes.does("step"))
            await ctx.sleep(2 * MINUTE_MS, name="rest")

        await asyncio.gather(few(), many())
        return "done"

    assert play(order, scheduled) == "done"
    assert notes.done == ["step"] * 100 + ["new"]


def test_a_signal_is_waited_for(play: Play) -> None:
    async def order(ctx: FeatureContext) -> object:
        return await ctx.signal("approved", timeout=3_600_000)

    async def scenario(harness: Harness) -> object:
        receipt = await harness.ductape.processor.job.dispatch(a_job("order"))
        await until_status(harness, receipt["job_id"], "scheduled")
        await harness.ductape.features.signal(receipt["job_id"], "approved", {"by": "ada"})
        return await harness.ductape.processor.job.wait(receipt["job_id"])

    assert play(order, scenario) == {"by": "ada"}


def test_the_job_s_retries_go_on_at_the_step_that_failed(play: Play, notes: Notes) -> None:
    notes.failing = 2

    async def order(ctx: FeatureContext) -> object:
        await ctx.step("first", notes.does("first"))
        await ctx.step("fail", notes.fails)
        return "ok"

    async def scenario(harness: Harness) -> object:
        return await scheduled(harness, retries=2)

    assert play(order, scenario) == "ok"
    assert notes.done == ["first", "fail", "fail", "fail"]


def test_code_that_catches_a_failure_finds_it_again_in_a_replay(play: Play, notes: Notes) -> None:
    notes.failing = 1

    async def order(ctx: FeatureContext) -> object:
        try:
            await ctx.step("fail", notes.fails)
        except Exception as error:  # noqa: BLE001 (as people write)
            said = str(error)
            await ctx.sleep(MINUTE_MS)
            return said
        return "no failure"

    assert play(order, scheduled) == "step `fail`: no"
    assert notes.done == ["fail"]


def test_a_failure_undoes_what_has_finished(play: Play, notes: Notes) -> None:
    notes.failing = 9

    async def order(ctx: FeatureContext) -> object:
        await ctx.step("a", notes.does("a", "A"), undo=notes.does("undo"))
        await ctx.step("b", notes.does("b", "B"), undo=notes.does("undo"))
        await ctx.step("fail", notes.fails)

    assert isinstance(play(order, scheduled), JobFailed)
    assert notes.done == ["a", "b", "fail", "undo B", "undo A"]


def test_cancelling_undoes_what_has_finished(play: Play, notes: Notes) -> None:
    async def order(ctx: FeatureContext) -> object:
        await ctx.step("a", notes.does("a", "A"), undo=notes.does("undo"))
        await ctx.signal("never")
        await ctx.step("b", notes.does("b"))

    async def scenario(harness: Harness) -> None:
        receipt = await harness.ductape.processor.job.dispatch(a_job("order"))
        await until_status(harness, receipt["job_id"], "scheduled")
        await harness.ductape.jobs.cancel(receipt["job_id"], reason="no more")
        await until_status(harness, receipt["job_id"], "cancelled")

    play(order, scenario)
    assert notes.done == ["a", "undo A"]


@pytest.mark.parametrize("what", ["renamed", "kind", "ended"])
def test_code_that_does_not_match_the_record_is_told(play: Play, notes: Notes, what: str) -> None:
    changed = False

    async def order(ctx: FeatureContext) -> object:
        if not changed:
            await ctx.step("charge", notes.does("charge"))
            await ctx.sleep(MINUTE_MS)
        elif what == "renamed":
            await ctx.step("bill", notes.does("bill"))
        elif what == "kind":
            await ctx.job("charge", {})
        return "ended"

    async def scenario(harness: Harness) -> object:
        nonlocal changed
        receipt = await harness.ductape.processor.job.dispatch(a_job("order", retries=5))
        await until_status(harness, receipt["job_id"], "scheduled")
        changed = True
        return (await until_status(harness, receipt["job_id"], "failed"))["last_error"]

    error = play(order, scenario)
    assert "does not match what its run has recorded" in error["message"]
    assert "expected step `charge` (step)" in error["message"]
    found = {"renamed": "found `bill` (step)", "kind": "found `charge` (job)", "ended": "the end"}
    assert found[what] in error["message"]
    assert notes.done == ["charge"]


def test_a_step_has_its_time_out_and_may_fail(play: Play) -> None:
    async def order(ctx: FeatureContext) -> object:
        return await ctx.step("long", asyncio.sleep, 60, timeout=1_000, allow_fail=True)

    result = play(order, scheduled)
    assert result["error"]["code"] == "TIMEOUT"


def test_a_step_that_failed_for_good_may_be_handled(play: Play, notes: Notes) -> None:
    async def order(ctx: FeatureContext) -> object:
        try:
            await ctx.step("pay", notes.fails, retries=1)
        except StepFailed as failed:
            notes.done.append(failed.code)
            told = failed.error
            await ctx.step("tell", notes.does("tell"))
            return {key: told[key] for key in ("code", "message", "type")}
        return "paid"

    notes.failing = 2
    result = play(order, scheduled)
    message = "step `pay`: no"
    assert result == {"code": "HANDLER_ERROR", "message": message, "type": "RuntimeError"}
    assert notes.done == ["fail", "fail", "HANDLER_ERROR", "tell"]


def test_a_product_may_declare_it(folder: Path, notes: Notes) -> None:
    async def order(given: dict[str, Any]) -> object:
        return given["n"]

    product = {
        **PRODUCT,
        "features": [{"tag": "order", "handler": "python", "input": {"n": {"type": "INTEGER"}}}],
    }

    async def scenario(harness: Harness) -> object:
        return await scheduled(harness, input={"n": 3})

    assert run(scenario, folder, handlers=registered(order, notes), product=product) == 3


UNDONE_BY_ITSELF = {
    "tag": "paying",
    "sequence": [
        {
            "tag": "main",
            "events": [
                {"event": "charge", "rollback": {"event": "charge", "input": {"back": True}}},
                {"event": "nap", "type": "sleep", "input": {"ms": "$Input{ms}"}},
            ],
        }
    ],
}


def with_children(body: Body, notes: Notes) -> Handlers:
    handlers = registered(body, notes)

    @handlers.feature("kid")
    async def kid(given: dict[str, Any], ctx: FeatureContext) -> str:
        await ctx.step("toy", notes.does("toy"), undo=notes.does("no toy"))
        await ctx.sleep(given["ms"])
        return "grown"

    return handlers


@pytest.mark.parametrize("ms", [0, MINUTE_MS])
@pytest.mark.parametrize(
    ("child", "undone"), [("kid", "no toy None"), ("paying", "charge {'back': True}")]
)
def test_a_child_is_undone_with_its_parent(
    folder: Path, notes: Notes, child: str, undone: str, ms: int
) -> None:
    """Whether it has finished, or was left in the middle."""

    async def body(_: dict[str, Any], ctx: FeatureContext) -> None:
        await ctx.step("first", notes.does("first"), undo=notes.does("not first"))
        await ctx.child(child, {"ms": ms})
        await ctx.sleep(MINUTE_MS)

    async def scenario(harness: Harness) -> None:
        job = harness.ductape.processor.job
        receipt = await job.dispatch(a_job("order"))
        await harness.sleep(10_000)
        await harness.ductape.jobs.cancel(receipt["job_id"])
        await until_status(harness, receipt["job_id"], "cancelled")

    product = {**PRODUCT, "features": [UNDONE_BY_ITSELF]}
    run(scenario, folder, handlers=with_children(body, notes), product=product)
    assert notes.done[0] == "first"
    assert notes.done[2:] == [undone, "not first None"]


def test_a_finished_child_is_undone_once_where_its_parent_fails(folder: Path, notes: Notes) -> None:
    async def body(_: dict[str, Any], ctx: FeatureContext) -> None:
        await ctx.child("kid", {"ms": 0})
        raise RuntimeError("no")

    async def scenario(harness: Harness) -> None:
        receipt = await harness.ductape.processor.job.dispatch(a_job("order", retries=1))
        await until_status(harness, receipt["job_id"], "failed")

    run(scenario, folder, handlers=with_children(body, notes), product=PRODUCT)
    assert notes.done == ["toy", "no toy None"]


def test_the_input_is_the_same_in_every_replay(play: Play, notes: Notes) -> None:
    """What `$Now()` brings into it, too: it is when the feature first began."""

    async def order(given: dict[str, Any], ctx: FeatureContext) -> None:
        notes.done.append(str(given["at"]))
        await ctx.sleep(MINUTE_MS)

    play(order, lambda harness: scheduled(harness, input={"at": "$Now()"}))
    assert len(notes.done) == 2
    assert len(set(notes.done)) == 1


@pytest.mark.parametrize("held", ["sleep", "signal"])
@pytest.mark.parametrize("ms", [1e300, float("nan"), -1])
def test_a_time_that_no_calendar_has_is_refused(play: Play, held: str, ms: float) -> None:
    async def order(_: dict[str, Any], ctx: FeatureContext) -> None:
        await (ctx.sleep(ms) if held == "sleep" else ctx.signal("go", timeout=ms))  # pyright: ignore[reportArgumentType] (what a user may write)

    error = play(order, scheduled)
    assert isinstance(error, JobFailed)
    assert error.error["code"] == "VALIDATION_ERROR"


@pytest.mark.parametrize("names", [["pick", "pick#2", "pick"], ["pick", "pick", "pick#2"]])
def test_a_step_whose_name_looks_numbered_answers_for_no_other(
    play: Play, names: list[str]
) -> None:
    async def order(_: dict[str, Any], ctx: FeatureContext) -> list[object]:
        picked = [await ctx.step(name, lambda at=at: at) for at, name in enumerate(names)]
        await ctx.sleep(MINUTE_MS)
        return picked

    assert play(order, scheduled) == [0, 1, 2]

"""Running events inside of a run: their own keys and checkpoints, the run's time and its masks."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

import pytest

from ductape.domain.job import Claim
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.request import JobEventTypes
from ductape.domain.target import Target
from ductape.errors import ProviderError, ReferenceMissing, ValidationError
from ductape.ports.handler import Handler, Invocation
from ductape.ports.invoke import Call
from ductape.ports.stores.memory import Memory
from ductape.ports.stores.steps import Steps
from ductape.services.intake.injection import Injected, SessionData
from ductape.services.sealing import Sealing
from ductape.worker.attempt.held import Held
from ductape.worker.attempt.invoking import DEEPEST, Around, engine_of
from ductape.worker.attempt.preparing import Preparing
from ductape.worker.attempt.step_cache import StepCache
from ductape.worker.attempt.step_log import StepLog
from tests.builders import a_run
from tests.unit.handlers.builders import FixedClock, RecordingContext

Body = Callable[[Invocation], Awaitable[JsonValue]]

PLAIN = Target(kind=JobEventTypes.JOB, event="outer", definition={}, digest=b"")


class Prepared:
    """Stands for what resolves events: a job of that name, or with a colon an action."""

    def __init__(self, sensitive: tuple[str, ...] = ()) -> None:
        self.sensitive = sensitive

    async def prepare_call(self, claim: Claim, call: Call, outer: Injected) -> Injected:
        assert claim.run.spec.product == "orders"
        kind = JobEventTypes.ACTION if ":" in call.event else JobEventTypes.JOB
        target = Target(kind=kind, event=call.event, definition={}, digest=b"")
        return Injected(target, call.input, self.sensitive, outer.session)


class Attempt:
    """An attempt of a run whose calls are all answered by one body."""

    def __init__(
        self,
        body: Body,
        *,
        checkpoint: JsonValue = None,
        sensitive: tuple[str, ...] = (),
        session: SessionData | None = None,
    ) -> None:
        self.held = Held(Claim(a_run()), deadline_ms=FixedClock.now + 5_000)
        self.context = RecordingContext(last_checkpoint=checkpoint)
        preparing, clock = cast("Preparing", Prepared(sensitive)), FixedClock()
        around = Around(
            self.held,
            preparing,
            {JobEventTypes.JOB: cast("Handler", body)},
            clock,
            self.context,
            StepLog(self.held, cast("Steps", None), clock, cast("Sealing", None)),
            StepCache(cast("Memory", None), preparing, clock),
        )
        self.engine = engine_of(around, Injected(PLAIN, {}, session=session))


def call(event: str = "inner", path: str = "first", **given: JsonValue) -> Call:
    return Call(event=event, input=given, path=path)


async def test_a_call_gets_its_input_as_it_is_and_a_key_of_its_own() -> None:
    async def body(invocation: Invocation) -> JsonValue:
        assert invocation.context.idempotency_key == "job-1:1:first"
        return [invocation.target.event, invocation.input]

    given: JsonObject = {"text": "$Secret{never}"}
    assert await Attempt(body).engine.invoke(call(**given)) == ["inner", given]


async def test_a_call_within_a_call_has_the_whole_way_in_its_key() -> None:
    async def body(invocation: Invocation) -> JsonValue:
        if invocation.target.event == "last":
            return invocation.context.idempotency_key
        return await invocation.engine.invoke(call("last", "second"))

    assert await Attempt(body).engine.invoke(call()) == "job-1:1:first/second"


async def test_calls_that_go_round_in_a_circle_end() -> None:
    depth = 0

    async def body(invocation: Invocation) -> JsonValue:
        nonlocal depth
        depth += 1
        return await invocation.engine.invoke(call())

    with pytest.raises(ValidationError, match="at most 8 events deep"):
        await Attempt(body).engine.invoke(call())
    assert depth == DEEPEST - 1


async def test_a_call_of_another_kind_is_refused() -> None:
    async def body(_: Invocation) -> JsonValue:
        raise AssertionError

    wrong = Call(event="inner", input={}, path="first", kind=JobEventTypes.ACTION)
    with pytest.raises(ValidationError, match="kind action"):
        await Attempt(body).engine.invoke(wrong)


async def test_no_run_makes_a_delivery() -> None:
    async def body(_: Invocation) -> JsonValue:
        raise AssertionError

    with pytest.raises(ValidationError, match="a webhook, which the system calls"):
        await Attempt(body).engine.invoke(call("webhook:partner"))


async def test_a_call_that_takes_too_long_is_broken_off() -> None:
    ended: list[str] = []

    async def body(_: Invocation) -> JsonValue:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("broken off")

    slow = Call(event="inner", input={}, path="first", timeout_ms=10)
    with pytest.raises(ProviderError, match="`first` took longer") as caught:
        await Attempt(body).engine.invoke(slow)
    assert caught.value.code == "TIMEOUT"
    assert ended == ["broken off"]


async def test_a_time_out_within_a_call_is_its_own() -> None:
    async def body(_: Invocation) -> JsonValue:
        raise TimeoutError("the partner's own")

    patient = Call(event="inner", input={}, path="first", timeout_ms=60_000)
    with pytest.raises(TimeoutError, match="the partner's own"):
        await Attempt(body).engine.invoke(patient)


async def test_a_calls_deadline_is_never_past_the_runs() -> None:
    seen: list[int] = []

    async def body(invocation: Invocation) -> JsonValue:
        seen.append(invocation.context.deadline_ms - FixedClock.now)
        return None

    engine = Attempt(body).engine
    for timeout_ms in (None, 1_000, 60_000):
        await engine.invoke(Call(event="inner", input={}, path="a", timeout_ms=timeout_ms))
    assert seen == [5_000, 1_000, 5_000]


async def test_checkpoints_of_calls_stand_beside_one_another() -> None:
    async def body(invocation: Invocation) -> JsonValue:
        seen = invocation.context.last_checkpoint
        await invocation.context.checkpoint({"of": invocation.target.event})
        return [seen, invocation.context.last_checkpoint]

    attempt = Attempt(body, checkpoint={"first": "earlier"})
    answers = await asyncio.gather(
        attempt.engine.invoke(call("one", "first")), attempt.engine.invoke(call("two", "second"))
    )
    assert answers == [["earlier", {"of": "one"}], [None, {"of": "two"}]]
    assert attempt.context.checkpoints[-1] == {"first": {"of": "one"}, "second": {"of": "two"}}


async def test_what_a_call_brought_in_is_masked_in_the_run() -> None:
    async def body(_: Invocation) -> JsonValue:
        return None

    attempt = Attempt(body, sensitive=("s3cret-token",))
    await attempt.engine.invoke(call())
    assert "s3cret-token" in attempt.held.sensitive


async def test_what_a_handler_got_is_masked_in_the_run_as_well() -> None:
    async def body(invocation: Invocation) -> JsonValue:
        invocation.engine.hide(("token-12345", "token-12345"))
        return None

    attempt = Attempt(body, sensitive=("s3cret",))
    await attempt.engine.invoke(call())
    assert attempt.held.sensitive == ("s3cret", "token-12345")


async def test_a_mapping_is_filled_from_what_is_given_and_from_the_session() -> None:
    async def body(_: Invocation) -> JsonValue:
        return None

    attempt = Attempt(body, session=SessionData("user", {"email": "ada@example.org"}))
    filled = attempt.engine.mapped(
        {"to": "$Session{user}{email}", "id": "$Input{order}{id}", "plain": "$5"},
        {"Input": {"order": {"id": 7}}},
    )
    assert filled == {"to": "ada@example.org", "id": 7, "plain": "$5"}
    assert "ada@example.org" in attempt.held.sensitive


async def test_a_mapping_that_points_at_nothing_says_where() -> None:
    async def body(_: Invocation) -> JsonValue:
        return None

    with pytest.raises(ReferenceMissing, match=r"Input\{gone\}"):
        Attempt(body).engine.mapped({"a": "$Input{gone}"}, {"Input": {}})

"""SPEC 8: a registry of Python functions, what they take, see and return."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypedDict, TypeVar

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.request import JobEventTypes
from ductape.errors import Conflict, NotFound, ResultTooLarge, ValidationError
from ductape.handlers.python import AsyncContext, Handlers, PythonHandler, ThreadContext, merge
from ductape.handlers.python.results import json_result
from ductape.ports.handler import Abort, Retry
from tests.unit.handlers.builders import RecordingContext, an_invocation

T = TypeVar("T")


class RealThreads:
    """The event loop's own pool."""

    async def run(self, function: Callable[[], T]) -> T:
        return await asyncio.to_thread(function)


@dataclass
class Line:
    sku: str
    count: int = 1


class Order(msgspec.Struct, rename="camel"):
    order_id: int
    lines: list[Line] = []


class Person(TypedDict):
    name: str


async def called(
    handlers: Handlers,
    given: JsonObject,
    *,
    needs: str = "job:t",
    context: RecordingContext | None = None,
) -> JsonValue:
    kind = JobEventTypes(needs.partition(":")[0])
    invocation = an_invocation(kind, {}, given, needs=needs, context=context)
    return await PythonHandler([handlers], RealThreads())(invocation)


def registered(function: Callable[..., object]) -> Handlers:
    handlers = Handlers()
    handlers.job("t")(function)
    return handlers


async def test_an_async_function_gets_the_input_and_its_context() -> None:
    handlers, context = Handlers(), RecordingContext(last_checkpoint=[1])

    @handlers.job("t")
    async def work(given: JsonObject, run: AsyncContext) -> JsonObject:
        await run.progress(1, 2, "half")
        await run.checkpoint({"at": 1})
        run.heartbeat()
        facts: list[JsonValue] = [run.job_id, run.run, run.attempt, run.deadline, run.cancelled]
        return {"given": given, "facts": facts, "last": run.last_checkpoint}

    result = await called(handlers, {"a": 1}, context=context)
    facts = ["job-1", 1, 1, context.deadline_ms, False]
    assert result == {"given": {"a": 1}, "facts": facts, "last": [1]}
    assert (context.told, context.checkpoints, context.beats) == ([(1, 2, "half")], [{"at": 1}], 1)


async def test_a_sync_function_runs_off_the_event_loop_with_the_same_context() -> None:
    handlers, context = Handlers(), RecordingContext()
    loop = asyncio.get_running_loop()

    @handlers.job("t")
    def work(given: JsonObject, ctx: ThreadContext) -> JsonObject:
        with pytest.raises(RuntimeError):
            asyncio.get_running_loop()
        ctx.progress(1)
        ctx.checkpoint("half")
        ctx.heartbeat()
        facts: list[JsonValue] = [ctx.idempotency_key, ctx.cancelled, ctx.last_checkpoint]
        return {"given": given, "facts": facts}

    assert await called(handlers, {"a": 1}, context=context) == {
        "given": {"a": 1},
        "facts": ["job-1:1", False, None],
    }
    assert asyncio.get_running_loop() is loop
    assert (context.told, context.checkpoints, context.beats) == ([(1, None, None)], ["half"], 1)


async def test_the_context_goes_where_the_function_wants_it() -> None:
    def bare() -> str:
        return "bare"

    def only_context(ctx: ThreadContext) -> str:
        return ctx.job_id

    def context_first(context: ThreadContext, given: JsonObject) -> list[JsonValue]:
        return [context.job_id, given]

    def keyword(given: JsonObject, *, ctx: ThreadContext) -> list[JsonValue]:
        return [ctx.job_id, given]

    def third(given: JsonObject, factor: int = 2, ctx: ThreadContext | None = None) -> list[object]:
        return [given, factor, ctx and ctx.job_id]

    assert await called(registered(bare), {"a": 1}) == "bare"
    assert await called(registered(only_context), {}) == "job-1"
    assert await called(registered(context_first), {"a": 1}) == ["job-1", {"a": 1}]
    assert await called(registered(keyword), {"a": 1}) == ["job-1", {"a": 1}]
    assert await called(registered(third), {"a": 1}) == [{"a": 1}, 2, "job-1"]


async def test_callables_of_every_make_are_taken() -> None:
    class Counter:
        async def __call__(self, given: Line) -> int:
            return given.count

        def method(self, given: Line) -> int:
            return given.count + 1

    async def add(number: int, given: JsonObject) -> JsonValue:
        return [number, given]

    assert await called(registered(Counter()), {"sku": "a", "count": 3}) == 3
    assert await called(registered(Counter().method), {"sku": "a"}) == 2
    assert await called(registered(partial(add, 5)), {"a": 1}) == [5, {"a": 1}]
    assert await called(registered(len), {"a": 1}) == 1


def test_a_function_that_wants_more_is_refused_when_registered() -> None:
    def greedy(given: JsonObject, ctx: object, database: object) -> None: ...

    with pytest.raises(ValidationError, match="database"):
        registered(greedy)


async def test_the_input_is_typed_where_the_function_says_so() -> None:
    async def order(given: Order) -> int:
        return given.order_id + given.lines[0].count

    async def person(given: Person) -> str:
        return given["name"]

    assert await called(registered(order), {"orderId": 1, "lines": [{"sku": "a"}]}) == 2
    assert await called(registered(person), {"name": "Ada"}) == "Ada"


async def test_every_field_that_does_not_fit_is_told_at_its_path() -> None:
    async def order(given: Order) -> None: ...

    with pytest.raises(ValidationError) as raised:
        await called(registered(order), {"orderId": "one", "lines": [{"sku": "a"}, {"sku": 2}]})
    assert [(one["path"], one["expected"], one["found"]) for one in raised.value.errors] == [
        ("input.orderId", "int", "str"),
        ("input.lines[1].sku", "str", "int"),
    ]
    with pytest.raises(ValidationError) as missing:
        await called(registered(order), {"lines": 1})
    assert [one["path"] for one in missing.value.errors] == ["input.orderId", "input.lines"]


def test_an_annotation_that_names_nothing_is_told_at_once() -> None:
    async def order(given: "Nowhere") -> None: ...  # noqa: F821 (the point)

    with pytest.raises(ValidationError, match="Nowhere"):
        PythonHandler([registered(order)], RealThreads())


async def test_an_annotation_that_only_a_type_checker_sees_does_no_harm() -> None:
    async def order(given: Line, ctx: "Nowhere") -> list[JsonValue]:  # noqa: F821 (the point)
        return [given.count, ctx.run]

    assert await called(registered(order), {"sku": "a"}) == [1, 1]


async def test_a_function_is_called_with_the_payload() -> None:
    handlers = Handlers()

    @handlers.function("t")
    async def work(payload: Line) -> str:
        return payload.sku

    assert await called(handlers, {"payload": {"sku": "a"}}, needs="function:t") == "a"
    with pytest.raises(ValidationError) as raised:
        await called(handlers, {"payload": {"sku": 1}}, needs="function:t")
    assert raised.value.path == "input.payload.sku"


async def test_what_a_function_raises_comes_out_as_it_is() -> None:
    async def again(_: object) -> None:
        raise Retry(after=500, reason="busy")

    def never(_: object) -> None:
        raise Abort("hopeless")

    with pytest.raises(Retry) as retry:
        await called(registered(again), {})
    assert (retry.value.after_ms, str(retry.value)) == (500, "busy")
    with pytest.raises(Abort, match="hopeless"):
        await called(registered(never), {})


@pytest.mark.parametrize("after", [-1, True, float("nan"), float("inf"), 10**30, "5"])
def test_a_retry_waits_a_span_that_there_is(after: float) -> None:
    with pytest.raises(ValidationError):
        Retry(after=after)


def test_a_retry_waits_whole_milliseconds() -> None:
    assert Retry(after=1.5).after_ms == 2


def test_a_decorated_function_stays_itself_and_a_tag_is_given_once() -> None:
    handlers = Handlers()

    def work() -> None: ...

    assert handlers.job("t")(work) is work
    handlers.function("t")(work)
    assert handlers.tags() == {"job:t", "function:t"}
    with pytest.raises(Conflict, match="job:t"):
        handlers.job("t")(work)
    with pytest.raises(ValidationError):
        handlers.job("")


def test_registries_share_nothing_and_merge_only_without_a_clash() -> None:
    one, two = Handlers(), Handlers()
    one.job("a")(len)
    two.job("b")(len)
    assert merge(one, two).tags() == {"job:a", "job:b"}
    assert one.tags() == {"job:a"}
    two.job("a")(len)
    with pytest.raises(Conflict):
        merge(one, two)


async def test_a_tag_that_nobody_registered_names_what_there_is() -> None:
    with pytest.raises(NotFound, match="job:t"):
        await called(registered(len), {}, needs="job:other")


def test_dataclasses_structs_and_tuples_become_json() -> None:
    order = Order(order_id=1, lines=[Line("a")])
    assert json_result((order, None)) == [{"orderId": 1, "lines": [{"sku": "a", "count": 1}]}, None]


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"a": [1, float("nan")]}, "result.a[1]"),
        (float("inf"), "result"),
        ({"a": b"x"}, "result.a"),
        ({1, 2}, "result"),
        ({1: "a"}, "result[1]"),
        (Line("\ud800"), "result.sku"),
        (2**64, "result"),
        (object(), "result"),
        (Line, "result"),
    ],
)
def test_what_json_cannot_carry_is_refused_at_its_path(value: object, path: str) -> None:
    with pytest.raises(ValidationError) as raised:
        json_result(value)
    assert raised.value.path == path


def test_a_result_that_contains_itself_is_refused() -> None:
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(ValidationError, match="levels"):
        json_result(endless)


def test_a_result_is_at_most_one_mebibyte_as_json() -> None:
    assert json_result("x" * (2**20 - 2)) == "x" * (2**20 - 2)
    with pytest.raises(ResultTooLarge) as raised:
        json_result("x" * (2**20 - 1))
    assert raised.value.code == "RESULT_TOO_LARGE"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text("aé𝄞"),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab"), inner),
        max_leaves=10,
    )
)
def test_json_comes_back_as_it_went_in(value: JsonValue) -> None:
    assert json_result(value) == value


@pytest.mark.parametrize("tag", [lambda: None, 5, None, b"x"])
def test_a_decorator_without_its_tag_says_how_it_is_written(tag: object) -> None:
    for decorator in (Handlers().job, Handlers().function, Handlers().feature):
        with pytest.raises(ValidationError, match="tag: expected a tag") as caught:
            decorator(tag)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        assert '("' in str(caught.value.hint)


@pytest.mark.parametrize("function", [dict, 5, None])
def test_what_cannot_be_called_as_a_handler_is_refused(function: object) -> None:
    with pytest.raises(ValidationError, match="expected a function"):
        Handlers().job("odd")(function)  # type: ignore[type-var]  # pyright: ignore[reportArgumentType]

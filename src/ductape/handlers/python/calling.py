"""Executes jobs, functions and features by calling a registered Python function (SPEC 8, 9)."""

from asyncio import get_running_loop
from collections.abc import Awaitable, Iterable
from typing import cast

from ductape.domain.jsonvalue import JsonValue
from ductape.domain.request import JobEventTypes
from ductape.errors import NotFound
from ductape.handlers.python.containing import CONTAINED
from ductape.handlers.python.context import AsyncContext, ThreadContext
from ductape.handlers.python.feature_context import FeatureContext
from ductape.handlers.python.features import run_feature
from ductape.handlers.python.inputs import checked_type, typed_input
from ductape.handlers.python.registry import Handlers, Registered, merge
from ductape.handlers.python.results import LONGEST_RESULT, json_result
from ductape.ports.handler import Context, Invocation
from ductape.ports.threads import Threads


class PythonHandler:
    """`ports.handler.Handler` for everything whose target needs a registered function."""

    def __init__(self, registries: Iterable[Handlers], threads: Threads) -> None:
        """Take the registries and where sync functions run.

        Raises `Conflict` for a tag of two registries, `ValidationError` for an input's annotation
        that cannot be resolved.
        """
        self._handlers = merge(*registries)
        self._input_types = {
            tag: checked_type(one.input_type()) for tag, one in self._handlers.items()
        }
        self._threads = threads

    def tags(self) -> frozenset[str]:
        """Return what this worker can do, as `job:tag`."""
        return self._handlers.tags()

    async def __call__(self, invocation: Invocation) -> JsonValue:
        """Call the function and return its result.

        Raises `ValidationError` for an input or a result that does not fit, `ResultTooLarge` far
        beyond what the store takes (the worker sees to what is only a little beyond it),
        `NotFound` for a tag that nobody registered, and whatever the function raises.
        """
        tag, registered = self._found(invocation)
        given, path = _given(invocation)
        wanted = self._input_types[tag]
        typed = given if wanted is None else typed_input(given, wanted, path)
        if invocation.target.kind is JobEventTypes.FEATURE:
            return await self._featured(registered, typed, invocation)
        result = await self._called(registered, typed, invocation.context)
        return json_result(result, most_bytes=LONGEST_RESULT)

    @staticmethod
    async def _featured(registered: Registered, given: object, invocation: Invocation) -> JsonValue:
        def body(context: FeatureContext) -> Awaitable[object]:
            return cast("Awaitable[object]", registered.call(given, context))

        return await run_feature(invocation, body)

    async def _called(self, registered: Registered, given: object, engine: Context) -> object:
        with CONTAINED:
            if registered.is_async:
                seen = AsyncContext.of(engine) if registered.wants_context else None
                return await cast("Awaitable[object]", registered.call(given, seen))
            context = ThreadContext.of(engine, get_running_loop())
            return await self._threads.run(lambda: registered.call(given, context))

    def _found(self, invocation: Invocation) -> tuple[str, Registered]:
        tag = invocation.target.needs or f"{invocation.target.kind}:{invocation.target.event}"
        registered = self._handlers.find(tag)
        if registered is None:
            known = ", ".join(sorted(self.tags())) or "none"
            raise NotFound(f"no handler {tag} in this process; registered are: {known}", path=tag)
        return tag, registered


def _given(invocation: Invocation) -> tuple[JsonValue, str]:
    """Return what the function is called with, and its path: a function gets the payload."""
    if invocation.target.kind is JobEventTypes.FUNCTION:
        return invocation.input.get("payload"), "input.payload"
    return invocation.input, "input"

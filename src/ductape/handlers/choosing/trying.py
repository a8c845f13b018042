"""How options are tried: by this attempt alone, or as steps of the run that outlive it."""

from collections.abc import Callable

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.outcome import Failure
from ductape.handlers.choosing.lasting import Lasting
from ductape.handlers.choosing.options import Options
from ductape.ports.handler import Invocation
from ductape.ports.invoke import Engine


class AtOnce:
    """The options of one attempt, none of which calls a feature: an answer alone is kept."""

    def __init__(self, options: Options, engine: Engine, whole: JsonObject) -> None:
        """Try options of a fallback or quota that was called with `whole`."""
        self._options = options
        self._engine = engine
        self._whole = whole

    async def unwind_if_told(self) -> None:
        """Leave what was done: nothing of it can be undone."""

    def under_way(self) -> int | None:
        """Return none: each attempt begins anew."""

    async def answer(self, at: int, until_ms: Callable[[], int]) -> tuple[JsonValue] | Failure:
        """Try the option at a place, as `Options.answer` does."""
        return await self._options.answer(at, self._whole, until_ms=until_ms())

    async def keep(self, name: str, answer: JsonObject) -> None:
        """Remember an answer, so that a crash calls nobody again."""
        await self._engine.remember(name, answer)

    async def give_up(self) -> None:
        """Leave it at that: nothing is recorded of what was tried."""


Trying = AtOnce | Lasting


def trying_of(options: Options, invocation: Invocation, whole: JsonObject) -> Trying:
    """Return how the options of a fallback or quota are tried that was called with `whole`."""
    if invocation.steps is None:
        return AtOnce(options, invocation.engine, whole)
    return Lasting(options, invocation.steps, invocation.engine, whole)

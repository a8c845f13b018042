"""Calling one option: behind its breaker, tried again as often as it says (SPEC 9)."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from ductape.domain.definitions.option import OptionTarget
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.outcome import Failure, Success
from ductape.domain.request import RetryPolicy
from ductape.domain.retry import delay_ms, may_retry
from ductape.errors import ProviderError, invalid
from ductape.handlers.choosing.breaking import Breaking, NotTried
from ductape.handlers.choosing.sharing import ending_ms, patience_ms, share_ms
from ductape.ports.clock import Clock
from ductape.ports.entropy import Entropy
from ductape.ports.handler import Invocation
from ductape.ports.health import Health
from ductape.ports.invoke import Call
from ductape.ports.stores.quotas import Breakers

PATIENCE = RetryPolicy(initial_delay_ms=200, max_delay_ms=5_000)
"""Between the tries of one option: somebody waits, and the next option may be well."""


@dataclass(frozen=True)
class Around:
    """What calling takes from the world."""

    breakers: Breakers
    health: Health
    clock: Clock
    entropy: Entropy


class Options:
    """The options of one attempt."""

    def __init__(
        self, around: Around, invocation: Invocation, owner: str, options: Sequence[OptionTarget]
    ) -> None:
        """Call for `owner`, as `fallback:mail`."""
        self._around = around
        self._invocation = invocation
        self._owner = owner
        self._options = options
        self.breaking = Breaking(around.breakers, around.clock, invocation, owner)
        deadline_ms = invocation.context.deadline_ms
        self.ends_ms = deadline_ms - ending_ms(deadline_ms - around.clock.now_ms())
        """Epoch ms by which all must have ended, so that what they failed with can be told."""

    def __getitem__(self, at: int) -> OptionTarget:
        """Return the option at a place."""
        return self._options[at]

    def places(self) -> range:
        """Return the places of all options."""
        return range(len(self._options))

    def now_ms(self) -> int:
        """Tell the time."""
        return self._around.clock.now_ms()

    def path_of(self, at: int) -> str:
        """Return the path of what the option at a place does in the run."""
        return f"{self._owner.replace(':', '.')}.{self._options[at].provider}"

    def place_of(self, path: str) -> int:
        """Return the place of the option whose path it is, or whose path begins it before a `#`."""
        paths = [self.path_of(at) for at in self.places()]
        return next(at for at, one in enumerate(paths) if path == one or path.startswith(f"{one}#"))

    def share_until_ms(self, at: int) -> int:
        """Return until when an option may be tried (epoch ms), so that those after it have time."""
        now_ms = self._around.clock.now_ms()
        return now_ms + share_ms(self._options, at, max(self.ends_ms - now_ms, 0))

    def given(self, at: int, whole: JsonObject, at_ms: int | None = None) -> JsonObject:
        """Return what the option at a place is called with, if that began at an instant.

        Without one it began with what calls it: every try sends the same, under the same key.

        Raises `ReferenceMissing` or `ValidationError` where its mapping cannot be filled.
        """
        mapping = self._mapping(at, "input")
        if mapping is None:
            return whole
        engine = self._invocation.engine
        filled = engine.mapped(mapping, {"Input": whole}, at_ms=at_ms or engine.began_at_ms)
        if not isinstance(filled, dict):
            raise invalid("definition.input", "a mapping that gives an object", "another value")
        return filled

    def made(self, at: int, whole: JsonObject, response: JsonValue) -> JsonValue:
        """Return what the option's output mapping makes of an answer.

        An answer that is no object stands there as `$Response{value}`. Raises as `given` does.
        """
        mapping = self._mapping(at, "output")
        if mapping is None:
            return response
        answer: JsonObject = response if isinstance(response, dict) else {"value": response}
        return self._invocation.engine.mapped(mapping, {"Input": whole, "Response": answer})

    async def answer(
        self, at: int, whole: JsonObject, *, until_ms: int
    ) -> tuple[JsonValue] | Failure:
        """Try the option at a place, all tries within a time (epoch ms); map its answer.

        Raises `NotTried` where its breaker is open, or its healthcheck failed, `ValidationError`
        where a mapping cannot be filled.
        """
        outcome = await self._called(at, self.given(at, whole), until_ms=until_ms)
        if isinstance(outcome, Failure):
            return outcome
        return (self.made(at, whole, outcome.result),)

    async def _called(self, at: int, given: JsonObject, *, until_ms: int) -> Success | Failure:
        option = self._options[at]
        await self.refuse_ill(option)
        failures = 0
        last: Failure | None = None
        while await self.breaking.admitted(option, after=last):
            left_ms = until_ms - self._around.clock.now_ms()
            timeout_ms = patience_ms(option, option.retries + 1 - failures, left_ms)
            call = self.call_of(at, given, self.path_of(at), timeout_ms)
            outcome = await self._tried(option, call)
            if isinstance(outcome, Success):
                return outcome
            last, failures = outcome, failures + 1
            wait_ms = self._wait(failures, outcome)
            if not may_retry(PATIENCE, option.retries, failures, outcome) or wait_ms is None:
                break
            if self._around.clock.now_ms() + wait_ms >= until_ms:
                break
            await asyncio.sleep(wait_ms / 1000)
        return cast("Failure", last)

    async def _tried(self, option: OptionTarget, call: Call) -> Success | Failure:
        try:
            outcome = await self._invocation.engine.tried(call)
        except BaseException:  # stopped: a further attempt asks its breaker anew
            await self.breaking.let_go(option)
            raise
        await self.breaking.tell(option, outcome)
        return outcome

    def call_of(self, at: int, given: JsonObject, path: str, timeout_ms: int | None) -> Call:
        """Make the call of the option at a place: another takes its part where it fails."""
        option = self._options[at]
        return Call(
            event=option.event,
            input=given,
            path=path,
            app=option.app,
            kind=option.kind,
            timeout_ms=timeout_ms,
            may_fail=True,
        )

    async def refuse_ill(self, option: OptionTarget) -> None:
        """Raise `NotTried` where the option's healthcheck failed."""
        key, invocation = option.healthcheck, self._invocation
        if key is None:
            return
        if await self._around.health.ill(invocation.product, invocation.env, key):
            raise NotTried("UNHEALTHY", "its healthcheck failed: skipped until it succeeds")

    def _wait(self, failures: int, failure: Failure) -> int | None:
        """Return how long to wait before the next try; none where that is too long."""
        least_ms = failure.retry_after_ms
        if least_ms is not None and least_ms > PATIENCE.max_delay_ms:
            return None
        return delay_ms(PATIENCE, failures, self._around.entropy.draw(), least_ms or 0)

    def _mapping(self, at: int, name: str) -> JsonValue:
        listed = cast("list[JsonObject]", self._invocation.target.mappings.get("options") or [])
        return listed[at].get(name) if at < len(listed) else None


def failed_with(failure: Failure) -> ProviderError:
    """Make the error of a failure again, for the run that it is a part of."""
    error = failure.error
    return ProviderError(
        error.code,
        error.message,
        retry_after_ms=failure.retry_after_ms,
        details=error.details,
    )

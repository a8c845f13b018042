"""Executes a fallback: its options in order, until one answers (SPEC 9).

An answer is remembered before it is returned, so that a crash in between calls nobody again.
"""

from collections.abc import Iterator
from functools import partial
from typing import cast

import msgspec

from ductape.domain.definitions.fallback import FallbackTarget
from ductape.domain.definitions.option import OptionTarget
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.outcome import Failure
from ductape.errors import ProviderError, ValidationError
from ductape.handlers.choosing.breaking import SKIPPED, NotTried
from ductape.handlers.choosing.options import Around, Options
from ductape.handlers.choosing.trying import trying_of
from ductape.ports.handler import Invocation

ANSWER = "answer"
LONGEST_REASON = 500
"""Characters of what an option failed with."""


class FallbackHandler:
    """`ports.handler.Handler` for the kind `fallback`."""

    def __init__(self, around: Around) -> None:
        """Ask the fleet's breakers and healthchecks."""
        self._around = around

    async def __call__(self, invocation: Invocation) -> JsonValue:
        """Return the first answer: its mapped output, `provider`, and `failures` before it.

        Raises `ProviderError` with the code of the last option that was tried, where all failed.
        """
        kept = invocation.engine.remembered(ANSWER)
        if kept is not None:
            return kept
        target = msgspec.convert(invocation.target.definition, FallbackTarget)
        options = Options(self._around, invocation, f"fallback:{target.tag}", target.options)
        trying = trying_of(options, invocation, invocation.input)
        await trying.unwind_if_told()
        tried = _Tried(target)
        for at, option in enumerate(target.options):
            try:
                output = await trying.answer(at, partial(options.share_until_ms, at))
            except (NotTried, ValidationError) as error:
                tried.pass_over(option, error.code, error.message)
                continue
            if isinstance(output, Failure):
                tried.fail(option, output)
                continue
            result = tried.result(option, output[0])
            await trying.keep(ANSWER, result)
            return result
        await trying.give_up()
        raise tried.error()


class _Tried:
    """What became of the options so far."""

    def __init__(self, target: FallbackTarget) -> None:
        self._target = target
        self._failures: list[JsonObject] = []
        self._last: Failure | None = None
        self._waits: list[int | None] = []

    def pass_over(self, option: OptionTarget, code: str, message: str) -> None:
        """Note an option that was not called, or whose answer is of no use."""
        said = message[:LONGEST_REASON]
        self._failures.append({"provider": option.provider, "code": code, "message": said})

    def fail(self, option: OptionTarget, failure: Failure) -> None:
        """Note an option that failed."""
        self._last = failure
        self._waits.append(failure.retry_after_ms)
        self.pass_over(option, failure.error.code, failure.error.message)

    def result(self, option: OptionTarget, output: JsonValue) -> JsonObject:
        """Join an option's output with who it is from, and why it is not from another."""
        whole: JsonObject = dict(output) if isinstance(output, dict) else {"output": output}
        whole["provider"] = option.provider
        if self._failures:
            whole["failures"] = [*self._failures]
        return whole

    def error(self) -> ProviderError:
        """Make the error that tells of all."""
        code = self._last.error.code if self._last else self._code_of_none()
        waits = [wait for wait in self._waits if wait is not None]
        soonest = min(waits) if waits and len(waits) == len(self._target.options) else None
        return ProviderError(
            code,
            f"no option of `{self._target.tag}` answered: {'; '.join(self._said())}",
            retry_after_ms=soonest,
            details={"failures": [*self._failures]},
        )

    def _code_of_none(self) -> str:
        """Return the code where nobody was called: another attempt may meet one that is well."""
        codes = [str(failure["code"]) for failure in self._failures]
        return "SERVICE_UNAVAILABLE" if SKIPPED & {*codes} else codes[-1]

    def _said(self) -> Iterator[str]:
        for failure in self._failures:
            yield f"{failure['provider']}: {failure['code']}, {cast('str', failure['message'])}"

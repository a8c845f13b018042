"""Running other events inside of a run: what features, fallbacks and pointing jobs ask of a worker.

Whoever invokes leaves the run's checkpoint to what it invokes: each call keeps its own in there.
"""

from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.outcome import Failure, Success
from ductape.domain.request import JobEventTypes


class Call(Struct, frozen=True):
    """One event to run as a part of a run."""

    event: str
    input: JsonObject
    """Whole: what looks like a reference in it is plain text."""
    path: str
    """Its place in the run, as `fallback.sendgrid`: the same in every attempt, and no other's."""
    app: str | None = None
    kind: JobEventTypes | None = None
    """What it must be; none takes any."""
    timeout_ms: int | None = None
    """Besides the attempt's own."""
    cache: str | None = None
    """The tag of a cache whose results may answer it."""
    may_fail: bool = False
    """Whether the run goes on where it fails: a feature undoes at once what it has done then."""
    tries_left: int = 0
    """How often it is called again where it fails: a feature undoes nothing before the last."""
    undoes: bool = False
    """Of a feature: to undo what it has done; raises `Unwound` at the end."""

    def __repr__(self) -> str:
        """Keep the input out of every log and traceback."""
        return f"Call(event={self.event!r}, path={self.path!r})"


class Engine(Protocol):
    """What an attempt may ask of the worker that it runs on."""

    def mapped(
        self, mapping: JsonValue, sources: Mapping[str, JsonObject], *, at_ms: int | None = None
    ) -> JsonValue:
        """Fill a definition's mapping: `$Session`, `$Variable`, `$Constant`, and `sources` by name.

        `$Now()` is `at_ms`, where that is given.

        Raises `ReferenceMissing` or `ValidationError`, as `domain.references.resolve` does.
        """
        ...

    @property
    def began_at_ms(self) -> int:
        """When what calls first began (epoch ms), in this attempt or an earlier one."""
        ...

    async def kind_of(self, call: Call) -> JobEventTypes | None:
        """Tell of what kind the event of a call is; none where it names no one event."""
        ...

    async def invoke(self, call: Call) -> JsonValue:
        """Run an event to its result, once, by its own kind's handler.

        Its idempotency key is the run's and the path. Raises what resolving, checking and the
        handler raise, `ProviderError` with `TIMEOUT`, and `Suspend` where this process lacks the
        handler.
        """
        ...

    def hide(self, texts: tuple[str, ...]) -> None:
        """Have texts masked in the run's errors: what a handler got that no definition holds."""
        ...

    async def tried(self, call: Call) -> Success | Failure:
        """Do as `invoke` does; whatever it raises is returned as a failure, its secrets masked.

        A handler that this process lacks is a failure too: the next option may answer.
        """
        ...

    def remembered(self, name: str) -> JsonValue:
        """Return what was remembered under a name, in this attempt or an earlier one."""
        ...

    async def remember(self, name: str, value: JsonValue) -> bool:
        """Store what a further attempt must not do again, beside what the calls have stored.

        False where there is no room for it: all of a run's share 64 KiB.
        """
        ...

"""How one attempt ended, as a handler or the engine reports it.

`settlement` turns an outcome into what the store records; nobody else decides about a run's fate.
"""

from msgspec import Struct

from ductape.domain.jsonvalue import JsonObject, JsonValue


class StoredError(Struct, frozen=True, omit_defaults=True):
    """An error as it is kept: already masked, bounded in size (SPEC 12)."""

    code: str
    message: str
    type: str
    """The Python class or the provider's own name for it."""
    at: int
    """Epoch ms."""
    traceback: str | None = None
    """For Python handlers only."""
    details: JsonObject | None = None
    """What a program may act on: a provider's status and answer, a quota's wait."""


class Success(Struct, frozen=True, gc=False):
    """The handler returned."""

    result: JsonValue


class Failure(Struct, frozen=True):
    """The attempt failed."""

    error: StoredError
    retry_after_ms: int | None = None
    """A lower bound for the next attempt, as the provider or the handler asked."""
    final: bool = False
    """Not to be tried again, whatever the policy says (`Abort`)."""
    again: bool = False
    """To be tried again although the code is not retried as a rule (`Retry`)."""


class Cancelled(Struct, frozen=True):
    """A person or a program ended the run."""

    reason: str | None = None


class Lost(Struct, frozen=True):
    """The worker died, or held the run past its deadline."""

    reason: str


class Interrupted(Struct, frozen=True):
    """A worker sent the run back, as when it stops: no attempt is counted."""

    begun: bool = True
    """Whether the handler may have been called."""


class Cached(Struct, frozen=True):
    """An equal run's result answers this one: no attempt is made."""

    result: JsonValue


class Suspended(Struct, frozen=True):
    """The run waits, in nobody's hands, and goes on where it left off: no attempt is counted."""

    until_ms: int | None = None
    """Epoch ms at which it goes on; none where only a signal makes it."""
    lacks: str | None = None
    """The handler tag that the worker lacked: one that has it goes on."""
    undoing: bool = False
    """Whether it undoes what it has done: that it is to stop makes it due no sooner."""


class Parked(Struct, frozen=True):
    """An equal run is being executed: this one waits for it."""

    cache_key: bytes


class Expired(Struct, frozen=True):
    """The run's `expires_at` passed before it could start."""


Outcome = Success | Failure | Cancelled | Lost | Interrupted | Cached | Suspended | Expired

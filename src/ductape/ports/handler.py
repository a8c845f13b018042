"""What executes one attempt: a handler takes an invocation and returns its result, or raises.

Raise `ProviderError` for what the outside world did, `ValidationError` and its kin for a bad
input; anything else is the handler's own fault and is recorded as `HANDLER_ERROR`.
"""

from typing import Protocol

from msgspec import Struct

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.target import Target
from ductape.errors import invalid
from ductape.ports.invoke import Engine
from ductape.ports.steps import Steps


class Context(Protocol):
    """What a handler may ask and tell while it runs."""

    job_id: str
    run: int
    attempt: int
    deadline_ms: int
    """Epoch ms at which the attempt is cut off."""
    idempotency_key: str
    """The same for every attempt of a run."""

    @property
    def cancelled(self) -> bool:
        """Whether somebody asked this run to stop."""
        ...

    @property
    def last_checkpoint(self) -> JsonValue:
        """What an earlier attempt of this run checkpointed; none if nothing."""
        ...

    async def checkpoint(self, value: JsonValue) -> None:
        """Store partial success at once, at most 64 KiB, for the next attempt."""
        ...

    async def progress(
        self, done: float, total: float | None = None, note: str | None = None
    ) -> None:
        """Show how far the work is."""
        ...

    def heartbeat(self) -> None:
        """Tell that the handler is alive, without any figure."""
        ...


class Invocation(Struct, frozen=True):
    """One attempt, ready to execute."""

    target: Target
    """`target.definition` has its references resolved."""
    input: JsonObject
    """References resolved; judged by whoever invokes (`domain.inputs.check_input`)."""
    product: str
    env: str
    context: Context
    engine: Engine
    """For what runs other events, or has mappings to fill."""
    steps: Steps | None = None
    """For features and what calls one: what has been done of it."""


class Handler(Protocol):
    """Executes one kind of event."""

    async def __call__(self, invocation: Invocation) -> JsonValue:
        """Execute and return the result, as JSON."""
        ...


class Retry(Exception):
    """Raised by a handler: try this run again, whatever the failure's code says (SPEC 5).

    `after` is the least wait in milliseconds, like every delay; without it the policy decides.
    The run's `retries` still bound the attempts.
    """

    def __init__(self, after: int | None = None, reason: str | None = None) -> None:
        if after is not None and (isinstance(after, bool) or after < 0):
            raise invalid("Retry.after", "milliseconds, 0 or more", repr(after))
        super().__init__(reason or "the handler asks for another attempt")
        self.after_ms = after
        self.reason = reason


class Abort(Exception):
    """Raised by a handler: this run has failed for good, no attempt is to follow (SPEC 5)."""

    def __init__(self, reason: str = "the handler gave up") -> None:
        super().__init__(reason)
        self.reason = reason

"""What executes one attempt: a handler takes an invocation and returns its result, or raises.

Raise `ProviderError` for what the outside world did, `ValidationError` and its kin for a bad
input; anything else is the handler's own fault and is recorded as `HANDLER_ERROR`.
"""

from math import ceil
from typing import Protocol

from msgspec import Struct

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.target import Target
from ductape.errors import invalid
from ductape.ports.invoke import Engine
from ductape.ports.steps import Steps

LONGEST_AFTER_MS = 315_360_000_000
"""How long a handler may ask to be waited before another attempt: ten years."""


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


class Quit(Exception):
    """A function raised what is meant to end a program, as `SystemExit` is; its run only fails."""

    def __init__(self, raised: BaseException) -> None:
        super().__init__(type(raised).__name__)
        self.raised = raised


class Retry(Exception):
    """Raised by a handler: try this run again, whatever the failure's code says (SPEC 5).

    `after` is the least wait in milliseconds, like every delay, at most ten years; without it the
    policy decides. The run's `retries` still bound the attempts.
    """

    def __init__(self, after: float | None = None, reason: str | None = None) -> None:
        if after is not None and not _is_a_wait(after):
            raise invalid("Retry.after", f"milliseconds from 0 to {LONGEST_AFTER_MS}", repr(after))
        super().__init__(reason or "the handler asks for another attempt")
        self.after_ms = None if after is None else ceil(after)
        self.reason = reason

    def __reduce__(self) -> tuple[object, ...]:
        """Go to other processes whole: a handler may have its work done by a pool of them."""
        return Exception.__new__, (type(self), *self.args), vars(self)


def _is_a_wait(given: object) -> bool:
    """Tell whether a stranger gave a span; NaN is in no range."""
    if isinstance(given, bool) or not isinstance(given, (int, float)):
        return False
    return 0 <= given <= LONGEST_AFTER_MS


class Abort(Exception):
    """Raised by a handler: this run has failed for good, no attempt is to follow (SPEC 5)."""

    def __init__(self, reason: str = "the handler gave up") -> None:
        super().__init__(reason)
        self.reason = reason

"""Invocations and the contexts that they run in."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ductape.domain.inputs import check_input
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.outcome import Failure, Success
from ductape.domain.request import JobEventTypes
from ductape.domain.target import Target
from ductape.errors import ValidationError
from ductape.ports.handler import Invocation
from ductape.ports.invoke import Call
from ductape.ports.tokens import TokenWish


@dataclass
class FixedClock:
    """A clock that stands still until somebody moves it."""

    now: int = 1_800_000_000_000

    def now_ms(self) -> int:
        return self.now


@dataclass
class RecordingContext:
    """A context that keeps what a handler tells it."""

    job_id: str = "job-1"
    run: int = 1
    attempt: int = 1
    deadline_ms: int = FixedClock.now + 5_000
    idempotency_key: str = "job-1:1"
    cancelled: bool = False
    last_checkpoint: JsonValue = None
    checkpoints: list[JsonValue] = field(default_factory=list[JsonValue])
    told: list[tuple[float, float | None, str | None]] = field(
        default_factory=list[tuple[float, float | None, str | None]]
    )
    beats: int = 0

    async def checkpoint(self, value: JsonValue) -> None:
        self.checkpoints.append(value)

    async def progress(
        self, done: float, total: float | None = None, note: str | None = None
    ) -> None:
        self.told.append((done, total, note))

    def heartbeat(self) -> None:
        self.beats += 1


@dataclass
class NoEngine:
    """An engine for handlers that ask nothing of it but to mask."""

    hidden: tuple[str, ...] = ()
    began_at_ms: int = FixedClock.now

    def mapped(
        self, mapping: JsonValue, sources: Mapping[str, JsonObject], *, at_ms: int | None = None
    ) -> JsonValue:
        raise NotImplementedError

    async def invoke(self, call: Call) -> JsonValue:
        raise NotImplementedError

    def hide(self, texts: tuple[str, ...]) -> None:
        self.hidden += texts

    async def tried(self, call: Call) -> Success | Failure:
        raise NotImplementedError

    def remembered(self, name: str) -> JsonValue:
        raise NotImplementedError

    async def remember(self, name: str, value: JsonValue) -> bool:
        raise NotImplementedError


@dataclass
class NoTokens:
    """What hands out tokens, for handlers that need none."""

    async def get(self, wish: TokenWish) -> str:
        raise NotImplementedError

    def drop(self, token: str) -> None:
        raise NotImplementedError


def judged(invocation: Invocation) -> Invocation:
    """Judge an attempt's input, as whoever invokes a handler does; raises `ValidationError`."""
    if faults := check_input(invocation.target, invocation.input, resolved=True):
        raise ValidationError(faults)
    return invocation


def an_invocation(
    kind: JobEventTypes,
    definition: JsonObject,
    given: JsonObject,
    *,
    context: RecordingContext | None = None,
    engine: NoEngine | None = None,
    needs: str | None = None,
) -> Invocation:
    """Build one attempt, references resolved."""
    target = Target(kind=kind, event="event", definition=definition, digest=b"", needs=needs)
    return Invocation(
        target=target,
        input=given,
        product="shop",
        env="prd",
        context=context or RecordingContext(),
        engine=engine or NoEngine(),
    )

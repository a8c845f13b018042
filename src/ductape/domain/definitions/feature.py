"""What the handler of features decodes of a declared one. Spans are milliseconds."""

from typing import Literal

from msgspec import Struct, field

from ductape.domain.jsonvalue import JsonObject, JsonValue

RollbackMode = Literal["reverse_all", "critical_only", "none"]
"""Which finished steps are undone when the feature fails or is cancelled, the last one first."""


class UndoTarget(Struct, frozen=True):
    """What undoes a finished step."""

    event: str
    type: str = "event"
    app: str | None = None
    input: JsonObject = field(default_factory=dict[str, JsonValue])
    retries: int = 0
    timeout: int | None = None


class StepTarget(Struct, frozen=True):
    """One step."""

    tag: str
    type: str = "event"
    """A kind of event, or `sleep`, `wait`, `child`."""
    event: str = ""
    """Of `wait` the signal's name."""
    app: str | None = None
    input: JsonObject = field(default_factory=dict[str, JsonValue])
    retries: int = 0
    allow_fail: bool = False
    timeout: int | None = None
    """Of one try; of `wait` until the signal must have come."""
    cache: str | None = None
    rollback: UndoTarget | None = None
    critical: bool = False


class SequenceTarget(Struct, frozen=True):
    """Steps that are done one after another, once all parents have come to their ends."""

    tag: str
    events: tuple[StepTarget, ...]
    parents: tuple[str, ...] = ()

    def path_of(self, step: StepTarget) -> str:
        """Name a step of it in the run."""
        return f"{self.tag}.{step.tag}"


class FeatureTarget(Struct, frozen=True):
    """A whole feature."""

    sequence: tuple[SequenceTarget, ...]
    output: JsonValue = None
    """A mapping; none stands for every step's result by its sequence and tag."""
    rollback: RollbackMode = "reverse_all"

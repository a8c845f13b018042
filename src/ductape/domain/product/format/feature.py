"""Features as a product's document declares them, and the rules about them (SPEC 9, "Features")."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, Struct, field

from ductape.domain.definitions.feature import RollbackMode
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.product.format.words import Filled, Name, Span, Tag, Words
from ductape.domain.request import JobEventTypes

HELD: frozenset[str] = frozenset({"sleep", "wait"})
"""Steps that run no event."""

EventType: TypeAlias = Literal[
    "action", "notification", "database_action", "storage", "function", "feature", "publish",
    "subscribe", "quota", "fallback", "job", "child",
]  # fmt: skip
StepType: TypeAlias = Literal[
    "action", "notification", "database_action", "storage", "function", "feature", "publish",
    "subscribe", "quota", "fallback", "job", "child", "sleep", "wait",
]  # fmt: skip

Retries: TypeAlias = Annotated[int, Meta(ge=0, le=1000, description="an integer from 0 to 1000")]


class Undo(Struct, frozen=True):
    """What undoes a finished step."""

    event: Filled
    type: EventType | None = None
    app: Tag | None = None
    input: JsonObject = field(default_factory=dict[str, JsonValue])
    """A mapping, as a step's; the step's own result is there too."""
    retries: Retries = 0
    timeout: Span | None = None
    """In milliseconds, of one try."""


class FeatureEvent(Struct, frozen=True):
    """One step."""

    event: Filled | None = None
    """What it runs; of `wait` the signal's name, which is the tag where it is left out."""
    tag: Tag | None = None
    """Its name in the sequence; the event's where it is left out."""
    type: StepType | None = None
    app: Tag | None = None
    input: JsonObject = field(default_factory=dict[str, JsonValue])
    """A mapping of `$Input`, `$Sequence`, `$Session`; of `sleep` `{ms}` or `{until}`."""
    retries: Retries = 0
    allow_fail: bool = False
    timeout: Span | None = None
    """In milliseconds: of one try, or of a `wait`."""
    cache: Tag | None = None
    """The tag of a cache whose results may answer the step."""
    rollback: Undo | None = None
    critical: bool = False

    @property
    def known_as(self) -> str:
        """Its name in its sequence."""
        return self.tag or self.event or self.type or ""


class Sequence(Struct, frozen=True):
    """Steps that are done one after another."""

    tag: Tag
    events: tuple[FeatureEvent, ...]
    parents: tuple[Tag, ...] = ()
    """The sequences that must be done before it begins."""


class Feature(Struct, frozen=True):
    """A durable sequence of events, declared or written in Python."""

    tag: Tag
    name: Name | None = None
    description: Words | None = None
    handler: Literal["python"] | None = None
    input: JsonObject = field(default_factory=dict[str, JsonValue])
    """Field → `{type, required, minlength, maxlength}`."""
    sequence: tuple[Sequence, ...] = ()
    output: JsonValue = None
    rollback: RollbackMode = "reverse_all"
    sensitive: bool = False


def kind_in(kinds: Mapping[str, JobEventTypes], event: FeatureEvent | Undo) -> str:
    """Return the kind of a step's event, where it says none and one address alone is called so."""
    if event.type is not None:
        return event.type
    found = kinds.get(event.event or "")
    return "event" if found is None else found.value


def steps_of(feature: Feature) -> Iterator[tuple[str, Sequence, FeatureEvent]]:
    """Yield every step with its place below the feature."""
    for at, sequence in enumerate(feature.sequence):
        for place, event in enumerate(sequence.events):
            yield f"sequence[{at}].events[{place}]", sequence, event

"""What quotas and fallbacks choose from: options, each another event of the product (SPEC 9)."""

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Literal, Protocol, TypeAlias

from msgspec import Meta, Struct, field

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.limits.breaker import COOLDOWN_MS, FAILURES
from ductape.domain.limits.quota import Algorithm, Period
from ductape.domain.parsing.scalars import SPAN_MAX_MS
from ductape.domain.product.format.words import Filled, Name, Retries, Span, Tag, Words

CallKind: TypeAlias = Literal[
    "action",
    "notification",
    "database_action",
    "storage",
    "publish",
    "function",
    "feature",
    "quota",
    "fallback",
    "job",
]
"""What one event may call: all that end by themselves."""

Count: TypeAlias = Annotated[
    int, Meta(ge=1, le=10**15, description="an integer above 0, at most 10^15")
]
Interval: TypeAlias = Annotated[
    int, Meta(ge=0, le=SPAN_MAX_MS, description="an integer, 0 or more, at most a hundred years")
]

Executions: TypeAlias = Annotated[
    int, Meta(ge=1, le=10_000, description="an integer from 1 to 10000")
]
Failures: TypeAlias = Annotated[int, Meta(ge=1, le=1_000, description="an integer from 1 to 1000")]
Weight: TypeAlias = Annotated[float, Meta(ge=0, le=1e9, description="a number, 0 or more")]


class Breaking(Struct, frozen=True):
    """When a provider that keeps failing is skipped."""

    failures: Failures = FAILURES
    """So many in a row."""
    cooldown: Span = COOLDOWN_MS
    """In milliseconds, until one call tries it again."""


class QuotaOption(Struct, frozen=True):
    """One provider that calls are spread over."""

    type: CallKind
    event: Filled
    tag: Tag | None = None
    app: Tag | None = None
    weight: Weight = 1
    """Its share of the calls, beside the weights of the others."""
    input: JsonValue = None
    """What it is called with, of `$Input{…}`; left out, the quota's own input."""
    timeout: Span | None = None
    """In milliseconds; left out, what is left of the attempt."""
    healthcheck: Tag | None = None
    """Which one must not have failed for this to be called."""
    breaker: Breaking = Breaking()


class QuotaEnv(Struct, frozen=True):
    """What differs of a quota in one env."""

    slug: Tag
    limit: Count | None = None


class Quota(Struct, frozen=True):
    """How much one subject may use in one period, or whose turn it is, or both."""

    tag: Tag
    name: Name | None = None
    description: Words | None = None
    limit: Count | None = None
    period: Period | None = None
    per: tuple[Filled, ...] = ()
    """The fields of the input that tell subjects apart; none counts for all together."""
    algorithm: Algorithm = "fixed"
    tz: Filled = "UTC"
    """Whose calendar days, weeks and months are of."""
    options: tuple[QuotaOption, ...] = ()
    sensitive: bool = False
    envs: tuple[QuotaEnv, ...] = ()


class FallbackOption(Struct, frozen=True):
    """One way to do it."""

    type: CallKind
    event: Filled
    tag: Tag | None = None
    app: Tag | None = None
    input: JsonValue = None
    """What it is called with, of `$Input{…}`; left out, the fallback's own input."""
    output: JsonValue = None
    """What is made of its answer, of `$Response{…}`; left out, the answer itself."""
    retries: Retries = 0
    """How often it is tried again before the next option is."""
    timeout: Span | None = None
    """In milliseconds, of each try; left out, its share of the attempt's time."""
    healthcheck: Tag | None = None
    """Which one must not have failed for this to be called."""
    breaker: Breaking = Breaking()


class Fallback(Struct, frozen=True):
    """Several ways to do one thing, tried in order."""

    tag: Tag
    options: tuple[FallbackOption, ...]
    name: Name | None = None
    description: Words | None = None
    input: dict[str, JsonObject] = field(default_factory=dict[str, JsonObject])
    """What the input must be: field → `{type, required, minlength, maxlength}`."""
    sensitive: bool = False


class Named(Protocol):
    """What an option is told apart by."""

    @property
    def tag(self) -> str | None:
        """Its own name."""
        ...

    @property
    def app(self) -> str | None:
        """The app that it calls."""
        ...

    @property
    def event(self) -> str:
        """What it calls."""
        ...


def provider_names(options: Sequence[Named]) -> list[str]:
    """Return what each option is called in results: its tag, else its app, else its event.

    Options of one app are called by both.

    >>> provider_names([FallbackOption(type="action", event="send", app=app) for app in "ab"])
    ['a', 'b']
    >>> provider_names([FallbackOption(type="action", event=event, app="a") for event in "xy"])
    ['a:x', 'a:y']
    """
    short = [option.tag or option.app or option.event for option in options]
    often = Counter(short)
    return [
        name if option.tag or option.app is None or often[name] == 1 else f"{name}:{option.event}"
        for option, name in zip(options, short, strict=True)
    ]

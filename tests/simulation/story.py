"""What happens in one seed's world: who asks for what, who meddles, what breaks, and when.

Everything is drawn from the seed beforehand. Spans and instants are milliseconds; instants count
from the beginning of the story.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

from tests.simulation.requests import QUEUES, draw_request

HORIZON_MS = 30_000
PRODUCT: dict[str, object] = {
    "tag": "shop",
    "envs": [{"slug": "dev"}],
    "jobs": [{"tag": "act", "handler": "python"}],
    "caches": [{"tag": "quick", "expiry": 3_000}],
    "sessions": [
        {
            "tag": "user",
            "schema": {"id": "u1"},
            "selector": "$Session{id}",
            "expiry": 1,
            "period": "hours",
        }
    ],
}
VERBS = ("cancel", "cancel", "cancel_run", "pause", "resume", "resume", "run_now", "retry")
STEERING = ("pause", "pause", "resume", "concurrency", "concurrency", "rate", "rate")
MISHAPS = ("kill", "kill", "freeze", "freeze", "restart", "jump", "faults", "prune", "revoke")


@dataclass(frozen=True)
class Ask:
    """Somebody dispatches, or schedules and waits."""

    request: Mapping[str, object]
    waits: bool = False
    session: bool = False
    copies: int = 1
    """How many equal ones are dispatched in one batch."""
    leaves_after_ms: int | None = None
    """When a waiting caller goes away."""


@dataclass(frozen=True)
class Meddle:
    """Somebody uses a verb on one of the jobs known by then."""

    verb: str
    which: float


@dataclass(frozen=True)
class Steer:
    """Somebody holds a queue back, or lets it go."""

    verb: str
    queue: str
    limit: int | None = None
    """How many may run at a time, or start in a span; none lifts the limit."""
    per_ms: int = 1_000


@dataclass(frozen=True)
class Mishap:
    """Something breaks."""

    what: str
    which: float
    span_ms: int


Event = Ask | Meddle | Steer | Mishap


@dataclass(frozen=True)
class Story:
    """One seed's events in order, and its cast."""

    seed: int
    events: tuple[tuple[int, Event], ...]
    workers: int
    concurrency: int
    fresh_end: bool
    """Whether a new process does the rest at the end, or those that are left."""
    jumps_back: bool

    def has(self, mishap: str) -> bool:
        """Whether a mishap of a kind takes part."""
        return any(isinstance(event, Mishap) and event.what == mishap for _, event in self.events)

    @property
    def calm(self) -> bool:
        """Whether nothing breaks but what the handlers do."""
        asks = [event for _, event in self.events if isinstance(event, Ask)]
        crashes = any("crash" in str(ask.request["input"]) for ask in asks)
        mishaps = any(isinstance(event, Mishap) for _, event in self.events)
        return not crashes and not mishaps and not self.fresh_end


def tell(seed: int) -> Story:
    """Draw the story of a seed."""
    chance = Random(seed)  # noqa: S311 (repeatable on purpose)
    makers: list[Callable[[Random], Event]] = [_ask] * chance.randint(6, 14)
    makers += [_meddle] * chance.randint(0, 10)
    makers += [_steer] * chance.choice((0, 0, 2, 4, 6))
    makers += [_mishap] * chance.choice((0, 1, 2, 3, 5))
    events = [(chance.randrange(HORIZON_MS), make(chance)) for make in makers]
    events.sort(key=lambda event: event[0])
    return Story(
        seed=seed,
        events=tuple(events),
        workers=chance.choice((1, 2, 2, 3)),
        concurrency=chance.choice((1, 2, 5)),
        fresh_end=chance.random() < 0.5,
        jumps_back=any(
            isinstance(event, Mishap) and event.what == "jump" and event.which < 0.5
            for _, event in events
        ),
    )


def _ask(chance: Random) -> Ask:
    drawn = draw_request(chance)
    waits = chance.random() < 0.3
    return Ask(
        drawn.request,
        waits=waits,
        session=chance.random() < 0.15,
        copies=drawn.copies,
        leaves_after_ms=chance.randint(0, 3_000) if waits and chance.random() < 0.3 else None,
    )


def _meddle(chance: Random) -> Meddle:
    return Meddle(chance.choice(VERBS), chance.random())


def _steer(chance: Random) -> Steer:
    limit = chance.choice((1, 1, 2, 3, None))
    return Steer(chance.choice(STEERING), chance.choice(QUEUES), limit, chance.choice((700, 2_000)))


def _mishap(chance: Random) -> Mishap:
    return Mishap(chance.choice(MISHAPS), chance.random(), chance.randint(200, 9_000))

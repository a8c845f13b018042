"""What happens in one seed's world: who asks for what, who meddles, what breaks, and when.

Everything is drawn from the seed beforehand. Spans and instants are milliseconds; instants count
from the beginning of the story.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

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
QUEUES = ("a", "b")
KEYS = ("k1", "k2", "k3")
VERBS = ("cancel", "cancel", "cancel_run", "pause", "resume", "resume", "run_now", "retry")
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
class Mishap:
    """Something breaks."""

    what: str
    which: float
    span_ms: int


Event = Ask | Meddle | Mishap


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
    request: dict[str, object] = {
        "product_tag": "shop",
        "env": "dev",
        "event": "act",
        "start_at": 0,
        "queue": chance.choice(QUEUES),
        "priority": chance.choice((0, 0, 5)),
        "retries": chance.choice((0, 0, 1, 3)),
        "retryConfig": {"initialDelay": chance.choice((50, 400)), "maxDelay": 2_000},
        "timeout": chance.choice((1_000, 3_000)),
        "input": {"script": _script(chance), "n": chance.randrange(1_000_000)},
    }
    if chance.random() < 0.2:
        request["onLost"] = "fail"
    kind = chance.choice(
        (_once, _later, _expiring, _cached, _cached, _every, _every, _cron, _keyed, _twin)
    )
    kind(request, chance)
    waits = chance.random() < 0.3
    leaves = chance.randint(0, 3_000) if waits and chance.random() < 0.3 else None
    return Ask(
        request,
        waits=waits,
        session=chance.random() < 0.15,
        copies=chance.randint(2, 5) if kind is _cached else 1,
        leaves_after_ms=leaves,
    )


def _script(chance: Random) -> list[str]:
    short, long = f"{chance.choice((0, 5, 60))}", f"{chance.randint(300, 900)}"
    acts = (
        *("ok:" + short,) * 5,
        *("ok:" + long,) * 3,
        "fail:" + short,
        "fail:" + long,
        "retry:" + short,
        "abort:" + short,
        "hang",
        "stubborn",
        "checkpoint:" + short,
        "checkpoint:" + long,
        "quit:" + short,
    )
    if chance.random() < 0.03:
        return ["crash"] * chance.randint(1, 4) + ["ok:5"]
    return [chance.choice(acts) for _ in range(chance.choice((1, 1, 2, 3)))]


def _once(request: dict[str, object], chance: Random) -> None:
    del request, chance


def _later(request: dict[str, object], chance: Random) -> None:
    request["delay"] = chance.randint(1, 15_000)


def _expiring(request: dict[str, object], chance: Random) -> None:
    request["expires_in"] = chance.randint(500, 5_000)


def _cached(request: dict[str, object], chance: Random) -> None:
    request["cache"] = "quick"
    request["input"] = {"script": chance.choice((["ok:700"], ["fail:400", "ok:300"], ["hang"]))}


def _every(request: dict[str, object], chance: Random) -> None:
    repeat: dict[str, object] = {"every": chance.choice((100, 700, 2_000, 6_000))}
    match chance.choice(("limit", "limit", "end", "open")):
        case "limit":
            repeat["limit"] = chance.randint(1, 5)
        case "end":
            repeat["ends_in"] = chance.randint(1_000, 20_000)
        case _:
            # What goes on for ever must leave time for the rest.
            repeat["every"] = 20_000
            request["input"] = {"script": ["ok:20", "fail:5", "checkpoint:5"]}
    if chance.random() < 0.3:
        repeat["onFailure"] = chance.choice(("stop", "pause"))
    request["repeat"] = repeat
    if chance.random() < 0.3:
        request["delay"] = chance.randint(1, 5_000)


def _cron(request: dict[str, object], chance: Random) -> None:
    repeat: dict[str, object] = {"cron": f"*/{chance.choice((2, 5))} * * * * *"}
    repeat["limit"] = chance.randint(1, 4)
    if chance.random() < 0.3:
        repeat["immediately"] = True
    request["repeat"] = repeat


def _keyed(request: dict[str, object], chance: Random) -> None:
    request["key"] = chance.choice(KEYS)
    if chance.random() < 0.7:
        _every(request, chance)
        request.pop("delay", None)
    request["input"] = {"script": chance.choice((["ok:50"], ["fail:100", "ok:10"], ["hang"]))}


def _twin(request: dict[str, object], chance: Random) -> None:
    nth = chance.randrange(2)
    request.update(
        queue="a",
        priority=0,
        retries=1,
        retryConfig={"initialDelay": 100},
        timeout=1_000,
        repeat={"every": (900, 4_000)[nth], "limit": 4},
        input={"script": (["ok:40"], ["fail:30", "ok:20"])[nth]},
    )
    request.pop("onLost", None)


def _meddle(chance: Random) -> Meddle:
    return Meddle(chance.choice(VERBS), chance.random())


def _mishap(chance: Random) -> Mishap:
    return Mishap(chance.choice(MISHAPS), chance.random(), chance.randint(200, 9_000))

"""Drawing what somebody asks for: one request of some kind, with the script of its attempts.

Spans are milliseconds. `delay`, `expires_in` and `ends_in` count from when it is asked for.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

QUEUES = ("a", "b")
KEYS = ("k1", "k2", "k3")
GATES = {"g1": 1, "g2": 2}
"""The concurrency keys, each with its limit: the same in every request."""

Request = dict[str, object]


@dataclass(frozen=True)
class Drawn:
    """A request, and how many equal ones are dispatched in one batch."""

    request: Request
    copies: int = 1


def draw_request(chance: Random) -> Drawn:
    """Draw one of any kind."""
    request: Request = {
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
    kind = chance.choice(_KINDS)
    kind(request, chance)
    if kind in _MAY_BE_GATED and chance.random() < 0.2:
        _gated(request, chance)
    return Drawn(request, chance.randint(2, 5) if kind in (_cached, _gated) else 1)


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


def _once(request: Request, chance: Random) -> None:
    del request, chance


def _later(request: Request, chance: Random) -> None:
    request["delay"] = chance.randint(1, 15_000)


def _expiring(request: Request, chance: Random) -> None:
    request["expires_in"] = chance.randint(500, 5_000)


def _gated(request: Request, chance: Random) -> None:
    request["concurrency_key"], request["concurrency_limit"] = chance.choice([*GATES.items()])


def _cached(request: Request, chance: Random) -> None:
    request["cache"] = "quick"
    request["input"] = {"script": chance.choice((["ok:700"], ["fail:400", "ok:300"], ["hang"]))}


def _every(request: Request, chance: Random) -> None:
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


def _cron(request: Request, chance: Random) -> None:
    repeat: dict[str, object] = {"cron": f"*/{chance.choice((2, 5))} * * * * *"}
    repeat["limit"] = chance.randint(1, 4)
    if chance.random() < 0.3:
        repeat["immediately"] = True
    request["repeat"] = repeat


def _keyed(request: Request, chance: Random) -> None:
    request["key"] = chance.choice(KEYS)
    if chance.random() < 0.7:
        _every(request, chance)
        request.pop("delay", None)
    request["input"] = {"script": chance.choice((["ok:50"], ["fail:100", "ok:10"], ["hang"]))}


def _twin(request: Request, chance: Random) -> None:
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


_KINDS: tuple[Callable[[Request, Random], None], ...] = (
    _once,
    _later,
    _expiring,
    _gated,
    _gated,
    _cached,
    _cached,
    _every,
    _every,
    _cron,
    _keyed,
    _twin,
)
_MAY_BE_GATED = (_later, _expiring, _cached, _every, _cron)

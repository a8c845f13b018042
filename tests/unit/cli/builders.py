"""Requests, products and answers for the tests of the commands."""

import json
from collections.abc import Callable
from dataclasses import dataclass

PRODUCT = {
    "tag": "shop",
    "name": "Shop",
    "envs": [{"slug": "dev"}, {"slug": "prd"}],
    "jobs": [{"tag": "pack", "handler": "python"}, {"tag": "count", "handler": "python"}],
    "sessions": [
        {
            "tag": "user",
            "schema": {"id": "u1"},
            "selector": "$Session{id}",
            "expiry": 1,
            "period": "hours",
        }
    ],
    "caches": [{"tag": "stock", "expiry": 60000}],
}


@dataclass(frozen=True)
class Answer:
    """What a command left behind."""

    code: int
    out: str
    err: str

    def json(self) -> object:
        return json.loads(self.out)


Terminal = Callable[..., Answer]


def a_request(**changes: object) -> str:
    """Return a request as JSON: to pack, long from now, unless told otherwise."""
    request = {
        "product_tag": "shop",
        "env": "dev",
        "event": "pack",
        "input": {},
        "start_at": "2190-01-01T00:00:00Z",
    }
    return json.dumps(request | changes)


def scheduled(terminal: Terminal, **changes: object) -> str:
    """Schedule a job and return its id."""
    answer = terminal("schedule", "-", "--json", stdin=a_request(**changes))
    assert answer.code == 0, answer.err
    receipt = json.loads(answer.out)
    return str(receipt["job_id"])

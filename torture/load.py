"""What is asked for: short and long jobs, failing ones, recurring ones, keys and priorities."""

from random import Random

from torture.ledger import Asked

PRODUCT_TAG = "torture"
EVENTS = ("quick", "slow", "flaky", "doomed", "blocking", "tick")
PRODUCT: dict[str, object] = {
    "tag": PRODUCT_TAG,
    "envs": [{"slug": "dev"}],
    "jobs": [{"tag": tag, "handler": "python"} for tag in EVENTS],
}
RETRY_MS = 100
"""The least wait before a failed attempt is tried again."""
TIMEOUT_MS = 20_000
"""More than the longest handler and the longest freeze take together: where an outage keeps others
from taking the run over meanwhile, its own worker would rightly say that it took too long."""
LONGEST_MS = 3_000
"""How long the longest handler takes."""
SHARES = {"quick": 48, "slow": 20, "flaky": 14, "doomed": 8, "blocking": 10}
"""Of a hundred jobs."""
LATER, ONCE, KEYED, LIMITED = 0.3, 0.1, 0.2, 0.15
"""How many are due later, run at most once, have a key, may run only few at a time."""
AT_A_TIME = 2
GROUPS = 3
"""So many concurrency keys, with room for so many runs each."""

Request = dict[str, object]


def one_off(n: int, draw: Random, *, now_ms: int) -> tuple[Request, Asked]:
    """Make a request for a job that runs once, and what the ledger says of it."""
    event = draw.choices(list(SHARES), list(SHARES.values()))[0]
    due_ms = now_ms + draw.randrange(200, 3_000) if draw.random() < LATER else 0
    once = event in ("quick", "slow") and draw.random() < ONCE
    fails = draw.randrange(1, 4) if event == "flaky" else 0
    whole = _request(event, {"n": n, "ms": draw.randrange(LONGEST_MS), "fails": fails}, due_ms)
    whole["retries"] = 3 if event == "flaky" else 1 if event == "doomed" else 0
    whole["priority"] = draw.randrange(-10, 11)
    if once:
        whole["onLost"] = "fail"
    if draw.random() < KEYED:
        whole["key"] = f"key-{n}"
    group = f"group-{draw.randrange(GROUPS)}" if draw.random() < LIMITED else ""
    if group:
        whole |= {"concurrency_key": group, "concurrency_limit": AT_A_TIME}
    return whole, Asked(n, event, None, due_ms=due_ms, once=once, group=group)


def recurring(n: int, draw: Random, *, now_ms: int, left_ms: float) -> tuple[Request, Asked]:
    """Make a request for a job that recurs until the trouble is nearly over."""
    every = draw.randrange(200, 900)
    due_ms = now_ms + draw.randrange(1_000)
    limit = max(int(left_ms * draw.uniform(0.5, 0.9) / every), 3)
    whole = _request("tick", {"n": n, "ms": 0, "fails": 0}, due_ms)
    whole |= {"retries": 0, "key": f"key-{n}", "repeat": {"every": every, "limit": limit}}
    return whole, Asked(n, "tick", None, recurs=every, limit=limit, due_ms=due_ms)


def _request(event: str, given: dict[str, int], due_ms: int) -> Request:
    return {
        "product_tag": PRODUCT_TAG,
        "env": "dev",
        "event": event,
        "start_at": due_ms,
        "input": given,
        "timeout": TIMEOUT_MS,
        "retryConfig": {"initialDelay": RETRY_MS, "maxDelay": 500, "jitter": False},
    }

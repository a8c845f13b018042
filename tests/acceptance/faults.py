"""One row of the matrix of faults: a provider, and what each fault of its server comes to.

Every fault is an env of one product, and every env has one job that may be tried twice. What the
first attempt came to is told in a few words: `TIMEOUT, again` is an error worth another attempt,
`UNAUTHORIZED` one that is not, `RATE_LIMITED, after 3600 s` one with a wait that the server asked
for.
"""

import asyncio
import io
import json
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ductape import Ductape
from ductape.domain.wire import JobView
from ductape.telemetry.logs import log_to
from tests.servers.faulty import FaultyServer

Product = dict[str, object]

TIMEOUT_MS = 250
"""Of the attempts that meet a slow server."""
LATE_MS = 2_000
"""How much later than that a slow attempt may end, on a machine that has much to do."""
PATIENCE_MS = 20_000
"""Of all others: none of them needs it."""
BACKOFF_MS = 120_000
"""Before the second attempt, which nobody waits for."""
HANGS_S = 25.0

WHOLE = frozenset({"denied", "limited", "busy", "broken", "garbage", "garbled", "garbled-refusal"})
"""Whose answers end, so that the connection may be used again."""
SLOW = frozenset({"silent", "slow", "dripping", "dripping-head"})


@dataclass(frozen=True)
class Case:
    """A provider: what is declared of it, and what is asked of it."""

    product: Product
    event: str
    given: Mapping[str, object] = field(default_factory=dict[str, object])
    """The input."""
    secrets: Mapping[str, str] = field(default_factory=dict[str, str])
    """By their names in the product."""
    hidden: Sequence[str] = ()
    """What else nobody may see."""
    given_in: Mapping[str, Mapping[str, object]] = field(
        default_factory=dict[str, Mapping[str, object]]
    )
    """The input where a fault has its own."""
    event_in: Mapping[str, str] = field(default_factory=dict[str, str])
    """The event where a fault has its own."""


async def outcomes(
    case: Case,
    faults: Sequence[str],
    folder: Path,
    servers: Mapping[str, FaultyServer] | None = None,
    *,
    slow: Collection[str] = SLOW,
) -> dict[str, str]:
    """Run one attempt against each fault, side by side, and tell what each came to.

    Those that are `slow` have little time. No connection may be left to a server that answered
    nothing whole, although the worker goes on.
    """
    logged, met = io.StringIO(), servers or {}
    quick = [one for one in faults if one not in slow]
    slow = [one for one in faults if one in slow]
    async with asyncio.timeout(HANGS_S):
        with log_to(logged):
            async with Ductape.open(f"sqlite:///{folder}/a.db", worker=True) as ductape:
                for name, value in case.secrets.items():
                    await ductape.secrets.set(name, value, product="shop")
                envs = [{"slug": fault, "allow_private": True} for fault in faults]
                await ductape.products.apply({"tag": "shop", "envs": envs, **case.product})
                rows = await _all_tried(ductape, case, quick, PATIENCE_MS)
                # These have little time, which the others would take from them.
                rows |= await _all_tried(ductape, case, slow, TIMEOUT_MS)
                # On a machine with much to do it may be over before they are connected.
                unmet = [one for one in slow if one in met and not met[one].met]
                rows |= await _all_tried(ductape, case, unmet, 10 * TIMEOUT_MS)
                for fault, server in met.items():
                    if fault not in WHOLE:
                        async with told_late(fault):
                            await server.all_gone()
    shown = json.dumps([{**view, "input": None} for view, _ in rows.values()])
    for secret in (*case.secrets.values(), *case.hidden):
        assert secret not in shown
        assert secret not in logged.getvalue()
    assert "Traceback" not in logged.getvalue()
    return {fault: _told(fault, *row) for fault, row in rows.items()}


@asynccontextmanager
async def told_late(fault: str) -> AsyncGenerator[None]:
    """Say which fault it is whose connection stays."""
    try:
        async with asyncio.timeout(5):
            yield
    except TimeoutError:
        raise AssertionError(f"{fault}: a connection is left") from None


async def _all_tried(
    ductape: Ductape, case: Case, faults: Sequence[str], timeout_ms: int
) -> dict[str, tuple[JobView, int]]:
    tried = (_tried(ductape, case, fault, timeout_ms) for fault in faults)
    views = await asyncio.gather(*tried)
    return {fault: (view, timeout_ms) for fault, view in zip(faults, views, strict=True)}


async def _tried(ductape: Ductape, case: Case, env: str, timeout_ms: int) -> JobView:
    policy = {"initialDelay": BACKOFF_MS, "jitter": False}
    asked = {
        "product_tag": "shop",
        "env": env,
        "event": case.event_in.get(env, case.event),
        "input": case.given_in.get(env, case.given),
        "start_at": 0,
        "timeout": timeout_ms,
        "retries": 1,
        "retryConfig": policy,
    }
    receipt = await ductape.processor.job.dispatch(asked)
    async for view in ductape.jobs.watch(receipt["job_id"]):
        if view["attempts"] and view["attempts"][0]["status"] != "running":
            return view
    return await ductape.jobs.get(receipt["job_id"])


def _told(fault: str, view: JobView, timeout_ms: int) -> str:
    assert len(view["attempts"]) == 1, f"{fault}: {view['attempts']}"
    (attempt,) = view["attempts"]
    began, ended, error = attempt["started_at"], attempt["completed_at"], attempt["error"]
    assert began is not None
    assert ended is not None
    if error is None:
        return str(view["status"])
    if error["code"] == "TIMEOUT":
        took_ms = ended - began
        timely = fault in SLOW and timeout_ms - 50 <= took_ms <= timeout_ms + LATE_MS
        assert timely, f"{fault} took {took_ms} ms"
    if view["status"] == "failed":
        return error["code"]
    due = view["next_run_at"]
    assert due is not None
    waits_s = (due - ended) // 1_000
    if waits_s == BACKOFF_MS // 1_000:
        return f"{error['code']}, again"
    return f"{error['code']}, after {waits_s} s"

"""A store with something of everything in it: every table, every state, texts that are hard."""

from ductape.domain.limits.breaker import BreakerRule
from ductape.domain.limits.quota import Sliding
from ductape.domain.limits.rate import Rate
from ductape.domain.operations import pause
from ductape.domain.outcome import Success
from ductape.domain.request import Repeat
from ductape.domain.settlement import run_ref
from ductape.domain.steps import Step
from ductape.ports.stores import Store
from ductape.ports.stores.memory import Follows
from ductape.ports.stores.quotas import BreakerKey, QuotaKey
from ductape.ports.stores.result_files import ResultFile
from ductape.ports.stores.sessions import SessionFamily
from tests.builders import (
    LEASE_MS,
    NOW_MS,
    ZONES,
    a_failure,
    a_new_job,
    a_recurring_job,
    a_session,
    a_spec,
    a_worker,
)
from tests.conformance.steps import (
    applied,
    claimed,
    led,
    record,
    settled,
    settled_leading,
    stored,
)

LATER_MS = NOW_MS + 3_600_000
HARD = 'naïve 🚀 \t{comma, "quote"} \\u0000 \\N %s'


async def filled(store: Store) -> dict[str, str]:
    """Fill an empty store; return ids of jobs by what they do: `waiting`, `running` and so on."""
    await _definitions(store)
    await _sessions(store)
    ids = await _executed(store)
    return {**ids, **await _waiting(store)}


async def _definitions(store: Store) -> None:
    for version in (1, 2):
        document = {"tag": "orders", "name": HARD, "n": version}
        await store.products.put("orders", document, b"digest", after=version - 1, now_ms=NOW_MS)
    await store.secrets.put("orders", "", "token", b"\x00sealed\xff", now_ms=NOW_MS)
    await store.secrets.put("orders", "prd", "token", b"other", now_ms=NOW_MS)
    await store.queues.pause("mail", paused=True)
    await store.queues.set_rate("mail", Rate(5, 1_000))
    await store.secrets.put_key_check("k1", b"check 1", now_ms=NOW_MS)
    await store.secrets.put_key_check("k2", b"check 2", now_ms=NOW_MS)
    use = QuotaKey("orders", "prd", HARD, b"\x00subject\xff")
    await store.quotas.increment(use, Sliding(5, 1_000), 2, now_ms=NOW_MS)
    provider = BreakerKey("orders", "prd", "fallback:mail", HARD)
    await store.breakers.failed(provider, BreakerRule(), now_ms=NOW_MS)
    await store.result_files.note(ResultFile("j", 1, "orders", "prd", HARD, HARD, lingers_ms=7))


async def _sessions(store: Store) -> None:
    for user in ("ada", None):
        family = SessionFamily(
            session_id=f"session of {user}",
            product="orders",
            env="prd",
            tag="login",
            user=user,
            created_at_ms=NOW_MS,
            expires_at_ms=LATER_MS,
            sealed=b"\x00\x01",
        )
        await store.sessions.put(family, now_ms=NOW_MS)
    await store.sessions.revoke("session of ada")


async def _executed(store: Store) -> dict[str, str]:
    """Leave what ended, what runs, and what is parked; the worker is gone."""
    worker = a_worker("w1", handlers=("job:pack",))
    await store.fleet.register(worker, now_ms=NOW_MS, lease_ms=LEASE_MS)
    jobs = {name: a_new_job() for name in ("ended", "failed", "leader", "running", "parked")}
    gated = a_spec(concurrency_key="one at a time")
    jobs |= {name: a_new_job(gated) for name in ("gated", "blocked")}
    await stored(store, *jobs.values())
    at = {claim.run.job_id: claim for claim in await claimed(store)}
    claims = {name: at[job.job_id] for name, job in jobs.items() if job.job_id in at}
    assert claims.keys() == jobs.keys() - {"blocked"}
    await settled(store, claims["ended"], Success({"said": HARD}))
    await settled(store, claims["failed"], a_failure())
    leader = await led(store, claims["leader"], b"\x00key")
    await settled_leading(store, leader, Success(1), expires_ms=LATER_MS)
    await led(store, claims["running"], b"other")
    follower = run_ref(claims["parked"].run)
    assert isinstance(await store.memory.recall(follower, b"other", now_ms=NOW_MS), Follows)
    held = run_ref(claims["running"].run)
    done = Step("main.charge", "action", "completed", 0, NOW_MS, result={"said": HARD})
    waits = Step("main.wait", "wait", "waiting", 1, NOW_MS, awaits=HARD, error=a_failure().error)
    assert await store.steps.record(held, [done, waits])
    assert await store.steps.signal(jobs["running"].job_id, HARD, {"said": HARD}, now_ms=NOW_MS)
    await store.fleet.leave("w1")
    return {name: job.job_id for name, job in jobs.items()}


async def _waiting(store: Store) -> dict[str, str]:
    hard = a_spec(
        event=HARD, metadata={"\0a": "b\0\\u0000", HARD: HARD}, session=a_session(), key="mine"
    )
    every = Repeat(every_ms=60_000)
    jobs = {
        "waiting": a_new_job(hard),
        "later": a_new_job(due_ms=LATER_MS),
        "active": a_recurring_job(twin=b"twin"),
        "paused": a_recurring_job(a_spec(repeat=every, key="paused"), start_ms=LATER_MS),
    }
    await stored(store, *jobs.values())
    halt = pause(await record(store, jobs["paused"].job_id), now_ms=NOW_MS, zones=ZONES)
    await applied(store, halt)
    return {name: job.job_id for name, job in jobs.items()}

"""What the conformance tests do again and again: store, hire, claim, settle, look."""

from msgspec.structs import replace

from ductape.domain.change import SettleAnswer, Settlement
from ductape.domain.job import Claim, Finished, Run, Schedule
from ductape.domain.outcome import Lost, Outcome
from ductape.domain.record import JobRecord
from ductape.domain.settlement import run_ref, with_cache
from ductape.ports.stores import Store
from ductape.ports.stores.claims import Wish
from ductape.ports.stores.intake import NewJob
from ductape.ports.stores.memory import Leads
from tests.builders import LEASE_MS, NOW_MS, a_wish, a_worker, an_entry, decide


async def stored(store: Store, *jobs: NewJob, now_ms: int = NOW_MS) -> list[str]:
    """Store jobs that nothing stands in the way of; return their ids."""
    answers = await store.intake.add(jobs, now_ms=now_ms)
    assert [answer.verdict for answer in answers] == ["added"] * len(jobs)
    return [answer.job_id for answer in answers]


async def hired(store: Store, *workers: str, now_ms: int = NOW_MS) -> None:
    """Register workers."""
    for worker in workers:
        await store.fleet.register(a_worker(worker), now_ms=now_ms, lease_ms=LEASE_MS)


async def claimed(store: Store, wish: Wish | None = None, *, now_ms: int = NOW_MS) -> list[Claim]:
    """Claim as a worker that was hired."""
    turn = await store.claims.turn(wish or a_wish(), [], now_ms=now_ms)
    assert turn.leased
    return turn.claims


async def claimed_one(store: Store, worker: str = "w1", *, now_ms: int = NOW_MS) -> Claim:
    """Claim the one run that there is to claim."""
    [claim] = await claimed(store, a_wish(worker), now_ms=now_ms)
    return claim


async def claimed_ids(store: Store, wish: Wish | None = None, *, now_ms: int = NOW_MS) -> list[str]:
    """Claim, and tell the jobs' ids in the order claimed."""
    return [claim.run.job_id for claim in await claimed(store, wish, now_ms=now_ms)]


async def settled(
    store: Store, claim: Claim, outcome: Outcome, *, now_ms: int = NOW_MS
) -> SettleAnswer:
    """Settle a claim by its outcome."""
    [answer] = await store.claims.settle([decide(claim, outcome, now_ms)], now_ms=now_ms)
    return answer


async def lost(store: Store, claim: Claim, *, now_ms: int = NOW_MS) -> None:
    """Take a run over from a worker that is said to be dead."""
    assert await settled(store, claim, Lost("dead"), now_ms=now_ms) == "recorded"


async def led(store: Store, claim: Claim, key: bytes = b"key", *, now_ms: int = NOW_MS) -> Claim:
    """Make a claimed run the leader of its key."""
    assert await store.memory.recall(run_ref(claim.run), key, now_ms=now_ms) == Leads()
    return replace(claim, run=replace(claim.run, cache_key=key))


async def settled_leading(
    store: Store, leader: Claim, outcome: Outcome, *, now_ms: int = NOW_MS, expires_ms: int = 0
) -> SettleAnswer:
    """Settle a leader, its result left in the cache."""
    entry = an_entry(leader.run.cache_key or b"key", expires_ms=expires_ms or now_ms + 60_000)
    settlement = with_cache(decide(leader, outcome, now_ms), entry)
    [answer] = await store.claims.settle([settlement], now_ms=now_ms)
    return answer


async def record(store: Store, job_id: str) -> JobRecord:
    """Read a job that is there."""
    found = await store.reading.get(job_id)
    assert found is not None
    return found


async def live(store: Store, job_id: str) -> Run:
    """Read a job's live run."""
    run = (await record(store, job_id)).live
    assert run is not None
    return run


async def last(store: Store, job_id: str) -> Finished:
    """Read a job's latest finished run."""
    run = (await record(store, job_id)).last
    assert run is not None
    return run


async def schedule(store: Store, job_id: str) -> Schedule:
    """Read a recurring job's definition and how far it has come."""
    found = (await record(store, job_id)).schedule
    assert found is not None
    return found


async def applied(store: Store, settlement: Settlement | None, *, now_ms: int = NOW_MS) -> None:
    """Apply what a verb has planned."""
    assert settlement is not None
    assert await store.claims.settle([settlement], now_ms=now_ms) == ["recorded"]

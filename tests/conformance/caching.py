"""What the tests of the cache do again and again: lead, follow, ask."""

from ductape.domain.job import Claim
from ductape.domain.settlement import run_ref
from ductape.ports.stores import Store
from ductape.ports.stores.intake import NewJob
from ductape.ports.stores.memory import Follows, Fresh, Leads
from tests.builders import NOW_MS, a_new_job
from tests.conformance.steps import claimed_one, hired, led, record, stored

KEY = b"key"


async def recalled(
    store: Store, claim: Claim, key: bytes = KEY, *, now_ms: int = NOW_MS
) -> Fresh | Leads | Follows | None:
    return await store.memory.recall(run_ref(claim.run), key, now_ms=now_ms)


async def a_leader(store: Store) -> Claim:
    """Hire a worker and let it lead."""
    await hired(store, "w1")
    return await led(store, await a_claim(store))


async def a_claim(store: Store, job: NewJob | None = None) -> Claim:
    """Store one job and claim it."""
    await stored(store, job or a_new_job())
    return await claimed_one(store)


async def followers(store: Store, count: int) -> list[str]:
    """Store equal jobs that find the leader running; the first is due first."""
    ids: list[str] = []
    for at in range(count):
        claim = await a_claim(store, a_new_job(due_ms=NOW_MS - count + at))
        assert isinstance(await recalled(store, claim), Follows)
        ids.append(claim.run.job_id)
    return ids


async def statuses(store: Store, ids: list[str]) -> list[str]:
    """Tell the state of each live run, or how the last one ended."""
    found = [await record(store, job_id) for job_id in ids]
    return [one.live.state if one.live is not None else one.status for one in found]

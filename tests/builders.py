"""Jobs, runs, recurrences and workers for tests: each valid as it stands, changed by name.

Ids come from a counter, so that each is new and sorts after the one before. Instants are epoch ms.
"""

from itertools import count
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from ductape.domain.change import CacheEntry, Settlement
from ductape.domain.ids import job_id, tails
from ductape.domain.job import Claim, JobSpec, Run, Schedule, SealedSession
from ductape.domain.outcome import Failure, Outcome, StoredError
from ductape.domain.recurring import begin
from ductape.domain.request import JobEventTypes, Repeat
from ductape.domain.settlement import settle
from ductape.domain.time.zone import ZoneLookup
from ductape.ports.stores.claims import Wish
from ductape.ports.stores.fleet import WorkerRecord
from ductape.ports.stores.intake import NewJob

NOW_MS = 1_800_000_000_000
ZONES: ZoneLookup = ZoneInfo
LEASE_MS = 30_000
DRAW = 0.5
"""The chance that settlements are computed with."""

_made = count(1)

_SPEC = JobSpec(
    product="orders",
    env="prd",
    event="ship",
    kind=JobEventTypes.JOB,
    input={"order": 7},
    retries=0,
    created_at_ms=NOW_MS,
)
_WORKER = WorkerRecord(
    id="w1",
    host="here",
    pid=1,
    queues=(),
    handlers=(),
    concurrency=10,
    started_at_ms=NOW_MS,
)
_WISH = Wish(worker="w1", queues=(), handlers=frozenset(), slots=100, lease_ms=LEASE_MS)


def an_id(at_ms: int = NOW_MS) -> str:
    """Make a new id of an instant, above every other id of that instant made before."""
    (tail,) = tails((next(_made) << 2).to_bytes(8, "big") + bytes(2))
    return job_id(at_ms, 0, tail)


def a_spec(**changes: object) -> JobSpec:
    """Ask for a one-off job."""
    return replace(_SPEC, **changes)


def a_run(spec: JobSpec | None = None, *, due_ms: int = NOW_MS, **changes: object) -> Run:
    """Make the first run of a job: queued, or, where it is due after `NOW_MS`, scheduled."""
    run = Run(
        job_id=an_id(),
        number=1,
        state="queued" if due_ms <= NOW_MS else "scheduled",
        spec=spec or a_spec(),
        scheduled_at_ms=due_ms,
        due_at_ms=due_ms,
    )
    return replace(run, **changes)


def a_schedule(repeat: Repeat | None = None, **changes: object) -> Schedule:
    """Make a recurrence that has just begun; every minute unless told otherwise."""
    schedule = Schedule(
        job_id=an_id(),
        spec=a_spec(repeat=repeat or Repeat(every_ms=60_000)),
        state="active",
        version=1,
        anchor_ms=NOW_MS,
        watermark_ms=None,
    )
    return replace(schedule, **changes)


def a_new_job(
    spec: JobSpec | None = None,
    *,
    due_ms: int = NOW_MS,
    id: str | None = None,  # noqa: A002 (the name it has everywhere)
    digest: bytes = b"same",
) -> NewJob:
    """Make a one-off job as it is handed to the store."""
    run = a_run(spec, due_ms=due_ms, job_id=id or an_id())
    return NewJob(job_id=run.job_id, spec=run.spec, run=run, digest=digest)


def a_recurring_job(
    spec: JobSpec | None = None,
    *,
    start_ms: int = NOW_MS,
    id: str | None = None,  # noqa: A002 (the name it has everywhere)
    digest: bytes = b"same",
    twin: bytes | None = None,
) -> NewJob:
    """Make a recurring job as it is handed to the store; every minute unless told otherwise."""
    known = id or an_id()
    asked = spec or a_spec(repeat=Repeat(every_ms=60_000))
    schedule, run = begin(known, asked, start_at_ms=start_ms, now_ms=NOW_MS, zones=ZONES)
    return NewJob(job_id=known, spec=asked, run=run, schedule=schedule, digest=digest, twin=twin)


def a_session(tag: str = "login", user: str | None = "ada") -> SealedSession:
    """Make what a job keeps of a session."""
    return SealedSession(tag=tag, session_id="s1", user=user, sealed=b"\x00sealed")


def a_worker(id: str = "w1", **changes: object) -> WorkerRecord:  # noqa: A002 (its own name)
    """Make a worker's announcement."""
    return replace(_WORKER, id=id, **changes)


def a_wish(worker: str = "w1", **changes: object) -> Wish:
    """Ask for up to a hundred runs of every queue."""
    return replace(_WISH, worker=worker, **changes)


def a_failure(code: str = "TIMEOUT", *, at_ms: int = NOW_MS) -> Failure:
    """Make a failed attempt's outcome."""
    return Failure(StoredError(code=code, message="it did not work", type="Odd", at=at_ms))


def an_entry(
    key: bytes = b"key", *, expires_ms: int = NOW_MS + 60_000, **changes: object
) -> CacheEntry:
    """Make what a leader leaves in a cache."""
    entry = CacheEntry(
        key=key, product="orders", tag="quotes", event="ship", kind="job", expires_at_ms=expires_ms
    )
    return replace(entry, **changes)


def decide(claim: Claim, outcome: Outcome, now_ms: int) -> Settlement:
    """Settle with a fixed draw and the system's zones."""
    return settle(claim, outcome, now_ms=now_ms, draw=DRAW, zones=ZONES)

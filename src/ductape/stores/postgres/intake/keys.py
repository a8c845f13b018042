"""Who has a key, on PostgreSQL: taken, held and freed in one order by everybody.

The order is that of product, env and key, byte by byte, and keys are held before any recurrence is.
So whoever wants some of the same keys waits for them, and not in a circle.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ductape.domain.identity import KeyHolder
from ductape.ports.stores.intake import NewJob
from ductape.stores.postgres.rows.searching import searchable
from ductape.stores.postgres.rows.values import Cell, Values, by_column, holder_of
from ductape.stores.postgres.schema.days import ended_from
from ductape.stores.postgres.server.transaction import Transaction

Key = tuple[str, str, str]
"""A product, an env, and the key that counts in them."""


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of a batch, all of them in this transaction's hands."""

    taken: set[int] = field(default_factory=set[int])
    """The places of the jobs that have theirs now."""
    held: dict[Key, KeyHolder] = field(default_factory=dict[Key, KeyHolder])
    """Who has those that were known."""

    def are_taken_by(self, job: NewJob) -> None:
        """Note that a job has its key by another definition from now on."""
        key = key_of(job)
        if key is not None:
            recurring = job.schedule is not None
            event = job.spec.event
            self.held[key] = KeyHolder(job.job_id, job.digest, event, recurring=recurring)


def key_of(job: NewJob) -> Key | None:
    """Return under which key a job is to be stored; none where it has none."""
    return None if job.spec.key is None else (job.spec.product, job.spec.env, job.spec.key)


async def holders(transaction: Transaction, keys: Sequence[Key]) -> list[KeyHolder | None]:
    """Tell which job has each key; none where nobody has it."""
    named = [(product, env, searchable(key)) for product, env, key in keys]
    columns = ([*column] for column in zip(*named, strict=True))
    asked: Values = dict(zip(("products", "envs", "names"), columns, strict=True))
    rows = await transaction.rows("job_keys", "holders", asked)
    held = {(row[4], row[5], row[6]): holder_of(row) for row in rows}
    return [held.get(key) for key in named]


async def take_or_hold(transaction: Transaction, jobs: Sequence[NewJob]) -> Keys:
    """Take the keys that nobody has, and hold the others."""
    keys = Keys()
    left = [at for at, job in enumerate(jobs) if job.spec.key is not None]
    while left:  # a second time where one was freed between the two
        taken = await _take(transaction, [jobs[at] for at in left])
        for at in left:
            if jobs[at].job_id in taken:
                taken.remove(jobs[at].job_id)  # one has the key, if two are to be one job
                keys.taken.add(at)
        left = [at for at in left if at not in keys.taken]
        keys.held.update(await _hold(transaction, [jobs[at] for at in left]))
        left = [at for at in left if key_of(jobs[at]) not in keys.held]
    await _take_over(transaction, jobs, keys)
    return keys


async def redefine(transaction: Transaction, jobs: Sequence[NewJob]) -> None:
    """Store by which definitions jobs have their keys from now on."""
    await transaction.change("job_keys", "redefine", by_column([_row(job) for job in jobs]))


async def free_keys(transaction: Transaction, jobs: Iterable[str]) -> None:
    """Free the keys of those jobs that are nowhere any more.

    They are held before it is looked: nobody makes anything of a job under its key meanwhile.
    """
    asked: Values = {"jobs": sorted(set(jobs))}
    if asked["jobs"]:
        await transaction.rows("job_keys", "hold_of_jobs", asked)
        await transaction.change("job_keys", "free", asked)


async def hold_idle(transaction: Transaction, jobs: Sequence[str]) -> list[str]:
    """Hold the keys of jobs, waiting for nobody; return the jobs whose keys no other holds."""
    rows = await transaction.rows("job_keys", "try", {"jobs": jobs}) if jobs else []
    busy = {row[0] for row in rows}
    return [job_id for job_id in jobs if job_id not in busy]


async def _take(transaction: Transaction, jobs: Sequence[NewJob]) -> set[str]:
    rows = await transaction.rows("job_keys", "take_all", by_column([_row(job) for job in jobs]))
    return {row[0] for row in rows}


async def _hold(transaction: Transaction, jobs: Sequence[NewJob]) -> dict[Key, KeyHolder]:
    named = sorted({key for job in jobs if (key := key_of(job)) is not None})
    if not named:
        return {}
    asked = by_column([dict(zip(("product", "env", "key"), key, strict=True)) for key in named])
    rows = await transaction.rows("job_keys", "hold_all", asked)
    return {(row[4], row[5], row[6]): holder_of(row) for row in rows}


async def _take_over(transaction: Transaction, jobs: Sequence[NewJob], keys: Keys) -> None:
    """Take keys whose jobs were taken out of history, and that nobody has come to free yet."""
    ours = {jobs[at].job_id for at in keys.taken}
    others = {one.job_id for one in keys.held.values() if not one.recurring} - ours
    if not others:
        return
    asked: Values = {"jobs": sorted(others), "ended_from": ended_from(others)}
    gone = {row[0] for row in await transaction.rows("job_keys", "gone", asked)}
    for at, job in enumerate(jobs):
        holder = keys.held.get(key_of(job) or ("", "", ""))
        if at not in keys.taken and holder is not None and holder.job_id in gone:
            await transaction.change("job_keys", "take_over", _row(job))
            keys.taken.add(at)
            keys.are_taken_by(job)


def _row(job: NewJob) -> dict[str, Cell]:
    return {
        "product": job.spec.product,
        "env": job.spec.env,
        "key": job.spec.key,
        "job_id": job.job_id,
        "digest": job.digest,
        "event": job.spec.event,
        "recurring": job.schedule is not None,
    }

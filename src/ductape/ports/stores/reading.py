"""Looking at jobs; never in the way of the writer."""

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeAlias

from msgspec import Struct

from ductape.domain.identity import KeyHolder
from ductape.domain.job import Finished, Run
from ductape.domain.lifecycle import JobStatus
from ductape.domain.record import JobRecord


class JobFilter(Struct, frozen=True):
    """Which jobs; every part given must hold."""

    status: JobStatus | None = None
    kind: str | None = None
    product: str | None = None
    env: str | None = None
    event: str | None = None
    recurring: bool | None = None
    queue: str | None = None
    session_tag: str | None = None
    session_user: str | None = None
    metadata: Mapping[str, str] | None = None
    q: str | None = None
    """Text found in id, key or event."""
    from_ms: int | None = None
    """Created at or after."""
    to_ms: int | None = None
    """Created before."""
    now_ms: int = 0
    """When it is asked: a run whose instant has passed by then is queued, whoever has looked."""


EnvAndKey: TypeAlias = tuple[str, str]


class Keyed(Struct, frozen=True, gc=False):
    """A job, and the key that it has."""

    env: str
    key: str
    holder: KeyHolder
    record: JobRecord


class Reading(Protocol):
    """Where jobs are looked at."""

    async def get(self, job_id: str, *, transaction: object = None) -> JobRecord | None:
        """Return one job, as the caller's `transaction` sees it where one is given."""
        ...

    async def many(self, where: JobFilter, *, limit: int, before: str | None) -> list[JobRecord]:
        """Return jobs, newest first, older than the job `before`."""
        ...

    async def keyed(self, product: str, keys: Sequence[EnvAndKey]) -> list[Keyed]:
        """Return the jobs that have these keys of a product, in one look; none twice."""
        ...

    async def history(self, job_id: str, *, limit: int) -> list[Finished]:
        """Return finished runs, newest first."""
        ...

    async def cancelled(self, job_id: str) -> int:
        """Count the finished runs that were cancelled once they had begun."""
        ...

    async def run(self, job_id: str, number: int) -> Run | Finished | None:
        """Return one run, live or finished."""
        ...

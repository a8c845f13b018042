"""Storing jobs: identity is decided inside the transaction, by `domain.identity.weigh`."""

from collections.abc import Callable, Iterable, Sequence
from typing import Literal, Protocol

from msgspec import Struct

from ductape.domain.identity import KeyHolder
from ductape.domain.job import JobSpec, Run, Schedule


class NewJob(Struct, frozen=True, gc=False):
    """A job about to be stored."""

    job_id: str
    spec: JobSpec
    run: Run | None
    """The first run; none where the recurrence starts ended."""
    schedule: Schedule | None = None
    digest: bytes = b""
    """What makes a request under the same key equal (`domain.fingerprint`)."""
    twin: bytes | None = None
    """What makes a live recurring request without a key equal."""
    product_version: int = 0
    """The version that the job was resolved against; 0 asks for no check."""
    also: tuple[Run, ...] = ()
    """Runs of other jobs, stored with it if it is added or replaces: what webhooks tell of it."""


class Added(Struct, frozen=True, gc=False):
    """What became of one new job."""

    verdict: Literal["added", "existing", "replaced", "conflict", "moved"]
    """`moved`: the key or the product changed meanwhile; build it again."""
    job_id: str
    """The stored job, be it this one or the one that was there."""
    reason: str | None = None
    """Of a conflict."""
    begun: bool = False
    """Whether a worker has it already: nobody needs to be told of it."""


class Intake(Protocol):
    """Where jobs come in."""

    async def holder(
        self, product: str, env: str, key: str, *, transaction: object = None
    ) -> KeyHolder | None:
        """Tell which job has a key, as the caller's `transaction` sees it where one is given."""
        ...

    async def add(
        self, jobs: Sequence[NewJob], *, now_ms: int, transaction: object = None
    ) -> list[Added]:
        """Store all or, on a conflict or a move, none; answers in order.

        Durable on return. With a `transaction` (see `ports.stores.transactions`) all is written in
        that: durable, and hinted at, once its owner commits it. Whatever is answered or raised, it
        is left open and usable. Raises `ValidationError` at `transaction` for one that will not do.
        """
        ...

    async def add_stream(
        self, product: str, jobs: Callable[[], Iterable[NewJob]], *, now_ms: int
    ) -> bool:
        """Store new jobs of one product as they are made, all or none.

        False, and none stored, where the product has moved on. They run once, have no key, and
        nobody has touched their runs. A store may begin anew, and then asks for `jobs` again;
        whatever making them raises is raised here.
        """
        ...

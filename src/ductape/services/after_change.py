"""What a verb says where its change is stored and the store goes away before it could answer.

Told only that the store is out of reach, a caller would make the call again: `run_now` would add a
second occurrence.
"""

from collections.abc import Generator
from contextlib import contextmanager

from ductape.errors import StoreError


@contextmanager
def answering(what: str, *, changed: bool = True, job_id: str | None = None) -> Generator[None]:
    """Say of an error, once something was changed, that it was."""
    try:
        yield
    except StoreError as error:
        if not changed:
            raise
        told = StoreError(
            f"{what} was changed, how it stands now cannot be told: {error.message}",
            path=error.path,
            hint="look at it before the call is made again",
            job_id=job_id,
        )
        told.in_doubt = True
        raise told from error

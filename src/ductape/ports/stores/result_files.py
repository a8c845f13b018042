"""Files of results that are too large for the store: noted before they are, gone after their runs.

A file is noted in its run's store before it is uploaded, so that none is ever forgotten. Whatever
takes the run away (retention) lets go of its file in the same transaction; whoever is free then
removes it from its storage, however long that takes.
"""

from typing import Protocol

from msgspec import Struct


class ResultFile(Struct, frozen=True):
    """A run's file in a storage of its product."""

    job_id: str
    number: int
    product: str
    env: str
    storage: str
    """The storage's tag."""
    name: str
    lingers_ms: int = 0
    """How much longer than its run it is needed: a cache may answer with it meanwhile."""
    tries: int = 0
    """How often its removal has failed."""


class ResultFiles(Protocol):
    """Where it is kept which files there are."""

    async def note(self, file: ResultFile) -> None:
        """Store that a run has a file, or is about to; a later attempt's note replaces it."""
        ...

    async def left(self, *, now_ms: int, limit: int) -> list[ResultFile]:
        """List files whose runs are gone and whose time has come, longest due first."""
        ...

    async def put_off(self, file: ResultFile, *, until_ms: int) -> None:
        """Let a file that is left wait, with its new `lingers_ms` and `tries`."""
        ...

    async def forget(self, file: ResultFile) -> None:
        """Forget a file that is no more, or that is given up."""
        ...

"""Steps that are recorded while a commit is in flight share the next one (group commit).

As new jobs do (`together`): no timer, and each caller returns only after the commit that holds its
own. Recording a step twice changes nothing, so that a failed commit is its callers' to repeat.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from ductape.domain.change import RunRef
from ductape.domain.steps import Step
from ductape.errors import StoreError
from ductape.stores.postgres.rows.steps import step_row
from ductape.stores.postgres.rows.values import Cell, by_column
from ductape.stores.postgres.server.engine import Engine

LANES = 2
"""How many commits may be in flight: while one waits for the disk, the next is sent."""
MOST_MEMBERS = 200
"""How many callers share a commit."""


@dataclass(frozen=True, slots=True, eq=False)
class _Member:
    """One caller's steps, and where the answer goes: whether its fence held."""

    run: RunRef
    steps: Sequence[Step]
    answer: asyncio.Future[bool]


class Recording:
    """Records the steps of runs, together."""

    def __init__(self, engine: Engine) -> None:
        """Work on an engine."""
        self._engine = engine
        self._waiting: list[_Member] = []
        self._commits: set[asyncio.Task[None]] = set()

    async def record(self, run: RunRef, steps: Sequence[Step]) -> bool:
        """Record steps; durable on return. Raises `StoreError`."""
        member = _Member(run, steps, asyncio.get_running_loop().create_future())
        self._waiting.append(member)
        self._begin()
        return await member.answer

    async def aclose(self) -> None:
        """Wait for what is in flight."""
        while self._commits:
            await asyncio.wait(self._commits)

    def _begin(self) -> None:
        while self._waiting and len(self._commits) < LANES:
            members, self._waiting = self._waiting[:MOST_MEMBERS], self._waiting[MOST_MEMBERS:]
            commit = asyncio.create_task(self._commit(members), name="ductape-steps")
            self._commits.add(commit)
            commit.add_done_callback(self._landed)

    def _landed(self, commit: asyncio.Task[None]) -> None:
        """Let those that wait go next."""
        self._commits.discard(commit)
        self._begin()

    async def _commit(self, members: Sequence[_Member]) -> None:
        values = by_column([*_rows(members).values()])
        try:
            held = await self._engine.single(lambda t: t.rows("steps", "record", values))
        except StoreError as error:
            for member in _waiting(members):
                member.answer.set_exception(StoreError(error.message, hint=error.hint))
            return
        fences = {RunRef(row[0], row[1], row[2]) for row in held}
        for member in _waiting(members):
            member.answer.set_result(member.run in fences)


def _waiting(members: Sequence[_Member]) -> list[_Member]:
    return [member for member in members if not member.answer.done()]


def _rows(members: Sequence[_Member]) -> dict[tuple[str, int, str, int], dict[str, Cell]]:
    """Return each step once, as it is now."""
    return {
        (member.run.job_id, member.run.number, step.path, member.run.fence): {
            **step_row(member.run, step),
            "fence": member.run.fence,
        }
        for member in members
        for step in member.steps
    }

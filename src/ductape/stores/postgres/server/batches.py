"""What is asked while answers are under way is asked together, in the next transaction.

No timer: a lone caller's question goes at once, and under load the batches form by themselves. Each
caller returns only after the commit that holds its own.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from ductape.errors import StoreError
from ductape.stores.postgres.server.faults import for_another

Question = TypeVar("Question")
Answer = TypeVar("Answer")

LANES = 2
"""How many batches may be under way: while one waits for the disk, the next is sent."""
MOST = 200
"""How many callers share one."""


@dataclass(frozen=True, slots=True, eq=False)
class _Member(Generic[Question, Answer]):
    """One caller's question, and where the answer goes."""

    question: Question
    answer: asyncio.Future[Answer]


class Batches(Generic[Question, Answer]):
    """Asks for many callers at once."""

    def __init__(
        self, ask: Callable[[Sequence[Question]], Awaitable[Sequence[Answer]]], *, name: str
    ) -> None:
        """`ask` answers all questions of a batch in order, or raises; `name` is its tasks'."""
        self._ask = ask
        self._name = name
        self._waiting: list[_Member[Question, Answer]] = []
        self._under_way: set[asyncio.Task[None]] = set()

    async def answer(self, question: Question) -> Answer:
        """Ask along with others. Raises `StoreError`."""
        member: _Member[Question, Answer] = _Member(
            question, asyncio.get_running_loop().create_future()
        )
        self._waiting.append(member)
        self._begin()
        return await member.answer

    async def aclose(self) -> None:
        """Wait for what is under way."""
        while self._under_way:
            await asyncio.wait(self._under_way)

    def _begin(self) -> None:
        """Begin a batch, which takes all that wait by the time it runs."""
        if self._waiting and len(self._under_way) < LANES:
            batch = asyncio.create_task(self._serve(), name=self._name)
            self._under_way.add(batch)
            batch.add_done_callback(self._landed)

    def _landed(self, batch: asyncio.Task[None]) -> None:
        """Let those that wait go next."""
        self._under_way.discard(batch)
        self._begin()

    async def _serve(self) -> None:
        taken, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
        members = _present(taken)
        if not members:
            return
        try:
            answers = await self._ask([member.question for member in members])
        except StoreError as error:
            for member in _present(members):
                member.answer.set_exception(for_another(error))
        except BaseException as error:
            for member in _present(members):
                member.answer.set_exception(error)
            raise
        else:
            for member, answer in zip(members, answers, strict=True):
                if not member.answer.done():
                    member.answer.set_result(answer)


def _present(
    members: Sequence[_Member[Question, Answer]],
) -> list[_Member[Question, Answer]]:
    """Return those whose callers have not gone."""
    return [member for member in members if not member.answer.done()]

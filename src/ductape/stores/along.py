"""What turns take along: an idle worker gets a lone job out of the very commit that stores it.

Whoever is about to store a lone job tells the idle workers of its process (`Wake.expect`). The turn
that one of them begins in the next round of the event loop stores the job before it looks for one.
Where no turn comes by, or it fails, the job is stored by itself.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

What = TypeVar("What")
Answer = TypeVar("Answer")

ROUNDS = 2
"""For how many rounds of the event loop a job waits for a turn."""


@dataclass(slots=True, eq=False)
class Rider(Generic[What, Answer]):
    """What is about to be stored, and where the answer goes: none where it must go by itself."""

    what: What
    answer: asyncio.Future[Answer | None]
    tried: bool = False
    """Whether a turn had it: it may be stored although nobody was told."""
    in_doubt: bool = False
    """Whether that turn may have been committed, for all that is known."""

    def arrive(self, answer: Answer) -> None:
        """Answer once the turn is committed."""
        if not self.answer.done():
            self.answer.set_result(answer)

    def stay(self, *, in_doubt: bool = False) -> None:
        """Let the job go by itself."""
        self.in_doubt = in_doubt
        if not self.answer.done():
            self.answer.set_result(None)


class Along(Generic[What, Answer]):
    """Where the lone job of one process waits for a turn."""

    def __init__(self, announce: Callable[[], bool]) -> None:
        """`announce` tells whether an idle worker asks for what is stored next."""
        self._announce = announce
        self._rider: Rider[What, Answer] | None = None

    def awaited(self) -> bool:
        """Say that a job is about to be stored; tell whether a turn will come by for it."""
        return self._rider is None and self._announce()

    def board(self, what: What) -> Rider[What, Answer] | None:
        """Have what is awaited wait for the turn; none where another was quicker."""
        if self._rider is not None:
            return None
        loop = asyncio.get_running_loop()
        rider = self._rider = Rider(what, loop.create_future())
        loop.call_soon(self._leave_behind, rider, ROUNDS)
        return rider

    def take(self) -> Rider[What, Answer] | None:
        """Take along who waits, unless its caller has gone."""
        rider, self._rider = self._rider, None
        if rider is None or rider.answer.done():
            return None
        rider.tried = True
        return rider

    def _leave_behind(self, rider: Rider[What, Answer], rounds: int) -> None:
        if self._rider is not rider:
            return
        if rounds:
            asyncio.get_running_loop().call_soon(self._leave_behind, rider, rounds - 1)
            return
        self._rider = None
        rider.stay()

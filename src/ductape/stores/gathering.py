"""Looks that are asked for at the same time, taken together.

A few go to the store as they come, each by itself. While so many are under way, who comes later
gathers, and the next look is for all of those at once: ten thousand callers that wait for results
look as one. Each look begins after it was asked for, so that it sees all that was committed before.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import islice
from typing import Generic, TypeVar

T = TypeVar("T")

AT_ONCE = 4
"""How many looks are under way at most."""
MOST_TOGETHER = 200
"""How many are asked for in one look: it is not to hold up others for long."""

Look = Callable[[Sequence[str]], Awaitable[Mapping[str, T]]]
"""Looks for what is named; what is not there is left out."""

_Told = asyncio.Future[Mapping[str, T] | Exception | None]
"""Tells one who waits what came of a look; none: it is their turn to look."""


class Gathering(Generic[T]):
    """Looks for those who ask, together where many do."""

    def __init__(self, look: Look[T]) -> None:
        """Look with `look`."""
        self._look = look
        self._under_way = 0
        self._waiting: dict[_Told[T], str] = {}
        """Who waits for what, the first to ask first."""

    async def get(self, name: str) -> T | None:
        """Return what is named, or none; raises what the look raises."""
        if self._under_way >= AT_ONCE:
            answer = await self._wait(name)
            if isinstance(answer, Exception):
                raise answer
            if answer is not None:
                return answer.get(name)
        else:
            self._under_way += 1
        return await self._look_for_all(name)

    async def _wait(self, name: str) -> Mapping[str, T] | Exception | None:
        told: _Told[T] = asyncio.get_running_loop().create_future()
        self._waiting[told] = name
        try:
            return await told
        except asyncio.CancelledError:
            self._waiting.pop(told, None)
            if told.done() and not told.cancelled() and told.result() is None:
                self._hand_on()
            raise

    async def _look_for_all(self, name: str) -> T | None:
        """Look for oneself and those who wait; then it is another's turn."""
        waiting = list(islice(self._waiting.items(), MOST_TOGETHER - 1))
        for told, _ in waiting:
            del self._waiting[told]
        try:
            found = await self._look(list(dict.fromkeys([name, *(asked for _, asked in waiting)])))
        except asyncio.CancelledError:
            self._waiting = dict(waiting) | self._waiting  # who looks next looks for them
            raise
        except Exception as error:
            _tell(waiting, error)
            raise
        else:
            _tell(waiting, found)
            return found.get(name)
        finally:
            self._hand_on()

    def _hand_on(self) -> None:
        """Let the one who waits longest look next."""
        while self._waiting:
            told = next(iter(self._waiting))
            del self._waiting[told]
            if not told.done():
                told.set_result(None)
                return
        self._under_way -= 1


def _tell(waiting: Sequence[tuple[_Told[T], str]], answer: Mapping[str, T] | Exception) -> None:
    for told, _ in waiting:
        if not told.done():
            told.set_result(answer)

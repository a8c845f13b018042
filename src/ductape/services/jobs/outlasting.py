"""Outlasting an outage of the store: whoever waits for a job that is stored waits on.

Of those who wait through one outage one asks again and again, for all; the others go on once it
has an answer. The log tells once that the store is away, and once that it is back.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from ductape.errors import StoreError

T = TypeVar("T")

ASK_AGAIN_S = 1.0
"""How long after an error the store is asked again; it has waited for a connection before that."""

log = logging.getLogger("ductape")


@dataclass(eq=False)
class _Outage:
    """One time for which a store answers nobody."""

    asking: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by the one who asks."""
    waiting: int = 0
    over: bool = False


class Outlasting:
    """Asks for as long as it takes."""

    def __init__(self) -> None:
        """Begin with stores that answer."""
        self._outages: dict[str | None, _Outage] = {}

    async def answer(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Return the store's answer, however long it is out of reach.

        Raises `StoreError` where that will not pass by itself.
        """
        while True:
            try:
                return await ask()
            except StoreError as error:
                if not error.passing:
                    raise
                await self._until_over(error, ask)

    async def _until_over(self, error: StoreError, ask: Callable[[], Awaitable[object]]) -> None:
        outage = self._outages.get(error.path)
        if outage is None:
            outage = self._outages[error.path] = _Outage()
            log.warning("the store is away, whoever waits for a job waits on: %s", error)
        outage.waiting += 1
        try:
            async with outage.asking:
                if not outage.over:
                    await _until_answered(ask)
                    outage.over = True
                    log.warning("the store is back: %s", error.path)
        finally:
            outage.waiting -= 1
            if (outage.over or not outage.waiting) and self._outages.get(error.path) is outage:
                del self._outages[error.path]


async def _until_answered(ask: Callable[[], Awaitable[object]]) -> None:
    while True:
        await asyncio.sleep(ASK_AGAIN_S)
        try:
            await ask()
        except StoreError as error:
            if not error.passing:
                raise
        else:
            return

"""What must not be left half done: a stop gives everything back, whoever is cancelled."""

import asyncio
from collections.abc import Coroutine


async def to_its_end(work: Coroutine[None, None, None]) -> None:
    """Do work whole, however often its caller is cancelled meanwhile."""
    task = asyncio.create_task(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
    task.result()
    if cancelled is not None:
        raise cancelled

"""Hearing which runs somebody has cancelled: one question at a time, asked again where it fails.

Hints come as often as they like, and while the store is away no answer does.
"""

import asyncio
import logging
from collections.abc import Callable

from ductape.domain.change import RunRef
from ductape.errors import StoreError
from ductape.ports.stores.claims import Claims

ASK_AGAIN_S = 1.0
"""After how long a question is asked again that had no answer."""

log = logging.getLogger("ductape.worker")


class StopRequests:
    """What is asked of one worker's runs."""

    def __init__(self, claims: Claims, stop: Callable[[RunRef, str | None], None]) -> None:
        """Ask `claims`; `stop` a run, with the reason that was given."""
        self._claims = claims
        self._stop = stop
        self._hinted = asyncio.Event()

    def hint(self) -> None:
        """Look soon: somebody may have cancelled something."""
        self._hinted.set()

    async def serve(self, worker: Callable[[], str]) -> None:
        """Look whenever hinted, until cancelled; `worker` is the name at the time."""
        fault: str | None = None
        while True:
            await self._hinted.wait()
            self._hinted.clear()
            try:
                for run, reason in await self._claims.asked_to_stop(worker()):
                    self._stop(run, reason)
            except StoreError as error:
                if str(error) != fault:
                    log.warning("whether runs are to be stopped cannot be asked: %s", error)
                fault = str(error)
                await asyncio.sleep(ASK_AGAIN_S)
                self._hinted.set()
            else:
                fault = None

"""Ours, as any user has it: the SDK stores; `ductape worker` executes `ductape_handlers`."""

import time

from bench.peers.line import A_DAY_S, Given, client_of
from ductape import Ductape

PRODUCT = {
    "tag": "shop",
    "envs": [{"slug": "dev"}],
    "jobs": [{"tag": "noop", "handler": "python"}, {"tag": "probe", "handler": "python"}],
}
JOB = {"product_tag": "shop", "env": "dev", "event": "noop", "input": {"a": 1}, "start_at": 0}


class Client:
    """The SDK."""

    def __init__(self, ductape: Ductape) -> None:
        """Use an open one."""
        self._ductape = ductape
        self._job = ductape.processor.job

    async def one(self, task: str, given: Given) -> None:
        """Dispatch one."""
        await self._job.dispatch({**JOB, "event": task, "input": given})

    async def many(self, count: int) -> None:
        """Dispatch many by one call."""
        await self._job.dispatch_many([JOB] * count)

    async def later(self, given: Given, due_s: float) -> None:
        """Dispatch a probe that is due later."""
        due = {"start_at": round(due_s * 1_000), "event": "probe", "input": given}
        await self._job.dispatch({**JOB, **due})

    async def future(self, count: int) -> None:
        """Dispatch for tomorrow."""
        due_ms = round((time.time() + A_DAY_S) * 1_000)
        await self._job.dispatch_many([{**JOB, "start_at": due_ms}] * count)

    async def aclose(self) -> None:
        """Close the store."""
        await self._ductape.aclose()


async def opening(url: str) -> Client:
    """Open the store and apply the product."""
    ductape = await Ductape.open(url, worker=False).__aenter__()
    await ductape.products.apply(PRODUCT)
    return Client(ductape)


if __name__ == "__main__":
    client_of(opening)

"""Another process at the same store: `python -m tests.conformance.neighbour KIND PLACE NAME`.

Told anything, it opens and says `ready`; from then on it follows one order a line, each answered
by one line. It ends when its input does.
"""

import asyncio
import sys
from pathlib import Path

from ductape.domain.job import Claim
from ductape.domain.outcome import Success
from ductape.ports.stores import Store
from tests.builders import LEASE_MS, NOW_MS, a_new_job, a_spec, a_wish, a_worker, decide
from tests.conformance.openers import OPENERS


class Neighbour:
    """What it may be told to do."""

    def __init__(self, store: Store, name: str) -> None:
        self._store = store
        self._name = name
        self._claims: list[Claim] = []
        self._hints: asyncio.Queue[str] = asyncio.Queue()
        store.wake.listen(lambda hint, _: self._hints.put_nowait(hint))

    async def do(self, order: str) -> str:
        """Follow one order; return the answer."""
        match order.split():
            case ["hint"]:
                answer = await self._hints.get()
            case ["tell"]:
                self._store.wake.tell("settled")
                answer = "told"
            case ["hire"]:
                worker = a_worker(self._name)
                await self._store.fleet.register(worker, now_ms=NOW_MS, lease_ms=LEASE_MS)
                answer = "hired"
            case ["claim"]:
                answer = await self._claim()
            case ["settle"]:
                done = [decide(claim, Success(self._name), NOW_MS) for claim in self._claims]
                answer = " ".join(await self._store.claims.settle(done, now_ms=NOW_MS))
            case ["beat", now_ms]:
                answer = str(self._beat(int(now_ms)))
            case ["add", key, count]:
                answer = await self._add(key, int(count))
            case _:
                raise ValueError(order)
        return answer

    async def _claim(self) -> str:
        turn = await self._store.claims.turn(a_wish(self._name), [], now_ms=NOW_MS)
        self._claims = turn.claims
        return " ".join(claim.run.job_id for claim in turn.claims)

    async def _add(self, key: str, count: int) -> str:
        jobs = [a_new_job(a_spec(key=key)) for _ in range(count)]
        adding = (self._store.intake.add([job], now_ms=NOW_MS) for job in jobs)
        return " ".join(answer.verdict for [answer] in await asyncio.gather(*adding))

    def _beat(self, now_ms: int) -> bool:
        pulse = self._store.fleet.pulse()
        try:
            return pulse.beat(self._name, now_ms=now_ms, lease_ms=LEASE_MS)
        finally:
            pulse.close()


async def main(kind: str, place: str, name: str) -> None:
    """Open, and follow orders until there are no more."""
    sys.stdin.readline()
    store = await OPENERS[kind](Path(place), name)
    neighbour = Neighbour(store, name)
    print("ready", flush=True)  # noqa: T201 (its way of answering)
    while order := await asyncio.to_thread(sys.stdin.readline):
        answer = await neighbour.do(order)
        print(answer, flush=True)  # noqa: T201 (its way of answering)
    await store.aclose()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

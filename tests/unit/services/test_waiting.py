"""However many wait for results, a hint costs by the jobs that it is about."""

import asyncio
from collections.abc import Callable, Collection
from typing import cast

import pytest

from ductape.domain.record import JobRecord
from ductape.ports.stores import Store
from ductape.ports.wake import Hint, Listener
from ductape.services.jobs.extras import Extras
from ductape.services.jobs.outlasting import Outlasting
from ductape.services.jobs.waiting import Waiting
from ductape.services.sealing import Sealing
from tests.builders import a_run

WAITERS = 20


class Still:
    """A store in which nothing happens: its own wake, and its own reading."""

    def __init__(self) -> None:
        self.wake = self.reading = self
        self.listeners: list[Listener] = []
        self.looked_at: list[str] = []

    def listen(self, listener: Listener) -> Callable[[], None]:
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener)

    def tell(self, hint: Hint, jobs: Collection[str] = ()) -> None:
        for listener in list(self.listeners):
            listener(hint, jobs)

    async def get(self, job_id: str) -> JobRecord:
        self.looked_at.append(job_id)
        return JobRecord(job_id, a_run(), None, None)


@pytest.fixture
def still() -> Still:
    return Still()


async def heard(still: Still) -> list[str]:
    """Return who has looked since the last time."""
    for _ in range(5):
        await asyncio.sleep(0)
    looked_at = sorted(still.looked_at)
    still.looked_at.clear()
    return looked_at


async def test_a_hint_wakes_those_alone_whose_jobs_it_names(still: Still) -> None:
    waiting = Waiting(cast("Store", still), cast("Sealing", None), Extras(), Outlasting())
    jobs = [f"j{at % 10}" for at in range(WAITERS)]
    tasks = [asyncio.create_task(waiting.result(job_id)) for job_id in jobs]
    assert await heard(still) == sorted(jobs)
    assert len(still.listeners) == 1
    still.tell("settled", ["j3", "another"])
    assert await heard(still) == ["j3", "j3"]
    still.tell("work", ["j4"])
    assert await heard(still) == []
    tasks[3].cancel()
    await heard(still)
    still.tell("settled", ["j3"])
    assert await heard(still) == ["j3"]
    still.tell("settled")
    assert len(await heard(still)) == WAITERS - 1
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert still.listeners == []

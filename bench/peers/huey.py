"""huey on SQLite, the embedded comparison: four threads, every commit waits for the disk."""

import logging
import time

from huey import SqliteHuey

from bench.peers.line import A_DAY_S, Given, run, tally

THREADS = 4
FIRST_DELAY_S = 0.01
LONGEST_DELAY_S = 0.1


class Tasks:
    """A huey with the two tasks."""

    def __init__(self, url: str) -> None:
        """Open the file."""
        self.huey = SqliteHuey("bench", filename=url, fsync=True, results=False)

        @self.huey.task(name="noop")
        def noop() -> None:
            tally().noop_blocking()

        @self.huey.task(name="probe")
        def probe(given: Given) -> None:
            tally().probe(given)

        self.noop, self.probe = noop, probe


class Client:
    """Its task functions, called."""

    def __init__(self, tasks: Tasks) -> None:
        """Use them."""
        self._tasks = tasks

    async def one(self, task: str, given: Given) -> None:
        """Call one."""
        if task == "noop":
            self._tasks.noop()
        else:
            self._tasks.probe(given)

    async def many(self, count: int) -> None:
        """Call many: there is no bulk call."""
        for _ in range(count):
            self._tasks.noop()

    async def later(self, given: Given, due_s: float) -> None:
        """Schedule a probe."""
        self._tasks.probe.schedule((given,), delay=due_s - time.time())

    async def future(self, count: int) -> None:
        """Schedule for tomorrow."""
        for _ in range(count):
            self._tasks.noop.schedule(delay=A_DAY_S)

    async def aclose(self) -> None:
        """Close the file."""
        self._tasks.huey.storage.close()


async def opening(url: str) -> Client:
    """Open the file and make its tables."""
    return Client(Tasks(url))


def working(url: str) -> None:
    """Run one consumer until it is told to stop."""
    logging.basicConfig(level=logging.ERROR)
    tasks = Tasks(url)
    tally()
    tasks.huey.create_consumer(
        workers=THREADS,
        initial_delay=FIRST_DELAY_S,
        max_delay=LONGEST_DELAY_S,
    ).run()


if __name__ == "__main__":
    run(opening, working)

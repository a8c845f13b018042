"""Dramatiq on PostgreSQL, by dramatiq-pg: eight threads, no results kept."""

import logging
import signal
import time

import dramatiq
import psycopg2
from dramatiq_pg import PostgresBroker
from dramatiq_pg.schema import generate_init_sql

from bench.peers.line import A_DAY_S, Given, run, tally

THREADS = 8


class Actors:
    """A broker with the two actors."""

    def __init__(self, url: str) -> None:
        """Connect."""
        self.broker = PostgresBroker(url=url, results=False)
        dramatiq.set_broker(self.broker)

        @dramatiq.actor(actor_name="noop", broker=self.broker)
        def noop() -> None:
            tally().noop_blocking()

        @dramatiq.actor(actor_name="probe", broker=self.broker)
        def probe(given: Given) -> None:
            tally().probe(given)

        self.noop, self.probe = noop, probe


class Client:
    """Its actors, as one that sends."""

    def __init__(self, actors: Actors) -> None:
        """Use them."""
        self._actors = actors

    async def one(self, task: str, given: Given) -> None:
        """Send one."""
        if task == "noop":
            self._actors.noop.send()
        else:
            self._actors.probe.send(given)

    async def many(self, count: int) -> None:
        """Send many: there is no bulk call."""
        for _ in range(count):
            self._actors.noop.send()

    async def later(self, given: Given, due_s: float) -> None:
        """Send with a delay."""
        delay_ms = max(1, round((due_s - time.time()) * 1_000))
        self._actors.probe.send_with_options(args=(given,), delay=delay_ms)

    async def future(self, count: int) -> None:
        """Send for tomorrow."""
        for _ in range(count):
            self._actors.noop.send_with_options(delay=A_DAY_S * 1_000)

    async def aclose(self) -> None:
        """Close the pool."""
        self._actors.broker.pool.closeall()


async def opening(url: str) -> Client:
    """Make its tables, where there are none, and connect."""
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('dramatiq.queue') IS NOT NULL")
        if not cursor.fetchone()[0]:
            cursor.execute(generate_init_sql())
    return Client(Actors(url))


def working(url: str) -> None:
    """Run one worker until it is told to stop."""
    logging.basicConfig(level=logging.ERROR)
    stop = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, stop)  # before any thread, so that all inherit it
    actors = Actors(url)
    tally()
    worker = dramatiq.Worker(actors.broker, worker_threads=THREADS)
    worker.start()
    signal.sigwait(stop)
    worker.stop(timeout=5_000)


if __name__ == "__main__":
    run(opening, working)

"""Celery on PostgreSQL, by kombu's SQLAlchemy transport (experimental, as its guide says).

The transport looks once a second when it found nothing, and hands what it might be told about that
to SQLAlchemy, which refuses it.
"""

import logging
import time

from celery import Celery

from bench.peers.line import A_DAY_S, Given, run, tally

THREADS = 8


def _app(url: str) -> Celery:
    app = Celery("bench", broker=url.replace("postgresql://", "sqla+postgresql+psycopg2://"))
    app.conf.update(
        task_ignore_result=True,
        task_acks_late=True,
        broker_connection_retry_on_startup=True,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,  # the line to the driver
    )

    @app.task(name="noop")
    def noop() -> None:
        tally().noop_blocking()

    @app.task(name="probe")
    def probe(given: Given) -> None:
        tally().probe(given)

    return app


class Client:
    """Its app, as one that sends."""

    def __init__(self, app: Celery) -> None:
        """Use it."""
        self._app = app
        self._tasks = app.tasks

    async def one(self, task: str, given: Given) -> None:
        """Send one."""
        self._tasks[task].apply_async(() if task == "noop" else (given,))

    async def many(self, count: int) -> None:
        """Send many through one producer: there is no bulk call."""
        with self._app.producer_pool.acquire(block=True) as producer:
            for _ in range(count):
                self._tasks["noop"].apply_async(producer=producer)

    async def later(self, given: Given, due_s: float) -> None:
        """Send with a countdown."""
        self._tasks["probe"].apply_async((given,), countdown=due_s - time.time())

    async def future(self, count: int) -> None:
        """Send for tomorrow."""
        with self._app.producer_pool.acquire(block=True) as producer:
            for _ in range(count):
                self._tasks["noop"].apply_async(producer=producer, countdown=A_DAY_S)

    async def aclose(self) -> None:
        """Close the connections."""
        self._app.close()


async def opening(url: str) -> Client:
    """Connect; the first message makes the tables."""
    return Client(_app(url))


def working(url: str) -> None:
    """Run one worker until it is told to stop."""
    logging.basicConfig(level=logging.ERROR)
    app = _app(url)
    tally()
    quiet = ("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel=ERROR")
    app.worker_main(["worker", "--pool=threads", f"--concurrency={THREADS}", *quiet])


if __name__ == "__main__":
    run(opening, working)

"""Procrastinate: psycopg's pool, `batch_defer`, a hundred jobs at a time."""

import asyncio
import datetime as dt
import logging

from procrastinate import App, PsycopgConnector

from bench.peers.line import A_DAY_S, Given, run, tally

CONCURRENCY = 100


def _app(url: str) -> App:
    app = App(connector=PsycopgConnector(conninfo=url, max_size=10))

    @app.task(name="noop")
    async def noop() -> None:
        await tally().noop()

    @app.task(name="probe")
    async def probe(**given: float) -> None:
        tally().probe(given)

    return app


class Client:
    """Its `App`, as one that defers."""

    def __init__(self, app: App) -> None:
        """Use an open one."""
        self._app = app

    async def one(self, task: str, given: Given) -> None:
        """Defer one."""
        await self._app.configure_task(task).defer_async(**given)

    async def many(self, count: int) -> None:
        """Defer many by one call."""
        await self._app.configure_task("noop").batch_defer_async(*[{}] * count)

    async def later(self, given: Given, due_s: float) -> None:
        """Defer with `schedule_at`."""
        await self._app.configure_task("probe", schedule_at=_at(due_s)).defer_async(**given)

    async def future(self, count: int) -> None:
        """Defer for tomorrow."""
        tomorrow = _at(dt.datetime.now(dt.UTC).timestamp() + A_DAY_S)
        await self._app.configure_task("noop", schedule_at=tomorrow).batch_defer_async(
            *[{}] * count
        )

    async def aclose(self) -> None:
        """Close the pool."""
        await self._app.close_async()


def _at(due_s: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(due_s, dt.UTC)


async def opening(url: str) -> Client:
    """Connect, and make its tables where there are none."""
    app = _app(url)
    await app.open_async()
    found = await app.connector.execute_query_one_async(
        "SELECT to_regclass('procrastinate_jobs') IS NOT NULL AS made"
    )
    if not found["made"]:
        await app.schema_manager.apply_schema_async()
    return Client(app)


async def _work(url: str) -> None:
    app = _app(url)
    tally()
    async with app.open_async():
        await app.run_worker_async(concurrency=CONCURRENCY)


def working(url: str) -> None:
    """Run one worker until it is told to stop."""
    logging.basicConfig(level=logging.ERROR)
    asyncio.run(_work(url))


if __name__ == "__main__":
    run(opening, working)

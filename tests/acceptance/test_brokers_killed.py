"""A subscriber killed by SIGKILL between storing and acknowledging: no job lost, none doubled.

The other process is this file, run as a program: it stores the jobs of a batch, and where it would
acknowledge the messages it says so and waits to be killed.
"""

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from msgspec.structs import replace
from redis.asyncio import Redis

from ductape import Ductape, WorkerOptions
from ductape.ports.broker import Delivery
from ductape.providers.brokers.redis.link import RedisFeed
from tests.acceptance.brokers import Kept, a_subscription, product, until_running, until_taken
from tests.servers.valkey import valkey

SHORT = WorkerOptions(lease_ms=600, grace_ms=200, upkeep_ms=100)
MESSAGES = 25
LISTENING = "listening"
"""The queue of subscriptions, all that the other process serves."""


async def test_a_killed_subscriber_loses_no_job_and_doubles_none(tmp_path: Path) -> None:
    store, kept = f"sqlite:///{tmp_path / 'shop.db'}", Kept()
    async with valkey(tmp_path) as server, Redis.from_url(server.url) as redis:
        async with Ductape.open(store, config={}, worker=False) as ductape:
            await ductape.products.apply(product({"type": "redis", "url": server.url}))
            for number in range(MESSAGES):
                await redis.xadd("orders", {"body": str(number)})
            async with the_other(store) as process:
                await said(process, "ready")
                receipt = await ductape.processor.job.dispatch(listens(group="billing"))
                await said(process, "stored")
                stored = len(await ductape.jobs.list(event="take", limit=100))
                pending = (await redis.xpending("orders", "billing"))["pending"]
                process.send_signal(signal.SIGKILL)
                await process.wait()
        async with Ductape.open(store, config={}, handlers=kept.handlers, worker=SHORT) as ductape:
            await redis.xadd("orders", {"body": str(MESSAGES)})
            await until_taken(ductape, MESSAGES + 1)
            jobs = await ductape.jobs.list(event="take", limit=100)
            view = await ductape.jobs.get(receipt["job_id"])
        left = (await redis.xpending("orders", "billing"))["pending"]
    assert (stored, pending) == (MESSAGES, MESSAGES)
    assert sorted(one["order"] for one in kept.inputs) == list(range(MESSAGES + 1))
    assert (len(jobs), left) == (MESSAGES + 1, 0)
    assert [one["status"] for one in view["attempts"]] == ["lost", "running"]


async def test_one_survivor_takes_every_lost_subscription_over(tmp_path: Path) -> None:
    store, kept = f"sqlite:///{tmp_path / 'shop.db'}", Kept()
    async with valkey(tmp_path) as server, Redis.from_url(server.url) as redis:
        async with Ductape.open(store, config={}, worker=False) as ductape:
            await ductape.products.apply(product({"type": "redis", "url": server.url}))
            async with the_other(store) as process:
                await said(process, "ready")
                for topic in ("orders", "bare"):
                    asked = listens(f"bus:{topic}")
                    receipt = await ductape.processor.job.dispatch(asked)
                    await until_running(ductape, receipt["job_id"])
                process.send_signal(signal.SIGKILL)
                await process.wait()
        # A run that was lost is a suspect, and a worker takes one suspect at a time.
        async with Ductape.open(store, config={}, handlers=kept.handlers, worker=SHORT) as ductape:
            for topic in ("orders", "bare"):
                await redis.xadd(topic, {"body": f'"{topic}"'})
            await until_taken(ductape, 2)
            views = await ductape.jobs.list(kind="subscribe")
    assert sorted(str(one["order"]) for one in kept.inputs) == ["bare", "orders"]
    for view in views:
        assert [one["status"] for one in view["attempts"]] == ["lost", "running"]


def listens(event: str = "bus:orders", **parts: object) -> dict[str, object]:
    return a_subscription(event, **parts) | {"queue": LISTENING}


@asynccontextmanager
async def the_other(store: str) -> AsyncIterator[Process]:
    """Run the other process, ended at the end whatever became of it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __name__, store, stdout=PIPE, cwd=Path(__file__).parents[2]
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def said(process: Process, line: str) -> None:
    """Wait for a line of the other process's output."""
    assert process.stdout is not None
    async with asyncio.timeout(20):
        while (found := (await process.stdout.readline()).decode().strip()) != line:
            assert found, f"the other process ended before it said `{line}`"


class _Waiting(RedisFeed):
    """A feed that is killed where it would acknowledge."""

    async def accept(self, deliveries: Sequence[Delivery]) -> None:  # noqa: ARG002 (as every feed)
        """Say that all is stored, and wait."""
        sys.stdout.write("stored\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


async def _serve(store: str) -> None:
    """Subscribe; the jobs of messages are left to others."""
    RedisFeed.accept = _Waiting.accept
    listening = replace(SHORT, queues=(LISTENING,))
    async with Ductape.open(store, config={}, handlers=Kept().handlers, worker=listening):
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1]))

"""What the tests of the brokers share: a product with one, handlers that keep their inputs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

from ductape import Ductape, Handlers


class Kept:
    """The inputs that the callback was given."""

    def __init__(self) -> None:
        self.inputs: list[dict[str, object]] = []
        self.handlers = Handlers()

        @self.handlers.job("take")
        async def take(order: dict[str, object]) -> str:
            self.inputs.append(order)
            return "taken"


def product(broker: dict[str, object], **topic: object) -> dict[str, object]:
    """Make a product; `after` in a broker keeps its topics apart from those of other tests.

    `more` in it are topics besides.
    """
    broker = dict(broker)
    after = broker.pop("after", "")
    more = cast("list[object]", broker.pop("more", []))
    topics = [
        {"tag": "orders", "name": f"orders{after}", "dead_letter": "dead", **topic},
        {"tag": "dead", "name": f"orders-dead{after}"},
        {"tag": "bare", "name": f"bare{after}", "max_deliveries": 2},
        *more,
    ]
    return {
        "tag": "shop",
        "envs": [{"slug": "dev", "allow_private": True}],
        "brokers": [{"tag": "bus", **broker, "topics": topics}],
    }


def a_publish(message: object, event: str = "bus:orders", **parts: object) -> dict[str, object]:
    given = {"message": message, **parts}
    return {"product_tag": "shop", "env": "dev", "event": event, "input": given, "start_at": 0}


def a_subscription(event: str = "bus:orders", **parts: object) -> dict[str, object]:
    given = {"callback": "take", "input": {"order": "$Message{body}"}, **parts}
    return {"product_tag": "shop", "env": "dev", "event": event, "input": given, "start_at": 0}


@asynccontextmanager
async def shop(
    folder: Path, broker: dict[str, object], kept: Kept | None = None, **topic: object
) -> AsyncIterator[Ductape]:
    store = f"sqlite:///{folder / 'shop.db'}"
    handlers = (kept or Kept()).handlers
    async with Ductape.open(store, config={}, handlers=handlers) as ductape:
        await ductape.products.apply(product(broker, **topic))
        for name in ("sqs_id", "sqs_key"):
            await ductape.secrets.set(name, "testing", product="shop")
        yield ductape


async def until_taken(ductape: Ductape, count: int) -> None:
    """Wait until the callback has completed so many times."""
    async with asyncio.timeout(30):
        while len(await ductape.jobs.list(event="take", status="completed", limit=500)) < count:  # noqa: ASYNC110 (jobs that are not there yet cannot be watched)
            await asyncio.sleep(0.02)


async def until_running(ductape: Ductape, job_id: str) -> None:
    """Wait until a job runs."""
    async with asyncio.timeout(30):
        async for view in ductape.jobs.watch(job_id):
            if view["status"] == "running":
                return

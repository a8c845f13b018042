"""Publish three orders, subscribe to them, and see one without an id go to the dead letters.

python examples/brokers/run.py [redis://127.0.0.1:6379/0]
"""

import asyncio
import sys
from pathlib import Path

import yaml

from ductape import Ductape, Handlers

PRODUCT = Path(__file__).with_name("product.yaml")
handlers = Handlers()


@handlers.job("take")
async def take(order: dict[str, object]) -> str:
    """Do what is to be done with an order."""
    return f"took {order['id']} for {order['customer']}"


def asked(**given: object) -> dict[str, object]:
    """Ask for something of the topic `orders`."""
    return {
        "product_tag": "shop",
        "env": "dev",
        "event": "bus:orders",
        "input": given,
        "start_at": 0,
    }


async def main(url: str | None) -> None:
    """Run it."""
    product = yaml.safe_load(PRODUCT.read_text(encoding="utf-8"))
    if url is not None:
        product["brokers"][0]["url"] = url
    async with Ductape.open("sqlite:///brokers.db", handlers=handlers, worker=True) as ductape:
        await ductape.products.apply(product)
        for order in ({"id": 1, "by": "Ada"}, {"by": "Bob"}, {"id": 3, "by": "Cy"}):
            published = await ductape.processor.job.schedule(asked(message=order))
            print("published", published)
        mapping = {"id": "$Message{body}{id}", "customer": "$Message{body}{by}"}
        subscription = asked(callback="take", input=mapping, max_messages=3, duration=30_000)
        print("subscribed", await ductape.processor.job.schedule(subscription))
        for job in await ductape.jobs.list(event="take"):
            print(await ductape.processor.job.wait(job["id"]))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else None))

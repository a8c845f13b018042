"""Calls both functions of the product, in this process, and prints what they return."""

import asyncio
import sys
from pathlib import Path

from handlers import handlers

from ductape import Ductape

HERE = Path(__file__).parent
INPUTS: dict[str, object] = {"total": {"prices": [10, 2.5]}, "label": {"name": "Ada"}}


async def main(store: str) -> None:
    """Apply the product, then call."""
    async with Ductape.open(store, handlers=handlers, worker=False) as ductape:
        await ductape.secrets.set("label_token", "label-s3cret", product="shop")
        await ductape.products.apply(HERE / "product.yaml")
        for event, payload in INPUTS.items():
            call: dict[str, object] = {"product_tag": "shop", "env": "dev", "event": event}
            result = await ductape.processor.function.invoke(
                {**call, "input": {"payload": payload}}
            )
            print(event, result)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "sqlite:///function.db"))

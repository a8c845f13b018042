"""Use up a quota that spreads messages over two carriers."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from ductape import Ductape, Handlers, JobFailed

PRODUCT = Path(__file__).with_name("product.yaml")

handlers = Handlers()


@handlers.function("big_carrier")
def big_carrier(payload: str) -> str:
    """Send a message by the carrier that takes nine of ten."""
    return f"sent `{payload}`"


@handlers.function("small_carrier")
def small_carrier(payload: str) -> str:
    """Send a message by the other one."""
    return f"sent `{payload}`"


async def main() -> None:
    """Send four messages: the fourth is refused."""
    with TemporaryDirectory() as folder:
        async with Ductape.open(f"sqlite:///{folder}/jobs.db", handlers=handlers) as ductape:
            await ductape.products.apply(PRODUCT)
            for number in range(1, 5):
                message = {"customer": "c-7", "text": f"hello {number}"}
                job = {"product_tag": "shop", "env": "dev", "event": "messages", "input": message}
                try:
                    told = await ductape.processor.quota.run(job)
                except JobFailed as failed:
                    print(f"{number}: {failed.error['code']}")
                else:
                    print(f"{number}: {told['result']}, {told['remaining']} left")


if __name__ == "__main__":
    asyncio.run(main())

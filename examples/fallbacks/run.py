"""Ship three parcels by whoever takes them."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from ductape import Ductape, Handlers

PRODUCT = Path(__file__).with_name("product.yaml")

handlers = Handlers()


@handlers.function("cheap")
def cheap(payload: str) -> None:
    """Fail: the cheap carrier has broken down."""
    raise RuntimeError(f"no car for {payload}")


@handlers.function("dear")
def dear(payload: str) -> dict[str, str]:
    """Ship a parcel."""
    return {"number": f"{payload}-1"}


async def main() -> None:
    """Show who shipped each parcel, and why nobody else did."""
    with TemporaryDirectory() as folder:
        async with Ductape.open(
            f"sqlite:///{folder}/jobs.db", handlers=handlers, worker=True
        ) as ductape:
            await ductape.products.apply(PRODUCT)
            parcels = await ductape.processor.job.schedule(
                {
                    "product_tag": "shop",
                    "env": "dev",
                    "event": "ship_three",
                    "input": {"town": "Ede"},
                    "start_at": 0,
                }
            )
            for parcel in parcels:
                (failure,) = parcel["failures"]
                print(
                    f"{parcel['tracking']} by {parcel['provider']}, not by {failure['provider']}:"
                )
                print(f"  {failure['code']}: {failure['message']}")


if __name__ == "__main__":
    asyncio.run(main())

"""Keep an invoice in a folder, list what is there, and read it again.

In `prd` the same requests go to a bucket: only the product knows the difference.
"""

import asyncio
from base64 import b64decode
from pathlib import Path

from ductape import Ductape

HERE = Path(__file__).parent
REQUEST = {"product_tag": "shop", "env": "dev", "event": "invoices"}


async def main() -> None:
    """Upload by a durable job, then list and download at once."""
    async with Ductape.open() as ductape:
        await ductape.products.apply(HERE / "product.yaml")
        upload = {"fileName": "2026/1001.txt", "blob": b"Invoice 1001: 12.50"}
        job = {**REQUEST, "start_at": 0, "retries": 3, "input": upload}
        stored = await ductape.processor.job.schedule(job)
        print("stored", stored["fileName"], stored["size"], "bytes of", stored["mimeType"])

        listing = {**REQUEST, "input": {"operation": "list", "prefix": "2026"}}
        page = await ductape.processor.storage.run(listing)
        print("there", [file["fileName"] for file in page["files"]])

        download = {**REQUEST, "input": {"operation": "download", "fileName": "2026/1001.txt"}}
        found = await ductape.processor.storage.run(download)
        print("read", b64decode(found["buffer"]).decode())


if __name__ == "__main__":
    asyncio.run(main())

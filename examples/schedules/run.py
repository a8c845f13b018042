"""Declare a recurring job in a product's document, and see what changing the document does."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from ductape import Ductape, Handlers

DOCUMENT = Path(__file__).with_name("product.yaml")
handlers = Handlers()


@handlers.job("count_stock")
def count_stock(given: dict[str, str]) -> str:
    """Count what lies on a shelf."""
    return f"12 on shelf {given['shelf']}"


async def apply(ductape: Ductape, document: object) -> None:
    """Apply a document and print what became of its schedules."""
    applied = await ductape.products.apply(document)
    print(f"version {applied['version']}:", *_said(applied["schedules"]), sep="\n  ")


def _said(changes: list) -> list[str]:
    return [f"{one['tag']} in {one['env']} {one['op']}" for one in changes] or ["nothing to do"]


async def main() -> None:
    """Apply the document, apply it again, change it, take its schedule out."""
    with TemporaryDirectory() as folder:
        async with Ductape.open(f"sqlite:///{folder}/jobs.db", handlers=handlers) as ductape:
            await apply(ductape, DOCUMENT)
            await apply(ductape, DOCUMENT)
            (job,) = await ductape.jobs.list(metadata={"schedule": "stock"}, env="dev")
            async for view in ductape.jobs.watch(job["id"]):
                job = view
            print(f"{job['status']} after {job['execution_count']} runs: {job['result']}")
            document = yaml.safe_load(DOCUMENT.read_text(encoding="utf-8"))
            document["schedules"][0]["envs"][1]["input"] = {"shelf": "B"}
            await apply(ductape, document)
            await apply(ductape, {**document, "schedules": []})


if __name__ == "__main__":
    asyncio.run(main())

"""Makes a library in a SQLite file, and works on it by jobs: `python run.py`."""

import asyncio
import sqlite3
from pathlib import Path

from ductape import Ductape

HERE = Path(__file__).parent
BOOKS = [
    {"title": "Frankenstein", "author": "Mary Shelley", "year": 1818},
    {"title": "The Last Man", "author": "Mary Shelley", "year": 1826},
    {"title": "Middlemarch'); DROP TABLE books; --", "author": "George Eliot", "year": 1871},
]


async def main() -> None:
    """Add, find, rename, count and remove books."""
    with sqlite3.connect("library.db") as file:
        file.executescript(
            "DROP TABLE IF EXISTS books;"
            "CREATE TABLE books (id INTEGER PRIMARY KEY, title TEXT, author TEXT, year INTEGER)"
        )
    file.close()
    async with Ductape.open("sqlite:///jobs.db") as ductape:
        await ductape.products.apply(str(HERE / "product.yaml"))

        async def do(action: str, **given: object) -> None:
            job = {"product_tag": "library", "env": "dev", "event": f"books:{action}"}
            print(
                action, await ductape.processor.job.schedule({**job, "input": given, "start_at": 0})
            )

        await do("add", data=BOOKS)
        await do("rename", data={"title": "Middlemarch"}, filter={"title": BOOKS[2]["title"]})
        await do("by", filter={"authors": ["Mary Shelley", "George Eliot"]})
        await do("count")
        await do("remove", filter={"before": 1820})


asyncio.run(main())

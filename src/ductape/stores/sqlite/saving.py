"""Saving a SQLite store while it is in use, and putting it back (SPEC 13: `store backup|restore`).

SQLite copies its own pages: what `cp` would tear apart, and what still stands in the WAL, is whole
here. Writers go on meanwhile; the copy is the store as it was at the end.
"""

from contextlib import closing
from pathlib import Path

import apsw

from ductape.errors import Conflict, NotFound, StoreError
from ductape.stores.sqlite.file.opening import explain
from ductape.stores.sqlite.migrating import schema_of

PAGES = 4_096
"""How many pages are copied between two breaths of the writers."""
BUSY_MS = 15_000


def save(path: str, to: str) -> int:
    """Copy a store's file into a new one; return its size in bytes.

    Raises `StoreError` where there is no store, `Conflict` where there is a file already.
    """
    if schema_of(path) is None:
        raise StoreError("there is no store to save", path=path, hint="mend `store`")
    return _copied(path, to)


def put_back(saved: str, path: str) -> int:
    """Copy a saved store to where the store is to be; return its size in bytes.

    Raises `NotFound` where nothing was saved, `Conflict` where there is a store already.
    """
    if schema_of(saved) is None:
        raise NotFound("there is no saved store", path=saved, hint="name a file of `backup`")
    return _copied(saved, path)


def _copied(origin: str, target: str) -> int:
    _refuse_taken(target)
    try:
        with closing(apsw.Connection(origin)) as source, closing(apsw.Connection(target)) as copy:
            source.set_busy_timeout(BUSY_MS)
            with copy.backup("main", source, "main") as backup:
                while not backup.done:
                    backup.step(PAGES)
    except apsw.Error as error:
        Path(target).unlink(missing_ok=True)
        raise explain(error, target) from error
    return Path(target).stat().st_size


def _refuse_taken(target: str) -> None:
    for file in (target, f"{target}-wal"):
        if Path(file).exists():
            raise Conflict(
                "the file exists already",
                path=file,
                hint="name a new one; nothing was overwritten",
            )

"""The write-ahead log, kept short also where somebody always reads.

SQLite copies the log into the file by itself, and begins it anew at a moment at which nobody reads
from it. Where reads overlap without a gap that moment never comes, and the log grows for good. So
one that has become long is begun anew by force: writers wait meanwhile for those who read just
then, and whoever reads next needs the log no more.
"""

import asyncio
from pathlib import Path

import apsw

from ductape.stores.sqlite.connection import open_connection
from ductape.stores.sqlite.file.opening import explain

LONG_BYTES = 128 * 1024 * 1024
"""Twice what a log that was begun anew is cut down to."""
LOOK_EVERY_S = 10.0
PATIENCE_MS = 1_000
"""How long writers may be kept waiting, now and then: much less than they are ready to."""


async def until_long(path: str) -> None:
    """Wait until a file's log is long; at least as long as from one look to the next."""
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        if _size(path) > LONG_BYTES:
            return


def begin_anew(path: str) -> bool:
    """Copy all of a file's log into it, and empty the log; false where a read takes too long.

    For a thread of its own: it has a connection of its own. Raises `StoreError`.
    """
    try:
        connection = open_connection(path)
        try:
            connection.set_busy_timeout(PATIENCE_MS)
            row = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()[0]
        finally:
            connection.close()
    except apsw.Error as error:
        raise explain(error, path) from error
    return row[0] == 0


def _size(path: str) -> int:
    try:
        return Path(f"{path}-wal").stat().st_size
    except FileNotFoundError:
        return 0

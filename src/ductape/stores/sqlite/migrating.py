"""Bringing a SQLite file up to date; and looking, changing nothing, how new its schema is."""

from pathlib import Path

import apsw

from ductape.errors import StoreError
from ductape.stores.sqlite.connection import read_only_connection
from ductape.stores.sqlite.opening import APPLICATION_ID, connect, explain, schema_version
from ductape.stores.sqlite.statements import migrations


def newest_schema() -> int:
    """Return the number of the newest migration that this version knows."""
    return migrations()[-1][0]


def schema_of(path: str) -> int | None:
    """Return the number of a file's newest migration; none where there is no file.

    Raises `StoreError` for a file that is not ours or cannot be read.
    """
    if not Path(path).exists():
        return None
    try:
        connection = read_only_connection(path)
        try:
            mark = connection.execute("PRAGMA application_id").get
            number = schema_version(connection)
        finally:
            connection.close()
    except apsw.Error as error:
        raise explain(error, path) from error
    if mark != APPLICATION_ID:
        raise StoreError("the file is not a store of ductape", path=path)
    return number


def migrate(path: str) -> int:
    """Bring a file up to date, making it where there is none; return its schema's number."""
    connection = connect(path)
    try:
        return schema_version(connection)
    finally:
        connection.close()

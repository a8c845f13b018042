"""Bringing a SQLite file up to date; and looking, changing nothing, how new its schema is."""

from pathlib import Path

import apsw

from ductape.domain.schema import StoreSchema
from ductape.errors import StoreError
from ductape.stores.sqlite.connection import read_only_connection
from ductape.stores.sqlite.file.opening import APPLICATION_ID, connect, explain, schema_in
from ductape.stores.sqlite.file.statements import known_schema


def newest_schema() -> int:
    """Return the number of the newest migration that this version knows."""
    return known_schema().number


def schema_of(path: str) -> StoreSchema | None:
    """Return how new a file's schema is; none where there is no file.

    Raises `StoreError` for a file that is not ours or cannot be read, or cannot be made.
    """
    if not Path(path).exists():
        _refuse_no_folder(Path(path).absolute().parent, path)
        return None
    try:
        connection = read_only_connection(path)
        try:
            mark = connection.execute("PRAGMA application_id").get
            if mark != APPLICATION_ID:
                raise StoreError("the file is not a store of ductape", path=path)
            return schema_in(connection)
        finally:
            connection.close()
    except apsw.Error as error:
        raise explain(error, path) from error


def _refuse_no_folder(folder: Path, path: str) -> None:
    if not folder.is_dir():
        said = f"the database cannot be opened: there is no folder {folder}"
        raise StoreError(said, path=path, hint="the folder must exist and be writable")


def migrate(path: str) -> StoreSchema:
    """Bring a file up to date, making it where there is none; return how new it is then."""
    connection = connect(path)
    try:
        return schema_in(connection)
    finally:
        connection.close()

"""Which job has a key, on SQLite."""

from ductape.domain.identity import KeyHolder
from ductape.stores.sqlite.connection import Connection
from ductape.stores.sqlite.file.statements import statements


def holder_of(connection: Connection, product: str, env: str, key: str) -> KeyHolder | None:
    """Return the job that has a key, if one has it."""
    row = connection.execute(
        statements("job_keys")["holder"], {"product": product, "env": env, "key": key}
    ).fetchone()
    return None if row is None else KeyHolder(row[0], row[1], row[2], recurring=bool(row[3]))

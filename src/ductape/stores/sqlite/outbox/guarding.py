"""What a caller's own statements may do in a lent transaction: everything to the caller's tables.

They may read our tables and not change them; what would end the transaction, open another file or
change a setting is refused, since the connection is ours. SQLite asks before a statement is run.
"""

import re
from functools import cache

import apsw

from ductape.errors import ValidationError, invalid
from ductape.stores.sqlite.connection import Connection, Row
from ductape.stores.sqlite.file.statements import migrations

NEVER = {
    apsw.SQLITE_ATTACH: "ATTACH",
    apsw.SQLITE_DETACH: "DETACH",
    apsw.SQLITE_PRAGMA: "PRAGMA",
    apsw.SQLITE_TRANSACTION: "a statement that begins or ends a transaction",
}
"""Operations that are refused whatever they are about, and what they are called."""

ON_A_TABLE = {
    apsw.SQLITE_INSERT: 1,
    apsw.SQLITE_UPDATE: 1,
    apsw.SQLITE_DELETE: 1,
    apsw.SQLITE_DROP_TABLE: 1,
    apsw.SQLITE_CREATE_TEMP_TABLE: 1,
    apsw.SQLITE_CREATE_TEMP_VIEW: 1,
    apsw.SQLITE_ALTER_TABLE: 2,
    apsw.SQLITE_CREATE_INDEX: 2,
    apsw.SQLITE_CREATE_TRIGGER: 2,
    apsw.SQLITE_CREATE_TEMP_TRIGGER: 2,
    apsw.SQLITE_DROP_INDEX: 2,
    apsw.SQLITE_DROP_TRIGGER: 2,
}
"""Operations that change a table, and which of SQLite's two words about each is its name."""

_TABLE = re.compile(r"^CREATE TABLE (\w+)", re.MULTILINE)


class Guard:
    """Judges one statement, and remembers what it refused."""

    def __init__(self) -> None:
        """Begin with nothing refused."""
        self._refused: str | None = None

    def run(self, connection: Connection, sql: str, parameters: object, *, many: bool) -> list[Row]:
        """Run a statement, or several, of the caller's, for one or many sets of parameters.

        Returns all rows; raises `ValidationError` at `sql`, or `apsw.Error`.
        """
        run = connection.executemany if many else connection.execute
        connection.authorizer = self._judge
        try:
            # Not from the cache: what is found there was allowed to us. To the last row, since
            # each statement of several is judged only when the one before has ended.
            return run(sql, parameters, can_cache=False).fetchall()  # pyright: ignore[reportArgumentType] (SQLite tells)
        except apsw.AuthError as error:
            raise self._why() from error
        finally:
            connection.authorizer = None

    def _judge(self, operation: int, first: str | None, second: str | None, *_: str | None) -> int:
        place = ON_A_TABLE.get(operation)
        name = (None, first, second)[place or 0]
        if operation in NEVER:
            self._refused = NEVER[operation]
        elif name is not None and name.lower() in own_tables():
            self._refused = f"a change of Ductape's own table `{name}`"
        else:
            return apsw.SQLITE_OK
        return apsw.SQLITE_DENY

    def _why(self) -> ValidationError:
        return invalid(
            "sql",
            "statements that read, or change your own tables",
            self._refused or "one that is not allowed",
            hint="call Ductape for its own, and leave the block to end the transaction",
        )


@cache
def own_tables() -> frozenset[str]:
    """Return the names of our tables."""
    made = (name for _, _, sql in migrations() for name in _TABLE.findall(sql))
    return frozenset(made) | {"migrations"}

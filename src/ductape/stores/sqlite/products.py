"""Product versions in SQLite: each is a row that never changes (SPEC 8)."""

import msgspec

from ductape.domain.jsonvalue import JsonObject
from ductape.ports.stores.products import ProductRow
from ductape.stores.sqlite.connection import Bindings, Connection, Row
from ductape.stores.sqlite.file.engine import Engine
from ductape.stores.sqlite.file.statements import statements

_document = msgspec.json.Decoder(JsonObject).decode


class SqliteProducts:
    """Where products are kept; instants are epoch milliseconds."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._sql = statements("products")

    async def put(
        self, tag: str, document: JsonObject, digest: bytes, *, after: int, now_ms: int
    ) -> int | None:
        """Store version `after + 1` and return it; none where somebody else was faster."""
        values: Bindings = {
            "tag": tag,
            "after": after,
            "document": msgspec.json.encode(document),
            "digest": digest,
            "now": now_ms,
        }

        def step(connection: Connection) -> int | None:
            connection.execute(self._sql["put"], values)
            return after + 1 if connection.changes() else None

        return await self._engine.write(step)

    async def current(self, tag: str) -> ProductRow | None:
        """Return the newest version."""
        return await self._one("current", {"tag": tag})

    async def version(self, tag: str) -> int | None:
        """Return the newest version's number, cheaply."""

        def step(connection: Connection) -> int | None:
            return connection.execute(self._sql["version"], {"tag": tag}).get

        return await self._engine.read(step)

    async def at(self, tag: str, version: int) -> ProductRow | None:
        """Return one version."""
        return await self._one("at", {"tag": tag, "version": version})

    async def tags(self) -> list[str]:
        """List the products, by tag."""

        def step(connection: Connection) -> list[str]:
            return [row[0] for row in connection.execute(self._sql["tags"])]

        return await self._engine.read(step)

    async def having(self, key: str) -> list[ProductRow]:
        """Return the newest version of each product whose document has a key at its top."""
        rows = await self._rows("mentioning", {"word": msgspec.json.encode(key)})
        return [row for row in rows if key in row.document]

    async def versions(self, tag: str) -> list[ProductRow]:
        """List every version, newest first."""
        return await self._rows("versions", {"tag": tag})

    async def _one(self, statement: str, values: Bindings) -> ProductRow | None:
        rows = await self._rows(statement, values)
        return rows[0] if rows else None

    async def _rows(self, statement: str, values: Bindings) -> list[ProductRow]:
        def step(connection: Connection) -> list[ProductRow]:
            return [_row(row) for row in connection.execute(self._sql[statement], values)]

        return await self._engine.read(step)


def _row(row: Row) -> ProductRow:
    return ProductRow(
        tag=row[0],
        version=row[1],
        document=_document(row[2]),
        digest=row[3],
        applied_at_ms=row[4],
    )

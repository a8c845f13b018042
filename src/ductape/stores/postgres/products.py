"""Product versions in PostgreSQL: each is a row that never changes (SPEC 8)."""

import msgspec

from ductape.domain.jsonvalue import JsonObject
from ductape.ports.stores.products import ProductRow
from ductape.stores.postgres.rows.values import Row, Values
from ductape.stores.postgres.server.engine import Engine
from ductape.stores.postgres.server.transaction import Transaction

_document = msgspec.json.Decoder(JsonObject).decode


class PostgresProducts:
    """Where products are kept; instants are epoch milliseconds."""

    def __init__(self, engine: Engine) -> None:
        """Work on an engine."""
        self._engine = engine

    async def put(
        self, tag: str, document: JsonObject, digest: bytes, *, after: int, now_ms: int
    ) -> int | None:
        """Store version `after + 1` and return it; none where somebody else was faster."""
        values: Values = {
            "tag": tag,
            "after": after,
            "document": msgspec.json.encode(document),
            "digest": digest,
            "now": now_ms,
        }
        sent = False

        async def store(transaction: Transaction) -> bool:
            nonlocal sent
            again, sent = sent, True
            if await transaction.change("products", "put", values):
                return True
            # What was sent before may be there, though its connection was gone before the answer.
            asked: Values = {"tag": tag, "version": after + 1}
            there = await transaction.row("products", "at", asked) if again else None
            return there is not None and _product(there) == ours

        ours = ProductRow(tag, after + 1, document, digest, now_ms)
        return after + 1 if await self._engine.single(store) else None

    async def current(self, tag: str) -> ProductRow | None:
        """Return the newest version."""
        return await self._one("current", {"tag": tag})

    async def version(self, tag: str) -> int | None:
        """Return the newest version's number, cheaply."""
        return await self._engine.single(lambda t: t.cell("products", "version", {"tag": tag}))

    async def at(self, tag: str, version: int) -> ProductRow | None:
        """Return one version."""
        return await self._one("at", {"tag": tag, "version": version})

    async def tags(self) -> list[str]:
        """List the products, by tag."""
        return [row[0] for row in await self._engine.single(lambda t: t.rows("products", "tags"))]

    async def having(self, key: str) -> list[ProductRow]:
        """Return the newest version of each product whose document has a key at its top."""
        asked: Values = {"word": msgspec.json.encode(key)}
        rows = await self._engine.single(lambda t: t.rows("products", "mentioning", asked))
        return [product for product in map(_product, rows) if key in product.document]

    async def versions(self, tag: str) -> list[ProductRow]:
        """List every version, newest first."""
        rows = await self._engine.single(lambda t: t.rows("products", "versions", {"tag": tag}))
        return [_product(row) for row in rows]

    async def _one(self, name: str, values: Values) -> ProductRow | None:
        row = await self._engine.single(lambda t: t.row("products", name, values))
        return None if row is None else _product(row)


async def newest_versions(transaction: Transaction, tags: set[str]) -> dict[str, int]:
    """Return the newest version of each product that has one."""
    if not tags:
        return {}
    return dict(await transaction.rows("products", "newest", {"tags": sorted(tags)}))


def _product(row: Row) -> ProductRow:
    return ProductRow(
        tag=row[0],
        version=row[1],
        document=_document(row[2]),
        digest=row[3],
        applied_at_ms=row[4],
    )

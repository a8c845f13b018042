"""Product versions, as documents."""

from typing import Protocol

from msgspec import Struct

from ductape.domain.jsonvalue import JsonObject


class ProductRow(Struct, frozen=True):
    """One version of one product."""

    tag: str
    version: int
    document: JsonObject
    digest: bytes
    applied_at_ms: int


class Products(Protocol):
    """Where products are kept."""

    async def put(
        self, tag: str, document: JsonObject, digest: bytes, *, after: int, now_ms: int
    ) -> int | None:
        """Store version `after + 1` and return it; none where somebody else was faster."""
        ...

    async def current(self, tag: str) -> ProductRow | None:
        """Return the newest version."""
        ...

    async def version(self, tag: str) -> int | None:
        """Return the newest version's number, cheaply."""
        ...

    async def at(self, tag: str, version: int) -> ProductRow | None:
        """Return one version."""
        ...

    async def tags(self) -> list[str]:
        """List the products."""
        ...

    async def having(self, key: str) -> list[ProductRow]:
        """Return the newest version of each product whose document has a key at its top."""
        ...

    async def versions(self, tag: str) -> list[ProductRow]:
        """List every version, newest first."""
        ...

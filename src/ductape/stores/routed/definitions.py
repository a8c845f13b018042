"""Products and what belongs to them, in several stores: each in the store of its product."""

from ductape.domain.change import CacheEntry, RunRef
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.ports.stores.memory import CacheValue, Follows, Fresh, Leads, Selection
from ductape.ports.stores.products import ProductRow
from ductape.ports.stores.sessions import SessionFamily, SessionUser
from ductape.stores.routed.places import Places


class RoutedProducts:
    """Where products are kept."""

    def __init__(self, places: Places) -> None:
        """Ask the product's store."""
        self._places = places

    async def put(
        self, tag: str, document: JsonObject, digest: bytes, *, after: int, now_ms: int
    ) -> int | None:
        """Store version `after + 1` and return it; none where somebody else was faster."""
        products = self._places.of_product(tag).products
        return await products.put(tag, document, digest, after=after, now_ms=now_ms)

    async def current(self, tag: str) -> ProductRow | None:
        """Return the newest version."""
        return await self._places.of_product(tag).products.current(tag)

    async def version(self, tag: str) -> int | None:
        """Return the newest version's number, cheaply."""
        return await self._places.of_product(tag).products.version(tag)

    async def at(self, tag: str, version: int) -> ProductRow | None:
        """Return one version."""
        return await self._places.of_product(tag).products.at(tag, version)

    async def tags(self) -> list[str]:
        """List the products; one that lies where its route does not lead is left out there."""
        found = await self._places.from_all(lambda store: store.products.tags())
        return sorted(
            tag
            for store, tags in zip(self._places.all, found, strict=True)
            for tag in tags
            if self._places.of_product(tag) is store
        )

    async def having(self, key: str) -> list[ProductRow]:
        """Return the newest version of each product whose document has a key at its top."""
        found = await self._places.from_all(lambda store: store.products.having(key))
        return [
            row
            for store, rows in zip(self._places.all, found, strict=True)
            for row in rows
            if self._places.of_product(row.tag) is store
        ]

    async def versions(self, tag: str) -> list[ProductRow]:
        """List every version, newest first."""
        return await self._places.of_product(tag).products.versions(tag)


class RoutedSecrets:
    """Where secrets are kept, sealed; check values are in every store."""

    def __init__(self, places: Places) -> None:
        """Ask the product's store."""
        self._places = places

    async def put(self, product: str, env: str, name: str, sealed: bytes, *, now_ms: int) -> None:
        """Store or replace; `env` is empty for the whole product."""
        secrets = self._places.of_product(product).secrets
        await secrets.put(product, env, name, sealed, now_ms=now_ms)

    async def get(self, product: str, env: str, name: str) -> bytes | None:
        """Return the sealed value."""
        return await self._places.of_product(product).secrets.get(product, env, name)

    async def names(self, product: str) -> list[tuple[str, str]]:
        """List (env, name)."""
        return await self._places.of_product(product).secrets.names(product)

    async def delete(self, product: str, env: str, name: str) -> bool:
        """Forget one."""
        return await self._places.of_product(product).secrets.delete(product, env, name)

    async def key_checks(self) -> dict[str, bytes]:
        """Return the check value of every key id seen, the default store's newest first."""
        found = await self._places.from_all(lambda store: store.secrets.key_checks())
        return {key_id: sealed for checks in found for key_id, sealed in checks.items()}

    async def put_key_check(self, key_id: str, sealed: bytes, *, now_ms: int) -> None:
        """Keep the check value of a key id in every store that has none."""
        await self._places.from_all(
            lambda store: store.secrets.put_key_check(key_id, sealed, now_ms=now_ms)
        )


class RoutedSessions:
    """Where sessions are kept."""

    def __init__(self, places: Places) -> None:
        """Ask the product's store; where only a session's id is known, all of them."""
        self._places = places

    async def put(self, family: SessionFamily, *, now_ms: int) -> None:
        """Store a new session and count its user; nothing happens where it is there already."""
        await self._places.of_product(family.product).sessions.put(family, now_ms=now_ms)

    async def get(self, session_id: str) -> SessionFamily | None:
        """Return one session."""
        found = await self._places.from_all(lambda store: store.sessions.get(session_id))
        return next((family for family in found if family is not None), None)

    async def rotate(self, family: SessionFamily, *, from_generation: int) -> bool:
        """Replace it if it is not revoked and its generation is still `from_generation`."""
        sessions = self._places.of_product(family.product).sessions
        return await sessions.rotate(family, from_generation=from_generation)

    async def revoke(self, session_id: str) -> bool:
        """Revoke the family; false where there is none."""
        return any(await self._places.from_all(lambda store: store.sessions.revoke(session_id)))

    async def users(
        self, product: str, env: str | None, tag: str, *, limit: int, offset: int
    ) -> tuple[int, list[SessionUser]]:
        """Return how many users there are, and one page of them, latest seen first."""
        sessions = self._places.of_product(product).sessions
        return await sessions.users(product, env, tag, limit=limit, offset=offset)


class RoutedMemory:
    """Where results are remembered."""

    def __init__(self, places: Places) -> None:
        """Ask the store of the product, or of the job."""
        self._places = places

    async def recall(
        self, run: RunRef, key: bytes, *, now_ms: int
    ) -> Fresh | Leads | Follows | None:
        """Consult the cache for a claimed run; none where the fence no longer holds."""
        memory = (await self._places.of_job(run.job_id)).memory
        return await memory.recall(run, key, now_ms=now_ms)

    async def fresh(self, product: str, key: bytes, *, now_ms: int) -> Fresh | None:
        """Return what a product's events have left under a key; none if nothing, or it is stale."""
        return await self._places.of_product(product).memory.fresh(product, key, now_ms=now_ms)

    async def leave(self, entry: CacheEntry, result: JsonValue, *, now_ms: int) -> None:
        """Remember a result that no run leads."""
        await self._places.of_product(entry.product).memory.leave(entry, result, now_ms=now_ms)

    async def values(self, selection: Selection, *, now_ms: int) -> list[CacheValue]:
        """List the live entries that are selected."""
        memory = self._places.of_product(selection.product).memory
        return await memory.values(selection, now_ms=now_ms)

    async def clear(self, selection: Selection) -> int:
        """Forget the entries that are selected, stale ones too; return how many."""
        return await self._places.of_product(selection.product).memory.clear(selection)

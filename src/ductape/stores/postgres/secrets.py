"""Sealed secrets and key check values, in PostgreSQL: the `SecretRows` of SPEC 6 and 16."""

from ductape.stores.postgres.rows.values import Values
from ductape.stores.postgres.server.engine import Engine


class PostgresSecrets:
    """Where secrets are kept, sealed; instants are epoch milliseconds."""

    def __init__(self, engine: Engine) -> None:
        """Work on an engine."""
        self._engine = engine

    async def put(self, product: str, env: str, name: str, sealed: bytes, *, now_ms: int) -> None:
        """Store or replace; `env` is empty for the whole product."""
        values: Values = {**_named(product, env, name), "sealed": sealed, "now": now_ms}
        await self._engine.single(lambda t: t.change("secrets", "put", values))

    async def get(self, product: str, env: str, name: str) -> bytes | None:
        """Return the sealed value."""
        values = _named(product, env, name)
        return await self._engine.single(lambda t: t.cell("secrets", "get", values))

    async def names(self, product: str) -> list[tuple[str, str]]:
        """List (env, name), by name."""
        values: Values = {"product": product}
        rows = await self._engine.single(lambda t: t.rows("secrets", "names", values))
        return [(env, name) for env, name in rows]

    async def delete(self, product: str, env: str, name: str) -> bool:
        """Forget one; false where there is none."""
        values = _named(product, env, name)
        # Run again where nobody heard of it, it would tell that there was none.
        return await self._engine.write(lambda t: t.change("secrets", "delete", values)) > 0

    async def key_checks(self) -> dict[str, bytes]:
        """Return the sealed check value of every key id this store has seen, newest first."""
        return dict(await self._engine.single(lambda t: t.rows("secrets", "key_checks")))

    async def put_key_check(self, key_id: str, sealed: bytes, *, now_ms: int) -> None:
        """Keep the check value of a key id, unless there is one already."""
        values: Values = {"key_id": key_id, "sealed": sealed, "now": now_ms}
        await self._engine.single(lambda t: t.change("secrets", "put_key_check", values))


def _named(product: str, env: str, name: str) -> dict[str, str]:
    return {"product": product, "env": env, "name": name}

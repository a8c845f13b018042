"""Sealed secrets and key check values, in SQLite: the `SecretRows` of SPEC 6 and 16."""

from ductape.stores.sqlite.connection import Cell, Connection
from ductape.stores.sqlite.file.engine import Engine
from ductape.stores.sqlite.file.statements import statements


class SqliteSecrets:
    """Where secrets are kept, sealed; instants are epoch milliseconds."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._sql = statements("secrets")

    async def put(self, product: str, env: str, name: str, sealed: bytes, *, now_ms: int) -> None:
        """Store or replace; `env` is empty for the whole product."""
        values = {**_named(product, env, name), "sealed": sealed, "now": now_ms}

        def step(connection: Connection) -> None:
            connection.execute(self._sql["put"], values)

        await self._engine.write(step)

    async def get(self, product: str, env: str, name: str) -> bytes | None:
        """Return the sealed value."""
        values = _named(product, env, name)

        def step(connection: Connection) -> bytes | None:
            row = connection.execute(self._sql["get"], values).fetchone()
            return None if row is None else row[0]

        return await self._engine.read(step)

    async def names(self, product: str) -> list[tuple[str, str]]:
        """List (env, name), by name."""

        def step(connection: Connection) -> list[tuple[str, str]]:
            rows = connection.execute(self._sql["names"], {"product": product})
            return [(env, name) for env, name in rows]

        return await self._engine.read(step)

    async def delete(self, product: str, env: str, name: str) -> bool:
        """Forget one; false where there is none."""
        values = _named(product, env, name)

        def step(connection: Connection) -> bool:
            connection.execute(self._sql["delete"], values)
            return connection.changes() > 0

        return await self._engine.write(step)

    async def key_checks(self) -> dict[str, bytes]:
        """Return the sealed check value of every key id this store has seen, newest first."""

        def step(connection: Connection) -> dict[str, bytes]:
            rows = connection.execute(self._sql["key_checks"])
            return {row[0]: row[1] for row in rows}

        return await self._engine.read(step)

    async def put_key_check(self, key_id: str, sealed: bytes, *, now_ms: int) -> None:
        """Keep the check value of a key id, unless there is one already."""
        values: dict[str, Cell] = {"key_id": key_id, "sealed": sealed, "now": now_ms}

        def step(connection: Connection) -> None:
            connection.execute(self._sql["put_key_check"], values)

        await self._engine.write(step)


def _named(product: str, env: str, name: str) -> dict[str, Cell]:
    return {"product": product, "env": env, "name": name}

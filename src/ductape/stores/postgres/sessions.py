"""Session families and the users seen, in PostgreSQL: the `SessionRows` of SPEC 6."""

from ductape.ports.stores.sessions import SessionFamily, SessionUser
from ductape.stores.postgres.rows.values import Cell, Values
from ductape.stores.postgres.server.engine import Engine
from ductape.stores.postgres.server.transaction import Transaction


class PostgresSessions:
    """Where sessions are kept; instants are epoch milliseconds."""

    def __init__(self, engine: Engine) -> None:
        """Work on an engine."""
        self._engine = engine

    async def put(self, family: SessionFamily, *, now_ms: int) -> None:
        """Store a new session and count its user; nothing happens where it is there already."""
        values: Values = {**_columns(family), "now": now_ms}

        async def step(transaction: Transaction) -> None:
            stored = await transaction.change("sessions", "put", values)
            if stored and family.user is not None:
                await transaction.change("sessions", "count_user", values)

        await self._engine.write(step)

    async def get(self, session_id: str) -> SessionFamily | None:
        """Return one session."""
        values: Values = {"session_id": session_id}
        row = await self._engine.single(lambda t: t.row("sessions", "get", values))
        return None if row is None else SessionFamily(*row)

    async def rotate(self, family: SessionFamily, *, from_generation: int) -> bool:
        """Replace it if it is not revoked and its generation is still `from_generation`."""
        values: Values = {**_columns(family), "from_generation": from_generation}

        async def step(transaction: Transaction) -> bool:
            if not await transaction.change("sessions", "rotate", values):
                return False
            await transaction.change("sessions", "see_user", values)
            return True

        return await self._engine.write(step)

    async def revoke(self, session_id: str) -> bool:
        """Revoke the family; false where there is none."""
        values: Values = {"session_id": session_id}
        return await self._engine.single(lambda t: t.change("sessions", "revoke", values)) > 0

    async def users(
        self, product: str, env: str | None, tag: str, *, limit: int, offset: int
    ) -> tuple[int, list[SessionUser]]:
        """Return how many users there are, and one page of them, latest seen first."""
        where: Values = {"product": product, "env": env, "tag": tag}
        page: Values = {**where, "limit": limit, "offset": offset}

        async def step(transaction: Transaction) -> tuple[int, list[SessionUser]]:
            total: int = await transaction.cell("sessions", "count_users", where)
            rows = await transaction.rows("sessions", "users", page)
            return total, [SessionUser(*row) for row in rows]

        return await self._engine.read(step)


def _columns(family: SessionFamily) -> dict[str, Cell]:
    return {
        "session_id": family.session_id,
        "product": family.product,
        "env": family.env,
        "tag": family.tag,
        "user": family.user,
        "created_at": family.created_at_ms,
        "expires_at": family.expires_at_ms,
        "revoked": family.revoked,
        "generation": family.generation,
        "rotated_at": family.rotated_at_ms,
        "sealed": family.sealed,
    }

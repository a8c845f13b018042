"""Session families and the users seen, in SQLite: the `SessionRows` of SPEC 6."""

from ductape.ports.stores.sessions import SessionFamily, SessionUser
from ductape.stores.sqlite.connection import Cell, Connection, Row
from ductape.stores.sqlite.file.engine import Engine
from ductape.stores.sqlite.file.statements import statements


class SqliteSessions:
    """Where sessions are kept; instants are epoch milliseconds."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._sql = statements("sessions")

    async def put(self, family: SessionFamily, *, now_ms: int) -> None:
        """Store a new session and count its user; nothing happens where it is there already."""
        values = {**_bindings(family), "now": now_ms}

        def step(connection: Connection) -> None:
            connection.execute(self._sql["put"], values)
            if connection.changes() and family.user is not None:
                connection.execute(self._sql["count_user"], values)

        await self._engine.write(step)

    async def get(self, session_id: str) -> SessionFamily | None:
        """Return one session."""

        def step(connection: Connection) -> SessionFamily | None:
            row = connection.execute(self._sql["get"], {"session_id": session_id}).fetchone()
            return None if row is None else _family(row)

        return await self._engine.read(step)

    async def rotate(self, family: SessionFamily, *, from_generation: int) -> bool:
        """Replace it if it is not revoked and its generation is still `from_generation`."""
        values = {**_bindings(family), "from_generation": from_generation}

        def step(connection: Connection) -> bool:
            connection.execute(self._sql["rotate"], values)
            if not connection.changes():
                return False
            connection.execute(self._sql["see_user"], values)
            return True

        return await self._engine.write(step)

    async def revoke(self, session_id: str) -> bool:
        """Revoke the family; false where there is none."""

        def step(connection: Connection) -> bool:
            connection.execute(self._sql["revoke"], {"session_id": session_id})
            return connection.changes() > 0

        return await self._engine.write(step)

    async def users(
        self, product: str, env: str | None, tag: str, *, limit: int, offset: int
    ) -> tuple[int, list[SessionUser]]:
        """Return how many users there are, and one page of them, latest seen first."""
        where: dict[str, Cell] = {"product": product, "env": env, "tag": tag}
        page = {**where, "limit": limit, "offset": offset}

        def step(connection: Connection) -> tuple[int, list[SessionUser]]:
            total = int(connection.execute(self._sql["count_users"], where).get)
            rows = connection.execute(self._sql["users"], page)
            return total, [SessionUser(*row) for row in rows]

        return await self._engine.read(step)


def _bindings(family: SessionFamily) -> dict[str, Cell]:
    return {
        "session_id": family.session_id,
        "product": family.product,
        "env": family.env,
        "tag": family.tag,
        "user": family.user,
        "created_at": family.created_at_ms,
        "expires_at": family.expires_at_ms,
        "revoked": int(family.revoked),
        "generation": family.generation,
        "rotated_at": family.rotated_at_ms,
        "sealed": family.sealed,
    }


def _family(row: Row) -> SessionFamily:
    session_id, product, env, tag, user, created, expires, revoked, generation, rotated, sealed = (
        row
    )
    return SessionFamily(
        session_id=session_id,
        product=product,
        env=env,
        tag=tag,
        user=user,
        created_at_ms=created,
        expires_at_ms=expires,
        revoked=bool(revoked),
        generation=generation,
        rotated_at_ms=rotated,
        sealed=sealed,
    )

"""Files of large results, in PostgreSQL."""

from ductape.ports.stores.result_files import ResultFile
from ductape.stores.postgres.rows.values import Values
from ductape.stores.postgres.server.engine import Engine
from ductape.stores.postgres.server.transaction import Transaction

TABLE = "result_files"


class PostgresResultFiles:
    """Where it is kept which files there are."""

    def __init__(self, engine: Engine) -> None:
        """Work on an engine."""
        self._engine = engine

    async def note(self, file: ResultFile) -> None:
        """Store that a run has a file, or is about to."""
        await self._engine.single(lambda t: t.change(TABLE, "put", _values(file)))

    async def left(self, *, now_ms: int, limit: int) -> list[ResultFile]:
        """List files whose runs are gone and whose time has come, longest due first."""
        asked: Values = {"now": now_ms, "most": limit}
        rows = await self._engine.single(lambda t: t.rows(TABLE, "due", asked))
        return [ResultFile(*row) for row in rows]

    async def put_off(self, file: ResultFile, *, until_ms: int) -> None:
        """Let a file that is left wait."""
        values: Values = {**_values(file), "until": until_ms}
        await self._engine.single(lambda t: t.change(TABLE, "put_off", values))

    async def forget(self, file: ResultFile) -> None:
        """Forget a file that is no more, or that is given up."""
        await self._engine.single(lambda t: t.change(TABLE, "forget", _values(file)))


async def let_go(transaction: Transaction, gone: Values) -> None:
    """Leave the files of runs that go, `jobs` and `numbers`, to whoever removes them."""
    await transaction.change(TABLE, "let_go", gone)


def _values(file: ResultFile) -> Values:
    return {
        "job_id": file.job_id,
        "number": file.number,
        "product": file.product,
        "env": file.env,
        "storage": file.storage,
        "name": file.name,
        "lingers": file.lingers_ms,
        "tries": file.tries,
    }

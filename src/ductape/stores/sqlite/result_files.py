"""Files of large results, in SQLite."""

from collections.abc import Sequence

from ductape.ports.stores.result_files import ResultFile
from ductape.stores.sqlite.connection import Cell, Connection
from ductape.stores.sqlite.file.engine import Engine
from ductape.stores.sqlite.file.statements import statements


class SqliteResultFiles:
    """Where it is kept which files there are."""

    def __init__(self, engine: Engine) -> None:
        """Work on an engine."""
        self._engine = engine
        self._sql = statements("result_files")

    async def note(self, file: ResultFile) -> None:
        """Store that a run has a file, or is about to."""
        await self._engine.write(lambda c: c.execute(self._sql["put"], _cells(file)))

    async def left(self, *, now_ms: int, limit: int) -> list[ResultFile]:
        """List files whose runs are gone and whose time has come, longest due first."""
        asked: dict[str, Cell] = {"now": now_ms, "most": limit}
        rows = await self._engine.read(lambda c: c.execute(self._sql["due"], asked).fetchall())
        return [ResultFile(*row) for row in rows]

    async def put_off(self, file: ResultFile, *, until_ms: int) -> None:
        """Let a file that is left wait."""
        values = {**_cells(file), "until": until_ms}
        await self._engine.write(lambda c: c.execute(self._sql["put_off"], values))

    async def forget(self, file: ResultFile) -> None:
        """Forget a file that is no more, or that is given up."""
        await self._engine.write(lambda c: c.execute(self._sql["forget"], _cells(file)))


def let_go(connection: Connection, runs: Sequence[dict[str, Cell]]) -> None:
    """Leave the files of runs that are taken away to whoever removes them."""
    connection.executemany(statements("result_files")["let_go"], runs)


def _cells(file: ResultFile) -> dict[str, Cell]:
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

"""Inserting live runs: one by a statement, many by COPY, or sent along where nobody waits."""

from collections.abc import Iterable, Sequence

from ductape.domain.job import Run, is_fresh
from ductape.stores.postgres.intake.riding import Passenger
from ductape.stores.postgres.rows.fresh import FRESH, fresh_row
from ductape.stores.postgres.rows.values import Cell, Values, by_column, run_row
from ductape.stores.postgres.server.lines import Asked
from ductape.stores.postgres.server.transaction import Transaction


async def store_run(
    transaction: Transaction, run: Run, now_ms: int, product_version: int | None = None
) -> bool:
    """Insert a run; false, and nothing stored, where its product has left that version."""
    if is_fresh(run):
        statement, row = "insert_fresh", _named(run, now_ms)
    else:
        statement, row = "insert", run_row(run, now_ms)
    values: Values = {**row, "product_version": product_version}
    return await transaction.change("runs", statement, values) == 1


async def send_run(transaction: Transaction, one: Passenger) -> Asked:
    """Send a run that nobody has touched; the answer is a row where it was stored."""
    values: Values = {**_named(one.run, one.now_ms), "product_version": one.product_version}
    return await transaction.ask("runs", "insert_fresh", values)


async def store_runs(transaction: Transaction, runs: Iterable[tuple[Run, int]]) -> None:
    """Insert runs, each with its instant."""
    fresh: list[tuple[Run, int]] = []
    for run, now_ms in runs:
        if is_fresh(run):
            fresh.append((run, now_ms))
        else:
            await store_run(transaction, run, now_ms)
    if len(fresh) == 1:  # a COPY takes more round trips
        await store_run(transaction, *fresh[0])
    elif fresh:
        await stream_fresh(transaction, fresh)


async def stream_fresh(transaction: Transaction, runs: Iterable[tuple[Run, int]]) -> None:
    """Insert runs that nobody has touched: the server takes in the first as the last are made."""
    rows = (fresh_row(run, now_ms) for run, now_ms in runs)
    await transaction.copy("runs", "copy_fresh", rows, FRESH)


async def send_runs(transaction: Transaction, runs: Sequence[Run], now_ms: int) -> None:
    """Send runs to be inserted, whose ids are new; a pipeline takes no COPY, nor is it awaited."""
    if runs:
        columns = by_column([run_row(run, now_ms) for run in runs])
        await transaction.ask("runs", "insert_all", columns)


def _named(run: Run, now_ms: int) -> dict[str, Cell]:
    return dict(zip(FRESH, fresh_row(run, now_ms), strict=True))

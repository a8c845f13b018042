"""Pages of jobs on PostgreSQL, newest first, found in ever longer stretches of time.

A stretch reaches back from the page's upper end by the instants of which ids are made. What was
made since then has ended since then, so that a stretch looks at its own days of history and at
younger ones: a page mostly needs but one, whatever is kept. Spans are milliseconds.
"""

from collections.abc import Iterator

from ductape.domain.ids import born_ms, floor
from ductape.ports.stores.reading import JobFilter
from ductape.stores.postgres.rows.searching import searchable, searchable_metadata
from ductape.stores.postgres.rows.values import Values
from ductape.stores.postgres.schema.days import DAY_MS, ended_since
from ductape.stores.postgres.server.transaction import Transaction

LAST_ID = "g"
"""Sorts after every id."""
STRETCHES_MS = (DAY_MS, 8 * DAY_MS, 64 * DAY_MS)
"""How far back is looked at first, then, then; and at last at everything."""


async def page(
    transaction: Transaction, where: JobFilter, *, limit: int, before: str | None
) -> list[str]:
    """Return the ids of jobs older than the job `before`, newest first."""
    asked = _asked(where)
    until = LAST_ID if where.to_ms is None else floor(where.to_ms)
    until = until if before is None else min(searchable(before), until)
    newest_ms = await _newest_ms(transaction, where, before)
    ids: list[str] = []
    for since, ended_from in _stretches(newest_ms, where.from_ms):
        values: Values = {
            **asked,
            "since": since,
            "before": until,
            "ended_from": ended_from,
            "most": limit - len(ids),
        }
        ids += [row[0] for row in await transaction.rows("jobs", "page", values)]
        until = since
        if len(ids) == limit:
            break
    return ids


async def _newest_ms(transaction: Transaction, where: JobFilter, before: str | None) -> int:
    """Return about when the newest job of the page was made: it decides the speed alone."""
    given = [born_ms(before or ""), where.to_ms or 0]
    return min(filter(None, given), default=0) or await transaction.cell("jobs", "now")


def _stretches(newest_ms: int, from_ms: int | None) -> Iterator[tuple[str, int]]:
    """Go through stretches: the first id of each, and since when its jobs may have ended."""
    oldest_ms = from_ms or 0
    for stretch_ms in STRETCHES_MS:
        since_ms = newest_ms - stretch_ms
        if since_ms <= oldest_ms:
            break
        yield floor(since_ms), ended_since(since_ms)
    yield "" if from_ms is None else floor(from_ms), ended_since(oldest_ms)


def _asked(where: JobFilter) -> Values:
    return {
        "now": where.now_ms,
        "status": where.status,
        "kind": where.kind,
        "product": where.product,
        "env": where.env,
        "event": where.event,
        "queue": where.queue,
        "recurring": where.recurring,
        "session_tag": where.session_tag,
        "session_user_id": where.session_user,
        "q": None if where.q is None else searchable(where.q),
        "metadata": searchable_metadata(where.metadata),
    }

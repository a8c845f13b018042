"""Settling on SQLite, inside whatever transaction asks: whole or not at all, and only by the fence.

Most of a turn are plain ends of one-off jobs: those go in two statements for all of them, whatever
they leave in a cache. Every other settlement is applied by itself.
"""

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from ductape.domain.change import CacheEntry, RunRef, SettleAnswer, Settlement
from ductape.domain.job import Claim, Finished, Run, is_fresh, under_way
from ductape.domain.jsonvalue import JsonValue
from ductape.domain.limits.flow import gate_of
from ductape.domain.outcome import Cached, Cancelled, Outcome
from ductape.stores.sqlite.connection import Cell, Connection
from ductape.stores.sqlite.file.statements import batched, statements
from ductape.stores.sqlite.limits.room import unblock
from ductape.stores.sqlite.rows.entries import entry_row
from ductape.stores.sqlite.rows.values import (
    ending_columns,
    ending_row,
    fresh_row,
    moving_columns,
    run_of,
    run_row,
    schedule_of,
    schedule_row,
)
from ductape.stores.sqlite.steps import make_due_if_heard

Decide = Callable[[Claim, Outcome, int], Settlement]
"""`domain.settlement.settle`, with chance and zones filled in by the root."""


class Settling:
    """Applies settlements."""

    def __init__(self, decide: Decide) -> None:
        """Let `decide` settle the runs that a leader's result answers."""
        self._decide = decide

    def settle_all(
        self, connection: Connection, settlements: Sequence[Settlement], now_ms: int
    ) -> tuple[list[SettleAnswer], int]:
        """Apply each; return the answers in order, and how many blocked runs were let go."""
        answers = self._answers(connection, settlements, now_ms)
        gates = {gate for each in settlements if (gate := _gate_left(each)) is not None}
        return answers, unblock(connection, gates, now_ms)

    def _answers(
        self, connection: Connection, settlements: Sequence[Settlement], now_ms: int
    ) -> list[SettleAnswer]:
        plain = [settlement for settlement in settlements if _is_plain(settlement)]
        if len(plain) > 1 and _end_together(connection, plain):
            store_fresh(connection, [(run, now_ms) for each in plain for run in each.also])
            for each in plain:
                self._tell_followers(connection, each, now_ms)
            done = {settlement.run for settlement in plain}
            return [
                "recorded" if each.run in done else self._settle(connection, each, now_ms)
                for each in settlements
            ]
        return [self._settle(connection, settlement, now_ms) for settlement in settlements]

    def _settle(self, connection: Connection, asked: Settlement, now_ms: int) -> SettleAnswer:
        settlement = self._heed_stop(connection, asked, now_ms)
        if settlement.schedule is not None and not _is_next(connection, settlement):
            return "stale"
        if settlement.run is not None and not _move(connection, settlement, now_ms):
            return "fenced"
        if settlement.reopens and not _reopen(connection, settlement):
            return "fenced"
        if settlement.schedule is not None:
            row = schedule_row(settlement.schedule, now_ms)
            connection.execute(statements("schedules")["update"], row)
        if settlement.next_run is not None:
            store_run(connection, settlement.next_run, now_ms)
        store_fresh(connection, [(run, now_ms) for run in settlement.also])
        self._tell_followers(connection, settlement, now_ms)
        return "recorded"

    def _heed_stop(self, connection: Connection, settlement: Settlement, now_ms: int) -> Settlement:
        """End a run that would go back although somebody has asked it to stop."""
        back, held = settlement.to, settlement.run
        if held is None or not isinstance(back, Run) or under_way(back):
            return settlement  # a feature goes back to undo what has finished
        reason = connection.execute(statements("runs")["stop_reason"], named(held)).get
        if reason is None:
            return settlement
        claim = with_schedule(connection, replace(back, fence=held.fence))
        ended = self._decide(claim, Cancelled(reason or None), now_ms)
        return replace(ended, release=settlement.release)

    def _tell_followers(self, connection: Connection, settlement: Settlement, now_ms: int) -> None:
        """Complete every run that is parked behind a result; let the first behind none go."""
        if settlement.cache is not None and isinstance(settlement.to, Finished):
            self._remember(connection, settlement.cache, settlement.to.result, now_ms)
        if settlement.release is not None:
            release_one(connection, settlement.release, now_ms)

    def _remember(
        self, connection: Connection, entry: CacheEntry, result: JsonValue, now_ms: int
    ) -> None:
        """Write an entry and complete every run that was parked behind it."""
        values = entry_row(entry, result, now_ms)
        connection.execute(statements("cache_entries")["put"], values)
        parked = connection.execute(statements("runs")["parked"], {"key": entry.key}).fetchall()
        claims = [with_schedule(connection, run_of(row)) for row in parked]
        answered = [self._decide(claim, Cached(result), now_ms) for claim in claims]
        self._answers(connection, answered, now_ms)


def store_run(connection: Connection, run: Run, now_ms: int) -> None:
    """Insert a live run."""
    connection.execute(statements("runs")["insert"], run_row(run, now_ms))


def store_fresh(connection: Connection, runs: Sequence[tuple[Run, int]]) -> None:
    """Insert first runs, each with its instant, by few statements."""
    fresh = [fresh_row(run, now_ms) for run, now_ms in runs if _tells_little(run)]
    for sql, values in batched("runs", "insert_fresh", fresh):
        connection.execute(sql, values)
    if len(fresh) < len(runs):
        others = [run_row(run, now_ms) for run, now_ms in runs if not _tells_little(run)]
        connection.executemany(statements("runs")["insert"], others)


def _tells_little(run: Run) -> bool:
    """Tell whether `fresh_row` says all of a run: each column more costs a batch 4 %."""
    return is_fresh(run) and run.spec.expires_at_ms is None


def release_one(connection: Connection, key: bytes, now_ms: int) -> None:
    """Let the first run that is parked under a cache key be claimed."""
    connection.execute(statements("runs")["release_one"], {"key": key, "now": now_ms})


def with_schedule(connection: Connection, run: Run) -> Claim:
    """Read what settling a run takes."""
    if run.spec.repeat is None:
        return Claim(run)
    row = connection.execute(statements("schedules")["get"], {"job_id": run.job_id}).fetchone()
    return Claim(run, None if row is None else schedule_of(row))


def _is_next(connection: Connection, settlement: Settlement) -> bool:
    schedule = settlement.schedule
    if schedule is None:
        return True
    stored = connection.execute(statements("schedules")["version"], {"job_id": schedule.job_id}).get
    return stored == schedule.version - 1


def _move(connection: Connection, settlement: Settlement, now_ms: int) -> bool:
    """End the run or give it back, if the fence holds; then write its history."""
    run = settlement.run
    if run is None:
        return True
    if isinstance(settlement.to, Run):
        back: dict[str, Cell] = {
            **moving_columns(settlement.to),
            **named(run),
            "state": settlement.to.state,
            "next_fence": settlement.to.fence,
            "now": now_ms,
        }
        if not changed(connection, "give_back", back):
            return False
        if settlement.suspends or under_way(settlement.to):
            make_due_if_heard(connection, settlement, run, now_ms)
        return True
    if settlement.to is None:
        return changed(connection, "delete", named(run))
    connection.execute(statements("history")["end"], ending_columns(settlement.to, run.fence))
    return connection.changes() == 1 and changed(connection, "delete", named(run))


def _gate_left(settlement: Settlement) -> str | None:
    """Name the gate that a run leaves as it ends or goes back."""
    return None if settlement.to is None else gate_of(settlement.to.spec)


def _is_plain(settlement: Settlement) -> bool:
    """Tell the end of a run after which nothing is to become of its job; others may hear of it."""
    moves = settlement.schedule is not None or settlement.next_run is not None
    return not moves and not settlement.reopens and isinstance(settlement.to, Finished)


def _end_together(connection: Connection, plain: Sequence[Settlement]) -> bool:
    """Move many runs into history at once; false, and nothing moved, if a fence does not hold."""
    ends = [
        ending_row(each.to, each.run.fence)
        for each in plain
        if isinstance(each.to, Finished) and each.run is not None
    ]
    if len({each.run for each in plain}) != len(ends):
        return False
    connection.execute("SAVEPOINT ends")
    before = connection.total_changes()
    for sql, values in batched("history", "end_many", ends):
        connection.execute(sql, values)
    whole = connection.total_changes() - before == len(ends)
    if whole:
        for sql, values in batched("runs", "delete_many", [end[:2] for end in ends]):
            connection.execute(sql, values)
    else:
        connection.execute("ROLLBACK TO ends")
    connection.execute("RELEASE ends")
    return whole


def _reopen(connection: Connection, settlement: Settlement) -> bool:
    """Take the last word from the run before; false where somebody else already has."""
    if settlement.next_run is None:
        return False
    named: dict[str, Cell] = {
        "job_id": settlement.job_id,
        "number": settlement.next_run.number - 1,
    }
    connection.execute(statements("history")["supersede"], named)
    return connection.changes() == 1


def changed(connection: Connection, name: str, values: dict[str, Cell]) -> bool:
    """Run a statement of the table of runs; tell whether it changed one."""
    connection.execute(statements("runs")[name], values)
    return connection.changes() == 1


def named(run: RunRef) -> dict[str, Cell]:
    """Name a run and its fence in a statement."""
    return {"job_id": run.job_id, "number": run.number, "fence": run.fence}

"""Is the database fit, and does it stay so? A SQLite file, a PostgreSQL server. Pure."""

from collections.abc import Iterator
from typing import Final, assert_never

from ductape.ports.stores.inspecting import LockHolder, PostgresFacts, SqliteFacts, TableFacts
from ductape.services.doctor.findings import Finding, fault, ok, warning
from ductape.services.doctor.texts import size_text, span_text

SOUND_SQLITE: Final = (3, 51, 3)
"""Older ones may damage a file when its write-ahead log begins anew."""
LARGE_WAL: Final = 256 << 20
LARGE_WASTE: Final = 256 << 20
LITTLE_DISK: Final = 512 << 20
MANY_DEAD: Final = 100_000
"""Dead rows in a table of which there are fewer live ones."""
NEARLY_ALL: Final = 0.8
"""The share of a server's connections in use that wants to be looked at."""
FULL: Final = 2
"""SQLite's number for `synchronous = FULL`."""


def engine(facts: PostgresFacts | SqliteFacts, now_ms: int) -> list[Finding]:
    """Judge the database."""
    match facts:
        case PostgresFacts():
            return [*_postgres(facts), *_locks(facts, now_ms), *map(_table, facts.tables)]
        case SqliteFacts():
            return [_library(facts), *_sqlite(facts), *_files(facts)]
        case _:
            assert_never(facts)


def _postgres(facts: PostgresFacts) -> Iterator[Finding]:
    behind = ", behind a pooler" if facts.pooled else ""
    yield ok(
        "server",
        "version",
        f"PostgreSQL {facts.version}{behind}",
        details={"version": facts.version, "pooled": facts.pooled},
    )
    if facts.read_only:
        yield fault("server", "role", "it can only be read", remedy="point `store` at the primary")
    used, most = facts.connections, facts.most_connections
    said = f"{used} of {most} connections in use"
    figures = {"used": used, "most": most}
    if used < NEARLY_ALL * most:
        yield ok("server", "connections", said, details=figures)
    else:
        remedy = "raise `max_connections`, or put a pooler before it"
        yield warning("server", "connections", said, remedy=remedy, details=figures)
    for setting in facts.careless:
        yield warning(
            "server",
            "durability",
            f"{setting}: a crash of its machine may take what was stored",
            remedy=f"set {setting.removesuffix('off')}on",
        )


def _locks(facts: PostgresFacts, now_ms: int) -> Iterator[Finding]:
    for one in facts.holders:
        yield warning(
            "server",
            "locks",
            f"table {one.table} is locked by {_named(one, now_ms)}",
            remedy=f"let it end, or end it: SELECT pg_terminate_backend({one.pid})",
            details={"pid": one.pid, "table": one.table},
        )


def _named(holder: LockHolder, now_ms: int) -> str:
    program = f" ({holder.program})" if holder.program else ""
    since = (
        "" if holder.since_ms is None else f", for {span_text(max(now_ms - holder.since_ms, 0))}"
    )
    return f"process {holder.pid} of user {holder.user}{program}{since}"


def _table(table: TableFacts) -> Finding:
    said = (
        f"{size_text(table.bytes)}, about {table.rows:,} rows, about {table.dead_rows:,} dead ones"
    )
    figures = {"bytes": table.bytes, "rows": table.rows, "dead_rows": table.dead_rows}
    if table.dead_rows < MANY_DEAD or table.dead_rows < table.rows:
        return ok("tables", table.name, said, details=figures)
    remedy = f"VACUUM {table.name}; look for a transaction that stays open, and at autovacuum"
    return warning("tables", table.name, said, remedy=remedy, details=figures)


def _library(facts: SqliteFacts) -> Finding:
    version = ".".join(str(part) for part in facts.version)
    said = f"SQLite {version}"
    if facts.version >= SOUND_SQLITE:
        return ok("server", "version", said, details={"version": version})
    return fault(
        "server",
        "version",
        f"{said} is old: it may damage the file when its log begins anew",
        remedy="install `apsw` anew from its own wheel, which brings a newer one",
        details={"version": version},
    )


def _sqlite(facts: SqliteFacts) -> Iterator[Finding]:
    if facts.journal_mode == "wal":
        yield ok("server", "journal", "write-ahead log")
    else:
        yield fault(
            "server",
            "journal",
            f"journal mode {facts.journal_mode}: readers and the writer hold one another up",
            remedy="close what else has the file open; opening it sets the mode",
        )
    if facts.synchronous < FULL:
        yield warning(
            "server",
            "durability",
            "commits do not wait for the disk: a crash of the machine may take what was stored",
            remedy="leave `synchronous` at FULL",
        )


def _files(facts: SqliteFacts) -> Iterator[Finding]:
    yield _file(facts)
    said, figures = size_text(facts.wal_bytes), {"bytes": facts.wal_bytes}
    if facts.wal_bytes < LARGE_WAL:
        yield ok("tables", "write-ahead log", said, details=figures)
    else:
        remedy = "look for a process that reads without end and so holds it up"
        yield warning("tables", "write-ahead log", said, remedy=remedy, details=figures)
    system = facts.file_system or "of unknown type"
    said = f"{size_text(facts.disk_free_bytes)} free, file system {system}"
    figures = {"free": facts.disk_free_bytes, "file_system": facts.file_system}
    if facts.disk_free_bytes >= LITTLE_DISK:
        yield ok("tables", "disk", said, details=figures)
    else:
        yield warning("tables", "disk", said, remedy="free some space", details=figures)


def _file(facts: SqliteFacts) -> Finding:
    said = f"{size_text(facts.file_bytes)}, {size_text(facts.unused_bytes)} of it unused"
    figures = {"bytes": facts.file_bytes, "unused": facts.unused_bytes}
    wasted = facts.unused_bytes >= LARGE_WASTE and facts.unused_bytes * 2 > facts.file_bytes
    if not wasted:
        return ok("tables", "database", said, details=figures)
    remedy = "stop the workers and run SQLite's VACUUM on it, if you want the space back"
    return warning("tables", "database", said, remedy=remedy, details=figures)

"""No statement reads the whole of a table that may grow, however it is planned."""

import re
from collections.abc import Iterator
from importlib.resources import files

import psycopg
import pytest

import ductape.stores.postgres
from ductape.stores.postgres.server.statements import statements
from tests.postgres.planned import OTHERS, Database, a_database
from tests.servers.postgres import PostgresServer

TABLES = sorted(
    entry.name.removesuffix(".sql")
    for entry in (files(ductape.stores.postgres) / "sql").iterdir()
    if entry.name.endswith(".sql")
)
EVERY = [(table, name) for table in TABLES for name in statements(table)]

WHOLE = {
    ("runs", "counts"): "queues are listed with all that waits in them",
    (
        "schedules",
        "orphans",
    ): "each live recurrence is looked at for its run, by an index of its own",
    **{("checking", name): "`store check` looks at everything" for name in statements("checking")},
}
"""What reads a whole table, and why."""

UTILITY = re.compile(
    r"(--.*\n)*(SAVEPOINT|ROLLBACK|RELEASE|SET|LOCK|ALTER|DROP|CREATE|COPY|VACUUM)\b"
)
"""What is not planned."""

GROWING = rf"runs|history(?:_(?:completed|failed)\w*)?|{'|'.join(OTHERS)}"
SCAN = re.compile(
    rf"(?P<how>Seq|Index|Index Only|Bitmap Heap) Scan (?P<rest>.*)\bon (?P<table>{GROWING})\b"
)
PARTIAL = re.compile(
    r"runs_(claim|suspect|later|held|gate|blocked|cache|expiring|session)|schedules_(faulty|ended|session)"
    r"|result_files_due"
)
"""Indexes that hold a part of their table: as much as is live now, as is to be taken away."""


@pytest.fixture(scope="module", params=["empty", "full", "analysed"])
def database(request: pytest.FixtureRequest, server: PostgresServer) -> Iterator[Database]:
    with a_database(server, request.param) as made:
        yield made


@pytest.mark.parametrize(("table", "name"), EVERY)
def test_no_statement_reads_a_whole_table_that_grows(
    database: Database, table: str, name: str
) -> None:
    if UTILITY.match(statements(table)[name]):
        with pytest.raises(psycopg.errors.SyntaxError):
            database.plan_once(table, name)
        return
    whole = list(whole_scans(database.plan_once(table, name)))
    assert not whole or (table, name) in WHOLE


def whole_scans(plan: str) -> Iterator[str]:
    """Find the scans that no condition bounds, nor a limit, nor a part of an index."""
    lines = plan.splitlines()
    for at, line in enumerate(lines):
        scan = SCAN.search(line)
        if scan is None or PARTIAL.search(scan["rest"]) or "Limit" in lines[at - 1]:
            continue
        told = next((end for end in range(at + 1, len(lines)) if "->" in lines[end]), len(lines))
        if not any("Index Cond" in one for one in lines[at + 1 : told]):
            yield line

"""The matrix of faults for databases: kind by kind, fault by fault, up to the recorded attempt.

The servers are real ones, or stand before a real one and break its answers off.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import apsw
import psycopg
import pytest
from pymongo import MongoClient

from tests.acceptance.faults import Case, outcomes
from tests.servers.faulty import (
    DRIP_S,
    Act,
    Talk,
    between,
    faulty_servers,
    hung_up,
    nobody,
    nonsense,
    saying,
    silent,
)
from tests.servers.mariadb import PASSWORD, WORKER, MariaDb
from tests.servers.postgres import GUARDED, PostgresServer
from tests.servers.secantus import Secantus

MARK = b"MIDWAY"
WRONG = "wrong-s3cret"
MOST_SENT = 80 * 1_048_576

USUAL = {
    "refused": "CONNECTION_ERROR, again",
    "silent": "TIMEOUT, again",
    "dripping": "TIMEOUT, again",
    "slow": "TIMEOUT, again",
    "hung-up": "CONNECTION_ERROR, again",
    "cut": "CONNECTION_LOST, again",
    "denied": "UNAUTHORIZED",
    "full": "SERVICE_UNAVAILABLE, again",
    "nonsense": "CONNECTION_ERROR, again",
    "scrambled": "PROVIDER_ERROR, again",
    "endless-greeting": "CONNECTION_ERROR, again",
    "endless": "RESULT_TOO_LARGE",
}


@dataclass
class Row:
    """A kind of database, and what stands for each fault of it."""

    kind: str
    port: int
    """Of the real server."""
    acts: dict[str, Act]
    actions: dict[str, object]
    """By the fault that they are for; `one` reads the mark."""
    place: dict[str, object]
    places: dict[str, dict[str, object]] = field(default_factory=dict[str, dict[str, object]])
    """Of faults that are the real server's own."""

    def case(self, ports: dict[str, int]) -> Case:
        faults = [*ports, *self.places]
        envs = [
            {
                "slug": fault,
                "host": "127.0.0.1",
                "port": ports.get(fault, self.port),
                **self.place,
                **self.places.get(fault, {}),
            }
            for fault in faults
        ]
        actions = [
            {"tag": tag, "type": "read", "template": template}
            for tag, template in self.actions.items()
        ]
        one = {"tag": "main", "type": self.kind, "envs": envs, "actions": actions}
        own = {fault: f"main:{fault}" for fault in faults if fault in self.actions}
        secrets = {"pw": PASSWORD, "wrong": WRONG}
        return Case({"databases": [one]}, "main:one", secrets=secrets, event_in=own)


@pytest.fixture
def postgresql(postgres: PostgresServer) -> Iterator[Row]:
    with psycopg.connect(postgres.url, autocommit=True) as admin:
        for role, more in {GUARDED: "", "full": "CONNECTION LIMIT 0"}.items():
            admin.execute(f"DROP ROLE IF EXISTS {role}".encode())
            admin.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}' {more}".encode())
        yield on_postgresql(postgres)
        for role in (GUARDED, "full"):
            admin.execute(f"DROP ROLE {role}".encode())


def on_postgresql(postgres: PostgresServer) -> Row:
    return Row(
        "postgresql",
        postgres.port,
        {
            "dripping": saying(b"R\x00\x00\x07\x00", b"\x00", every_s=DRIP_S),
            "cut": between(postgres.port, MARK),
            "scrambled": between(postgres.port, MARK, b"\xff" * 5_000),
            "endless-greeting": saying(b"E\x7f\xff\xff\xff", b"x" * 65_536),
        },
        {
            "one": "SELECT 'MID' || 'WAY' AS x",
            "slow": "SELECT pg_sleep(30)",
            "endless": "SELECT repeat('x', 100000) AS x FROM generate_series(1, 100000)",
        },
        {"user": GUARDED, "password": "$Secret{pw}", "database": "postgres", "tls": "off"},
        {"full": {"user": "full"}, "denied": {"password": "$Secret{wrong}"}, "slow": {}},
    )


@pytest.fixture(name="mariadb")
def on_mariadb(maria: MariaDb) -> Row:
    maria.sql(
        f"CREATE OR REPLACE USER full@'%' IDENTIFIED BY '{PASSWORD}' "
        "WITH MAX_QUERIES_PER_HOUR 1; GRANT ALL ON *.* TO full@'%'"
    )
    return Row(
        "mariadb",
        maria.port,
        {
            "dripping": saying(b"\xff\xff\x00\x00\x0a", b"8", every_s=DRIP_S),
            "cut": between(maria.port, MARK),
            "scrambled": between(maria.port, MARK, b"\xff" * 5_000),
            "endless-greeting": saying(b"x" * 65_536, b"x" * 65_536),
        },
        {
            "one": "SELECT CONCAT('MID', 'WAY') AS x",
            "slow": "SELECT SLEEP(30)",
            "endless": "SELECT REPEAT('x', 100000) AS x FROM seq_1_to_1000000000",
        },
        {"user": WORKER, "password": "$Secret{pw}", "database": "mysql", "tls": "off"},
        {"full": {"user": "full"}, "denied": {"password": "$Secret{wrong}"}, "slow": {}},
    )


@pytest.fixture
def mongodb(secantus_server: Secantus) -> Row:
    with MongoClient[dict[str, object]](secantus_server.url) as client:
        client.faults.one.replace_one({"_id": 1}, {"x": "MIDWAY"}, upsert=True)
        client.faults.endless.drop()
        client.faults.endless.insert_many({"x": "x" * 1_000_000} for _ in range(60))
    return Row(
        "mongodb",
        secantus_server.port,
        {
            "dripping": dripping_reply,
            "cut": between(secantus_server.port, MARK),
            "scrambled": between(secantus_server.port, MARK, b"\xff" * 5_000),
            "endless-greeting": endless_reply,
        },
        {"one": {"collection": "one"}, "endless": {"collection": "endless"}},
        {"database": "faults"},
        {"denied": {"user": "app", "password": "$Secret{wrong}"}},
    )


async def dripping_reply(talk: Talk) -> None:
    """Answer a request of MongoDB's in its own way, but never to the end."""
    asked = await talk.reader.readexactly(16)
    _, number, _, _ = struct.unpack("<iiii", asked)
    await saying(struct.pack("<iiii", 100_000, 1, number, 2_013), b"\x00", every_s=DRIP_S)(talk)


async def endless_reply(talk: Talk) -> None:
    """Answer as the longest answer there could be."""
    asked = await talk.reader.readexactly(16)
    _, number, _, _ = struct.unpack("<iiii", asked)
    await saying(struct.pack("<iiii", 2**31 - 1, 1, number, 2_013), b"x" * 65_536)(talk)


ROWS: dict[str, dict[str, str]] = {
    "postgresql": {},
    "mariadb": {"full": "RATE_LIMITED, again"},
    "mongodb": {},
}


@pytest.mark.parametrize("kind", ROWS)
async def test_each_fault_has_its_code(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    row: Row = request.getfixturevalue(kind)
    acts = {
        "silent": silent,
        "hung-up": hung_up,
        "nonsense": nonsense,
        "endless": between(row.port, b"\x00never\x00"),
        **row.acts,
    }
    async with faulty_servers(acts) as servers:
        ports = {"refused": nobody(), **{name: one.port for name, one in servers.items()}}
        # After reading too much a connection may be well, and used again.
        broken = {name: server for name, server in servers.items() if name != "endless"}
        told = await outcomes(row.case(ports), [*ports, *row.places], tmp_path, broken)
        expected = USUAL | ROWS[kind]
        assert told == {fault: expected[fault] for fault in told}
        for server in servers.values():
            assert server.met > 0
            assert server.sent < MOST_SENT
            await server.all_gone()


FILES = {
    "missing": "NOT_FOUND",
    "denied": "FORBIDDEN",
    "locked": "DEADLOCK, again",
    "slow": "TIMEOUT, again",
    "cut": "PROVIDER_ERROR, again",
    "scrambled": "PROVIDER_ERROR, again",
    "garbage": "PROVIDER_ERROR, again",
    "endless": "RESULT_TOO_LARGE",
    "huge-cell": "RESULT_TOO_LARGE",
}
"""What each fault of an SQLite file comes to."""


SLOW = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) AS x FROM n"
ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"


def a_file(path: Path) -> bytes:
    made = apsw.Connection(str(path))
    made.execute("CREATE TABLE t (x); CREATE INDEX i ON t (x)")
    for _ in range(100):
        made.execute("INSERT INTO t VALUES (hex(randomblob(500)))")
    made.close()
    return path.read_bytes()


async def test_each_fault_of_a_file_has_its_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ductape.providers.databases.sqlite.database.BUSY_MS", 200)
    whole = a_file(tmp_path / "whole.db")
    cut, scrambled = whole[: len(whole) // 2], whole[:4_096] + b"\xff" * (len(whole) - 4_096)
    for name, content in {"cut": cut, "scrambled": scrambled, "garbage": b"x" * 9_000}.items():
        (tmp_path / f"{name}.db").write_bytes(content)
    (tmp_path / "locked.db").write_bytes(whole)
    (tmp_path / "denied.db").symlink_to("whole.db")
    own = {"cut", "scrambled", "garbage", "locked", "missing", "denied"}
    envs = [
        {"slug": fault, "database": f"{tmp_path}/{fault if fault in own else 'whole'}.db"}
        for fault in FILES
    ]
    templates = {
        "one": "SELECT max(x) AS x, count(*) AS n FROM t NOT INDEXED",
        "slow": SLOW,
        "endless": ENDLESS,
        "huge-cell": "SELECT zeroblob(900000000) AS x",
    }
    actions: list[dict[str, object]] = [
        {"tag": tag, "type": "read", "template": template} for tag, template in templates.items()
    ]
    actions.append({"tag": "locked", "type": "update", "template": "UPDATE t SET x = 1"})
    file = {"tag": "main", "type": "sqlite", "envs": envs, "actions": actions}
    tags = {str(one["tag"]) for one in actions}
    events = {fault: f"main:{fault}" for fault in FILES if fault in tags}
    case = Case({"databases": [file]}, "main:one", event_in=events)
    holder = apsw.Connection(str(tmp_path / "locked.db"))
    holder.execute("BEGIN EXCLUSIVE")
    told = await outcomes(case, list(FILES), tmp_path)
    holder.close()
    assert told == FILES

"""Who is compared: how each peer is installed and run, with which settings, and what it lacks."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from bench.server import KEY

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".bench"
"""The peers' environments: made by the command, thrown away at will."""
OURS = "ductape"

Kind = Literal["python", "node"]
Ground = Literal["PostgreSQL", "SQLite", "Valkey"]


@dataclass(frozen=True)
class Finished:
    """Where a peer keeps finished jobs, so that a past can be written by cloning one of them."""

    table: str
    made: Mapping[str, str]
    """The columns that differ from row to row, as SQL over `n`; empty where the table fills it."""
    where: str = ""
    """Which rows of the table are finished ones."""


@dataclass(frozen=True)
class Peer:
    """One system of the comparison."""

    name: str
    drained: int
    """How many jobs a drain has: some four seconds of its work."""
    settings: str
    """What it was told, as the report says."""
    kind: Kind = "python"
    ground: Ground = "PostgreSQL"
    finished: Finished | None = None
    loads_first: bool = True
    """Whether jobs may be stored before a worker runs."""
    lacks: Mapping[str, str] = field(default_factory=dict)
    """Figures that it has not, each with the reason."""
    package: str = ""
    """Whose adapter and environment it uses, if not its own."""
    blocking: bool = False
    """Whether its calls block: then it has no figure of concurrent callers."""

    def why_not(self, figure: str) -> str | None:
        """Tell why it has no such figure; none if it has."""
        if figure == "concurrent" and self.blocking:
            return "its calls block"
        return self.lacks.get(figure)

    @property
    def adapter(self) -> str:
        """The name of its adapter, its requirements and its environment."""
        return self.package or self.name

    @property
    def requirements(self) -> Path:
        """Its pinned Python packages; a folder of its name beside it has those of Node."""
        return ROOT / "requirements" / "peers" / f"{self.adapter}.txt"

    @property
    def home(self) -> Path:
        """Its environment."""
        return CACHE / self.adapter

    @property
    def shown(self) -> str:
        """Its name, and what it stands on if that is not PostgreSQL."""
        return self.name if self.ground == "PostgreSQL" else f"{self.name} ({self.ground})"

    def command(self, role: Literal["client", "worker"], url: str = "") -> list[str]:
        """Return how it is started."""
        if self.name == OURS and role == "worker":
            words = (
                "worker",
                "--store",
                url,
                "--handlers",
                "bench.peers.ductape_handlers:handlers",
            )
            return [str(Path(sys.executable).with_name("ductape")), *words]
        if self.kind == "node":
            return ["node", str(ROOT / "bench" / "peers" / f"{self.adapter}.mjs"), role]
        python = sys.executable if self.name == OURS else str(self.home / "bin" / "python")
        return [python, "-P", "-m", f"bench.peers.{self.adapter}", role]

    def environment(self, url: str) -> dict[str, str]:
        """Return what its processes find in their environment."""
        return {
            "BENCH_URL": url,
            "BENCH_MODULES": str(self.home),
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            "DUCTAPE_KEY": KEY,
            "PATH": os.pathsep.join((str(self.home / "bin"), os.environ["PATH"])),
        }


UNDUE = "a worker holds all delayed jobs in memory: there is no future for it to step over"

PEERS = (
    Peer(
        OURS,
        drained=80_000,
        settings="as installed: 200 at a time; leases, heartbeats, history and results on",
        finished=Finished(
            "ductape.history",
            {"job_id": "'00000000-0000-7000-8000-' || lpad(n::text, 12, '0')"},
        ),
    ),
    Peer(
        "pgqueuer",
        drained=25_000,
        settings="asyncpg, uvloop, batches of 100",
        finished=Finished("pgqueuer_log", {"id": ""}),
    ),
    Peer(
        "chancy",
        drained=20_000,
        settings="on the event loop, 500 at a time, eager polling, its default plugins",
        finished=Finished("chancy_jobs", {"id": "gen_random_uuid()"}, "WHERE state = 'succeeded'"),
    ),
    Peer(
        "taskiq",
        drained=10_000,
        settings="taskiq-postgres, asyncpg, uvloop, 100 at a time; bulk is 1,000 calls at once",
        loads_first=False,
        lacks={
            "lateness": "delays are whole seconds, waited for in the sender's memory",
            "backlog": "jobs stored while no worker listens are never picked up",
        },
    ),
    Peer(
        "saq",
        drained=6_000,
        settings="100 at a time, 20 connections; bulk is 1,000 calls at once",
        finished=Finished(
            "saq_jobs", {"key": "'old-' || n", "lock_key": ""}, "WHERE status = 'complete'"
        ),
    ),
    Peer(
        "procrastinate",
        drained=2_000,
        settings="100 at a time, jobs kept, polling every 5 s beside NOTIFY",
        finished=Finished("procrastinate_jobs", {"id": ""}, "WHERE status = 'succeeded'"),
    ),
    Peer(
        "dramatiq",
        drained=4_000,
        settings="dramatiq-pg, 8 threads, no results; bulk is a loop",
        blocking=True,
        lacks={"backlog": UNDUE},
    ),
    Peer(
        "celery",
        drained=2_000,
        settings="kombu's SQLAlchemy transport, 8 threads, late acks; it looks once a second",
        blocking=True,
        lacks={"backlog": UNDUE},
    ),
    Peer(
        "graphile",
        drained=20_000,
        settings="Node: 24 at a time, a local queue of 500, completions in batches",
        kind="node",
    ),
    Peer(
        "bullmq-pg",
        drained=4_000,
        settings="Node, its PostgreSQL back end: 100 at a time, completed jobs kept",
        kind="node",
        package="bullmq",
        finished=Finished("bullmq.job", {"id": "'old-' || n"}, "WHERE state = 'completed'"),
    ),
    Peer(
        "bullmq",
        drained=60_000,
        settings="Node: 100 at a time, completed jobs removed; log synced once a second",
        kind="node",
        ground="Valkey",
        lacks={"backlog": "it is not on a database of rows"},
    ),
    Peer(
        "huey",
        drained=8_000,
        settings="SQLite with synchronous = FULL, 4 threads, a look every 10 to 100 ms",
        ground="SQLite",
        blocking=True,
        lacks={"backlog": "the PostgreSQL systems are compared"},
    ),
)

UNFIT = {
    "rq": "keeps its jobs in Redis only",
    "arq": "keeps its jobs in Redis only",
}
"""Who is not compared, and why."""

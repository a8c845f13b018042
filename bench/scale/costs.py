"""The measured costs, as they are written, read again and handed to whoever computes with them.

Processor time is in microseconds, WAL in bytes. `client` is the process that calls the SDK or
executes the jobs, `server` all processes of PostgreSQL together; on SQLite there is one process.
"""

from pathlib import Path

import msgspec
from msgspec import Struct

KEPT = Path(__file__).with_name("measured.json")
"""What `python -m bench costs --keep` measured last: the page and the model go by it."""


class Phase(Struct, frozen=True):
    """One phase of a no-op job's life; every figure is for one job."""

    name: str
    jobs: int
    """How many it was measured with."""
    client_us: float
    server_us: float
    wal_bytes: float
    full_pages: float
    """Of the WAL: whole pages, up to 8 KiB each."""
    syncs: float
    commits: float
    round_trips: float
    rows: dict[str, tuple[float, float, float]]
    """Of each table: inserted, updated, deleted."""
    left_bytes: float = 0.0
    """In `history`, its indexes included."""
    left_index_bytes: float = 0.0

    @property
    def writes(self) -> float:
        """Return how many rows are inserted, updated or deleted."""
        return sum(sum(changed) for changed in self.rows.values())


class Turns(Struct, frozen=True):
    """What a turn of a worker costs: something for itself, and something for each run in it."""

    empty_client_us: float
    empty_server_us: float
    empty_round_trips: float
    empty_wal_bytes: float
    empty_ms: float
    """How long one takes that finds nothing, alone on the server."""
    of: dict[int, tuple[float, float]]
    """By how many runs it settles and claims: its processor time at the client and the server."""


class Crowd(Struct, frozen=True):
    """Workers that claim from the head of one queue at once."""

    workers: int
    turn_ms: float
    """The median."""
    server_us: float
    """A turn's processor time at the server."""
    runs: float
    """How many runs a turn brought, of those asked for."""


class Standing(Struct, frozen=True):
    """What a worker process costs while it has nothing to do, a second."""

    client_us: float
    server_us: float
    transactions: float
    round_trips: float
    connections: int
    """That an idle process holds."""
    busy_connections: int
    """That it has held at most, once it has worked."""
    hint_us: float
    """The server's processor time for handing one hint to one listener."""


class Embedded(Struct, frozen=True):
    """One phase on SQLite; every figure is for one job."""

    name: str
    jobs: int
    cpu_us: float
    written_bytes: float
    """Handed to the system: WAL and, at checkpoints, the file."""
    left_bytes: float = 0.0


class Drain(Struct, frozen=True):
    """No-op jobs drained by `ductape worker` on the machine of the server."""

    workers: int
    jobs_a_second: float
    cores: float
    """How many cores the drain had: all of them, less what others took meanwhile."""
    client_us: float
    """Processor time of the workers, a job."""
    server_us: float


class Costs(Struct, frozen=True):
    """All that was measured in one run."""

    machine: str
    server: str
    commit_ms: float
    """A lone commit of one row, the median: mostly the wait for the disk."""
    phases: list[Phase]
    turns: Turns
    crowd: list[Crowd]
    standing: Standing
    embedded: list[Embedded]
    drains: list[Drain]

    def phase(self, name: str) -> Phase:
        """Return the phase of that name."""
        return next(phase for phase in self.phases if phase.name == name)


def kept() -> Costs:
    """Read what was measured last."""
    return read(KEPT)


def read(path: Path) -> Costs:
    """Read measured costs; raises `msgspec.ValidationError` for anything else."""
    return msgspec.json.decode(path.read_bytes(), type=Costs)


def written(costs: Costs) -> str:
    """Write them as JSON that a person can compare with the last."""
    return msgspec.json.format(msgspec.json.encode(costs), indent=2).decode() + "\n"

"""All that happened in a world, sorted for the judges: the witness's entries and the journal."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import msgspec

from tests.simulation.audit import Entry
from tests.simulation.people import Asked
from tests.simulation.world import SimulatedWorld

Name = tuple[str, int]
"""A job and the number of one of its runs."""


class Record:
    """What happened, sorted."""

    def __init__(self, world: SimulatedWorld) -> None:
        """Sort the witness's entries by run."""
        assert world.witness is not None
        self.world = world
        self.witness = world.witness
        self.entries: list[Entry] = world.entries
        self.in_order = sorted(world.entries, key=lambda entry: (entry.look, entry.seq))
        self.runs: dict[Name, list[Entry]] = defaultdict(list)
        for entry in self.entries:
            self.runs[entry.job, entry.number].append(entry)
        self.asked: dict[str, list[Asked]] = defaultdict(list)
        for asked in world.people.asked:
            self.asked[asked.receipt["job_id"]].append(asked)
        self.played: dict[Name, list[Any]] = defaultdict(list)
        for played in world.stage.journal:
            self.played[played.job, played.run].append(played)

    def of(self, what: str) -> Iterator[Entry]:
        """Yield the entries of one kind."""
        return (entry for entry in self.entries if entry.what == what)

    def finished(self, name: Name) -> Entry | None:
        """Return how a run ended, if it did."""
        return next((e for e in self.runs[name] if e.what == "finished"), None)

    def attempts(self, entry: Entry) -> list[dict[str, Any]]:
        """Return a finished run's attempts."""
        return msgspec.json.decode(entry.attempts or b"[]")

    def request(self, job: str) -> dict[str, Any]:
        """Return the first request that was accepted for a job."""
        return dict(self.asked[job][0].ask.request)

    def gate(self, job: str) -> str | None:
        """Return the concurrency key of a job, if it has one."""
        asked = self.asked.get(job)
        found = asked[0].ask.request.get("concurrency_key") if asked else None
        return None if found is None else str(found)

    def replaced(self, job: str) -> bool:
        """Tell whether a job ever got another definition."""
        return any("new definition" in w for a in self.asked[job] for w in a.receipt["warnings"])

"""A day of a fleet in the model: what it does, what goes wrong meanwhile, how late runs are.

Products are spread evenly over the databases, and each database has its own share of the workers;
so that one of them stands for all.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from bench.scale.loads import DAY_S, HOUR_S, PEAK_S, STEPS_A_SECOND, Shape, due
from bench.scale.model import LEASE_S, STEP_S, UPKEEP_S, Database, Plant, Prices, Taken

FINE = 1_000
"""Lateness is counted by the millisecond."""
WANTED_S = 1.0
MOST_DATABASES = 256


@dataclass(frozen=True)
class Fleet:
    """All databases and all workers."""

    databases: int
    workers: int = 1_000
    jobs: float = 100e6
    """A day."""
    cores: float = 16
    """Of each database's server."""
    run_s: float = 0.2
    turns_at_once: int = 64
    herd: bool = True

    @property
    def plant(self) -> Plant:
        """Return one of them."""
        workers = max(1, round(self.workers / self.databases))
        return Plant(self.cores, workers, self.turns_at_once, run_s=self.run_s, herd=self.herd)


@dataclass(frozen=True)
class Trouble:
    """What goes wrong, and when; seconds of the day."""

    dying: float = 0.0
    """Which part of the workers dies."""
    dying_at_s: int = PEAK_S + HOUR_S // 2
    down_s: int = 0
    """For how long the database does not answer."""
    down_at_s: int = PEAK_S + HOUR_S // 2


@dataclass
class Told:
    """What a stretch of the day came to, of one database."""

    runs: float = 0.0
    late: defaultdict[int, float] = field(default_factory=lambda: defaultdict(float))
    """Runs, by how many ms they were late."""
    seconds: float = 0.0
    useful: float = 0.0
    """Which part of the server's processor time went into jobs, on the mean."""
    looking: float = 0.0
    """Which part went into hints, and into turns and questions that found nothing."""
    waiting: float = 0.0
    """Runs that still wait at the end."""
    taken_over: float = 0.0
    caught_up_s: float | None = None
    """How long after the end of the outage nothing late was left."""

    def late_s(self, part: float) -> float:
        """Return how late the part of the runs begins at most that is least late."""
        wanted = self.runs * part
        for ms in sorted(self.late):
            wanted -= self.late[ms]
            if wanted <= 0:
                return ms / FINE
        return max(self.late, default=0) / FINE


def day(
    fleet: Fleet,
    shape: Shape,
    prices: Prices,
    trouble: Trouble = Trouble(),
    *,
    seed: int = 1,
    stretch: tuple[int, int] = (0, DAY_S),
) -> Told:
    """Let a stretch of the day pass."""
    database, told = Database(fleet.plant, prices), Told()
    share = fleet.jobs / fleet.databases
    stored = share / DAY_S * STEP_S
    down = range(_steps(trouble.down_at_s), _steps(trouble.down_at_s + trouble.down_s))
    dies = _steps(trouble.dying_at_s) if trouble.dying else -1
    found = dies + _steps(LEASE_S + UPKEEP_S)
    falls = due(shape, share, seed, start_s=stretch[0], end_s=stretch[1])
    for step, fallen in enumerate(falls, _steps(stretch[0])):
        if step in down:
            database.rest(fallen)
            continue
        if step == dies:
            told.taken_over = database.lose(trouble.dying)
        again = told.taken_over if step == found else 0.0
        _note(told, list(database.step(fallen + again, stored)))
        if down and step >= down.stop and told.caught_up_s is None and not database.is_behind:
            told.caught_up_s = (step - down.stop) * STEP_S
    return _ended(told, database, stretch)


def enough(
    fleet: Fleet,
    shape: Shape,
    prices: Prices,
    *,
    stretch: tuple[int, int] = (PEAK_S, PEAK_S + HOUR_S),
    seed: int = 1,
) -> int | None:
    """Find how many databases keep all but 1 % of the runs less than 1 s late, in the busiest hour.

    The count is doubled, then halved back; none where even 256 do not.
    """

    def suffices(databases: int) -> bool:
        asked = replace(fleet, databases=databases)
        told = day(asked, shape, prices, seed=seed, stretch=stretch)
        return told.waiting < told.runs / 100 and told.late_s(0.99) < WANTED_S

    databases = 1
    while not suffices(databases):
        databases *= 2
        if databases > MOST_DATABASES:
            return None
    low, high = databases // 2, databases
    while high - low > 1:
        middle = (low + high) // 2
        if suffices(middle):
            high = middle
        else:
            low = middle
    return high


def _note(told: Told, taken: Sequence[Taken]) -> None:
    for one in taken:
        told.runs += one.runs
        told.late[round(one.late_s * FINE)] += one.runs


def _ended(told: Told, database: Database, stretch: tuple[int, int]) -> Told:
    told.seconds = stretch[1] - stretch[0]
    all_us = told.seconds * database.plant.cores * 1e6
    told.useful = database.useful_us / all_us
    told.looking = database.looking_us / all_us
    told.waiting = database.waiting
    return told


def _steps(seconds: float) -> int:
    return round(seconds * STEPS_A_SECOND)

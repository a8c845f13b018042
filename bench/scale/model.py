"""A model of one PostgreSQL and its workers, in virtual time: no I/O, no clock, chance by a seed.

Time goes in steps of 10 ms. In each the server has `cores` times so much processor time, and spends
it in this order: on jobs that are stored, on what idle workers ask anyhow, on handing hints out (at
most half of the rest: a listener that is behind reads several at once), on turns that claim and
settle, and what is left on turns that find nothing. What it has no time for waits.
Jobs due in one step are one heap, taken first come, first served. So it says nothing below 10 ms,
nothing of single workers (they are one crowd), and of the disk only that a turn waits for it once.

Prices are in microseconds of a core, spans in seconds.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

STEP_S = 0.01
STEP_US = STEP_S * 1e6
AHEAD_S = 0.03
"""Runs are claimed so long before their instant (`worker.lane`)."""
LEASE_S = 30.0
UPKEEP_S = 2.0
SLOTS = 200
FULL_TURN = 100.0
"""How many runs a busy worker settles and claims in a turn."""


@dataclass(frozen=True)
class Prices:
    """What things cost, from what was measured (`prices`)."""

    dispatch_us: float
    promote_us: float
    look_us: float
    """A turn that finds nothing."""
    turn_us: float
    """A turn that finds something, without its runs."""
    run_us: float
    """A run in it: claimed and settled."""
    skip_us: float
    """What a claiming turn pays for each run that others hold at that moment."""
    hint_us: float
    """One hint to one listener."""
    idle_us: float
    """An idle worker, a second."""
    client_us: float
    """A run, at its worker."""
    busy: float
    """How much dearer runs and their turns are on busy cores than where they were measured."""
    commit_s: float
    """The wait for the disk at the end of a turn."""
    look_s: float
    """How long a turn takes while nobody else asks."""


@dataclass(frozen=True)
class Plant:
    """One database with its workers."""

    cores: float
    workers: int
    turns_at_once: int
    """How many transactions the server has under way at most: its pooler's connections."""
    run_s: float = 0.0
    """How long a job takes its worker."""
    shared: bool = False
    """Whether the workers run on the server's own cores."""
    herd: bool = True
    """Whether each hint and each due instant wakes every worker, as it does today."""


@dataclass(frozen=True)
class Taken:
    """Runs that began in one step, all late alike."""

    late_s: float
    runs: float


class Database:
    """The state of one plant as time goes by."""

    def __init__(self, plant: Plant, prices: Prices) -> None:
        """Begin at rest."""
        self.plant = plant
        self.prices = prices
        self.workers = plant.workers
        self.waiting = 0.0
        self.useful_us = 0.0
        """Spent on jobs so far, by the server."""
        self.looking_us = 0.0
        """Spent on what workers ask with nothing to do, and on hints."""
        self._heaps: deque[list[float]] = deque()
        """[step in which they fell due, runs]"""
        self._running: deque[tuple[int, float]] = deque()
        self._held = 0.0
        self._left_us = 0.0
        self._unstored = 0.0
        self._step = 0
        self._settling_turns = 0.0

    @property
    def is_behind(self) -> bool:
        """Tell whether something waits since more than a second."""
        return bool(self._heaps) and (self._step - self._heaps[0][0]) * STEP_S > 1

    def rest(self, due: float) -> None:
        """Let a step pass in which the server does not answer."""
        self._wait(due)
        self._step += 1

    def step(self, due: float, stored: float) -> Iterator[Taken]:
        """Let a step pass in which so many runs fall due and so many jobs are stored."""
        plant, prices = self.plant, self.prices
        self._left_us = plant.cores * STEP_US
        self._free_slots()
        self._wait(due)
        stored = self._store(stored)
        self._look(min(self._left_us, self.workers * prices.idle_us * STEP_S))
        listeners = self.workers if plant.herd else 1
        hints = stored + self._settling_turns
        self._look(min(hints * listeners * prices.hint_us, self._left_us / 2))
        self._settling_turns = 0.0
        wakes = 1.0 if not plant.herd else min(stored + due, STEP_S / prices.look_s) * self.workers
        wait_s = self._wait_for_a_turn(wakes)
        runs = self._claim() if self.waiting and self._left_us > 0 else 0.0
        if self._left_us > 0:
            self._look(min(self._left_us, wakes * prices.look_us))
        yield from self._taken(runs, wait_s)
        self._step += 1

    def lose(self, part: float) -> float:
        """Let a part of the workers die; return how many runs they held."""
        dead = round(self.workers * part)
        lost = self._held * dead / self.workers
        self.workers -= dead
        return lost

    def _wait(self, due: float) -> None:
        if due > 0:
            self._heaps.append([self._step, due])
            self.waiting += due

    def _store(self, jobs: float) -> float:
        """Store what the server can now; callers wait with the rest."""
        self._unstored += jobs
        stored = min(self._unstored, self._left_us / self.prices.dispatch_us)
        self._unstored -= stored
        self._useful(stored * self.prices.dispatch_us)
        return stored

    def _useful(self, us: float) -> None:
        self.useful_us += us
        self._left_us -= us

    def _look(self, us: float) -> None:
        self.looking_us += us
        self._left_us -= us

    def _free_slots(self) -> None:
        while self._running and self._running[0][0] <= self._step:
            self._held -= self._running.popleft()[1]

    def _wait_for_a_turn(self, wakes: float) -> float:
        """Say how long a worker's turn takes when so many want one at once."""
        busy_s = min(wakes, self.workers) * self.prices.look_us / self.plant.cores / 1e6
        return max(self.prices.look_s, busy_s)

    def _claim(self) -> float:
        """Pay for what can be claimed now; return how many runs that is."""
        plant, prices = self.plant, self.prices
        runs = min(self.waiting, self._hands(), max(0.0, self.workers * SLOTS - self._held))
        if runs <= 0:
            return 0.0
        run_us = (prices.run_us + prices.promote_us * (not plant.shared)) * prices.busy
        own_us = prices.client_us * prices.busy if plant.shared else 0.0
        at_once = min(self.workers, plant.turns_at_once)
        fullest = runs / FULL_TURN
        turn_us = prices.turn_us * prices.busy
        afforded = (self._left_us - runs * (run_us + own_us)) / turn_us
        turns = max(fullest, min(runs, at_once * STEP_S / prices.look_s, afforded))
        beside = max(0.0, min(at_once, turns) - 1) * min(FULL_TURN, runs / turns)
        turn_us += prices.skip_us * beside
        us = turns * turn_us + runs * run_us
        part = min(1.0, self._left_us / (us + runs * own_us))
        self._useful(us * part)
        self._left_us -= runs * own_us * part
        self._settling_turns += turns * part
        return runs * part

    def _hands(self) -> float:
        """Say how many runs all workers can execute in a step, each at its best.

        A worker has two lanes: it executes what one brought while the server is at the other.
        """
        prices = self.prices
        turn_us = prices.run_us + prices.turn_us / FULL_TURN
        served_us = turn_us * prices.busy + prices.commit_s * 1e6 / FULL_TURN
        return self.workers * STEP_US / max(prices.client_us * prices.busy, served_us)

    def _taken(self, runs: float, wait_s: float) -> Iterator[Taken]:
        """Take so many off the heaps, the oldest first."""
        if runs <= 0:
            return
        self.waiting -= runs
        self._held += runs
        self._running.append((self._step + max(1, round(self.plant.run_s / STEP_S)), runs))
        while runs > 0 and self._heaps:
            heap = self._heaps[0]
            some = min(runs, heap[1])
            since_s = (self._step - heap[0]) * STEP_S
            yield Taken(max(0.0, since_s + wait_s - AHEAD_S), some)
            runs -= some
            heap[1] -= some
            if heap[1] < 1e-6:  # noqa: PLR2004 (what rounding leaves)
                self._heaps.popleft()
        if not self._heaps:
            self.waiting = 0.0

"""The ids of the jobs that one process makes: each sorts after all that it made before.

An id names the instant at which it was made, by which jobs are listed and their history is found.
Where a process makes more of them in a millisecond than an instant has room for, it goes on in the
next: so the names run ahead of the clock by as little as can be, and wait for it.
"""

from ductape.domain.ids import RANDOM_BYTES, ROOM, job_id, tails
from ductape.ports.entropy import Entropy

IDS_A_DRAW = 256
"""A draw of chance is a system call, so one serves many ids."""


class Ids:
    """Makes ids."""

    def __init__(self, entropy: Entropy) -> None:
        """Take what nobody can guess from `entropy`."""
        self._entropy = entropy
        self._at_ms = 0
        self._made = 0
        """How many have the present instant."""
        self._tails: list[str] = []

    def new(self, now_ms: int) -> str:
        """Make an id at an instant (epoch ms), or right after the last where that is later."""
        if now_ms > self._at_ms:
            self._at_ms, self._made = now_ms, 0
        elif self._made == ROOM:
            self._at_ms, self._made = self._at_ms + 1, 0
        count, self._made = self._made, self._made + 1
        if not self._tails:
            self._tails = tails(self._entropy.token(RANDOM_BYTES * IDS_A_DRAW))
        return job_id(self._at_ms, count, self._tails.pop())

"""Job ids: UUIDs of version 7, so that ids sort by the moment they were made (RFC 9562)."""

import re
from functools import lru_cache
from string import hexdigits

_VARIANTS = "89ab"
"""What the digit may be that says by which rules the id was made."""
_OURS = re.compile(
    rf"[0-9a-f]{{8}}-[0-9a-f]{{4}}-7[0-9a-f]{{3}}-[{_VARIANTS}][0-9a-f]{{3}}-[0-9a-f]{{12}}"
)
_48_BITS = (1 << 48) - 1
_VARIANT = {digit: _VARIANTS[int(digit, 16) & 3] for digit in hexdigits}
"""The same as a random digit has it."""
RANDOM_BYTES = 10
ROOM = 1 << 12
"""How many ids of one process may have the same instant and still sort as they were made."""


def tails(chance: bytes) -> list[str]:
    """Make of random bytes how ids end, one of every `RANDOM_BYTES`.

    >>> tails(bytes(20))
    ['8000-000000000000', '8000-000000000000']
    """
    text = chance.hex()
    starts = range(0, len(text), 2 * RANDOM_BYTES)
    return [
        f"{_VARIANT[text[at]]}{text[at + 1 : at + 4]}-{text[at + 4 : at + 16]}" for at in starts
    ]


def job_id(now_ms: int, count: int, tail: str) -> str:
    """Make an id from the instant, a count within it (below `ROOM`) and one of `tails`.

    >>> job_id(1_700_000_000_000, 1, "8000-000000000000")
    '018bcfe5-6800-7001-8000-000000000000'
    """
    return f"{_instant(now_ms)}-7{count:03x}-{tail}"


def floor(at_ms: int) -> str:
    """Return the smallest id of an instant: ids made at or after it are not below.

    >>> floor(1_700_000_000_000)
    '018bcfe5-6800-0000-0000-000000000000'
    """
    return f"{_instant(at_ms)}-0000-0000-000000000000"


def born_ms(job_id: str) -> int:
    """Return the instant inside an id of ours; 0 where it is no such id.

    >>> born_ms("018bcfe5-6800-7001-8000-000000000000")
    1700000000000
    >>> born_ms("nobody knows")
    0
    """
    return int(job_id[:8] + job_id[9:13], 16) if _OURS.fullmatch(job_id) else 0


@lru_cache(maxsize=1)
def _instant(at_ms: int) -> str:
    """Return how an id begins; of a thousand jobs in one call all begin alike."""
    text = f"{at_ms & _48_BITS:012x}"
    return f"{text[:8]}-{text[8:]}"

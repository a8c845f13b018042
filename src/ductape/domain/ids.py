"""Job ids: UUIDs of version 7, so that ids sort by the moment they were made (RFC 9562)."""

_VERSION = 7 << 76
_VARIANT = 2 << 62
RANDOM_BYTES = 10


def job_id(now_ms: int, count: int, chance: bytes) -> str:
    """Make an id from the instant, a count within it (12 bits kept) and 10 random bytes.

    >>> job_id(1_700_000_000_000, 1, bytes(10))
    '018bcfe5-6800-7001-8000-000000000000'
    """
    tail = int.from_bytes(chance[:8], "big") >> 2
    value = (now_ms & (1 << 48) - 1) << 80 | _VERSION | (count & 0xFFF) << 64 | _VARIANT | tail
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def floor(at_ms: int) -> str:
    """Return the smallest id of an instant: ids made at or after it are not below.

    >>> floor(1_700_000_000_000)
    '018bcfe5-6800-0000-0000-000000000000'
    """
    text = f"{at_ms & (1 << 48) - 1:012x}"
    return f"{text[:8]}-{text[8:]}-0000-0000-000000000000"

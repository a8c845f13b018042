"""Spans, sizes and counts as a sentence has them."""

from typing import Final

_SPANS: Final = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s"))
_SIZES: Final = ((1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))


def span_text(length_ms: int) -> str:
    """Write a span in its largest unit.

    >>> span_text(950), span_text(125_000), span_text(7_300_000)
    ('950 ms', '2 min', '2 h')
    """
    for unit, name in _SPANS:
        if length_ms >= unit:
            return f"{length_ms // unit} {name}"
    return f"{length_ms} ms"


def size_text(size: int) -> str:
    """Write a number of bytes in its largest unit.

    >>> size_text(12), size_text(5_000_000), size_text(3 << 30)
    ('12 B', '4.8 MiB', '3.0 GiB')
    """
    for unit, name in _SIZES:
        if size >= unit:
            return f"{size / unit:.1f} {name}"
    return f"{size} B"


def count_text(count: int, one: str, *, at_least: bool = False) -> str:
    """Write how many there are of something.

    >>> count_text(1, "run"), count_text(1_000, "run", at_least=True)
    ('1 run', 'at least 1,000 runs')
    """
    many = one if count == 1 else f"{one}s"
    return f"{'at least ' if at_least else ''}{count:,} {many}"

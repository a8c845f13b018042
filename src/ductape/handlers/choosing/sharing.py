"""How the options of a fallback share the time of an attempt. Pure; spans are milliseconds.

An option's own `timeout` bounds each of its tries. All of them, and the waits between, may take
what the options after it do not need: each of those keeps its own time-outs, at most an even share.
"""

from collections.abc import Sequence

from ductape.domain.definitions.option import OptionTarget

_ENDING_MS = 100
_ENDING_PART = 20


def ending_ms(left_ms: int) -> int:
    """Return what of an attempt's time is kept for telling how the options ended.

    >>> ending_ms(60_000), ending_ms(400)
    (100, 20)
    """
    return min(_ENDING_MS, left_ms // _ENDING_PART)


def share_ms(options: Sequence[OptionTarget], at: int, left_ms: int) -> int:
    """Return how long the option at a place may take altogether.

    >>> from ductape.domain.request import JobEventTypes
    >>> options = [OptionTarget("a", JobEventTypes.JOB, "a", timeout_ms=each) for each in (50, 5)]
    >>> share_ms(options, 0, 60), share_ms(options, 1, 60)
    (55, 60)
    >>> share_ms([OptionTarget("a", JobEventTypes.JOB, "a")] * 3, 0, 60)
    20
    """
    even = left_ms // (len(options) - at)
    return left_ms - sum(min(_claim(option, even), even) for option in options[at + 1 :])


def patience_ms(option: OptionTarget, tries: int, left_ms: int) -> int:
    """Return how long one try may take, of so many that may be made in the time that is left."""
    if option.timeout_ms is not None:
        return max(min(option.timeout_ms, left_ms), 1)
    return max(left_ms // tries, 1)


def _claim(option: OptionTarget, even: int) -> int:
    return even if option.timeout_ms is None else option.timeout_ms * (option.retries + 1)

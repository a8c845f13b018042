"""The circuit breaker of a provider: who may call it while it keeps failing (SPEC 9). Pure.

Closed: everybody calls. After so many failures in a row it opens: nobody calls. After a cool-down
one worker of the fleet tries (half open): an answer closes it, a failure opens it again, and where
the try tells nothing, the next caller makes it. Instants and spans are milliseconds.
"""

from typing import Literal

from msgspec import Struct

State = Literal["closed", "open", "half_open"]
Admission = Literal["call", "probe", "skip"]

FAILURES = 5
"""So many in a row open a breaker, unless the option says otherwise."""
COOLDOWN_MS = 30_000


class BreakerRule(Struct, frozen=True):
    """When it opens, and for how long."""

    failures: int = FAILURES
    cooldown_ms: int = COOLDOWN_MS
    probe_ms: int = COOLDOWN_MS
    """After how long a probe that nobody heard of again counts as lost."""


class Breaker(Struct, frozen=True):
    """What the fleet knows of one provider."""

    state: State = "closed"
    failures: int = 0
    """In a row."""
    until_ms: int = 0
    """Open: when somebody may try. Half open: when the probe counts as lost."""


CLOSED = Breaker()


def admit(breaker: Breaker, rule: BreakerRule, now_ms: int) -> tuple[Breaker, Admission]:
    """Tell whether one more call may be made, and what the breaker is then.

    >>> admit(Breaker("open", 5, until_ms=10), BreakerRule(), 9)[1]
    'skip'
    >>> probing, admission = admit(Breaker("open", 5, until_ms=10), BreakerRule(probe_ms=7), 10)
    >>> admission, probing.until_ms, admit(probing, BreakerRule(), 11)[1]
    ('probe', 17, 'skip')
    """
    if breaker.state == "closed":
        return breaker, "call"
    if now_ms < breaker.until_ms:
        return breaker, "skip"
    return Breaker("half_open", breaker.failures, now_ms + rule.probe_ms), "probe"


def answered(breaker: Breaker) -> Breaker:
    """Return what the breaker is after an answer.

    One that comes late, to a call of before it opened, proves nothing about what is now.

    >>> answered(Breaker("half_open", 5, 10)) == CLOSED, answered(Breaker("open", 5, 10)).state
    (True, 'open')
    """
    return breaker if breaker.state == "open" else CLOSED


def told_nothing(breaker: Breaker, rule: BreakerRule, probed_at_ms: int) -> Breaker:
    """Return what the breaker is where the probe of an instant ended, and said nothing of it.

    As before that probe: the next caller finds out. One that counts as lost has no say any more.

    >>> told_nothing(Breaker("half_open", 5, 17), BreakerRule(probe_ms=7), 10)
    Breaker(state='open', failures=5, until_ms=10)
    >>> told_nothing(Breaker("half_open", 5, 24), BreakerRule(probe_ms=7), 10).state
    'half_open'
    """
    if breaker.state != "half_open" or breaker.until_ms != probed_at_ms + rule.probe_ms:
        return breaker
    return Breaker("open", breaker.failures, probed_at_ms)


def failed(breaker: Breaker, rule: BreakerRule, now_ms: int) -> Breaker:
    """Return what the breaker is after a failure.

    >>> failed(Breaker(failures=1), BreakerRule(failures=2, cooldown_ms=100), 5)
    Breaker(state='open', failures=2, until_ms=105)
    """
    failures = breaker.failures + 1
    match breaker.state:
        case "open":
            return breaker
        case "half_open":
            return Breaker("open", failures, now_ms + rule.cooldown_ms)
        case "closed":
            if failures < rule.failures:
                return Breaker("closed", failures)
            return Breaker("open", failures, now_ms + rule.cooldown_ms)

"""From an exception to a stored error: its code, its masked message, its traceback (SPEC 12)."""

import re
import traceback
from dataclasses import dataclass

from ductape.domain.jsonlimits import whole_characters
from ductape.domain.masking import mask
from ductape.domain.outcome import Failure, StoredError
from ductape.errors import PROVIDER_CODES, DuctapeError, ProviderError, QuotaExceeded
from ductape.ports.handler import Abort, Quit, Retry
from ductape.ports.steps import StepFailed
from ductape.ports.vault import SealBroken
from ductape.worker.attempt.details import kept_details

LONGEST_MESSAGE = 4_096
LONGEST_TRACEBACK = 16_384

_FRAMES = re.compile(r'^(?=[ |]*  File ")', re.MULTILINE)
"""Where each frame of a traceback begins, in a group's too; a message belongs to the last."""

_CODES: dict[type[Exception], tuple[str, bool]] = {
    SealBroken: ("SEAL_BROKEN", False),
    TimeoutError: ("TIMEOUT", True),
}
"""The code of an error that is not ours, and whether its traceback is kept."""


@dataclass(frozen=True)
class Telling:
    """How an error is told."""

    now_ms: int
    sensitive: tuple[str, ...] = ()
    """Texts to mask."""
    quotes: bool = True
    """Whether a provider's own words may stand in its details."""


def failure_of(error: Exception, telling: Telling) -> Failure:
    """Turn what a handler raised into a failure, also where it cannot even be read."""
    try:
        if isinstance(error, Quit):
            return Failure(_stored("HANDLER_ERROR", error.raised, telling, traced=True))
        return _failure_of(error, telling)
    except Exception as untold:  # noqa: BLE001 (an error's own code, a handler's: recorded with it)
        return _untold(error.raised if isinstance(error, Quit) else error, untold, telling)


def _untold(error: BaseException, why: Exception, telling: Telling) -> Failure:
    kind = type(error).__name__
    message = f"an error that cannot be told: reading it raised {type(why).__name__}"
    trace = mask("".join(traceback.format_tb(error.__traceback__)), telling.sensitive)
    kept = f"{trace[-LONGEST_TRACEBACK:]}{kind}\n"
    return Failure(StoredError("HANDLER_ERROR", message, kind, telling.now_ms, kept))


def _failure_of(error: Exception, telling: Telling) -> Failure:
    match error:
        case Retry():
            stored = _stored("RETRY", error, telling)
            return Failure(stored, retry_after_ms=error.after_ms, again=True)
        case Abort():
            return Failure(_stored("ABORTED", error, telling), final=True)
        case StepFailed():
            return error.failure
        case ProviderError() | QuotaExceeded():
            code = error.code
            if code not in PROVIDER_CODES:
                code = mask(code, telling.sensitive)  # a handler's own word for it
            stored = _stored(code, error, telling)
            in_vain = isinstance(error, QuotaExceeded) and error.retry_after_ms is None
            return Failure(stored, retry_after_ms=error.retry_after_ms, final=in_vain)
        case DuctapeError():
            return Failure(_stored(error.code, error, telling))
        case _:
            code, traced = _CODES.get(type(error), ("HANDLER_ERROR", True))
            return Failure(_stored(code, error, telling, traced=traced))


def timed_out(timeout_ms: int, *, now_ms: int) -> Failure:
    """Make the failure of an attempt that took too long."""
    message = f"the attempt took longer than its time-out of {timeout_ms} ms"
    return Failure(StoredError(code="TIMEOUT", message=message, type="TimeoutError", at=now_ms))


def _stored(
    code: str, error: BaseException, telling: Telling, *, traced: bool = False
) -> StoredError:
    said, sensitive = str(error) or type(error).__name__, telling.sensitive
    trace = mask("".join(traceback.format_exception(error)), sensitive) if traced else None
    return StoredError(
        code=whole_characters(code),
        message=whole_characters(mask(said, sensitive)[:LONGEST_MESSAGE]),
        type=whole_characters(type(error).__name__),
        at=telling.now_ms,
        traceback=None if trace is None else whole_characters(_bounded(trace)),
        details=kept_details(error, sensitive, quotes=telling.quotes),
    )


def _bounded(trace: str) -> str:
    """Return a masked traceback, long messages without their middles so that the frames stay."""
    if len(trace) <= LONGEST_TRACEBACK:
        return trace
    return "".join(_without_middle(part) for part in _FRAMES.split(trace))[-LONGEST_TRACEBACK:]


def _without_middle(part: str) -> str:
    left = len(part) - LONGEST_MESSAGE
    if left <= 0:
        return part
    half = LONGEST_MESSAGE // 2
    return f"{part[:half]}\n… {left} characters are left out …\n{part[-half:]}"

"""From an exception to a stored error: its code, its masked message, its traceback (SPEC 12)."""

import traceback
from typing import cast

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.masking import mask, mask_json
from ductape.domain.outcome import Failure, StoredError
from ductape.errors import PROVIDER_CODES, DuctapeError, ProviderError, QuotaExceeded
from ductape.ports.handler import Abort, Retry
from ductape.ports.steps import StepFailed
from ductape.ports.vault import SealBroken

LONGEST_MESSAGE = 4_096
LONGEST_TRACEBACK = 16_384
KEPT_DETAILS = ("failures", "retry_after", "limit", "remaining", "period", "resets_at")
"""What quotas and fallbacks tell, and bound in size. Other details may be of any."""


_CODES: dict[type[Exception], tuple[str, bool]] = {
    SealBroken: ("SEAL_BROKEN", False),
    TimeoutError: ("TIMEOUT", True),
}
"""The code of an error that is not ours, and whether its traceback is kept."""


def failure_of(error: Exception, *, now_ms: int, sensitive: tuple[str, ...]) -> Failure:
    """Turn what a handler raised into a failure; texts in `sensitive` are masked."""
    match error:
        case Retry():
            stored = _stored("RETRY", error, now_ms, sensitive)
            return Failure(stored, retry_after_ms=error.after_ms, again=True)
        case Abort():
            return Failure(_stored("ABORTED", error, now_ms, sensitive), final=True)
        case StepFailed():
            return error.failure
        case ProviderError() | QuotaExceeded():
            code = error.code
            if code not in PROVIDER_CODES:
                code = mask(code, sensitive)  # a handler's own word for it
            stored = _stored(code, error, now_ms, sensitive)
            return Failure(stored, retry_after_ms=error.retry_after_ms)
        case DuctapeError():
            return Failure(_stored(error.code, error, now_ms, sensitive))
        case _:
            code, traced = _CODES.get(type(error), ("HANDLER_ERROR", True))
            return Failure(_stored(code, error, now_ms, sensitive, traced=traced))


def timed_out(timeout_ms: int, *, now_ms: int) -> Failure:
    """Make the failure of an attempt that took too long."""
    message = f"the attempt took longer than its time-out of {timeout_ms} ms"
    return Failure(StoredError(code="TIMEOUT", message=message, type="TimeoutError", at=now_ms))


def _kept(error: Exception) -> JsonObject:
    """Return those of an error's details that are kept with it."""
    found = error.details if isinstance(error, DuctapeError) else {}
    return {name: cast("JsonValue", found[name]) for name in KEPT_DETAILS if name in found}


def _stored(
    code: str,
    error: Exception,
    now_ms: int,
    sensitive: tuple[str, ...],
    *,
    traced: bool = False,
) -> StoredError:
    said = str(error) or type(error).__name__
    details = _kept(error)
    trace = mask("".join(traceback.format_exception(error)), sensitive) if traced else None
    return StoredError(
        code=code,
        message=mask(said, sensitive)[:LONGEST_MESSAGE],
        type=type(error).__name__,
        at=now_ms,
        traceback=None if trace is None else trace[-LONGEST_TRACEBACK:],
        details=cast("JsonObject", mask_json(details, sensitive)) if details else None,
    )

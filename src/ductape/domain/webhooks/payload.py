"""What a webhook says: `{event, timestamp, job}`, as the TypeScript SDK has it (SPEC 9).

`timestamp` is in epoch milliseconds. `job` is the job's wire shape (SPEC 2) with two names that the
TypeScript SDK has beside it, `namespace` and `error`. It is bounded: what is too large, and what
belongs to a sensitive definition, is null and named in `omitted`.
"""

from typing import cast

import msgspec

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.record import JobRecord
from ductape.domain.request import JobEventTypes
from ductape.domain.time.zone import ZoneLookup
from ductape.domain.views import as_object, job_view
from ductape.domain.webhooks.events import JobEvent
from ductape.domain.wire import AttemptView, ErrorView

MOST_BYTES = 65_536
"""Of an input, and of a result."""
MOST_ATTEMPTS = 10
"""The latest ones."""

_NAMESPACES: dict[JobEventTypes, str] = {
    JobEventTypes.ACTION: "actions",
    JobEventTypes.DB_ACTION: "databases",
    JobEventTypes.FALLBACK: "fallbacks",
    JobEventTypes.FEATURE: "features",
    JobEventTypes.FUNCTION: "functions",
    JobEventTypes.JOB: "jobs",
    JobEventTypes.NOTIFICATION: "notifications",
    JobEventTypes.PUBLISH: "brokers",
    JobEventTypes.QUOTA: "quotas",
    JobEventTypes.STORAGE: "storage",
    JobEventTypes.SUBSCRIBE: "brokers",
}
"""What the TypeScript SDK calls the part of the system that a job belongs to."""


def payload(event: JobEvent, record: JobRecord, *, now_ms: int, zones: ZoneLookup) -> JsonObject:
    """Say what happened to a job, which is as the record has it."""
    view = job_view(record, now_ms=now_ms, zones=zones)
    job = as_object(view)
    omitted: list[JsonValue] = []
    for part in ("input", "result"):
        if not _may_be_told(job[part], sensitive=record.spec.sensitive):
            job[part] = None
            omitted.append(part)
    attempts = view["attempts"]
    if len(attempts) > MOST_ATTEMPTS:
        omitted.append("attempts")
    error = view["last_error"]
    job["attempts"] = [_attempt(one) for one in attempts[-MOST_ATTEMPTS:]]
    job["last_error"] = _error(error)
    job["error"] = None if error is None else error["message"]
    job["namespace"] = _NAMESPACES[record.spec.kind]
    job["omitted"] = omitted
    return {"event": event, "timestamp": now_ms, "job": job}


def _may_be_told(value: JsonValue, *, sensitive: bool) -> bool:
    return value is None or not (sensitive or len(msgspec.json.encode(value)) > MOST_BYTES)


def _attempt(attempt: AttemptView) -> JsonObject:
    shown = cast("JsonObject", dict(attempt))
    return {**shown, "error": _error(attempt["error"])}


def _error(error: ErrorView | None) -> JsonValue:
    """Return an error without its traceback: that is for the team's own eyes."""
    if error is None:
        return None
    shown = cast("JsonObject", dict(error))
    return {name: part for name, part in shown.items() if name != "traceback"}

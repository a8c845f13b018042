"""Reading a whole request: the mapping that a caller gave becomes a `JobRequest` (SPEC 1).

One pass reads every field and collects every fault; what depends on several fields (an instant's
zone, an end before the first run) is looked at last. Instants are epoch milliseconds.
"""

from collections.abc import Sequence
from functools import partial

from ductape.domain.jsonlimits import DEFAULT, Limits
from ductape.domain.parsing.options import (
    RETRY_CONFIG,
    SESSION,
    brings_bytes,
    labels,
    payload,
    retry_policy,
    session,
)
from ductape.domain.parsing.reading import Reader, Shape, open_form
from ductape.domain.parsing.repeat import ONCE, REPEAT, TIMING, first_run_fault, recurrence
from ductape.domain.parsing.scalars import SPAN_MAX_MS, choice, integer, name
from ductape.domain.request import JobRequest, OnLost, RetryPolicy
from ductape.domain.time.zone import ZoneLookup
from ductape.errors import Fault, ValidationError, fault

RETRIES_MAX = 1_000
PRIORITY_MAX = 100
CONCURRENCY_MAX = 100_000

REQUEST = Shape(
    known=frozenset(
        {
            "product_tag",
            "env",
            "event",
            "input",
            "retries",
            "start_at",
            "app",
            "cache",
            "session",
            "repeat",
            "key",
            "retryConfig",
            "timeout",
            "expires_at",
            "priority",
            "queue",
            "onLost",
            "metadata",
            "concurrency_key",
            "concurrency_limit",
        }
    ),
    elsewhere={
        **{key: f"session.{key}" for key in SESSION.known},
        **{key: f"retryConfig.{key}" for key in RETRY_CONFIG.known},
        **{key: f"repeat.{key}" for key in REPEAT.known},
    },
)

_RETRIES = integer(0, RETRIES_MAX)
_TIMEOUT = integer(1, SPAN_MAX_MS, " of milliseconds")
_PRIORITY = integer(-PRIORITY_MAX, PRIORITY_MAX)
_CONCURRENCY = integer(1, CONCURRENCY_MAX)
_ON_LOST: Reader[OnLost] = choice(("retry", "fail"))
_USUAL_RETRY = RetryPolicy()


def parse_job_request(
    data: object, *, now_ms: int, zones: ZoneLookup, limits: Limits = DEFAULT
) -> JobRequest:
    """Make a request of a plain mapping, or raise one `ValidationError` with every fault."""
    faults: list[Fault] = []
    form = open_form(data, "", REQUEST, faults)
    if form is None:
        raise ValidationError(faults)
    repeat = form.take("repeat", partial(recurrence, zones=zones, now_ms=now_ms), ONCE)
    request = JobRequest(
        product=form.need("product_tag", name),
        env=form.need("env", name),
        event=form.need("event", name),
        input=form.need("input", partial(payload, limits=limits)),
        retries=form.take("retries", _RETRIES, 0),
        start_at_ms=form.need("start_at", repeat.instant),
        app=form.take("app", name, None),
        cache=form.take("cache", name, None),
        session=form.take("session", session, None),
        repeat=repeat.repeat,
        key=form.take("key", name, None),
        retry=form.take("retryConfig", retry_policy, _USUAL_RETRY),
        timeout_ms=form.take("timeout", _TIMEOUT, None),
        expires_at_ms=form.take("expires_at", repeat.instant, None),
        priority=form.take("priority", _PRIORITY, 0),
        queue=form.take("queue", name, "default"),
        on_lost=form.take("onLost", _ON_LOST, "retry"),
        metadata=form.take("metadata", partial(labels, limits=limits), {}),
        concurrency_key=form.take("concurrency_key", name, None),
        concurrency_limit=form.take("concurrency_limit", _CONCURRENCY, 1),
        warnings=repeat.warnings,
        bytes_given=form.has("input") and form.need("input", brings_bytes),
    )
    if form.has("concurrency_limit") and not form.has("concurrency_key"):
        faults.append(fault("concurrency_key", "a key, since there is a limit", "nothing"))
    if request.repeat is not None or request.expires_at_ms is not None:
        faults.extend(_disagreements(request, faults, now_ms=now_ms, zones=zones))
    if faults:
        raise ValidationError(faults)
    return request


def _disagreements(
    request: JobRequest, faults: Sequence[Fault], *, now_ms: int, zones: ZoneLookup
) -> list[Fault]:
    """Find fields that are right by themselves and wrong together."""
    refused = {known["path"] for known in faults}
    if "start_at" in refused:
        return []
    found: list[Fault] = []
    start_at_ms, expires_at_ms = request.start_at_ms, request.expires_at_ms
    if request.repeat is not None and refused.isdisjoint(TIMING):
        early = first_run_fault(
            request.repeat, "repeat", start_at_ms=start_at_ms, now_ms=now_ms, zones=zones
        )
        found.extend([early] if early else [])
    if expires_at_ms is not None and "expires_at" not in refused and expires_at_ms <= start_at_ms:
        found.append(fault("expires_at", "an instant after start_at", "one that is not"))
    return found

"""The job that carries what happened to one webhook: durable, retried, recorded like any other."""

from ductape.domain.job import JobSpec, Run
from ductape.domain.jsonvalue import JsonObject
from ductape.domain.request import JobEventTypes, RetryPolicy
from ductape.domain.webhooks.events import JobEvent
from ductape.domain.webhooks.subscription import Subscription

TIMEOUT_MS = 15_000
"""For one attempt: whoever receives has to take it, not to work on it."""
LONGEST_DELAY_MS = 14_400_000
"""Between two attempts: four hours."""
BACKOFF = 4.0

_WORTH_TRYING = (
    "FORBIDDEN",
    "NOT_FOUND",
    "REFERENCE_MISSING",
    "UNAUTHORIZED",
    "VALIDATION_ERROR",
)
"""A receiver that is being set up answers so; 410 alone is its last word (the handler aborts)."""


def delivery(
    to: Subscription, event: JobEvent, about: JobSpec, body: JsonObject, *, job_id: str, now_ms: int
) -> Run:
    """Make the run that delivers; `job_id` is the delivery's own, `body` what it says.

    The body is a literal: what looks like a reference in it is somebody's text.
    """
    job = body["job"]
    told_of = job["id"] if isinstance(job, dict) else None
    spec = JobSpec(
        product=about.product,
        env=about.env,
        event=to.event,
        kind=JobEventTypes.ACTION,
        input={"body": {"$literal": body}},
        retries=to.retries,
        created_at_ms=now_ms,
        retry=RetryPolicy(
            initial_delay_ms=to.first_delay_ms,
            max_delay_ms=max(LONGEST_DELAY_MS, to.first_delay_ms),
            backoff_multiplier=BACKOFF,
            retryable=_WORTH_TRYING,
        ),
        timeout_ms=TIMEOUT_MS,
        queue=to.queue,
        metadata={"webhook_event": event, "webhook_job": str(told_of)},
    )
    return Run(
        job_id=job_id,
        number=1,
        state="queued",
        spec=spec,
        scheduled_at_ms=now_ms,
        due_at_ms=now_ms,
    )

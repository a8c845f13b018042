"""What can be told of a job, and how a delivery is known from any other job."""

from typing import Literal, get_args

from ductape.domain.request import JobEventTypes

JobEvent = Literal[
    "job.scheduled",
    "job.started",
    "job.completed",
    "job.failed",
    "job.cancelled",
    "job.paused",
    "job.resumed",
]
"""The names of SPEC 9."""

EVENTS: tuple[JobEvent, ...] = get_args(JobEvent)

PREFIX = "webhook:"
"""No tag has a colon, so that no action of an app can be mistaken for a webhook."""


def address_of(tag: str) -> str:
    """Return the event of a webhook's deliveries.

    >>> address_of("partner")
    'webhook:partner'
    """
    return f"{PREFIX}{tag}"


def is_delivery(kind: JobEventTypes, event: str) -> bool:
    """Tell whether a job delivers what happened to another one: nothing is told of it.

    >>> is_delivery(JobEventTypes.ACTION, "webhook:partner")
    True
    >>> is_delivery(JobEventTypes.NOTIFICATION, "webhook:partner")
    False
    """
    return kind is JobEventTypes.ACTION and event.startswith(PREFIX)

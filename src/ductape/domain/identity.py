"""Whether a request under a known key is the same job, a new definition of it, or a conflict.

The rules are SPEC 1, Identity: an equal request is the job itself; a different *recurring*
request for the same event replaces the recurrence; all else is a conflict. Stores ask inside the
transaction that adds, so that a hundred callers at once leave one job.
"""

from typing import Literal

from msgspec import Struct

Verdict = Literal["add", "same", "replace", "conflict"]
"""Store it, answer with the job that is there, give that job a new definition, refuse."""


class KeyHolder(Struct, frozen=True):
    """The job that has a key."""

    job_id: str
    digest: bytes
    event: str
    recurring: bool


def weigh(held: KeyHolder | None, *, digest: bytes, event: str, recurring: bool) -> Verdict:
    """Decide what a request under a key means to the job that holds the key.

    >>> held = KeyHolder(job_id="1", digest=b"a", event="ship", recurring=True)
    >>> weigh(None, digest=b"a", event="ship", recurring=True)
    'add'
    >>> weigh(held, digest=b"b", event="ship", recurring=True)
    'replace'
    >>> weigh(held, digest=b"b", event="ship", recurring=False)
    'conflict'
    """
    if held is None:
        return "add"
    if held.event != event or held.recurring != recurring:
        return "conflict"
    if held.digest == digest:
        return "same"
    return "replace" if recurring else "conflict"


def conflict_reason(held: KeyHolder, *, event: str, recurring: bool) -> str:
    """Say why the request cannot be the job that holds its key.

    >>> held = KeyHolder(job_id="1", digest=b"a", event="ship", recurring=True)
    >>> conflict_reason(held, event="bill", recurring=True)
    'the key belongs to job 1, which is for the event `ship`, not `bill`'
    """
    belongs = f"the key belongs to job {held.job_id}, which"
    if held.event != event:
        return f"{belongs} is for the event `{held.event}`, not `{event}`"
    if held.recurring and not recurring:
        return f"{belongs} is recurring; this request is for once"
    if recurring and not held.recurring:
        return f"{belongs} is for once; this request is recurring"
    return f"{belongs} was asked for with other values"

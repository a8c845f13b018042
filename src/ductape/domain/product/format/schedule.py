"""Schedules: recurring jobs that the document declares (SPEC 8).

A schedule is a request of `schedule(data)` without the fields that only a caller has. The shapes
of its values are for `domain.parsing` to judge, as those of every request: here is said only which
there are, and what an env has in their place.
"""

from typing import cast

from msgspec import Struct, field

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.product.format.words import Filled, Name, Tag, Words


class ScheduleEnv(Struct, frozen=True):
    """What is different in one env: what is given here wins whole."""

    slug: Tag
    input: JsonValue = None
    retries: JsonValue = None
    start_at: JsonValue = None
    cache: JsonValue = None
    repeat: JsonValue = None
    retry_config: JsonValue = field(default=None, name="retryConfig")
    timeout: JsonValue = None
    expires_at: JsonValue = None
    priority: JsonValue = None
    queue: JsonValue = None
    on_lost: JsonValue = field(default=None, name="onLost")
    metadata: JsonValue = None
    concurrency_key: JsonValue = None
    concurrency_limit: JsonValue = None


class Schedule(Struct, frozen=True):
    """One event that is run again and again."""

    tag: Tag
    event: Filled
    app: Tag | None = None
    """The app of an action."""
    name: Name | None = None
    description: Words | None = None
    input: JsonValue = None
    """`{}` where it is not given."""
    retries: JsonValue = None
    start_at: JsonValue = None
    """When it begins; when it is first applied, where it is not given."""
    cache: JsonValue = None
    repeat: JsonValue = None
    retry_config: JsonValue = field(default=None, name="retryConfig")
    timeout: JsonValue = None
    expires_at: JsonValue = None
    priority: JsonValue = None
    queue: JsonValue = None
    on_lost: JsonValue = field(default=None, name="onLost")
    metadata: JsonValue = None
    concurrency_key: JsonValue = None
    concurrency_limit: JsonValue = None
    session: JsonValue = None
    """Refused, and why is said: a file has no caller."""
    envs: tuple[ScheduleEnv, ...] = ()
    """Where it runs; none means in all that have its event."""


OWN_WORDS = frozenset({"tag", "slug", "event", "app", "name", "description", "session", "envs"})
"""What is no field of a request, or is not an env's to change."""


def fields_of(part: Schedule | ScheduleEnv) -> JsonObject:
    """Return the fields of a request that are given, by the names that requests have.

    >>> fields_of(ScheduleEnv(slug="dev", on_lost="fail", input={}))
    {'input': {}, 'onLost': 'fail'}
    """
    names = zip(part.__struct_encode_fields__, part.__struct_fields__, strict=True)
    given = {name: cast("JsonValue", getattr(part, attribute)) for name, attribute in names}
    return {
        name: value for name, value in given.items() if value is not None and name not in OWN_WORDS
    }

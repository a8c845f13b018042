"""What each kind of event takes as input.

An input is checked twice: when it is scheduled, references still in it, and again after injection
(SPEC 9). Every fault is told at once, at its path below `input`.
"""

from collections.abc import Mapping
from typing import Protocol

from ductape.domain.inputs.action import check_action
from ductape.domain.inputs.database import check_database
from ductape.domain.inputs.fallback import check_fallback
from ductape.domain.inputs.feature import check_feature
from ductape.domain.inputs.function import check_function
from ductape.domain.inputs.notification import check_notification
from ductape.domain.inputs.pending import without_literals
from ductape.domain.inputs.quota import check_quota
from ductape.domain.inputs.storage import check_storage
from ductape.domain.inputs.topic import check_publish, check_subscribe
from ductape.domain.jsonvalue import JsonObject
from ductape.domain.request import JobEventTypes
from ductape.domain.target import Target
from ductape.errors import Fault

__all__ = ["check_input"]


def check_input(target: Target, input: JsonObject, *, resolved: bool) -> list[Fault]:  # noqa: A002 (SPEC 1 names it so)
    """Tell everything that is wrong with an input for a target; an empty list if nothing is.

    With `resolved=False` whatever a reference may still replace is not judged yet.
    """
    check = CHECKS.get(target.kind)
    if check is None:
        return []
    given = input if resolved else without_literals(input)
    return check(target.definition, given, resolved=resolved)


class Check(Protocol):
    """Judges an input for a definition."""

    def __call__(
        self, definition: JsonObject, given: JsonObject, /, *, resolved: bool
    ) -> list[Fault]:
        """Tell everything that is wrong."""
        ...


CHECKS: Mapping[JobEventTypes, Check] = {
    JobEventTypes.ACTION: check_action,
    JobEventTypes.DB_ACTION: check_database,
    JobEventTypes.FALLBACK: check_fallback,
    JobEventTypes.FUNCTION: check_function,
    JobEventTypes.FEATURE: check_feature,
    JobEventTypes.NOTIFICATION: check_notification,
    JobEventTypes.QUOTA: check_quota,
    JobEventTypes.STORAGE: check_storage,
    JobEventTypes.PUBLISH: check_publish,
    JobEventTypes.SUBSCRIBE: check_subscribe,
}
"""One row a kind; a job's handler takes any object."""

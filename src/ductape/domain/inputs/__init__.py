"""What each kind of event takes as input.

An input is checked twice: when it is scheduled, references still in it, and again after injection
(SPEC 9). Every fault is told at once, at its path below `input`.
"""

from ductape.domain.inputs.action import check_action
from ductape.domain.inputs.channels import unknown_keys
from ductape.domain.inputs.notification import check_notification
from ductape.domain.inputs.pending import without_literals
from ductape.domain.jsonvalue import JsonObject
from ductape.domain.request import JobEventTypes
from ductape.domain.target import Target
from ductape.errors import Fault

__all__ = ["check_input"]

_CHECKED = frozenset({JobEventTypes.ACTION, JobEventTypes.NOTIFICATION, JobEventTypes.FUNCTION})


def check_input(target: Target, input: JsonObject, *, resolved: bool) -> list[Fault]:  # noqa: A002 (SPEC 1 names it so)
    """Tell everything that is wrong with an input for a target; an empty list if nothing is.

    With `resolved=False` whatever a reference may still replace is not judged yet.
    """
    if target.kind not in _CHECKED:
        # A job's handler takes any object; the other kinds have no handler yet.
        return []
    given = input if resolved else without_literals(input)
    match target.kind:
        case JobEventTypes.ACTION:
            return check_action(target.definition, given, resolved=resolved)
        case JobEventTypes.NOTIFICATION:
            return check_notification(target.definition, given, resolved=resolved)
        case _:
            return unknown_keys(given, ("payload",), "input")

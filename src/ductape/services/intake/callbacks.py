"""Whether a subscription's callback takes what its mapping makes, as far as that is known (SPEC 9).

A name that the callback does not know, a plain value that it never takes, an app that is not there:
each would make poison of every message. What a message brings is judged when there is one.
"""

from ductape.domain.inputs import check_input
from ductape.domain.inputs.pending import LITERAL, pending
from ductape.domain.inputs.topic import MAPPING
from ductape.domain.jsonvalue import JsonObject
from ductape.domain.request import JobEventTypes
from ductape.domain.target import Target
from ductape.errors import Fault, NotFound, ValidationError, fault
from ductape.services.intake.judging import Ask, pointed_at


async def callback_faults(called: Target, given: JsonObject, ask: Ask) -> list[Fault]:
    """Tell what a subscription's callback never takes; nothing of what is no subscription."""
    callback, app = given.get("callback"), given.get("app")
    if called.kind is not JobEventTypes.SUBSCRIBE or not isinstance(callback, str):
        return []
    if pending(callback, resolved=False) or pending(app, resolved=False):
        return []
    mapping = given.get(MAPPING)
    known = isinstance(mapping, dict) and set(mapping) != {LITERAL}
    made: JsonObject = mapping if known and isinstance(mapping, dict) else {}
    try:
        target = await ask(callback, app if isinstance(app, str) else None, made)
        target = await pointed_at(target, ask, made)
    except NotFound:
        return []
    except ValidationError as error:
        told = error.errors
    else:
        told = check_input(target, made, resolved=False)
    return [_placed(one) for one in told if known or one["path"] == "app"]


def _placed(found: Fault) -> Fault:
    return fault(
        f"input.{found['path']}", found["expected"], found["found"], hint=found.get("hint")
    )

"""What a request names, and whether that takes its input: asked before anything is stored (SPEC 8).

Asked of the catalog for a caller's request, and of a document that is about to be applied for what
it declares.
"""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from ductape.domain.definitions.pointing import PointingTarget
from ductape.domain.inputs import check_input
from ductape.domain.inputs.pending import pending
from ductape.domain.jsonvalue import JsonObject
from ductape.domain.request import JobEventTypes, JobRequest
from ductape.domain.target import Target
from ductape.domain.webhooks.events import is_delivery
from ductape.errors import Fault, NotFound, ValidationError, fault, invalid
from ductape.services.intake.injection import SessionData, judge
from ductape.services.intake.refusing import along_with, missing_with


class Ask(Protocol):
    """Finds what events name for a request."""

    async def __call__(
        self, event: str, app: str | None, given: JsonObject | None = None
    ) -> Target:
        """Return what an event, and an app, name; `given` is what it gets, if not the input.

        Raises `NotFound` or `ValidationError`.
        """
        ...


async def named(request: JobRequest, ask: Ask) -> tuple[Target, Target]:
    """Return what a request names, and what takes its input in the end.

    They differ for a job that points at an event: then the latter is that event's target.
    """
    target = called = await ask(request.event, request.app)
    if is_delivery(target.kind, target.event):
        raise invalid("event", "an event of the product", "a webhook, which the system calls")
    called = await pointed_at(called, ask)
    if called.kind is JobEventTypes.SUBSCRIBE:
        await _refuse_callback(called, request.input, ask)
    return target, called


async def pointed_at(target: Target, ask: Ask, given: JsonObject | None = None) -> Target:
    """Return what takes an input in the end: of a job that points, the event that it points at."""
    while target.kind is JobEventTypes.JOB and target.needs is None:
        pointing = msgspec.convert(target.definition, PointingTarget)
        target = await ask(pointing.event, pointing.app, given)
    return target


async def _refuse_callback(topic: Target, given: JsonObject, ask: Ask) -> None:
    """Refuse a subscription that would make jobs of an event that is not there, or feed itself.

    Raises `NotFound` or `ValidationError`. What else may be wrong depends on the messages, and is
    told when there is one.
    """
    callback, app = given.get("callback"), given.get("app")
    if not isinstance(callback, str) or pending(callback, resolved=False):
        return
    try:
        found = await ask(callback, app if isinstance(app, str) else None)
    except NotFound as error:
        if error.path == "event":
            raise NotFound(
                error.message, path="input.callback", hint=error.hint, details=error.details
            ) from error
    except ValidationError:  # Of the app, which a reference may bring, or of the input.
        return
    else:
        if found.event == topic.event:
            raise invalid("input.callback", "another event than the topic that is read", "itself")


def judged(
    target: Target,
    called: Target,
    request: JobRequest,
    session: SessionData | None,
    lacking: Sequence[Fault] = (),
    mapped: Sequence[Fault] = (),
) -> list[str]:
    """Check an input by what takes it in the end, its references by the event itself.

    `lacking` is what is missing already, `mapped` what its callback never takes. Returns warnings;
    raises `ValidationError` or `ReferenceMissing`.
    """
    faults = [*check_input(called, request.input, resolved=False), *mapped]
    if request.bytes_given and target.kind is not JobEventTypes.STORAGE:
        hint = "encode it as base64 text; `blob` of a storage takes bytes"
        faults.append(fault("input.blob", "a plain JSON value", "bytes", hint=hint))
    with missing_with(lacking), along_with(faults):
        return judge(target, request.input, session)

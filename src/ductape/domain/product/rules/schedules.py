"""What is wrong with a document's schedules, read as `schedule(data)` reads a request (SPEC 8).

Whether an end has passed is asked apart from all else (`now_ms`): a document stays right when the
schedules in it are over.
"""

from collections.abc import Iterator

from ductape.domain.jsonlimits import Limits
from ductape.domain.parsing import parse_job_request
from ductape.domain.parsing.reading import absent
from ductape.domain.product.declared import (
    START_WORD,
    VERSION_WORDS,
    Declared,
    asked,
    schedules_of,
)
from ductape.domain.product.format.document import Product
from ductape.domain.request import JobRequest
from ductape.domain.time.zone import ZoneLookup
from ductape.errors import Fault, ValidationError, fault

OUR_WORDS = ("schedule", VERSION_WORDS["schedule"], START_WORD)
NO_CALLER = "a file has no caller: dispatch the job from code, with the token of whom it is for"


def schedule_faults(product: Product, zones: ZoneLookup, limits: Limits) -> Iterator[Fault]:
    """Tell every fault of the schedules, whatever the time is, each once."""
    for at, schedule in enumerate(product.schedules):
        if schedule.session is not None:
            yield fault(f"schedules[{at}].session", "no session", "one", hint=NO_CALLER)
    told: set[tuple[str, str]] = set()
    for declared in schedules_of(product):
        for found in _faults_of(declared, product.tag, zones, limits):
            if (found["path"], found["expected"]) not in told:
                told.add((found["path"], found["expected"]))
                yield found


def request_of(
    declared: Declared,
    product: str,
    version: int | str,
    *,
    now_ms: int,
    zones: ZoneLookup,
    limits: Limits,
) -> JobRequest:
    """Read what a declared job asks for; raises `ValidationError`, at the document's paths.

    With a `now_ms` of 0 nothing is held against it that time alone has done.
    """
    data = asked(declared, product, version)
    try:
        return parse_job_request(data, now_ms=now_ms, zones=zones, limits=limits)
    except ValidationError as error:
        raise ValidationError(at_place(declared, error.errors)) from error


def at_place(declared: Declared, faults: list[Fault]) -> list[Fault]:
    """Say where the document has what is wrong with a request."""
    return [_moved(declared, each) for each in faults]


def _moved(declared: Declared, old: Fault) -> Fault:
    place = declared.place(old["path"])
    new = fault(place, old["expected"], old["found"], hint=old.get("hint"))
    if "code" in old:
        new["code"] = old["code"]
    return new


def _faults_of(
    declared: Declared, product: str, zones: ZoneLookup, limits: Limits
) -> Iterator[Fault]:
    metadata = declared.fields.get("metadata")
    for word in OUR_WORDS:
        if isinstance(metadata, dict) and word in metadata:
            found = f"`{word}`, under which the schedule itself is noted"
            yield fault(declared.place(f"metadata.{word}"), "another name", found)
    if absent(declared.fields.get("repeat")):
        yield fault(declared.place("repeat"), "an object with `cron` or `every`", "nothing")
    try:
        request_of(declared, product, 0, now_ms=0, zones=zones, limits=limits)
    except ValidationError as error:
        yield from error.errors

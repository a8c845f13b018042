"""Rules that take a product which is right otherwise: what it runs by itself must be accepted.

That is what its healthchecks give, and the mappings of its steps and options: a name that the event
does not know, or a plain value that it never takes, would fail every run. What a reference will
bring is judged by the run.
"""

from collections.abc import Iterator

import msgspec
from msgspec import Struct

from ductape.domain.definitions.pointing import PointingTarget
from ductape.domain.inputs import check_input
from ductape.domain.inputs.pending import LITERAL
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.product.checks import all_checks
from ductape.domain.product.choice import Choice, choose
from ductape.domain.product.format.document import Product
from ductape.domain.product.format.feature import HELD, steps_of
from ductape.domain.product.format.healthcheck import Check
from ductape.domain.product.resolution import Question, resolve
from ductape.domain.request import JobEventTypes
from ductape.domain.target import Target
from ductape.errors import Fault, NotFound, ValidationError, fault


class Mapped(Struct, frozen=True):
    """What a step, what undoes it, or an option gives to an event."""

    path: str
    """Where the document has the mapping."""
    event: str
    app: str | None
    input: JsonObject


def trying_faults(product: Product) -> Iterator[Fault]:
    """Tell every healthcheck and every mapping that its event does not take."""
    for check in all_checks(product):
        yield from _placed(_path_of(product, check), _faults_of(product, check))
    for mapped in _mapped(product):
        yield from _placed(mapped.path, _mapping_faults(product, mapped))


def _placed(path: str, faults: list[Fault]) -> Iterator[Fault]:
    for found in faults:
        inside = found["path"].removeprefix("input")
        yield fault(f"{path}{inside}", found["expected"], found["found"], hint=found.get("hint"))


def _mapped(product: Product) -> Iterator[Mapped]:
    """Yield every mapping whose names are known beforehand, in the document's order."""
    for section, owners in (("quotas", product.quotas), ("fallbacks", product.fallbacks)):
        for at, owner in enumerate(owners):
            for place, option in enumerate(owner.options):
                given = _members(option.input)
                if given is not None:
                    path = f"{section}[{at}].options[{place}].input"
                    yield Mapped(path, option.event, option.app, given)
    for at, feature in enumerate(product.features):
        for where, _, step in steps_of(feature):
            path = f"features[{at}].{where}"
            given = _members(step.input)
            if step.event is not None and step.type not in HELD and given is not None:
                yield Mapped(f"{path}.input", step.event, step.app, given)
            undo = step.rollback
            given = None if undo is None else _members(undo.input)
            if undo is not None and given is not None:
                yield Mapped(f"{path}.rollback.input", undo.event, undo.app, given)


def _members(mapping: JsonValue) -> JsonObject | None:
    """Return a mapping that says what the input's members are; none of one that a run makes."""
    return mapping if isinstance(mapping, dict) and set(mapping) != {LITERAL} else None


def _mapping_faults(product: Product, mapped: Mapped) -> list[Fault]:
    """Tell why no env takes a mapping; where an event is not there has rules of its own."""
    faults: list[Fault] = []
    for env in product.envs:
        asked = Question(env.slug, mapped.event, mapped.app)
        try:
            found = check_input(_called(product, asked, mapped.input), mapped.input, resolved=False)
        except NotFound:
            continue
        except ValidationError as error:
            found = [one for one in error.errors if one["path"].startswith("input")]
            if not found:
                continue
        if not found:
            return []
        faults = faults or found
    return faults


def _called(product: Product, asked: Question, given: JsonObject) -> Target:
    """Return what takes an input in the end: of a job that points, the event that it points at."""
    answer = resolve(product, asked)
    target = choose(answer, given) if isinstance(answer, Choice) else answer
    if target.kind is JobEventTypes.JOB and target.needs is None:
        pointing = msgspec.convert(target.definition, PointingTarget)
        return _called(product, Question(asked.env, pointing.event, pointing.app), given)
    return target


def _faults_of(product: Product, check: Check) -> list[Fault]:
    answer = resolve(product, Question(check.env, check.event, check.app))
    try:
        target = choose(answer, check.input) if isinstance(answer, Choice) else answer
    except ValidationError as error:
        return error.errors
    except NotFound as error:
        return [fault(error.path or "input", "what the event has", error.message)]
    return check_input(target, check.input, resolved=False)


def _path_of(product: Product, check: Check) -> str:
    """Return where the document has a check's inputs."""
    tags = [one.tag for one in product.healthchecks]
    at = tags.index(check.tag)
    envs = [env.slug for env in product.healthchecks[at].envs]
    place = f".envs[{envs.index(check.env)}].inputs" if check.env in envs else ""
    return f"healthchecks[{at}]{place}"

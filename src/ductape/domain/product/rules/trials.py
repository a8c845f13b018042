"""Rules that take a product which is right otherwise: what it runs by itself must be accepted."""

from collections.abc import Iterator

from ductape.domain.inputs import check_input
from ductape.domain.product.checks import all_checks
from ductape.domain.product.choice import Choice, choose
from ductape.domain.product.format.document import Product
from ductape.domain.product.format.healthcheck import Check
from ductape.domain.product.resolution import Question, resolve
from ductape.errors import Fault, NotFound, ValidationError, fault


def trying_faults(product: Product) -> Iterator[Fault]:
    """Tell every healthcheck whose inputs its event does not take."""
    for check in all_checks(product):
        path = _path_of(product, check)
        for found in _faults_of(product, check):
            inside = found["path"].removeprefix("input")
            hint = found.get("hint")
            yield fault(f"{path}{inside}", found["expected"], found["found"], hint=hint)


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

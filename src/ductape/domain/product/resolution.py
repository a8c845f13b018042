"""Finding what an event names in a product (SPEC 8).

Pure: the catalog remembers the answers, the products service asks what a change would strand.
"""

from msgspec import Struct
from msgspec.structs import replace

from ductape.domain.found import listed, shown
from ductape.domain.product.addressed import addressed
from ductape.domain.product.addresses import Address, addresses
from ductape.domain.product.calls import reads_sessions
from ductape.domain.product.choice import Choice
from ductape.domain.product.format.document import Env, Product
from ductape.domain.product.kinds import RESOLVERS, handler_target
from ductape.domain.product.missing import no_such, there_are
from ductape.domain.request import JobEventTypes
from ductape.domain.target import Target
from ductape.domain.webhooks.events import is_delivery
from ductape.errors import invalid

_MAPPING = frozenset({JobEventTypes.FEATURE, JobEventTypes.FALLBACK, JobEventTypes.QUOTA})


class Question(Struct, frozen=True):
    """What a caller names."""

    env: str
    event: str
    app: str | None = None


def resolve(
    product: Product, asked: Question, known: frozenset[str] = frozenset()
) -> Target | Choice:
    """Find what is asked for; `known` has the handler tags that need no declaration.

    Raises `NotFound`, naming what exists, or `ValidationError` where `app` is needed or not
    connected, or where an undeclared tag is a job's and a function's.
    """
    env = _env(product, asked.env)
    _check_app(product, asked.app)
    found = _candidates(product, asked)
    if not found:
        return _undeclared(product, env, asked, known)
    if len(found) > 1:
        hint = f"`{asked.event}` is an action of {listed([str(one.app) for one in found])}"
        raise invalid("app", "the app that is meant", "nothing", hint=hint)
    answer = RESOLVERS[found[0].kind](product, env, found[0])
    return _with_sessions(product, answer) if isinstance(answer, Target) else answer


def handler_tags(event: str) -> frozenset[str]:
    """Return the handler tags that an event could mean.

    >>> sorted(handler_tags("report"))
    ['feature:report', 'function:report', 'job:report']
    """
    return frozenset(f"{kind}:{event}" for kind in ("job", "function", "feature"))


def _env(product: Product, slug: str) -> Env:
    found = next((env for env in product.envs if env.slug == slug), None)
    if found is None:
        slugs = [env.slug for env in product.envs]
        raise no_such("env", f"env of product `{product.tag}`", slug, slugs)
    return found


def _check_app(product: Product, tag: str | None) -> None:
    tags = [app.tag for app in product.apps]
    if tag is not None and tag not in tags:
        found = f"{shown(tag, 'app')}, which is not connected to the product"
        raise invalid("app", "the tag of a connected app", found, hint=there_are(tags, tag))


def _candidates(product: Product, asked: Question) -> list[Address]:
    found = [*addressed(product, asked.event)]
    if asked.app is None:
        return found
    return [address for address in found if address.app in (asked.app, None)]


def _with_sessions(product: Product, found: Target) -> Target:
    """Note of what fills mappings whether any of them may read the session."""
    if not _maps(found):
        return found
    return replace(found, reads_session=reads_sessions(product, found.event))


def _maps(target: Target) -> bool:
    pointing = target.kind is JobEventTypes.JOB and target.needs is None
    return pointing or target.kind in _MAPPING


def _undeclared(product: Product, env: Env, asked: Question, known: frozenset[str]) -> Target:
    tags = sorted(handler_tags(asked.event) & known)
    if len(tags) > 1:
        hint = "declare it under the product's `jobs`, `functions` or `features`"
        raise invalid("event", "the tag of one handler", f"two, {listed(tags)}", hint=hint)
    if tags:
        return _with_sessions(product, handler_target(product, env, tags[0]))
    names = [
        one.event
        for one in addresses(product)
        if asked.app in (None, one.app) and not is_delivery(one.kind, one.event)
    ]
    owner = f"app `{asked.app}`" if asked.app is not None else f"product `{product.tag}`"
    raise no_such("event", f"event of {owner}", asked.event, [*dict.fromkeys(names)])

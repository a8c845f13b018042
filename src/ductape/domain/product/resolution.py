"""Finding what an event names in a product (SPEC 8).

Pure: the catalog remembers the answers, the products service asks what a change would strand.
"""

from collections.abc import Mapping

from msgspec import Struct

from ductape.domain.found import listed, shown
from ductape.domain.jsonvalue import JsonObject
from ductape.domain.product.addresses import Address, addresses
from ductape.domain.product.document import Env, Product
from ductape.domain.product.missing import no_such, there_are
from ductape.domain.product.targets import (
    action_target,
    base_url_in,
    handler_target,
    notification_target,
)
from ductape.domain.request import JobEventTypes
from ductape.domain.target import Target
from ductape.errors import invalid

_CHANNELS = ("push_notification", "email", "sms", "callback")


class Question(Struct, frozen=True):
    """What a caller names."""

    env: str
    event: str
    app: str | None = None


class Choice(Struct, frozen=True):
    """A notification in one env: which message it carries, the input's `slug` says."""

    tag: str
    named: str | None
    """The message that the event has named already."""
    plain: Target
    """For content that the input brings."""
    messages: Mapping[str, Target]


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
    return _declared(product, env, found[0])


def choose(choice: Choice, input: JsonObject) -> Target:  # noqa: A002 (SPEC 1 names it so)
    """Return the target that an input's `slug` chooses.

    A slug that no message defines is allowed where the input brings content of its own, else it
    is `NotFound`; raises `ValidationError` for a slug beside another one in the event.
    """
    slug = choice.named if input.get("slug") is None else input["slug"]
    if not isinstance(slug, str):
        return choice.plain
    if choice.named not in (None, slug):
        raise invalid("input.slug", f"`{choice.named}`, which the event names", repr(slug))
    chosen = choice.messages.get(slug)
    if chosen is not None:
        return chosen
    if any(input.get(channel) for channel in _CHANNELS):
        return choice.plain
    raise no_such("input.slug", f"message of `{choice.tag}`", slug, [*choice.messages])


def handler_tags(event: str) -> frozenset[str]:
    """Return the handler tags that an event could mean.

    >>> sorted(handler_tags("report"))
    ['function:report', 'job:report']
    """
    return frozenset({f"job:{event}", f"function:{event}"})


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
    found = [address for address in addresses(product) if address.event == asked.event]
    if asked.app is None:
        return found
    return [address for address in found if address.app in (asked.app, None)]


def _declared(product: Product, env: Env, address: Address) -> Target | Choice:
    match address.kind:
        case JobEventTypes.ACTION:
            return _action(product, env, address)
        case JobEventTypes.NOTIFICATION:
            return _notification(product, env, address)
        case _:
            return _handler(product, env, address)


def _action(product: Product, env: Env, address: Address) -> Target:
    app = next(app for app in product.apps if app.tag == address.app)
    action = next(action for action in app.actions if action.tag == address.event)
    if base_url_in(app, env) is None:
        slugs = [one.slug for one in app.envs]
        raise no_such("env", f"env of app `{app.tag}`", env.slug, slugs)
    return action_target(product, env, app, action)


def _notification(product: Product, env: Env, address: Address) -> Choice:
    tag, _, named = address.event.partition(":")
    notification = next(one for one in product.notifications if one.tag == tag)
    return Choice(
        tag=tag,
        named=named or None,
        plain=notification_target(product, env, notification, None),
        messages={
            message.tag: notification_target(product, env, notification, message)
            for message in notification.messages
        },
    )


def _handler(product: Product, env: Env, address: Address) -> Target:
    declared = (*product.jobs, *product.functions)
    thing = next(one for one in declared if one.tag == address.event)
    needs = f"{address.kind}:{address.event}"
    return handler_target(product, env, needs, sensitive=thing.sensitive)


def _undeclared(product: Product, env: Env, asked: Question, known: frozenset[str]) -> Target:
    tags = sorted(handler_tags(asked.event) & known)
    if len(tags) > 1:
        hint = "declare it under the product's `jobs` or `functions`"
        raise invalid("event", "the tag of one handler", f"two, {listed(tags)}", hint=hint)
    if tags:
        return handler_target(product, env, tags[0])
    names = [one.event for one in addresses(product) if asked.app in (None, one.app)]
    owner = f"app `{asked.app}`" if asked.app is not None else f"product `{product.tag}`"
    raise no_such("event", f"event of {owner}", asked.event, [*dict.fromkeys(names)])

"""What one `event` could name in a product (SPEC 8).

An action by its tag (and its app, where several apps have one of that tag), a message as
`notification:message`, a database's action as `database:action`, a topic as `broker:topic`,
everything else by its tag. What a webhook delivers is `webhook:tag`: the system alone makes such
jobs.
"""

from collections.abc import Iterator

from msgspec import Struct

from ductape.domain.product.format.document import Env, Product
from ductape.domain.product.format.places import (
    base_url_in,
    database_is_in,
    function_url_in,
    webhook_url_in,
)
from ductape.domain.product.format.storage_places import place_in
from ductape.domain.request import JobEventTypes
from ductape.domain.webhooks.events import address_of


class Address(Struct, frozen=True):
    """One thing that an event can name."""

    kind: JobEventTypes
    event: str
    path: str
    """Where the document declares it."""
    app: str | None = None
    """Of an action."""


def addresses(product: Product) -> tuple[Address, ...]:
    """Return everything that an event can name, in the document's order."""
    return (
        *_actions(product),
        *_notifications(product),
        *_databases(product),
        *_handlers(product),
        *_choosers(product),
        *_storages(product),
        *_webhooks(product),
        *_topics(product),
    )


def _actions(product: Product) -> Iterator[Address]:
    for at, app in enumerate(product.apps):
        for place, action in enumerate(app.actions):
            path = f"apps[{at}].actions[{place}]"
            yield Address(JobEventTypes.ACTION, action.tag, path, app.tag)


def _notifications(product: Product) -> Iterator[Address]:
    for at, notification in enumerate(product.notifications):
        path = f"notifications[{at}]"
        yield Address(JobEventTypes.NOTIFICATION, notification.tag, path)
        for place, message in enumerate(notification.messages):
            event = f"{notification.tag}:{message.tag}"
            yield Address(JobEventTypes.NOTIFICATION, event, f"{path}.messages[{place}]")


def _databases(product: Product) -> Iterator[Address]:
    for at, database in enumerate(product.databases):
        for place, action in enumerate(database.actions):
            event = f"{database.tag}:{action.tag}"
            yield Address(JobEventTypes.DB_ACTION, event, f"databases[{at}].actions[{place}]")


def _handlers(product: Product) -> Iterator[Address]:
    for at, job in enumerate(product.jobs):
        yield Address(JobEventTypes.JOB, job.tag, f"jobs[{at}]")
    for at, function in enumerate(product.functions):
        yield Address(JobEventTypes.FUNCTION, function.tag, f"functions[{at}]")
    for at, feature in enumerate(product.features):
        yield Address(JobEventTypes.FEATURE, feature.tag, f"features[{at}]")


def _choosers(product: Product) -> Iterator[Address]:
    for at, quota in enumerate(product.quotas):
        yield Address(JobEventTypes.QUOTA, quota.tag, f"quotas[{at}]")
    for at, fallback in enumerate(product.fallbacks):
        yield Address(JobEventTypes.FALLBACK, fallback.tag, f"fallbacks[{at}]")


def _storages(product: Product) -> Iterator[Address]:
    for at, storage in enumerate(product.storage):
        yield Address(JobEventTypes.STORAGE, storage.tag, f"storage[{at}]")


def _webhooks(product: Product) -> Iterator[Address]:
    for at, webhook in enumerate(product.webhooks):
        yield Address(JobEventTypes.ACTION, address_of(webhook.tag), f"webhooks[{at}]")


def _topics(product: Product) -> Iterator[Address]:
    """Name each topic once, as published to: that it can be subscribed to goes without saying."""
    for at, broker in enumerate(product.brokers):
        for place, topic in enumerate(broker.topics):
            path = f"brokers[{at}].topics[{place}]"
            yield Address(JobEventTypes.PUBLISH, f"{broker.tag}:{topic.tag}", path)


def reachable(product: Product) -> frozenset[tuple[str, JobEventTypes, str, str | None]]:
    """Return (env, kind, event, app) of everything that some event can name in some env."""
    return frozenset(
        (env.slug, kind, address.event, address.app)
        for env in product.envs
        for absent in [_absent(product, env)]
        for address in addresses(product)
        for kind in _kinds(address)
        if (address.kind, _owner(address)) not in absent
    )


def _absent(product: Product, env: Env) -> set[tuple[JobEventTypes, str]]:
    """Name the apps, databases, functions, webhooks' events and storages that are not in an env."""
    apps = {app.tag for app in product.apps if base_url_in(app, env) is None}
    functions = {
        one.tag
        for one in product.functions
        if one.handler is None and function_url_in(one, env) is None
    }
    storages = {one.tag for one in product.storage if place_in(one, env) is None}
    untold = {address_of(one.tag) for one in product.webhooks if webhook_url_in(one, env) is None}
    databases = {one.tag for one in product.databases if not database_is_in(one, env)}
    return {
        *((JobEventTypes.ACTION, tag) for tag in apps | untold),
        *((JobEventTypes.DB_ACTION, tag) for tag in databases),
        *((JobEventTypes.FUNCTION, tag) for tag in functions),
        *((JobEventTypes.STORAGE, tag) for tag in storages),
    }


def _owner(address: Address) -> str:
    """Name the thing that must be in an env for its events to be."""
    if address.kind is JobEventTypes.DB_ACTION:
        return address.event.partition(":")[0]
    return address.app or address.event


def _kinds(address: Address) -> tuple[JobEventTypes, ...]:
    if address.kind is JobEventTypes.PUBLISH:
        return JobEventTypes.PUBLISH, JobEventTypes.SUBSCRIBE
    return (address.kind,)

"""A webhook, as it is in an env that it has a URL in; and who is to be told what in a product."""

from ductape.domain.definitions.webhook import WebhookTarget
from ductape.domain.product.addresses import Address
from ductape.domain.product.format.document import Env, Product
from ductape.domain.product.format.places import webhook_url_in
from ductape.domain.product.format.webhook import Webhook, WebhookEnv, WebhookFilter
from ductape.domain.product.kinds.making import first, in_env, plain, target
from ductape.domain.product.missing import no_such
from ductape.domain.request import JobEventTypes
from ductape.domain.target import Target
from ductape.domain.webhooks.events import EVENTS, address_of
from ductape.domain.webhooks.subscription import Subscription, Subscriptions


def resolve_webhook(product: Product, env: Env, address: Address) -> Target:
    """Return the target of a webhook's deliveries; raises `NotFound` where it has no URL."""
    webhook = next(one for one in product.webhooks if address_of(one.tag) == address.event)
    url = webhook_url_in(webhook, env)
    if url is None:
        slugs = [one.slug for one in webhook.envs if one.url is not None]
        raise no_such("env", f"env of webhook `{webhook.tag}`", env.slug, slugs)
    definition = plain(_webhook_in(env, webhook, url))
    return target(product, env, JobEventTypes.ACTION, address.event, definition)


def subscriptions(product: Product) -> Subscriptions:
    """Return who is told what happens to the product's jobs."""
    return tuple(_subscription(product, webhook) for webhook in product.webhooks)


def _webhook_in(env: Env, webhook: Webhook, url: str) -> WebhookTarget:
    here = in_env(webhook.envs, env) or WebhookEnv(slug=env.slug)
    present = here.secret or webhook.secret
    # An env that has a secret of its own has its own former one, too.
    former = here.previous_secret if here.secret is not None else webhook.previous_secret
    return WebhookTarget(
        url=url,
        secrets=[one for one in (present, former) if one is not None],
        headers=webhook.headers,
        allow_private=first(here.allow_private, webhook.allow_private, env.allow_private),
    )


def _subscription(product: Product, webhook: Webhook) -> Subscription:
    only = webhook.filter or WebhookFilter()
    reached = (env.slug for env in product.envs if webhook_url_in(webhook, env) is not None)
    return Subscription(
        tag=webhook.tag,
        envs=frozenset(reached),
        happenings=frozenset(webhook.events or EVENTS),
        kinds=frozenset(only.kinds),
        of=frozenset(only.events),
        retries=webhook.retries,
        first_delay_ms=webhook.initial_delay,
        queue=webhook.queue,
    )

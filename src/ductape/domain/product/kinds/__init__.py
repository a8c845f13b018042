"""How each kind's target is made of the document, one row a kind (SPEC 8).

An env's entry wins over what stands beside `envs`. References stay as they are: the worker
resolves them for each attempt.
"""

from collections.abc import Callable, Mapping

from ductape.domain.product.addresses import Address
from ductape.domain.product.choice import Choice
from ductape.domain.product.format.document import Env, Product
from ductape.domain.product.kinds.action import resolve_action
from ductape.domain.product.kinds.choosing import resolve_fallback, resolve_quota
from ductape.domain.product.kinds.database import resolve_database
from ductape.domain.product.kinds.feature import resolve_feature
from ductape.domain.product.kinds.function import resolve_function
from ductape.domain.product.kinds.handler import handler_target, resolve_job
from ductape.domain.product.kinds.notification import resolve_notification
from ductape.domain.product.kinds.storage import resolve_storage
from ductape.domain.product.kinds.topic import resolve_topic
from ductape.domain.product.kinds.webhook import resolve_webhook, subscriptions
from ductape.domain.request import JobEventTypes
from ductape.domain.target import Target

__all__ = ["RESOLVERS", "handler_target", "subscriptions"]

Resolver = Callable[[Product, Env, Address], Target | Choice]


def _resolve_action(product: Product, env: Env, address: Address) -> Target:
    """Tell an app's action from what a webhook delivers: that belongs to no app."""
    of_app = address.app is not None
    return (resolve_action if of_app else resolve_webhook)(product, env, address)


RESOLVERS: Mapping[JobEventTypes, Resolver] = {
    JobEventTypes.ACTION: _resolve_action,
    JobEventTypes.DB_ACTION: resolve_database,
    JobEventTypes.FALLBACK: resolve_fallback,
    JobEventTypes.FEATURE: resolve_feature,
    JobEventTypes.FUNCTION: resolve_function,
    JobEventTypes.JOB: resolve_job,
    JobEventTypes.NOTIFICATION: resolve_notification,
    JobEventTypes.QUOTA: resolve_quota,
    JobEventTypes.STORAGE: resolve_storage,
    JobEventTypes.PUBLISH: resolve_topic,
}
"""What an address of each kind is resolved by."""

"""Where an app, a function behind a URL, or who is told by a webhook, is in each env."""

from ductape.domain.product.app import App
from ductape.domain.product.document import Env
from ductape.domain.product.function import Function
from ductape.domain.product.webhook import Webhook


def base_url_in(app: App, env: Env) -> str | None:
    """Return where an app is in an env; none if it is not there."""
    here = next((one for one in app.envs if one.slug == env.slug), None)
    return app.base_url if here is None or here.base_url is None else here.base_url


def function_url_in(function: Function, env: Env) -> str | None:
    """Return where a function is in an env; none if it is not there, or behind no URL."""
    here = next((one for one in function.envs if one.slug == env.slug), None)
    return function.url if here is None or here.url is None else here.url


def webhook_url_in(webhook: Webhook, env: Env) -> str | None:
    """Return where a webhook's deliveries go in an env; none if nothing is told there."""
    here = next((one for one in webhook.envs if one.slug == env.slug), None)
    return webhook.url if here is None or here.url is None else here.url

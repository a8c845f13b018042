"""Where an app, a database, a function behind a URL, or a webhook's receiver is in each env."""

from ductape.domain.product.format.app import App
from ductape.domain.product.format.database import Database, DatabaseEnv
from ductape.domain.product.format.document import Env
from ductape.domain.product.format.function import Function
from ductape.domain.product.format.webhook import Webhook


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


def database_is_in(database: Database, env: Env) -> bool:
    """Tell whether a database is anywhere in an env."""
    here = next((one for one in database.envs if one.slug == env.slug), None)
    return is_placed(database) or (here is not None and is_placed(here))


def is_placed(part: Database | DatabaseEnv) -> bool:
    """Tell whether a part says by itself where the database is."""
    return any(one is not None for one in (part.url, part.host, part.database))

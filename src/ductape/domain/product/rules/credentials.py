"""Rules about credentials: they are written `$Secret{name}`, never out (SPEC 8).

A literal one would lie readable in a file, in the store and in every diff. What counts as one:
the credential fields of auths and providers, and every value whose name says so.
"""

from collections.abc import Iterator
from typing import cast

from msgspec import Struct

from ductape.domain.found import path_to
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.product.format.app import Action, ActionEnv, App, AppAuth, AuthEnv
from ductape.domain.product.format.broker import Broker, BrokerEnv
from ductape.domain.product.format.database import Database, DatabaseEnv
from ductape.domain.product.format.document import Product
from ductape.domain.product.format.function import Function, FunctionAuth, FunctionEnv
from ductape.domain.product.format.notification import Callback, CallbackAuth, Email, Push, Sms
from ductape.domain.product.format.storage import Storage, StorageEnv
from ductape.domain.product.format.webhook import Webhook, WebhookEnv
from ductape.domain.product.secrets import holds_secret, secret_alone
from ductape.domain.product.walking import things_of
from ductape.errors import Fault, fault

STORAGE_CREDENTIALS = (
    "secret_access_key",
    "session_token",
    "service_account",
    "account_key",
    "sas_token",
)
_BROKER = ("password", "secret_access_key", "session_token", "credentials")
_CREDENTIALS: dict[type[Struct], tuple[str, ...]] = {
    AppAuth: ("token", "password", "value", "client_secret", "refresh_token"),
    AuthEnv: ("token", "password", "value", "client_secret", "refresh_token"),
    CallbackAuth: ("token", "password", "value"),
    Database: ("password",),
    DatabaseEnv: ("password",),
    Email: ("password",),
    FunctionAuth: ("token", "secret_access_key", "session_token", "service_account"),
    Push: ("access_token", "service_account"),
    Sms: ("auth_token", "api_secret"),
    Storage: STORAGE_CREDENTIALS,
    StorageEnv: STORAGE_CREDENTIALS,
    Webhook: ("secret", "previous_secret"),
    WebhookEnv: ("secret", "previous_secret"),
    Broker: _BROKER,
    BrokerEnv: _BROKER,
}
_CARRIERS: dict[type[Struct], tuple[str, ...]] = {
    Action: ("headers", "query", "params", "body"),
    ActionEnv: ("headers", "query", "params", "body"),
    Callback: ("headers",),
    Function: ("headers",),
    FunctionEnv: ("headers",),
    Webhook: ("headers",),
}
"""Values that may hold credentials under names of the app's own choice."""

_TELLTALES = (
    "token",
    "secret",
    "password",
    "passwd",
    "apikey",
    "privatekey",
    "authorization",
    "cookie",
    "credential",
    "credentials",
)


def credential_faults(product: Product) -> Iterator[Fault]:
    """Tell every literal credential."""
    for path, thing in things_of(product):
        for name in _CREDENTIALS.get(type(thing), ()):
            text = cast("str | None", getattr(thing, name))
            if not text:  # A basic auth may have none; of all others the format asks for one.
                continue
            if not holds_secret(text):
                yield literal_credential(path_to(path, name), product)
            elif name == "refresh_token" and secret_alone(text) is None:
                hint = "a rotated refresh token is written back to its secret"
                expected = "`$Secret{NAME}` alone"
                yield fault(path_to(path, name), expected, "a longer text", hint=hint)
        for name in _CARRIERS.get(type(thing), ()):
            yield from _inside(getattr(thing, name), path_to(path, name), product)
    for at, app in enumerate(product.apps):
        yield from _of_app(app, f"apps[{at}]", product)


def names_credential(name: str) -> bool:
    """Tell whether a name says that its value is a credential.

    >>> [names_credential(name) for name in ("X-Api-Key", "access_token", "token_url")]
    [True, True, False]
    """
    return name.replace("-", "").replace("_", "").lower().endswith(_TELLTALES)


def _of_app(app: App, path: str, product: Product) -> Iterator[Fault]:
    for at, constant in enumerate(app.constants):
        where = f"{path}.constants[{at}].value"
        yield from _member(constant.key, constant.value, where, product)
    for at, variable in enumerate(app.variables):
        where = f"{path}.variables[{at}]"
        yield from _member(variable.key, variable.value, f"{where}.value", product)
        for place, env in enumerate(variable.envs):
            yield from _member(variable.key, env.value, f"{where}.envs[{place}].value", product)


def _member(name: str, value: object, path: str, product: Product) -> Iterator[Fault]:
    """Judge a value by its name, or what is inside it by theirs."""
    if isinstance(value, str) and value and names_credential(name):
        if not holds_secret(value):
            yield literal_credential(path, product)
    else:
        yield from _inside(value, path, product)


def _inside(value: object, path: str, product: Product) -> Iterator[Fault]:
    match value:
        case dict():
            for name, member in cast("JsonObject", value).items():
                yield from _member(name, member, path_to(path, name), product)
        case list():
            for at, member in enumerate(cast("list[JsonValue]", value)):
                yield from _inside(member, path_to(path, at), product)
        case _:
            return


def literal_credential(path: str, product: Product) -> Fault:
    """Tell of a credential that is written out."""
    hint = f"`ductape secrets set NAME --product {product.tag}` stores it"
    return fault(path, "a credential written as `$Secret{NAME}`", "a literal one", hint=hint)

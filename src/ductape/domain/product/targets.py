"""Making the target of an event: the definition as it holds in one env (SPEC 8).

An env's entry wins over what stands beside `envs`. References stay as they are: the worker
resolves them for each attempt.
"""

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import TypeVar, cast

import msgspec
from msgspec import UNSET, Struct

from ductape.domain.fingerprint import DIGEST_BYTES, canonical
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.product.app import Action, ActionEnv, App, AppAuth, AppEnv, AuthEnv, VariableEnv
from ductape.domain.product.document import Env, Product
from ductape.domain.product.notification import (
    CallbackAuth,
    Message,
    Notification,
    NotificationEnv,
    Push,
)
from ductape.domain.references import needs_resolving
from ductape.domain.request import JobEventTypes
from ductape.domain.target import (
    ActionTarget,
    Auth,
    CallbackProvider,
    EmailProvider,
    MessageTemplate,
    NotificationTarget,
    PushProvider,
    Target,
)

T = TypeVar("T", bound=Struct)
E = TypeVar("E", AppEnv, ActionEnv, AuthEnv, NotificationEnv, VariableEnv)

Values = dict[str, dict[str, JsonValue]]
"""App → key → value."""


def base_url_in(app: App, env: Env) -> str | None:
    """Return where an app is in an env; none if it is not there."""
    here = _here(app.envs, env)
    return app.base_url if here is None or here.base_url is None else here.base_url


def action_target(product: Product, env: Env, app: App, action: Action) -> Target:
    """Return an app's action as it is in an env that the app is in."""
    auths = {auth.tag: _auth_in(auth, env) for auth in app.auths}
    definition = _plain(_action_in(env, app, action, auths))
    variables, constants = variables_in(product, env), constants_of(product)
    fields = {tag: _plain(auth) for tag, auth in auths.items()}
    return Target(
        kind=JobEventTypes.ACTION,
        event=action.tag,
        definition=definition,
        digest=_digest(definition, variables, constants, fields),
        app=app.tag,
        refers=_refers(definition, variables, constants, fields),
        sensitive=action.sensitive,
        variables=variables,
        constants=constants,
        auths=fields,
    )


def notification_target(
    product: Product, env: Env, notification: Notification, message: Message | None
) -> Target:
    """Return a notification as it is in an env, with its message where one is defined."""
    definition = _plain(_notification_in(env, notification, message))
    variables, constants = variables_in(product, env), constants_of(product)
    return Target(
        kind=JobEventTypes.NOTIFICATION,
        event=notification.tag if message is None else f"{notification.tag}:{message.tag}",
        definition=definition,
        digest=_digest(definition, variables, constants),
        sensitive=notification.sensitive,
        refers=_refers(definition, variables, constants),
        variables=variables,
        constants=constants,
    )


def handler_target(product: Product, env: Env, needs: str, *, sensitive: bool = False) -> Target:
    """Return what a Python handler does, named by its tag, as `job:report`."""
    kind, _, tag = needs.partition(":")
    variables, constants = variables_in(product, env), constants_of(product)
    return Target(
        kind=JobEventTypes(kind),
        event=tag,
        definition={},
        digest=_digest({}),
        needs=needs,
        sensitive=sensitive,
        refers=_refers(variables, constants),
        variables=variables,
        constants=constants,
    )


def variables_in(product: Product, env: Env) -> Values:
    """Return every app's variables as they are in an env; those without a value there are not."""
    return {
        app.tag: {
            variable.key: here.value if here else cast("JsonValue", variable.value)
            for variable in app.variables
            if (here := _here(variable.envs, env)) or variable.value is not UNSET
        }
        for app in product.apps
    }


def constants_of(product: Product) -> Values:
    """Return every app's constants."""
    return {app.tag: {one.key: one.value for one in app.constants} for app in product.apps}


def _action_in(env: Env, app: App, action: Action, auths: Mapping[str, Auth]) -> ActionTarget:
    here = _here(action.envs, env) or ActionEnv(slug=env.slug)
    app_here = _here(app.envs, env) or AppEnv(slug=env.slug)
    auth = here.auth or action.auth
    return ActionTarget(
        base_url=base_url_in(app, env) or "",
        resource=here.resource or action.resource,
        method=action.method,
        headers=action.headers | here.headers,
        query=action.query | here.query,
        body=action.body if here.body is None else here.body,
        auth=None if auth is None else auths[auth],
        request=action.request,
        content_type=action.content_type,
        allow_private=_first(app_here.allow_private, app.allow_private, env.allow_private),
        max_response_bytes=action.max_response_bytes,
    )


def _notification_in(
    env: Env, notification: Notification, message: Message | None
) -> NotificationTarget:
    base, here = notification, _here(notification.envs, env) or NotificationEnv(slug=env.slug)
    push = _push_of(here) or _push_of(base)
    email, callback = here.email or base.email, here.callback or base.callback
    return NotificationTarget(
        locale=here.locale or base.locale or env.locale,
        message=None if message is None else _template(message),
        push=None if push is None else _like(push, PushProvider),
        email=None if email is None else _like(email, EmailProvider),
        callback=None
        if callback is None
        else CallbackProvider(
            url=callback.url,
            method=callback.method,
            headers=callback.headers,
            auth=None if callback.auth is None else _callback_auth(callback.auth),
        ),
        allow_private=_first(here.allow_private, base.allow_private, env.allow_private),
    )


def _push_of(part: Notification | NotificationEnv) -> Push | None:
    return part.push_notification or part.push


def _callback_auth(auth: CallbackAuth) -> Auth:
    return msgspec.convert({**_given(auth), "tag": "callback"}, Auth)


def _auth_in(auth: AppAuth, env: Env) -> Auth:
    here = _here(auth.envs, env)
    return msgspec.convert(_given(auth) | ({} if here is None else _given(here)), Auth)


def _template(message: Message) -> MessageTemplate:
    return _like(message, MessageTemplate)


def _like(part: Struct, kind: type[T]) -> T:
    """Make a target's part of the document's: the same fields, as far as they are given."""
    return msgspec.convert(_given(part), kind)


def _given(part: Struct) -> JsonObject:
    """Return the fields that are not null, as JSON."""
    fields = cast("JsonObject", msgspec.to_builtins(part))
    return {key: value for key, value in fields.items() if value is not None}


def _plain(part: Struct) -> JsonObject:
    return cast("JsonObject", msgspec.to_builtins(part))


def _here(envs: Sequence[E], env: Env) -> E | None:
    return next((one for one in envs if one.slug == env.slug), None)


def _first(*choices: bool | None) -> bool:
    return next((choice for choice in choices if choice is not None), False)


def _refers(*parts: JsonObject | Values) -> bool:
    """Tell whether any part holds a reference."""
    return needs_resolving(cast("JsonValue", list(parts)))


def _digest(definition: JsonObject, *brought: Mapping[str, object]) -> bytes:
    """Digest a definition and all that its references can bring in."""
    parts = cast("JsonValue", [definition, *brought])
    return blake2b(canonical(parts), digest_size=DIGEST_BYTES).digest()

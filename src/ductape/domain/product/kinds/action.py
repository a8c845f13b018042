"""An app's action, as it is in an env that the app is in."""

from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from ductape.domain.definitions.action import ActionTarget
from ductape.domain.definitions.auth import Auth
from ductape.domain.product.addresses import Address
from ductape.domain.product.format.app import Action, ActionEnv, App, AppAuth, AppEnv
from ductape.domain.product.format.document import Env, Product
from ductape.domain.product.format.places import base_url_in
from ductape.domain.product.kinds.making import first, given, in_env, plain, target, with_auths
from ductape.domain.product.missing import no_such
from ductape.domain.product.secrets import secret_alone
from ductape.domain.request import JobEventTypes
from ductape.domain.target import Target


def resolve_action(product: Product, env: Env, address: Address) -> Target:
    """Return the target of an action; raises `NotFound` where its app is not in the env."""
    app = next(app for app in product.apps if app.tag == address.app)
    action = next(action for action in app.actions if action.tag == address.event)
    if base_url_in(app, env) is None:
        slugs = [one.slug for one in app.envs]
        raise no_such("env", f"env of app `{app.tag}`", env.slug, slugs)
    auths = {auth.tag: _auth_in(auth, env) for auth in app.auths}
    definition = plain(_action_in(env, app, action, auths))
    made = target(
        product,
        env,
        JobEventTypes.ACTION,
        action.tag,
        definition,
        sensitive=action.sensitive,
    )
    return replace(with_auths(made, {tag: plain(auth) for tag, auth in auths.items()}), app=app.tag)


def _action_in(env: Env, app: App, action: Action, auths: Mapping[str, Auth]) -> ActionTarget:
    here = in_env(action.envs, env) or ActionEnv(slug=env.slug)
    app_here = in_env(app.envs, env) or AppEnv(slug=env.slug)
    auth = here.auth or action.auth
    return ActionTarget(
        base_url=base_url_in(app, env) or "",
        resource=action.resource if here.resource is None else here.resource,
        method=action.method,
        headers=action.headers | here.headers,
        query=action.query | here.query,
        params=action.params | here.params,
        body=action.body if here.body is None else here.body,
        body_required=action.body_required,
        auth=None if auth is None else auths[auth],
        request=action.request,
        content_type=action.content_type,
        styles=action.styles,
        reserved=action.reserved,
        part_types=action.part_types,
        unique=action.unique,
        allow_private=first(app_here.allow_private, app.allow_private, env.allow_private),
        max_response_bytes=action.max_response_bytes,
    )


def _auth_in(auth: AppAuth, env: Env) -> Auth:
    here = in_env(auth.envs, env)
    fields = given(auth) | ({} if here is None else given(here))
    refresh_token = fields.get("refresh_token")
    if isinstance(refresh_token, str):
        fields["refresh_secret"] = secret_alone(refresh_token)
    return msgspec.convert(fields, Auth)

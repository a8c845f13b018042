"""A notification, as it is in an env, with each message that it can carry."""

import msgspec

from ductape.domain.definitions.auth import Auth
from ductape.domain.definitions.notification import (
    CallbackProvider,
    EmailProvider,
    MessageTemplate,
    NotificationTarget,
    PushProvider,
    SmsProvider,
)
from ductape.domain.product.addresses import Address
from ductape.domain.product.choice import MessageChoice
from ductape.domain.product.format.document import Env, Product
from ductape.domain.product.format.notification import (
    CallbackAuth,
    Message,
    Notification,
    NotificationEnv,
    Push,
)
from ductape.domain.product.kinds.making import first, given, in_env, like, plain, target
from ductape.domain.request import JobEventTypes
from ductape.domain.target import Target


def resolve_notification(product: Product, env: Env, address: Address) -> MessageChoice:
    """Return the choice between a notification's messages."""
    tag, _, named = address.event.partition(":")
    notification = next(one for one in product.notifications if one.tag == tag)
    return MessageChoice(
        tag=tag,
        named=named or None,
        plain=_target(product, env, notification, None),
        messages={
            message.tag: _target(product, env, notification, message)
            for message in notification.messages
        },
    )


def _target(
    product: Product, env: Env, notification: Notification, message: Message | None
) -> Target:
    return target(
        product,
        env,
        JobEventTypes.NOTIFICATION,
        notification.tag if message is None else f"{notification.tag}:{message.tag}",
        plain(_notification_in(env, notification, message)),
        sensitive=notification.sensitive,
    )


def _notification_in(
    env: Env, notification: Notification, message: Message | None
) -> NotificationTarget:
    base, here = notification, in_env(notification.envs, env) or NotificationEnv(slug=env.slug)
    push = _push_of(here) or _push_of(base)
    email, callback = here.email or base.email, here.callback or base.callback
    sms = here.sms or base.sms
    return NotificationTarget(
        locale=here.locale or base.locale or env.locale,
        message=None if message is None else _template(message),
        push=None if push is None else like(push, PushProvider),
        email=None if email is None else like(email, EmailProvider),
        sms=None if sms is None else like(sms, SmsProvider),
        callback=None
        if callback is None
        else CallbackProvider(
            url=callback.url,
            method=callback.method,
            headers=callback.headers,
            auth=None if callback.auth is None else _callback_auth(callback.auth),
        ),
        allow_private=first(here.allow_private, base.allow_private, env.allow_private),
    )


def _push_of(part: Notification | NotificationEnv) -> Push | None:
    return part.push_notification or part.push


def _callback_auth(auth: CallbackAuth) -> Auth:
    return msgspec.convert({**given(auth), "tag": "callback"}, Auth)


def _template(message: Message) -> MessageTemplate:
    return like(message, MessageTemplate)

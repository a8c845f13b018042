"""Text messages by Plivo: the Message resource of its API, version 1."""

from urllib.parse import quote

import msgspec
from msgspec import Struct, field

from ductape.domain.definitions.notification import SmsProvider
from ductape.handlers.notification.services.posting import Answered, Posted, Service, Text


class _Message(Struct, frozen=True):
    message_uuid: list[str] = field(default_factory=list[str])
    error: str | None = None


def _post(provider: SmsProvider, text: Text, _: str) -> Posted:
    body = {"src": provider.sender, "dst": text.to, "text": text.body}
    return Posted(
        path=f"/v1/Account/{quote(provider.auth_id, safe='')}/Message/",
        mime="application/json",
        body=msgspec.json.encode(body),
        account=(provider.auth_id, provider.auth_token),
    )


def _read(answered: Answered) -> str | None:
    answered.refuse_all_but_success()
    message = answered.as_json(_Message)
    if message.error is not None:
        raise answered.refused(None, "", message.error)
    if not message.message_uuid:
        raise answered.unreadable()
    return message.message_uuid[0]


PLIVO = Service(
    url="https://api.plivo.com",
    post=_post,
    read=_read,
    secrets=lambda provider: (provider.auth_token,),
)

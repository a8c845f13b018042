"""Text messages by Twilio: the Message resource of its REST API, version 2010-04-01."""

from urllib.parse import quote, urlencode

from msgspec import Struct

from ductape.domain.definitions.notification import SmsProvider
from ductape.handlers.notification.services.posting import Answered, Posted, Service, Text

_TWILIO_CODES = {
    14107: "RATE_LIMITED",
    20003: "UNAUTHORIZED",
    20008: "FORBIDDEN",
    20404: "NOT_FOUND",
    20429: "RATE_LIMITED",
    21211: "VALIDATION_ERROR",
    21212: "VALIDATION_ERROR",
    21408: "FORBIDDEN",
    21606: "VALIDATION_ERROR",
    21608: "FORBIDDEN",
    21610: "FORBIDDEN",
    21611: "RATE_LIMITED",
    21612: "VALIDATION_ERROR",
    21614: "VALIDATION_ERROR",
    21617: "VALIDATION_ERROR",
    63038: "RATE_LIMITED",
}
"""Codes of Twilio that say more than the status of the answer."""

_MESSAGING_SERVICE = "MG"
_LONGEST_SID = 34


class _Message(Struct, frozen=True):
    sid: str | None = None
    code: int | None = None
    message: str | None = None
    error_code: int | None = None
    error_message: str | None = None


def _post(provider: SmsProvider, text: Text, _: str) -> Posted:
    sender = provider.sender
    of_service = sender.startswith(_MESSAGING_SERVICE) and len(sender) == _LONGEST_SID
    form = {
        "To": text.to,
        "MessagingServiceSid" if of_service else "From": sender,
        "Body": text.body,
    }
    return Posted(
        path=f"/2010-04-01/Accounts/{quote(provider.account_sid, safe='')}/Messages.json",
        mime="application/x-www-form-urlencoded",
        body=urlencode(form).encode(),
        account=(provider.account_sid, provider.auth_token),
    )


def _read(answered: Answered) -> str | None:
    message = answered.look(_Message)
    failure = None if message is None else message.code or message.error_code
    if message is not None and failure is not None:
        said = message.message or message.error_message or ""
        raise answered.refused(_TWILIO_CODES.get(failure), str(failure), said)
    answered.refuse_all_but_success()
    if message is None or message.sid is None:
        raise answered.unreadable()
    return message.sid


TWILIO = Service(
    url="https://api.twilio.com",
    post=_post,
    read=_read,
    secrets=lambda provider: (provider.auth_token,),
)

"""Text messages by Vonage: its SMS API, which tells of failures inside of a 200.

A long message is sent in several parts, each with a status of its own.
"""

from hashlib import sha256

import msgspec
from msgspec import Struct

from ductape.domain.definitions.notification import SmsProvider
from ductape.handlers.notification.services.posting import Answered, Posted, Service, Text

_VONAGE_CODES = {
    "1": "RATE_LIMITED",
    "2": "VALIDATION_ERROR",
    "3": "VALIDATION_ERROR",
    "4": "UNAUTHORIZED",
    "5": "SERVICE_UNAVAILABLE",
    "6": "VALIDATION_ERROR",
    "7": "FORBIDDEN",
    "8": "FORBIDDEN",
    "9": "FORBIDDEN",
    "10": "RATE_LIMITED",
    "11": "FORBIDDEN",
    "12": "VALIDATION_ERROR",
    "14": "UNAUTHORIZED",
    "15": "VALIDATION_ERROR",
    "22": "VALIDATION_ERROR",
    "23": "VALIDATION_ERROR",
    "29": "FORBIDDEN",
    "32": "UNAUTHORIZED",
    "33": "NOT_FOUND",
}
"""The statuses of single messages inside of an answer."""

_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà^{}\\[~]|€"
)
"""What fits a text message of the shortest alphabet (GSM 03.38)."""


class _Part(Struct, frozen=True, rename={"message_id": "message-id", "error_text": "error-text"}):
    status: str = ""
    message_id: str | None = None
    error_text: str = ""


class _Message(Struct, frozen=True):
    messages: list[_Part]


def _post(provider: SmsProvider, text: Text, key: str) -> Posted:
    body = {
        "api_key": provider.api_key,
        "api_secret": provider.api_secret,
        "from": provider.sender,
        "to": text.to.removeprefix("+"),
        "text": text.body,
        "type": "text" if _GSM.issuperset(text.body) else "unicode",
        "client-ref": sha256(key.encode()).hexdigest()[:32],
    }
    return Posted(path="/sms/json", mime="application/json", body=msgspec.json.encode(body))


def _read(answered: Answered) -> str | None:
    answered.refuse_all_but_success()
    parts = answered.as_json(_Message).messages
    if not parts:
        raise answered.unreadable()
    for part in parts:
        if part.status != "0":
            code = _VONAGE_CODES.get(part.status, "PROVIDER_ERROR")
            raise answered.refused(code, part.status, part.error_text)
    return parts[0].message_id


VONAGE = Service(
    url="https://rest.nexmo.com",
    post=_post,
    read=_read,
    secrets=lambda provider: (provider.api_secret,),
)

"""How a message's body is written, and what of a message `$Message{…}` shows."""

from base64 import b64encode

import msgspec

from ductape.domain.jsonvalue import UNREADABLE, JsonObject, JsonValue
from ductape.ports.broker import Delivery


def written(message: JsonValue) -> tuple[bytes, str]:
    """Return a message's bytes and their type: a text as it is, everything else as JSON.

    >>> written("hello"), written({"id": 7})
    ((b'hello', 'text/plain; charset=utf-8'), (b'{"id":7}', 'application/json'))
    """
    if isinstance(message, str):
        return message.encode(), "text/plain; charset=utf-8"
    return msgspec.json.encode(message), "application/json"


def shown(delivery: Delivery, topic: str) -> JsonObject:
    """Return a message as `$Message{…}` reads it; `encoding` says what the body is."""
    body, encoding = read(delivery.body)
    return {
        "id": delivery.id,
        "topic": topic,
        "key": delivery.key,
        "headers": dict(delivery.headers),
        "body": body,
        "encoding": encoding,
        "deliveries": delivery.deliveries,
        "published_at": delivery.published_at_ms,
    }


def read(body: bytes) -> tuple[JsonValue, str]:
    """Return a body as JSON where it is JSON, else as text, else as base64.

    >>> read(b'{"id": 7}'), read(b"hello"), read(bytes([255]))
    (({'id': 7}, 'json'), ('hello', 'text'), ('/w==', 'base64'))
    """
    try:
        return msgspec.json.decode(body), "json"
    except UNREADABLE:
        pass
    try:
        return body.decode(), "text"
    except UnicodeDecodeError:
        return b64encode(body).decode(), "base64"

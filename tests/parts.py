"""Bodies of several parts, read by Python's own parser of messages."""

from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import cast

Part = tuple[str, str | None, str | None, bytes]
"""A part's name, file name, type and content."""


def parts_in(body: bytes, mime: str) -> list[Part]:
    """Return the parts of a body in order; it must have no defect."""
    message = message_from_bytes(
        b"Content-Type: " + mime.encode() + b"\r\n\r\n" + body, policy=policy.HTTP
    )
    assert not message.defects
    return [_part(cast("EmailMessage", part)) for part in message.iter_parts()]


def _part(part: EmailMessage) -> Part:
    disposition = part["Content-Disposition"]
    told = part["Content-Type"]
    return (
        disposition.params["name"],
        disposition.params.get("filename"),
        None if told is None else told.content_type,
        cast("bytes", part.get_payload(decode=True)),
    )

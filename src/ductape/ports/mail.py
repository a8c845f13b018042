"""One outgoing e-mail."""

from typing import Literal, Protocol

from msgspec import Struct


class MailServer(Struct, frozen=True):
    """Where to hand it in."""

    host: str
    port: int
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str | None = None
    password: str | None = None
    allow_private: bool = False
    timeout_ms: int = 60_000

    def __repr__(self) -> str:
        """Keep the password out of every log and traceback."""
        return f"MailServer(host={self.host!r}, port={self.port})"


class MailMessage(Struct, frozen=True):
    """What to send: always a text part, an HTML part where there is one."""

    sender: str
    to: tuple[str, ...]
    subject: str
    text: str
    html: str | None = None
    message_id: str | None = None
    """Fixed for all attempts of a run, so that a repeat can be recognised."""


class Mailer(Protocol):
    """Hands mail to an SMTP server."""

    async def send(self, server: MailServer, message: MailMessage) -> str:
        """Send to every recipient; return the message id.

        Raises `ProviderError` with a code of SPEC 12.
        """
        ...

"""One outgoing e-mail."""

from typing import Literal, Protocol

from msgspec import Struct

from ductape.errors import ProviderError


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
    only: tuple[str, ...] | None = None
    """Those of `to` that it is handed in for; none for all. Its headers name all of them."""

    @property
    def recipients(self) -> tuple[str, ...]:
        """Whom it is handed in for."""
        return self.to if self.only is None else self.only


class MailTaken(Struct, frozen=True):
    """What a server has taken a mail for."""

    message_id: str
    recipients: tuple[str, ...]
    """They have it: it must not be handed in for them again."""
    refusal: ProviderError | None = None
    """Why the others have not; none where there are no others."""


class Mailer(Protocol):
    """Hands mail to an SMTP server."""

    async def send(self, server: MailServer, message: MailMessage) -> MailTaken:
        """Send to every recipient; return who has it.

        Raises `ProviderError` with a code of SPEC 12 where nobody has.
        """
        ...

"""A real SMTP server on loopback that keeps what it receives."""

import asyncio
import ssl
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Literal, cast

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


@dataclass(frozen=True)
class Mail:
    """One e-mail as it arrived."""

    sender: str
    recipients: list[str]
    message: EmailMessage

    def part(self, kind: Literal["plain", "html"]) -> str | None:
        """Return the text or the HTML part; none if it has none."""
        body = self.message.get_body((kind,))
        if body is None:
            return None
        return cast("EmailMessage", body).get_content().replace("\r\n", "\n").strip()


@dataclass
class Mailbox:
    """What a server received, and whom it refuses."""

    port: int = 0
    mails: list[Mail] = field(default_factory=list[Mail])
    refused: dict[str, str] = field(default_factory=dict[str, str])
    """Recipient → the reply that refuses it."""
    reply: str = "250 Message accepted for delivery"
    logins: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    def only(self) -> Mail:
        """Return the one e-mail that arrived."""
        (mail,) = self.mails
        return mail

    async def handle_RCPT(  # noqa: N802 (aiosmtpd calls it so)
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take or refuse one recipient."""
        del server, session
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 (aiosmtpd calls it so)
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Keep one e-mail."""
        del server, session
        if self.reply.startswith("250"):
            content = cast("bytes", envelope.original_content)
            message = cast("EmailMessage", message_from_bytes(content, policy=default))
            self.mails.append(Mail(envelope.mail_from or "", list(envelope.rcpt_tos), message))
        return self.reply

    def authenticate(
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        mechanism: str,
        login: LoginPassword,
    ) -> AuthResult:
        """Accept the password `open sesame`."""
        del server, session, envelope, mechanism
        self.logins.append((login.login.decode(), login.password.decode()))
        return AuthResult(success=login.password == b"open sesame", handled=False)


@asynccontextmanager
async def smtp_receiver(
    security: Literal["none", "starttls", "tls"] = "none",
    *,
    tls: ssl.SSLContext | None = None,
    auth: bool = False,
    utf8: bool = True,
) -> AsyncIterator[Mailbox]:
    """Run an SMTP server on a free port."""
    mailbox = Mailbox()
    open_protocols: list[SMTP] = []

    def protocol() -> SMTP:
        with warnings.catch_warnings():
            # It warns of logins in the clear, and takes implicit TLS for such a one.
            warnings.filterwarnings("ignore", message="Requiring AUTH while not requiring TLS")
            made = SMTP(
                mailbox,
                hostname="localhost",
                enable_SMTPUTF8=utf8,
                tls_context=tls if security == "starttls" else None,
                require_starttls=security == "starttls",
                auth_required=auth,
                auth_require_tls=security == "starttls",
                authenticator=mailbox.authenticate,
            )
        open_protocols.append(made)
        return made

    loop = asyncio.get_running_loop()
    implicit = tls if security == "tls" else None
    server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=implicit)
    mailbox.port = server.sockets[0].getsockname()[1]
    try:
        yield mailbox
    finally:
        server.close()
        await server.wait_closed()
        await _closed(open_protocols)


async def _closed(protocols: list[SMTP]) -> None:
    """Hang up on clients that left without a word, and let the hang-up be noticed."""
    for protocol in protocols:
        if protocol.transport is not None:
            # Debian 12's Python trips over a TLS transport that is closed already.
            with suppress(AttributeError):
                cast("asyncio.Transport", protocol.transport).abort()
    await asyncio.sleep(0)
    await asyncio.sleep(0)

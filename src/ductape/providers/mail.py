"""E-mail by SMTP: STARTTLS, TLS or plain, with or without authentication.

The connection goes through the same guard as HTTP; the name that the definition gives is what the
certificate must match. Spans are milliseconds. A refusal with a 4xx code is temporary in SMTP and
tried again; one with a 5xx code is final.
"""

import re
import ssl
from asyncio import timeout
from contextlib import suppress
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import formatdate
from functools import cache
from hashlib import sha256

import msgspec
from aiosmtplib import (
    SMTP,
    SMTPAuthenticationError,
    SMTPException,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPTimeoutError,
)
from yarl import URL

from ductape.domain.egress import Destination, EgressPolicy
from ductape.domain.http.answer import quoted
from ductape.domain.mailbox import read_sender
from ductape.errors import ProviderError
from ductape.ports.clock import Clock
from ductape.ports.mail import MailMessage, MailServer, MailTaken
from ductape.providers.http import Guard, connect

_OUR_NAME = "localhost"
"""In EHLO: the host's own name is nobody's business, and looking it up blocks."""

_FAREWELL_S = 1.0
"""How long the server may take to say goodbye to mail that it has accepted."""

Reply = tuple[int, str]
"""A server's number and its words."""

_PERMANENT = 500
_REPLIES = range(200, 600)
_LIMITED = re.compile(r"\b4\.7\.28\b|\brate\b|throttl|too many|too fast|slow down", re.IGNORECASE)
"""How the big services say it: SMTP has neither a number nor a wait for it."""
_MOST_NAMED = 100
_REFUSALS = ("RATE_LIMITED", "SERVICE_UNAVAILABLE", "VALIDATION_ERROR")
"""What the refusals of several recipients come to: what may pass for one is tried again."""


@cache
def _system_trust() -> ssl.SSLContext:
    """Read this system's certificates, once and only where mail is sent: it takes 25 ms."""
    return ssl.create_default_context()


class SmtpMailer:
    """`ports.mail.Mailer` over aiosmtplib; one connection for each message."""

    def __init__(
        self, policy: EgressPolicy, clock: Clock, *, tls: ssl.SSLContext | None = None
    ) -> None:
        """Take the operator's policy, and the certificates to trust if not the system's."""
        self._guard = Guard(policy)
        self._clock = clock
        self._tls = tls

    async def send(self, server: MailServer, message: MailMessage) -> MailTaken:
        """Send to every recipient; return who has it, and the refusal of the others.

        Raises `ProviderError` as the port says.
        """
        mail = self._composed(message)
        where = f"{server.host}:{server.port}"
        sent_to = {_as_sent(one): one for one in message.recipients}
        try:
            async with timeout(server.timeout_ms / 1_000):
                smtp = await self._connected(server)
                try:
                    refused, _ = await smtp.send_message(mail, recipients=list(sent_to))
                finally:
                    await _ended(smtp)
        except (TimeoutError, SMTPTimeoutError) as error:
            raise ProviderError(
                "TIMEOUT", f"{where} took no mail within {server.timeout_ms} ms"
            ) from error
        except SMTPRecipientsRefused as error:
            told = {one.recipient: (one.code, one.message) for one in error.recipients}
            raise _refusal(where, _by_name(told, sent_to), message) from error
        except (SMTPException, OSError) as error:
            raise _failure(where, error) from error
        told = {one: (answer.code, answer.message) for one, answer in refused.items()}
        replies = _by_name(told, sent_to)
        return MailTaken(
            message_id=str(mail["Message-ID"]),
            recipients=tuple(one for one in message.recipients if one not in replies),
            refusal=_refusal(where, replies, message) if replies else None,
        )

    def _composed(self, message: MailMessage) -> EmailMessage:
        now_ms = self._clock.now_ms()
        mail = EmailMessage(policy=SMTP_POLICY)
        try:
            mail["From"] = _from(message.sender)
            mail["To"] = ", ".join(_as_sent(one) for one in message.to)
            mail["Subject"] = message.subject
            mail["Date"] = formatdate(now_ms / 1_000)
            mail["Message-ID"] = message.message_id or _message_id(message, now_ms)
        except ValueError as error:
            raise ProviderError(
                "VALIDATION_ERROR", "an e-mail's sender, recipients and subject take one line each"
            ) from error
        mail.set_content(message.text)
        if message.html is not None:
            mail.add_alternative(message.html, subtype="html")
        return mail

    async def _connected(self, server: MailServer) -> SMTP:
        destination = Destination(server.host, server.port, server.allow_private)
        made = await connect(self._guard, destination)
        smtp = SMTP(
            hostname=server.host,
            sock=made,
            local_hostname=_OUR_NAME,
            timeout=server.timeout_ms / 1_000,
            use_tls=server.security == "tls",
            start_tls=server.security == "starttls",
            username=server.username,
            password=server.password,
            tls_context=self._tls or _system_trust(),
        )
        # From here on the connection is its transport's, which closes it on any failure.
        await smtp.connect()
        return smtp


async def _ended(smtp: SMTP) -> None:
    """Say goodbye; whatever goes wrong now changes nothing about the mail."""
    with suppress(SMTPException):
        await smtp.quit(timeout=_FAREWELL_S)
    smtp.close()


def _message_id(message: MailMessage, now_ms: int) -> str:
    digest = sha256(msgspec.json.encode((message, now_ms))).hexdigest()[:32]
    return f"<{digest}@{_OUR_NAME}>"


def _from(sender: str) -> Address:
    read = read_sender(sender)
    if read is None:
        raise ProviderError("VALIDATION_ERROR", "an e-mail's sender is an address, or has one")
    name, _, domain = _as_sent(read.address).rpartition("@")
    return Address(display_name=read.name, username=name, domain=domain)


def _as_sent(address: str) -> str:
    """Return an address with its domain as the DNS has it: few servers know any other form.

    >>> _as_sent("ada@bücher.example"), _as_sent("jö@example.org")
    ('ada@xn--bcher-kva.example', 'jö@example.org')
    """
    name, _, domain = address.rpartition("@")
    if domain.isascii():
        return address
    try:
        return f"{name}@{URL.build(scheme='http', host=domain).raw_host}"
    except ValueError:
        return address


def _by_name(told: dict[str, Reply], sent_to: dict[str, str]) -> dict[str, Reply]:
    """Return the replies by the recipients as the caller names them."""
    return {sent_to[address]: reply for address, reply in told.items()}


def _refusal(where: str, replies: dict[str, Reply], message: MailMessage) -> ProviderError:
    codes = {_code_for(reply) for reply in replies.values()}
    chosen = next((one for one in _REFUSALS if one in codes), "PROVIDER_ERROR")
    return ProviderError(
        chosen,
        f"{where} refused {len(replies)} of {len(message.to)} recipients",
        details={
            "smtp_codes": sorted({number for number, _ in replies.values()}),
            "refused": [*replies][:_MOST_NAMED],
        },
    )


def _failure(where: str, error: SMTPException | OSError) -> ProviderError:
    match error:
        case SMTPResponseException(code=number) if number not in _REPLIES:
            return ProviderError("PROVIDER_ERROR", f"{where} gave an answer that is none")
        case SMTPResponseException():
            wrong = isinstance(error, SMTPAuthenticationError) and error.code >= _PERMANENT
            return ProviderError(
                "UNAUTHORIZED" if wrong else _code_for((error.code, error.message)),
                f"{where} answered {error.code}",
                details={"smtp_code": error.code, "reply": quoted(error.message.encode())},
            )
        case SMTPException():
            code = "CONNECTION_ERROR" if isinstance(error, OSError) else "PROVIDER_ERROR"
            return ProviderError(code, f"{where}: {quoted(error.message.encode())}")
        case _:
            reason = error.strerror or type(error).__name__
            return ProviderError("CONNECTION_ERROR", f"{where} broke off: {reason}")


def _code_for(reply: Reply) -> str:
    """Return what a reply that says no means.

    >>> _code_for((450, "4.7.1 too many messages")), _code_for((550, "no such user"))
    ('RATE_LIMITED', 'VALIDATION_ERROR')
    """
    number, said = reply
    if number >= _PERMANENT:
        return "VALIDATION_ERROR"
    return "RATE_LIMITED" if _LIMITED.search(said) else "SERVICE_UNAVAILABLE"

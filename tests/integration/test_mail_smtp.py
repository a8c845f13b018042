"""E-mail against real SMTP servers on loopback: plain, STARTTLS, TLS, with and without login."""

import asyncio
from typing import Literal

import pytest
from msgspec.structs import replace

from ductape.domain.egress import EgressPolicy
from ductape.errors import ProviderError
from ductape.ports.mail import MailMessage, MailServer
from ductape.providers.mail import SmtpMailer
from tests.servers.certificates import Certificates, certificates
from tests.servers.smtp import Mailbox, smtp_receiver
from tests.unit.handlers.builders import FixedClock

LOCAL = EgressPolicy(grant_loopback=True)
TLS = certificates("localhost")


def a_mailer(policy: EgressPolicy = LOCAL, tls: Certificates = TLS) -> SmtpMailer:
    return SmtpMailer(policy, FixedClock(), tls=tls.client)


def a_server(
    mailbox: Mailbox,
    security: Literal["starttls", "tls", "none"] = "none",
    *,
    password: str | None = None,
    asks_private: bool = True,
    timeout_ms: int = 5_000,
) -> MailServer:
    return MailServer(
        host="localhost",
        port=mailbox.port,
        security=security,
        username="ada" if password else None,
        password=password,
        allow_private=asks_private,
        timeout_ms=timeout_ms,
    )


def a_message(
    *to: str, html: str | None = None, subject: str = "Grüße ✓", message_id: str | None = None
) -> MailMessage:
    return MailMessage(
        sender="Shop <no-reply@shop.example>",
        to=to or ("ada@example.org",),
        subject=subject,
        text="Hello\nÄda",
        html=html,
        message_id=message_id,
    )


async def refused(server: MailServer, message: MailMessage, mailer: SmtpMailer) -> ProviderError:
    with pytest.raises(ProviderError) as raised:
        await mailer.send(server, message)
    return raised.value


async def test_a_mail_arrives_with_text_html_and_headers() -> None:
    async with smtp_receiver() as mailbox:
        message = a_message(html="<p>Hello Äda</p>", message_id="<1@shop.example>")
        taken = await a_mailer().send(a_server(mailbox), message)
        mail = mailbox.only()
    message_id = taken.message_id
    # A header object would equal the text and still be no JSON for the checkpoint.
    assert (type(message_id), message_id) == (str, "<1@shop.example>")
    assert (mail.sender, mail.recipients) == ("no-reply@shop.example", ["ada@example.org"])
    assert (mail.part("plain"), mail.part("html")) == ("Hello\nÄda", "<p>Hello Äda</p>")
    assert mail.message["Subject"] == "Grüße ✓"
    assert mail.message["From"] == "Shop <no-reply@shop.example>"
    assert mail.message["Message-ID"] == "<1@shop.example>"
    assert mail.message["Date"] == "Fri, 15 Jan 2027 08:00:00 -0000"


async def test_a_mail_without_html_has_a_text_part_only() -> None:
    async with smtp_receiver() as mailbox:
        await a_mailer().send(a_server(mailbox), a_message())
        assert mailbox.only().part("html") is None


async def test_several_recipients_get_one_mail() -> None:
    async with smtp_receiver() as mailbox:
        await a_mailer().send(a_server(mailbox), a_message("a@example.org", "b@example.org"))
        assert mailbox.only().recipients == ["a@example.org", "b@example.org"]
        assert mailbox.only().message["To"] == "a@example.org, b@example.org"


@pytest.mark.parametrize("security", ["starttls", "tls", "none"])
async def test_a_login_works_over_each_kind_of_connection(
    security: Literal["starttls", "tls", "none"],
) -> None:
    async with smtp_receiver(security, tls=TLS.server, auth=True) as mailbox:
        await a_mailer().send(a_server(mailbox, security, password="open sesame"), a_message())
        assert len(mailbox.mails) == 1
        assert mailbox.logins == [("ada", "open sesame")]


async def test_a_wrong_password_is_unauthorized_and_not_shown() -> None:
    async with smtp_receiver("starttls", tls=TLS.server, auth=True) as mailbox:
        server = a_server(mailbox, "starttls", password="wrong-secret")
        error = await refused(server, a_message(), a_mailer())
        assert mailbox.mails == []
    assert error.code == "UNAUTHORIZED"
    assert "wrong-secret" not in f"{error.message} {error.details} {server!r}"


async def test_a_server_without_starttls_gets_no_mail_in_the_clear() -> None:
    async with smtp_receiver() as mailbox:
        error = await refused(a_server(mailbox, "starttls"), a_message(), a_mailer())
        assert mailbox.mails == []
    assert error.code == "PROVIDER_ERROR"


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_strangers_certificate_is_refused(security: Literal["starttls", "tls"]) -> None:
    stranger = certificates("elsewhere.example")
    async with smtp_receiver(security, tls=stranger.server) as mailbox:
        mailer = a_mailer(tls=stranger)
        error = await refused(a_server(mailbox, security), a_message(), mailer)
        assert mailbox.mails == []
    assert error.code in {"CONNECTION_ERROR", "PROVIDER_ERROR"}


async def test_loopback_is_refused_unless_asked_for_and_granted() -> None:
    async with smtp_receiver() as mailbox:
        silent = a_server(mailbox, asks_private=False)
        assert (await refused(silent, a_message(), a_mailer())).code == "FORBIDDEN"
        strict = a_mailer(EgressPolicy())
        assert (await refused(a_server(mailbox), a_message(), strict)).code == "FORBIDDEN"
        assert mailbox.mails == []


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        ("550 no such user", "VALIDATION_ERROR"),
        ("451 come back later", "SERVICE_UNAVAILABLE"),
    ],
)
async def test_a_refused_recipient_is_final_or_temporary_as_smtp_says(
    reply: str, code: str
) -> None:
    async with smtp_receiver() as mailbox:
        mailbox.refused["b@example.org"] = reply
        both = a_message("a@example.org", "b@example.org")
        partly = await a_mailer().send(a_server(mailbox), both)
        wholly = await refused(a_server(mailbox), a_message("b@example.org"), a_mailer())
        assert mailbox.only().recipients == ["a@example.org"]
    assert partly.recipients == ("a@example.org",)
    assert partly.refusal is not None
    assert (partly.refusal.code, wholly.code) == (code, code)
    assert partly.refusal.message.endswith("refused 1 of 2 recipients")


@pytest.mark.parametrize(
    ("sender", "shown"),
    [
        ("Shop, Inc. <no-reply@shop.example>", '"Shop, Inc." <no-reply@shop.example>'),
        ("Grüße, GmbH <no-reply@shöp.example>", "Grüße, GmbH <no-reply@xn--shp-tna.example>"),
        ("no-reply@shop.example", "no-reply@shop.example"),
    ],
)
async def test_a_sender_may_be_called_anything(sender: str, shown: str) -> None:
    async with smtp_receiver() as mailbox:
        await a_mailer().send(a_server(mailbox), replace(a_message(), sender=sender))
        mail = mailbox.only()
    assert str(mail.message["From"]).replace('"', "") == shown.replace('"', "")
    assert mail.sender == shown.rpartition("<")[2].rstrip(">")


async def test_a_sender_without_an_address_is_wrong() -> None:
    async with smtp_receiver() as mailbox:
        error = await refused(a_server(mailbox), replace(a_message(), sender="Shop"), a_mailer())
    assert error.code == "VALIDATION_ERROR"


async def test_a_domain_in_any_writing_needs_no_special_server() -> None:
    async with smtp_receiver(utf8=False) as mailbox:
        mailbox.refused["bob@xn--bcher-kva.example"] = "550 no such user"
        named = a_message("ada@straße.example", "bob@bücher.example")
        taken = await a_mailer().send(a_server(mailbox), named)
        mail = mailbox.only()
    assert mail.recipients == ["ada@xn--strae-oqa.example"]
    assert mail.message["To"] == "ada@xn--strae-oqa.example, bob@xn--bcher-kva.example"
    assert taken.recipients == ("ada@straße.example",)
    assert taken.refusal is not None
    assert taken.refusal.details["refused"] == ["bob@bücher.example"]


async def test_what_may_pass_for_one_recipient_is_tried_again() -> None:
    async with smtp_receiver() as mailbox:
        mailbox.refused |= {"b@example.org": "550 no such user", "c@example.org": "451 later"}
        three = a_message("a@example.org", "b@example.org", "c@example.org")
        taken = await a_mailer().send(a_server(mailbox), three)
    assert taken.refusal is not None
    assert taken.refusal.code == "SERVICE_UNAVAILABLE"


async def test_a_mail_for_some_names_all_in_its_headers() -> None:
    async with smtp_receiver() as mailbox:
        both = replace(a_message("a@example.org", "b@example.org"), only=("b@example.org",))
        taken = await a_mailer().send(a_server(mailbox), both)
        assert mailbox.only().recipients == ["b@example.org"]
        assert mailbox.only().message["To"] == "a@example.org, b@example.org"
    assert taken.recipients == ("b@example.org",)


@pytest.mark.parametrize(
    ("reply", "code"),
    [("554 no", "VALIDATION_ERROR"), ("452 disk full", "SERVICE_UNAVAILABLE")],
)
async def test_a_refused_mail_tells_the_servers_reply(reply: str, code: str) -> None:
    async with smtp_receiver() as mailbox:
        mailbox.reply = reply
        error = await refused(a_server(mailbox), a_message(), a_mailer())
    assert error.code == code
    assert error.details == {"smtp_code": int(reply[:3]), "reply": reply[4:]}


async def test_a_subject_cannot_add_a_header() -> None:
    async with smtp_receiver() as mailbox:
        evil = a_message(subject="Hi\r\nBcc: eve@example.org")
        error = await refused(a_server(mailbox), evil, a_mailer())
        assert mailbox.mails == []
    assert error.code == "VALIDATION_ERROR"


async def test_a_closed_port_is_a_connection_error() -> None:
    async with smtp_receiver() as gone:
        server = a_server(gone)
    assert (await refused(server, a_message(), a_mailer())).code == "CONNECTION_ERROR"


async def test_a_silent_server_times_out() -> None:
    released = asyncio.Event()

    async def say_nothing(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await released.wait()
        writer.close()

    listening = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    async with listening:
        mailbox = Mailbox(port=listening.sockets[0].getsockname()[1])
        server = a_server(mailbox, timeout_ms=50)
        error = await refused(server, a_message(), a_mailer())
        released.set()
    assert error.code == "TIMEOUT"

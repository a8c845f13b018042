"""Sending on the channels that speak a standard: SMTP e-mail, HTTP callback (SPEC 9).

Each returns the provider's own id for what it took, if it has one, and raises `ProviderError`.
"""

from hashlib import sha256

from ductape.domain.definitions.notification import CallbackProvider, EmailProvider
from ductape.domain.http.answer import Answer, refuse_moved
from ductape.domain.http.parts import (
    credentials,
    encode_body,
    fill_path,
    merged_headers,
    query_pairs,
)
from ductape.domain.inputs.parts import RequestParts
from ductape.domain.mailbox import read_sender
from ductape.handlers.notification.compose import EmailContent
from ductape.handlers.notification.sending import (
    IDEMPOTENCY_HEADER,
    Progress,
    Sending,
    asked_of,
)
from ductape.ports.http import HttpRequest
from ductape.ports.mail import MailMessage, MailServer


async def send_email(
    sending: Sending, provider: EmailProvider, content: EmailContent, progress: Progress
) -> str | None:
    """Hand one e-mail to the SMTP server, for all who have none yet; return its message id.

    The id is the same for every attempt of a run, so that a repeat can be recognised. Raises the
    `ProviderError` of those whom the server refused, once the others are recorded as served.
    """
    sender = provider.sender or f"no-reply@{provider.host}"
    server = MailServer(
        host=provider.host,
        port=provider.port,
        security=provider.security,
        username=provider.username,
        password=provider.password,
        allow_private=sending.allow_private,
        timeout_ms=sending.left_ms(),
    )
    message = MailMessage(
        sender=sender,
        to=content.to,
        subject=content.subject,
        text=content.text,
        html=content.html,
        message_id=_message_id(sending.context.idempotency_key, sender),
        only=tuple(one for at, one in enumerate(content.to) if at not in progress.mailed),
    )
    taken = await sending.mailer.send(server, message)
    if taken.refusal is not None:
        has_it = {at for at, one in enumerate(content.to) if one in taken.recipients}
        await progress.mail_taken(has_it)
        raise taken.refusal
    return taken.message_id


async def send_callback(
    sending: Sending, provider: CallbackProvider, content: RequestParts
) -> str | None:
    """Call the provider's URL and return the answer's `X-Request-Id`."""
    auth = credentials(provider.auth)
    has_body = provider.method != "GET"
    body, mime = encode_body(content.body if has_body else None, "json")
    ours = {IDEMPOTENCY_HEADER: sending.context.idempotency_key}
    if body:
        ours["Content-Type"] = mime
    path = "input.callback"
    request = HttpRequest(
        method=provider.method,
        url=fill_path(provider.url, content.params, f"{path}.params"),
        headers=merged_headers(
            ours, provider.headers, auth.headers, content.headers, path=f"{path}.headers"
        ),
        query=query_pairs(content.query) + auth.query,
        body=body,
        timeout_ms=sending.left_ms(),
        allow_private=sending.allow_private,
        resends=True,
    )
    response = await sending.http.send(request)
    sending.refuse(request, response, auth.secrets)
    refuse_moved(Answer(response.status, {}, b""), asked=asked_of(request))
    return response.headers.get("x-request-id")


def _message_id(idempotency_key: str, sender: str) -> str:
    read = read_sender(sender)
    own = "" if read is None else read.address.rpartition("@")[2]
    domain = own if own.isascii() and own else "localhost"
    digest = sha256(idempotency_key.encode()).hexdigest()[:32]
    return f"<{digest}@{domain}>"

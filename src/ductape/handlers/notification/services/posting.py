"""What the SMS services share: one POST for one number, and an answer that is read with care."""

from collections.abc import Callable
from typing import TypeVar

import msgspec
from msgspec import Struct

from ductape.domain.definitions.auth import Auth
from ductape.domain.definitions.notification import SmsProvider
from ductape.domain.http.answer import code_for_status, quoted, retry_after_ms
from ductape.domain.http.parts import credentials
from ductape.domain.jsonvalue import UNREADABLE
from ductape.errors import ProviderError
from ductape.handlers.notification.sending import (
    IDEMPOTENCY_HEADER,
    Sending,
    address,
    asked_of,
)
from ductape.ports.http import HttpRequest, HttpResponse

T = TypeVar("T", bound=Struct)


class Text(Struct, frozen=True):
    """One text message to one number."""

    to: str
    body: str
    at: int
    """The number's place among those of the message."""


class Posted(Struct, frozen=True):
    """What one number's message is sent as."""

    path: str
    mime: str
    body: bytes
    account: tuple[str, str] | None = None
    """User name and password of basic auth."""


class Answered(Struct, frozen=True):
    """A service's answer, beside what it answers."""

    sending: Sending
    request: HttpRequest
    response: HttpResponse
    secrets: tuple[str, ...]
    """What no error may show."""

    def as_json(self, kind: type[T]) -> T:
        """Return the body; raises `ProviderError` where it is of another shape."""
        found = self.look(kind)
        if found is None:
            raise self.unreadable()
        return found

    def look(self, kind: type[T]) -> T | None:
        """Return the body if it has that shape."""
        try:
            return msgspec.json.decode(self.response.body, type=kind)
        except UNREADABLE:
            return None

    def refuse_all_but_success(self) -> None:
        """Raise `ProviderError` for a status that is no success."""
        self.sending.refuse_all_but_success(self.request, self.response, self.secrets)

    def refused(self, code: str | None, name: str, reason: str) -> ProviderError:
        """Make the error of a service that said no in its own words."""
        status = self.response.status
        said = quoted(reason.encode(), self.secrets) or "no reason given"
        return ProviderError(
            code or code_for_status(status) or "PROVIDER_ERROR",
            f"text message refused: {said}",
            retry_after_ms=retry_after_ms(self.response.headers, self.sending.clock.now_ms()),
            details={"status": status, **({"error": name} if name else {})},
        )

    def unreadable(self) -> ProviderError:
        """Make the error of an answer that cannot be understood."""
        return ProviderError(
            "PROVIDER_ERROR",
            f"{asked_of(self.request)} gave an answer that cannot be read",
            details={
                "status": self.response.status,
                "body": quoted(self.response.body, self.secrets),
            },
        )


class Service(Struct, frozen=True):
    """How one service is spoken to."""

    url: str
    """Its own, without a path."""
    post: Callable[[SmsProvider, Text, str], Posted]
    """Makes the message of one number; the last argument is its idempotency key."""
    read: Callable[[Answered], str | None]
    """Returns the message's id; raises `ProviderError`."""
    secrets: Callable[[SmsProvider], tuple[str, ...]]


async def send_text(
    sending: Sending, service: Service, provider: SmsProvider, text: Text
) -> str | None:
    """Send to one number and return the message's id."""
    key = f"{sending.context.idempotency_key}:sms:{text.at}"
    posted = service.post(provider, text, key)
    auth = None
    if posted.account is not None:
        name, password = posted.account
        auth = Auth(tag="sms", type="basic", username=name, password=password)
    shown = credentials(auth)
    request = HttpRequest(
        method="POST",
        url=address(provider.url or service.url, posted.path),
        headers={
            "Accept": "application/json",
            "Content-Type": posted.mime,
            IDEMPOTENCY_HEADER: key,
            **shown.headers,
        },
        body=posted.body,
        timeout_ms=sending.left_ms(),
        allow_private=sending.allow_private,
    )
    numbers = (text.to, text.to.removeprefix("+"))
    secrets = (*shown.secrets, *service.secrets(provider), *numbers)
    return service.read(Answered(sending, request, await sending.http.send(request), secrets))

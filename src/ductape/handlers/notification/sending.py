"""What all channels of a notification send with, and how far they have come."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from ductape.domain.http.answer import Answer, refuse_redirect, refuse_status
from ductape.domain.inputs.notification import Channel
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.retry import NEVER_RETRIED
from ductape.errors import ProviderError
from ductape.ports.clock import Clock
from ductape.ports.handler import Context, Invocation
from ductape.ports.http import HttpClient, HttpRequest, HttpResponse
from ductape.ports.mail import Mailer
from ductape.ports.tokens import Tokens

IDEMPOTENCY_HEADER = "Idempotency-Key"


class Sending(Struct, frozen=True):
    """What all channels send with."""

    http: HttpClient
    mailer: Mailer
    clock: Clock
    tokens: Tokens
    invocation: Invocation
    allow_private: bool

    @property
    def context(self) -> Context:
        """The attempt's."""
        return self.invocation.context

    def left_ms(self) -> int:
        """Return how much of the attempt is left, at least 1 ms."""
        return max(self.context.deadline_ms - self.clock.now_ms(), 1)

    def refuse(
        self, request: HttpRequest, response: HttpResponse, secrets: tuple[str, ...]
    ) -> None:
        """Raise `ProviderError` for an answer whose status says no."""
        # The host alone: such URLs often are a secret in themselves.
        refuse_status(
            Answer(response.status, response.headers, response.body),
            asked=asked_of(request),
            now_ms=self.clock.now_ms(),
            secrets=secrets,
        )

    def refuse_all_but_success(
        self, request: HttpRequest, response: HttpResponse, secrets: tuple[str, ...]
    ) -> None:
        """Raise `ProviderError` for a redirection as well: no push or SMS service has any."""
        self.refuse(request, response, secrets)
        refuse_redirect(response.status, asked=asked_of(request))


@dataclass
class Progress:
    """What has succeeded so far, in this attempt and in those before it."""

    context: Context
    done: JsonObject = field(default_factory=dict[str, JsonValue])
    """The result of each channel that succeeded."""
    numbers: JsonObject = field(default_factory=dict[str, JsonValue])
    """Of a text message to several: the id that each got, by its place in the list."""

    mailed: set[int] = field(default_factory=set[int])
    """Of an e-mail to several, some of whom were refused: the places of those who have it."""

    @classmethod
    def of(cls, context: Context) -> "Progress":
        """Go on where the last checkpoint stands."""
        kept = context.last_checkpoint
        if not isinstance(kept, dict) or not isinstance(kept.get("sent"), dict):
            return cls(context)
        found = msgspec.convert(kept, _Kept)
        return cls(context, found.sent, found.sms, {*found.email})

    async def channel_sent(self, channel: Channel, result: JsonValue, *, ends: bool) -> None:
        """Keep a channel's result, unless it `ends` the attempt, whose outcome keeps it."""
        self.done[channel] = result
        if not ends:
            await self._keep()

    async def number_sent(self, at: int, provider_id: str | None) -> None:
        """Keep that one of several numbers has its message."""
        self.numbers[str(at)] = provider_id
        await self._keep()

    async def mail_taken(self, places: set[int]) -> None:
        """Keep who has the e-mail, where others were refused."""
        self.mailed |= places
        await self._keep()

    async def _keep(self) -> None:
        kept: JsonObject = {"sent": dict(self.done)}
        if self.numbers:
            kept["sms"] = dict(self.numbers)
        if self.mailed:
            kept["email"] = [*sorted(self.mailed)]
        await self.context.checkpoint(kept)


class _Kept(Struct):
    """A checkpoint."""

    sent: JsonObject
    sms: JsonObject = {}
    email: list[int] = []


def asked_of(request: HttpRequest) -> str:
    """Name a request as errors do."""
    return f"{request.method} {urlsplit(request.url).hostname}"


def address(url: str, path: str) -> str:
    """Return where a service is called: its own path below `url`, unless that has it already.

    >>> address("https://sms.example/", "/sms/json"), address("http://[::1]/sms/json", "/sms/json")
    ('https://sms.example/sms/json', 'http://[::1]/sms/json')
    """
    last = path.rstrip("/").rpartition("/")[2]
    return url if url.rstrip("/").endswith(f"/{last}") else url.rstrip("/") + path


def sent(provider_id: str | None) -> JsonObject:
    """Return a channel's result."""
    return {"status": "sent", "provider_id": provider_id}


def worth_most(errors: list[ProviderError]) -> tuple[ProviderError, int | None]:
    """Return the error that speaks for several, and the longest wait that any asks for.

    It is one that may be tried again, if there is such a one.
    """
    worth_another = [one for one in errors if one.code not in NEVER_RETRIED]
    waits = [one.retry_after_ms for one in worth_another if one.retry_after_ms is not None]
    return (worth_another or errors)[0], max(waits, default=None)

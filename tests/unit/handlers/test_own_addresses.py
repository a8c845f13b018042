"""Where the services are whose address no definition gives: as their makers publish it."""

from dataclasses import dataclass, field

import pytest

from ductape.domain.jsonvalue import JsonObject
from ductape.domain.request import JobEventTypes
from ductape.errors import ProviderError
from ductape.handlers.notification import NotificationHandler
from ductape.ports.http import HttpRequest, HttpResponse
from ductape.ports.mail import MailMessage, MailServer
from ductape.ports.tokens import TokenWish
from tests.unit.handlers.builders import FixedClock, NoTokens, an_invocation

PUSH: JsonObject = {"push_notification": {"device_token": "d", "title": "Hi"}}
SMS: JsonObject = {"sms": {"to": "+31612345678", "body": "Hi"}}


@dataclass
class Stopped:
    """A client that keeps what it is asked and goes no further: no test may reach these hosts."""

    asked: list[HttpRequest] = field(default_factory=list[HttpRequest])

    async def send(self, request: HttpRequest) -> HttpResponse:
        self.asked.append(request)
        raise ProviderError("FORBIDDEN", "stopped")


class OneToken(NoTokens):
    """Gives one token out."""

    async def get(self, wish: TokenWish) -> str:
        return f"token-of-{wish.product}"


class NoMail:
    """Sends none."""

    async def send(self, server: MailServer, message: MailMessage) -> str | None:
        raise NotImplementedError


@pytest.mark.parametrize(
    ("channel", "provider", "url"),
    [
        ("push", {}, "https://exp.host/--/api/v2/push/send"),
        (
            "push",
            {"type": "fcm", "project_id": "shop-1", "service_account": "{}"},
            "https://fcm.googleapis.com/v1/projects/shop-1/messages:send",
        ),
        (
            "sms",
            {"type": "twilio", "sender": "S", "account_sid": "AC1", "auth_token": "t"},
            "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages.json",
        ),
        (
            "sms",
            {"type": "plivo", "sender": "S", "auth_id": "MA1", "auth_token": "t"},
            "https://api.plivo.com/v1/Account/MA1/Message/",
        ),
        (
            "sms",
            {"type": "vonage", "sender": "S", "api_key": "k", "api_secret": "s"},
            "https://rest.nexmo.com/sms/json",
        ),
    ],
)
async def test_a_service_is_where_its_maker_says(
    channel: str, provider: JsonObject, url: str
) -> None:
    client = Stopped()
    handler = NotificationHandler(client, NoMail(), FixedClock(), OneToken())
    given = PUSH if channel == "push" else SMS
    kind = JobEventTypes.NOTIFICATION
    with pytest.raises(ProviderError):
        await handler(an_invocation(kind, {channel: provider}, given))
    (request,) = client.asked
    assert (request.method, request.url) == ("POST", url)
    assert not request.allow_private

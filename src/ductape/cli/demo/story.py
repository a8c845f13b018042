"""What the demo schedules, and what must come of each job (issue 3). Spans are milliseconds.

The seed's example stands here word for word, but for its session token, which is a live one.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct, field

from ductape.cli.demo.receivers import ReceiverName
from ductape.domain.jsonvalue import JsonObject
from ductape.domain.lifecycle import JobStatus
from ductape.domain.types import IJobProcessorInput

PRODUCT = "my-product"
ENV = "prd"

CUSTOMER: JsonObject = {"id": "usr_1", "userId": "usr_1", "email": "ada@example.org"}
"""Who is signed in."""

CHECKOUT: JsonObject = {"id": "usr_1", "email": "ada@example.org"}
"""What the checkout's session knows of the customer."""

_BASE: JsonObject = {"product_tag": PRODUCT, "env": ENV, "start_at": 0}

Deliveries = Mapping[ReceiverName, Sequence[JsonObject]]


class Tokens(Struct, frozen=True):
    """The tokens of the open sessions."""

    customer: str
    checkout: str

    def __repr__(self) -> str:
        """Keep them out of every log and traceback."""
        return "Tokens(***)"


class Pace(Struct, frozen=True):
    """How fast the story goes: slow enough to watch, unless a test is watching."""

    later_ms: int = 4_000
    """When the delayed job is due."""
    every_ms: int = 1_000
    retry_ms: int = 500
    """Before the second attempt; twice that before the third."""


class Act(Struct, frozen=True):
    """One job of the story, and how it must end."""

    title: str
    request: Mapping[str, object] | IJobProcessorInput
    status: JobStatus = "completed"
    runs: int = 1
    """Finished ones."""
    attempts: int = 1
    """Of each run."""
    one_of_pair: bool = False
    """Of an equal pair, one is executed and its result answers the other, too."""
    delivers: Deliveries = field(default_factory=dict[ReceiverName, Sequence[JsonObject]])
    """What must arrive, and where."""

    def __repr__(self) -> str:
        """Keep the session's token out of every log and traceback."""
        return f"Act(title={self.title!r})"


def story(tokens: Tokens, pace: Pace, *, now_ms: int) -> list[Act]:
    """Return the acts, in the order in which they are scheduled."""
    return [
        *_pushes(tokens.customer),
        _order(tokens.checkout),
        _welcome(),
        _report(now_ms + pace.later_ms),
        _tracking(pace.every_ms),
        _refund(pace.retry_ms),
        *_rates(),
    ]


def seed_example(token: str) -> IJobProcessorInput:
    """Return the seed's example: a push notification, daily at ten in Amsterdam, 30 times."""
    return {
        "product_tag": "my-product",
        "env": "prd",
        "event": "send_notification",
        "start_at": 0,
        "input": {
            "slug": "order_update",
            "push_notification": {
                "title": {"en": "Order Shipped"},
                "body": {"en": "Your order #12345 has been shipped!"},
                "data": {"trackingId": "XYZ987"},
                "device_token": "abcdef123456",
            },
        },
        "session": {"tag": "user-session", "token": token},
        "cache": "notify-user-123",
        "repeat": {"cron": "0 10 * * *", "tz": "Europe/Amsterdam", "limit": 30},
    }


def _pushes(token: str) -> list[Act]:
    """Tell of the seed's example, and of the same push once and at once."""
    daily = seed_example(token)
    once = {name: value for name, value in daily.items() if name != "repeat"}
    arrives: JsonObject = {
        "to": "abcdef123456",
        "title": "Order Shipped",
        "body": "Your order #12345 has been shipped!",
        "data": {"trackingId": "XYZ987"},
    }
    return [
        Act("push, every day at 10:00", daily, status="scheduled", runs=0),
        Act("the same push, once, now", once, delivers={"push": [arrives]}),
    ]


def _order(token: str) -> Act:
    request: JsonObject = {
        **_BASE,
        "event": "create_order",
        "app": "partner",
        "session": {"tag": "details", "token": token},
        "input": {
            "params": {"id": "$Session{details}{id}"},
            "body": {"sku": "lamp-2", "amount": 2, "email": "$Session{details}{email}"},
        },
    }
    arrives: JsonObject = {
        "method": "POST",
        "path": "/customers/usr_1/orders",
        "body": {"sku": "lamp-2", "amount": 2, "email": "ada@example.org", "warehouse": "ams-1"},
        "status": 201,
    }
    return Act("order with session data", request, delivers={"partner": [arrives]})


def _welcome() -> Act:
    request: JsonObject = {
        **_BASE,
        "event": "send_notification:welcome",
        "input": {
            "email": {
                "to": "ada@example.org",
                "subject": {"name": "Ada"},
                "template": {"name": "Ada", "customer": "usr_1"},
            }
        },
    }
    arrives: JsonObject = {
        "from": "Orders <orders@example.org>",
        "to": ["ada@example.org"],
        "subject": "Welcome, Ada",
        "text": "Welcome, Ada\n\nYour customer number is usr_1.",
        "html": "<h1>Welcome, Ada</h1>\n<p>Your customer number is <b>usr_1</b>.</p>",
    }
    return Act("welcome e-mail", request, delivers={"mail": [arrives]})


def _report(due_ms: int) -> Act:
    orders: list[JsonObject] = [{"sku": "lamp-2", "amount": 2}, {"sku": "bulb-9", "amount": 5}]
    request = {
        **_BASE,
        "event": "report",
        "start_at": due_ms,
        "input": {"day": "2026-03-27", "orders": orders},
    }
    return Act("report, delayed", request)


def _tracking(every_ms: int) -> Act:
    times = 4
    request = {
        **_BASE,
        "event": "track_order",
        "app": "partner",
        "input": {"params": {"id": "12345"}},
        "repeat": {"every": every_ms, "limit": times},
    }
    arrives: JsonObject = {
        "method": "GET",
        "path": "/orders/12345/tracking",
        "body": None,
        "status": 200,
    }
    return Act(
        f"tracking, {times} times", request, runs=times, delivers={"partner": [arrives] * times}
    )


def _refund(retry_ms: int) -> Act:
    retries = 2
    request = {
        **_BASE,
        "event": "refund",
        "app": "partner",
        "retries": retries,
        "retryConfig": {"initialDelay": retry_ms, "jitterPercent": 0.1},
        "input": {"body": {"order": "12345"}},
    }
    arrives: JsonObject = {
        "method": "POST",
        "path": "/refunds",
        "body": {"order": "12345"},
        "status": 503,
    }
    tries = retries + 1
    return Act(
        "refund, always refused",
        request,
        status="failed",
        attempts=tries,
        delivers={"partner": [arrives] * tries},
    )


def _rates() -> list[Act]:
    """Ask twice the same at once: one execution, two results."""
    request: JsonObject = {
        **_BASE,
        "event": "shipping_rates",
        "app": "partner",
        "cache": "rates",
        "input": {"query": {"country": "NL"}},
    }
    arrives: JsonObject = {
        "method": "GET",
        "path": "/rates?country=NL",
        "body": None,
        "status": 200,
    }
    return [
        Act("rates, cached", request, one_of_pair=True, delivers={"partner": [arrives]}),
        Act("rates, asked again", request, one_of_pair=True),
    ]

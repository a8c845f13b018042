"""A broker as the handlers see it: one publish, one fetch, and what each came to."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from msgspec import convert

from ductape.app.system import SystemClock
from ductape.domain.definitions.broker import BrokerServer, BrokerTopic, BrokerType
from ductape.domain.egress import EgressPolicy
from ductape.domain.outcome import Failure, StoredError
from ductape.domain.request import RetryPolicy
from ductape.domain.retry import may_retry
from ductape.errors import ProviderError
from ductape.ports.broker import Consumer, Delivery, Outgoing, Place
from ductape.ports.tokens import TokenWish
from ductape.providers.brokers import BrokerPool, pool
from ductape.providers.http import AiohttpClient

Expected = Mapping[BrokerType, str]

PATIENCE_S = 0.2
"""How long a call may take that is to run out of time."""
AMPLE_S = 10.0
"""How long any other may take: it is to end by itself, however busy this machine is."""
SLACK_S = 5.0
"""How much later a call may end than its time says, on a machine that does other things too."""
SECRET = "0pen-sesame-0815"

KINDS: tuple[BrokerType, ...] = ("redis", "rabbitmq", "nats", "kafka", "sqs", "pubsub")
_SCHEMES = {"redis": "redis", "rabbitmq": "amqp", "nats": "nats"}
_AMAZON = {"region": "eu-west-1", "access_key_id": "AKIATEST", "secret_access_key": SECRET}


def server_at(kind: BrokerType, port: int, **parts: object) -> BrokerServer:
    """Describe a broker at a port of this machine, with credentials where it takes some."""
    match kind:
        case "kafka":
            given: dict[str, object] = {"servers": [f"127.0.0.1:{port}"]}
        case "sqs":
            given = {"endpoint": f"http://127.0.0.1:{port}", **_AMAZON}
        case "pubsub":
            given = {"endpoint": f"http://127.0.0.1:{port}", "project": "shop-project"}
        case _:
            given = {"url": f"{_SCHEMES[kind]}://127.0.0.1:{port}"}
    return convert({"type": kind, "allow_private": True, **given, **parts}, BrokerServer)


class OneToken:
    """`ports.tokens.Tokens` with a token that is known."""

    async def get(self, wish: TokenWish) -> str:  # noqa: ARG002 (the port's)
        return SECRET

    def drop(self, token: str) -> None:
        """It would be the same one again."""


@dataclass
class Caller:
    """Calls one topic of one broker."""

    pool: BrokerPool
    place: Place
    patience_s: float = AMPLE_S

    async def publish(self, body: bytes = b'{"id": 7}', *, timeout_s: float | None = None) -> str:
        """Publish one message."""
        timeout_s = self.patience_s if timeout_s is None else timeout_s
        message = Outgoing(body, "application/json", id="job-1:1", key="k", headers={"X-A": "b"})
        return await self.pool.publish(self.place, message, timeout_ms=int(timeout_s * 1000))

    async def fetch(self, *, wait_ms: int = 100) -> Sequence[Delivery]:
        """Take what is there as a group, once, and acknowledge it."""
        async with self.consuming() as consumer:
            found = await consumer.fetch(10, wait_ms)
            if found:
                await consumer.accept(found)
            return found

    def consuming(self) -> AbstractAsyncContextManager[Consumer]:
        """Take what is there, while the context lasts."""
        return self.pool.consume(self.place, "billing", "member")

    async def call(self, what: str) -> object:
        """Do either."""
        return await (self.publish() if what == "publish" else self.fetch())


@asynccontextmanager
async def caller(
    server: BrokerServer,
    monkeypatch: pytest.MonkeyPatch | None = None,
    *,
    topic: str = "orders",
    alone: bool = True,
    patience_s: float = AMPLE_S,
) -> AsyncIterator[Caller]:
    """Give one; with a monkeypatch every call has its time only. `alone`, it leaves no task."""
    if monkeypatch is not None:
        monkeypatch.setattr(pool, "PATIENCE_S", patience_s)
    policy = EgressPolicy(grant_loopback=True)
    http = AiohttpClient(policy)
    made = BrokerPool(policy, http, SystemClock(), OneToken())
    place = Place("shop", "dev", "bus", server, BrokerTopic("orders", topic))
    try:
        yield Caller(made, place, patience_s)
    finally:
        await made.aclose()
        await http.aclose()
    assert not alone or await tasks_left() == []


_CLIENTS = {"aiokafka", "aiormq", "aio_pika", "nats", "redis"}


async def tasks_left() -> list[str]:
    """Return what the brokers' own clients still do, a moment after they were closed."""
    theirs = {task for task in asyncio.all_tasks() if _CLIENTS & set(_file_of(task).parts)}
    if theirs:
        _, theirs = await asyncio.wait(theirs, timeout=0.5)
    return [str(task.get_coro()) for task in theirs]


def _file_of(task: "asyncio.Task[object]") -> Path:
    code = getattr(task.get_coro(), "cr_code", None)
    return Path("" if code is None else code.co_filename)


def patience_for(code: str) -> float:
    """Return how long a call may take that is to fail with a code."""
    return PATIENCE_S if code == "TIMEOUT" else AMPLE_S


async def failure_of(calling: Caller, what: str) -> ProviderError:
    """Call, and return how it failed, in time and without telling a secret."""
    began_s = asyncio.get_running_loop().time()
    with pytest.raises(ProviderError) as caught:
        await calling.call(what)
    took_s = asyncio.get_running_loop().time() - began_s
    assert took_s < calling.patience_s + SLACK_S
    said = f"{caught.value} {caught.value.hint} {caught.value.details}"
    assert SECRET not in said
    assert SECRET not in repr(caught.value)
    return caught.value


def is_retried(error: ProviderError) -> bool:
    """Tell whether a run with retries left is tried again after this."""
    stored = StoredError(code=error.code, message="", type="ProviderError", at=0)
    return may_retry(RetryPolicy(), 1, 1, Failure(stored))

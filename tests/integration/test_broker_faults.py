"""What brokers do wrong, as a matrix: each fault, at each broker, publishing and fetching.

Every one ends in time, with the code of SPEC 12 that decides about a retry, tells no secret, and
leaves no connection, no thread and no task behind (the last is `conftest`'s to see).
"""

import pytest

from ductape.domain.definitions.broker import BrokerType
from tests.integration.brokering import (
    KINDS,
    Expected,
    caller,
    failure_of,
    is_retried,
    patience_for,
    server_at,
)
from tests.servers.programs import free_port
from tests.servers.talking import Talk, endless, hanging_up, saying, silent, talking

CALLS = ("publish", "fetch")
WORDS = saying(b"\x00\xff\x13 no broker says this \r\n" * 50)
HIGH = saying(b"\xff" * 64)
ZEROS = saying(bytes(64))

ALL_ALIKE = dict.fromkeys(KINDS, "CONNECTION_ERROR")

UNFIT: dict[str, tuple[Talk, Expected]] = {
    "silence": (silent, dict.fromkeys(KINDS, "TIMEOUT")),
    "gone at once": (hanging_up, ALL_ALIKE),
    "words": (
        WORDS,
        {
            **ALL_ALIKE,
            "redis": "PROVIDER_ERROR",
            # Read as the length of a frame, which never comes.
            "rabbitmq": "TIMEOUT",
            "kafka": "TIMEOUT",
        },
    ),
    "high bytes": (HIGH, {**ALL_ALIKE, **dict.fromkeys(("redis", "rabbitmq", "nats"), "TIMEOUT")}),
    "zeros": (
        ZEROS,
        {**ALL_ALIKE, "redis": "TIMEOUT", "nats": "TIMEOUT", "rabbitmq": "PROVIDER_ERROR"},
    ),
}


@pytest.mark.parametrize("what", CALLS)
@pytest.mark.parametrize("kind", KINDS)
async def test_refused(kind: BrokerType, what: str) -> None:
    async with caller(server_at(kind, free_port())) as calling:
        error = await failure_of(calling, what)
    assert error.code == "CONNECTION_ERROR"
    assert is_retried(error)


@pytest.mark.parametrize("what", CALLS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", UNFIT)
async def test_what_is_no_broker(
    monkeypatch: pytest.MonkeyPatch, fault: str, kind: BrokerType, what: str
) -> None:
    talk, expected = UNFIT[fault]
    async with talking(talk) as server:
        patience_s = patience_for(expected[kind])
        here = server_at(kind, server.port)
        async with caller(here, monkeypatch, patience_s=patience_s) as calling:
            error = await failure_of(calling, what)
        await server.left()
    assert error.code == expected[kind]
    assert is_retried(error)


HTTP = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{"
ENDLESS: dict[BrokerType, tuple[bytes, str]] = {
    "redis": (b"$536870912\r\n", "TIMEOUT"),
    "rabbitmq": (b"\x01\x00\x00\x1f\xff\xff\xff", "TIMEOUT"),
    "nats": (b"INFO {", "PROVIDER_ERROR"),
    "kafka": (b"\x1f\xff\xff\xff", "TIMEOUT"),
    "sqs": (HTTP, "PROVIDER_ERROR"),
    "pubsub": (HTTP, "PROVIDER_ERROR"),
}
"""How an answer begins that has no end. What has a bound of its own gives it up at once."""


@pytest.mark.parametrize("kind", KINDS)
async def test_an_answer_without_end(monkeypatch: pytest.MonkeyPatch, kind: BrokerType) -> None:
    first, expected = ENDLESS[kind]
    async with talking(endless(first)) as server:
        here, patience_s = server_at(kind, server.port), patience_for(expected)
        async with caller(here, monkeypatch, patience_s=patience_s) as calling:
            error = await failure_of(calling, "publish")
        await server.left()
    assert error.code == expected
    assert is_retried(error)

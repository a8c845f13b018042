"""Redis Streams with consumer groups: XADD, XREADGROUP, XAUTOCLAIM, XACK.

An entry has the fields `body`, `content_type`, `key` and `headers` (JSON). An entry of another
maker, without `body`, is read as an object of its fields. Who takes messages goes by the job's id,
so that after a takeover it finds at once what it had not acknowledged; what others of the group
left is claimed once it has been idle for `ack_wait` milliseconds.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# redis-py has annotations for a part of what is called here only.

import socket
from asyncio import get_running_loop
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, cast

import msgspec
from redis.asyncio import Redis
from redis.asyncio.connection import BlockingConnectionPool, Connection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    ResponseError,
)

from ductape.domain.definitions.broker import BrokerServer, BrokerTopic
from ductape.domain.egress import Destination
from ductape.domain.jsonvalue import UNREADABLE
from ductape.errors import ProviderError
from ductape.ports.broker import Delivery, Outgoing
from ductape.providers.brokers.link import Means
from ductape.providers.brokers.reaching import Reached, read_url
from ductape.providers.brokers.redis.faults import told
from ductape.providers.brokers.tls import Trust, trust
from ductape.providers.http import Guard
from ductape.providers.http import connect as connect_to

PORT = 6_379
MOST_CONNECTIONS = 20
"""For publishing; every feed has one of its own."""

Entry = tuple[bytes, dict[bytes, bytes] | None]
Reach = Callable[[], Awaitable[socket.socket]]


def connect(server: BrokerServer, means: Means) -> "RedisLink":
    """Make a link; the pool behind it connects when used."""
    return RedisLink(server, read_url(server.url, PORT), Guard(means.policy))


class _Guarded(Connection):
    """A connection whose address the guard has seen, however often it is made anew."""

    def __init__(self, *, reach: Reach, **options: Any) -> None:  # noqa: ANN401 (redis-py's own)
        self._reach = reach
        self._made: socket.socket | None = None
        super().__init__(**options)

    async def _connect(self) -> None:
        self._made = await self._reach()
        await super()._connect()

    def _connection_arguments(self) -> Mapping[str, object]:
        return {"sock": self._made}


class _GuardedTls(_Guarded):
    """The same, encrypted; the certificate must match the name that the URL gives."""

    def __init__(self, *, trust: Trust, **options: Any) -> None:  # noqa: ANN401 (redis-py's own)
        self._trust = trust
        super().__init__(**options)

    def _connection_arguments(self) -> Mapping[str, object]:
        return {"sock": self._made, "ssl": self._trust, "server_hostname": self.host}


class RedisLink:
    """Implements `link.Link`."""

    def __init__(self, server: BrokerServer, at: Reached, guard: Guard) -> None:
        """Reach a server through the guard."""
        self.where = f"Redis at {at.host}:{at.port}"
        self.trust = trust() if at.scheme == "rediss" else None
        self._server = server
        self._at = at
        self._guard = guard
        self._redis = self._client(MOST_CONNECTIONS)

    async def publish(self, topic: BrokerTopic, message: Outgoing) -> str:
        """Add an entry to the stream."""
        fields: dict[str, bytes | str] = {
            "body": message.body,
            "content_type": message.content_type,
            "headers": msgspec.json.encode(message.headers),
        }
        if message.key is not None:
            fields["key"] = message.key
        with told(self.where):
            found = await self._redis.xadd(topic.name, cast("dict[Any, Any]", fields))
        return cast("bytes", found).decode()

    async def feed(self, topic: BrokerTopic, group: str, member: str) -> "RedisFeed":
        """Make the group where it is missing, and begin."""
        first = "0" if topic.start == "oldest" else "$"
        redis = self._client(1)  # A read that waits must not keep others waiting.
        try:
            with told(self.where):
                await _make_group(redis, topic.name, group, first)
        except BaseException:
            await redis.aclose()
            raise
        return RedisFeed(self, redis, topic, group, member)

    async def aclose(self) -> None:
        """Close every connection."""
        with told(self.where):
            await self._redis.aclose()

    def _client(self, connections: int) -> "Redis":
        at, server, guard = self._at, self._server, self._guard
        destination = Destination(at.host, at.port, server.allow_private)
        tls: dict[str, Any] = {} if self.trust is None else {"trust": self.trust}
        pool = BlockingConnectionPool(
            max_connections=connections,
            timeout=None,
            # Whoever calls has a time already; the client's own would be five seconds.
            socket_timeout=None,
            socket_connect_timeout=None,
            connection_class=_Guarded if self.trust is None else _GuardedTls,
            **tls,
            reach=lambda: connect_to(guard, destination),
            host=at.host,
            port=at.port,
            db=_database(at.path),
            username=server.username or at.username,
            password=server.password or at.password,
            retry=Retry(NoBackoff(), 0),
        )
        return Redis.from_pool(pool)


async def _make_group(redis: "Redis", name: str, group: str, first: str) -> None:
    try:
        await redis.xgroup_create(name, group, first, mkstream=True)
    except ResponseError as error:
        if not str(error).startswith("BUSYGROUP"):
            raise


class RedisFeed:
    """Implements `link.Feed`."""

    def __init__(
        self, link: RedisLink, redis: "Redis", topic: BrokerTopic, group: str, member: str
    ) -> None:
        """Begin with what the same member has left unacknowledged."""
        self._where = link.where
        self._redis = redis
        self._topic = topic
        self._group = group
        self._member = member
        self._own: str | None = "0"
        """Where reading what was left goes on; none once it has been read."""
        self._claim_at_s = 0.0

    async def fetch(self, most: int, wait_ms: int) -> Sequence[Delivery]:
        """Return what was left here, else what others left, else what is new."""
        with told(self._where):
            left = await self._left_here(most) or await self._left_by_others(most)
            if left:
                return await self._counted(left)
            return [_delivery(entry, 1) for entry in await self._read(">", most, max(wait_ms, 1))]

    async def accept(self, deliveries: Sequence[Delivery]) -> None:
        """Acknowledge."""
        with told(self._where):
            await self._redis.xack(self._topic.name, self._group, *(one.id for one in deliveries))

    async def aclose(self, open_: Sequence[Delivery]) -> None:  # noqa: ARG002 (the same member finds it)
        """Leave what is pending to whoever comes next."""
        with told(self._where):
            await self._redis.aclose()

    async def _left_here(self, most: int) -> list[Entry]:
        if self._own is None:
            return []
        found = await self._read(self._own, most, None)
        self._own = found[-1][0].decode() if found else None
        return [entry for entry in found if entry[1]]

    async def _left_by_others(self, most: int) -> list[Entry]:
        now_s = get_running_loop().time()
        if now_s < self._claim_at_s:
            return []
        idle_ms = self._topic.ack_wait
        found = await self._redis.xautoclaim(
            self._topic.name, self._group, self._member, idle_ms, count=most
        )
        entries = [entry for entry in cast("list[list[Entry]]", found)[1] if entry[1]]
        if not entries:
            self._claim_at_s = now_s + idle_ms / 2_000
        return entries

    async def _read(self, after: str, most: int, block_ms: int | None) -> list[Entry]:
        found = await self._redis.xreadgroup(
            self._group, self._member, {self._topic.name: after}, count=most, block=block_ms
        )
        return _entries(found)

    async def _counted(self, entries: list[Entry]) -> list[Delivery]:
        """Ask how often entries have been delivered that were pending before."""
        first, last = entries[0][0], entries[-1][0]
        pending = await self._redis.xpending_range(
            self._topic.name, self._group, first, last, len(entries), self._member
        )
        rows = cast("list[dict[str, Any]]", pending)
        counts = {row["message_id"]: int(row["times_delivered"]) for row in rows}
        return [_delivery(entry, counts.get(entry[0], 1)) for entry in entries]


def _entries(found: object) -> list[Entry]:
    """Return the entries of the one stream that was read, in either form of the protocol."""
    if not found:
        return []
    if isinstance(found, dict):
        (pages,) = cast("dict[bytes, list[Any]]", found).values()
        return cast("list[Entry]", pages[0] if pages and isinstance(pages[0], list) else pages)
    return cast("list[tuple[bytes, list[Entry]]]", found)[0][1]


def _delivery(entry: Entry, deliveries: int) -> Delivery:
    found, fields = entry[0].decode(), entry[1] or {}
    body, key = fields.get(b"body"), fields.get(b"key")
    if body is None:
        body = msgspec.json.encode({_text(name): _text(value) for name, value in fields.items()})
    return Delivery(
        id=found,
        body=body,
        mark=found,
        key=None if key is None else _text(key),
        headers=_headers(fields.get(b"headers")),
        deliveries=deliveries,
        published_at_ms=int(found.partition("-")[0]),
    )


def _headers(given: bytes | None) -> dict[str, str]:
    try:
        return msgspec.json.decode(given or b"{}", type=dict[str, str])
    except UNREADABLE:
        return {}


def _text(value: bytes) -> str:
    return value.decode(errors="replace")


def _database(path: str) -> int:
    if path and not (path.isascii() and path.isdigit()):
        raise ProviderError("VALIDATION_ERROR", "the path of a Redis URL is a database's number")
    return int(path or 0)

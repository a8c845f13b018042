"""A Kafka cluster as librdkafka mocks it, in this process: the protocol is real, the broker is not.

It keeps messages, groups and offsets, and knows idempotent producers. It stores nothing on disk.
The driver's package has the library but not its mock's functions, which are called as C has them.
"""

import ctypes
import ssl
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

from confluent_kafka import cimpl

from tests.servers.proxy import Proxy

PRODUCER = 0
A_MESSAGE = 512
FETCH = 1
OFFSET_COMMIT = 8
REBALANCE_IN_PROGRESS = 27
UNKNOWN_TOPIC = 3
REBALANCES_AFTER_MS = 200
"""How long a group waits for more members before its first one gets anything; 3,000 of itself."""


@dataclass(frozen=True)
class MockKafka:
    """A running cluster."""

    address: str
    """Its broker's `host:port`."""
    _library: ctypes.CDLL
    _cluster: int

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.address.rpartition(":")[2])

    def refuse_commit(self, error: int) -> None:
        """Answer the next commit with one of Kafka's error codes."""
        self._refuse(OFFSET_COMMIT, error)

    def _refuse(self, request: int, error: int) -> None:
        push = self._library.rd_kafka_mock_push_request_errors_array
        push(self._cluster, request, 1, (ctypes.c_int * 1)(error))

    @contextmanager
    def without(self, topic: str) -> Iterator[None]:
        """Tell whoever asks that there is no such topic; what it keeps is there afterwards."""
        tell = self._library.rd_kafka_mock_topic_set_error
        tell(self._cluster, topic.encode(), UNKNOWN_TOPIC)
        self._refuse(FETCH, UNKNOWN_TOPIC)  # Which alone makes a consumer look.
        try:
            yield
        finally:
            tell(self._cluster, topic.encode(), 0)


@contextmanager
def mock_kafka() -> Iterator[str]:
    """Run one broker, and give its `host:port`."""
    with mock_cluster() as cluster:
        yield cluster.address


@contextmanager
def mock_cluster(rebalances_after_ms: int = REBALANCES_AFTER_MS) -> Iterator[MockKafka]:
    """Run one broker whose groups wait so long for more members."""
    library = _library()
    said = ctypes.create_string_buffer(A_MESSAGE)
    holder = library.rd_kafka_new(PRODUCER, None, said, len(said))
    assert holder, said.value.decode()
    cluster = library.rd_kafka_mock_cluster_new(holder, 1)
    library.rd_kafka_mock_group_initial_rebalance_delay_ms(cluster, rebalances_after_ms)
    address = library.rd_kafka_mock_cluster_bootstraps(cluster).decode()
    yield MockKafka(address, library, cluster)
    library.rd_kafka_mock_cluster_destroy(cluster)
    library.rd_kafka_destroy(holder)


def _library() -> ctypes.CDLL:
    """Return the driver's own library, with the types of what is called."""
    library = ctypes.CDLL(cimpl.__file__)
    pointer, text = ctypes.c_void_p, ctypes.c_char_p
    number, size = ctypes.c_int32, ctypes.c_size_t
    for name, returned, given in (
        ("new", pointer, [ctypes.c_int, pointer, text, ctypes.c_size_t]),
        ("destroy", None, [pointer]),
        ("mock_cluster_new", pointer, [pointer, ctypes.c_int]),
        ("mock_cluster_bootstraps", text, [pointer]),
        ("mock_cluster_destroy", None, [pointer]),
        ("mock_group_initial_rebalance_delay_ms", None, [pointer, number]),
        ("mock_topic_set_error", None, [pointer, text, ctypes.c_int]),
        ("mock_push_request_errors_array", None, [pointer, ctypes.c_int16, size, pointer]),
    ):
        function = library[f"rd_kafka_{name}"]
        setattr(library, f"rd_kafka_{name}", function)
        function.restype, function.argtypes = returned, given
    return library


@asynccontextmanager
async def before_kafka(server: str, tls: ssl.SSLContext | None = None) -> AsyncIterator[Proxy]:
    """Run a proxy before one, which tells of the proxy where it tells where it is itself."""
    host, _, port = server.rpartition(":")
    proxy = Proxy(int(port), tls=tls)
    await proxy.open()

    def at(number: int) -> bytes:
        return host.encode() + struct.pack(">i", number)

    proxy.edit = lambda answer: answer.replace(at(int(port)), at(proxy.port))
    try:
        yield proxy
    finally:
        await proxy.aclose()

"""A Kafka cluster as librdkafka mocks it, in this process: the protocol is real, the broker is not.

It keeps messages, groups and offsets, and knows idempotent producers. It stores nothing on disk.
The driver's package has the library but not its mock's functions, which are called as C has them.
"""

import ctypes
import ssl
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from confluent_kafka import cimpl

from tests.servers.proxy import Proxy

PRODUCER = 0
A_MESSAGE = 512
REBALANCES_AFTER_MS = 200
"""How long a group waits for more members before its first one gets anything; 3,000 of itself."""


@contextmanager
def mock_kafka() -> Iterator[str]:
    """Run one broker, and give its `host:port`."""
    library = _library()
    said = ctypes.create_string_buffer(A_MESSAGE)
    holder = library.rd_kafka_new(PRODUCER, None, said, len(said))
    assert holder, said.value.decode()
    cluster = library.rd_kafka_mock_cluster_new(holder, 1)
    library.rd_kafka_mock_group_initial_rebalance_delay_ms(cluster, REBALANCES_AFTER_MS)
    yield library.rd_kafka_mock_cluster_bootstraps(cluster).decode()
    library.rd_kafka_mock_cluster_destroy(cluster)
    library.rd_kafka_destroy(holder)


def _library() -> ctypes.CDLL:
    """Return the driver's own library, with the types of what is called."""
    library = ctypes.CDLL(cimpl.__file__)
    pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int32
    for name, returned, given in (
        ("new", pointer, [ctypes.c_int, pointer, text, ctypes.c_size_t]),
        ("destroy", None, [pointer]),
        ("mock_cluster_new", pointer, [pointer, ctypes.c_int]),
        ("mock_cluster_bootstraps", text, [pointer]),
        ("mock_cluster_destroy", None, [pointer]),
        ("mock_group_initial_rebalance_delay_ms", None, [pointer, number]),
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

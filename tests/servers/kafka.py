"""A Kafka cluster as librdkafka mocks it, in this process: the protocol is real, the broker is not.

It keeps messages, groups and offsets, and knows idempotent producers. It stores nothing on disk.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import Producer


@contextmanager
def mock_kafka() -> Iterator[str]:
    """Run one broker, and give its `host:port`."""
    holder = Producer({"bootstrap.servers": "mocked", "test.mock.num.brokers": 1})
    (broker,) = holder.list_topics(timeout=20).brokers.values()
    yield f"{broker.host}:{broker.port}"
    holder.flush(0)

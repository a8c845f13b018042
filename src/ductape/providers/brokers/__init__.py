"""Message brokers: Redis Streams, RabbitMQ, NATS JetStream, Kafka, SQS, Google Pub/Sub."""

from ductape.providers.brokers.pool import BrokerPool

__all__ = ["BrokerPool"]

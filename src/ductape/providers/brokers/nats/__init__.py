"""NATS JetStream, over nats-py."""

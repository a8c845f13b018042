"""Redis Streams, over redis-py."""

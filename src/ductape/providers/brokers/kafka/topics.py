"""Whether a topic of Kafka is there, by what a client knows of its cluster."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# aiokafka has next to no annotations, and nobody has made stubs of it.

import asyncio

from aiokafka import AIOKafkaClient
from aiokafka.errors import TopicAuthorizationFailedError, UnknownTopicOrPartitionError

_FIRST_LOOK_S = 0.1


async def until_there(client: AIOKafkaClient, topic: str, patience_s: float) -> None:
    """Return once the cluster has a topic: at once, where the client knows that it has.

    Raises a `KafkaError` where it has none in time, or does not show it to us. The client's own way
    asks ten times a second, and prints an error each time.
    """
    if client.cluster.partitions_for_topic(topic) is not None:
        return
    client.add_topic(topic)
    until_s = asyncio.get_running_loop().time() + patience_s
    pause_s = _FIRST_LOOK_S
    while True:
        await client.force_metadata_update()
        if client.cluster.partitions_for_topic(topic) is not None:
            return
        if topic in client.cluster.unauthorized_topics:
            raise TopicAuthorizationFailedError(topic)
        left_s = until_s - asyncio.get_running_loop().time()
        if left_s <= 0:
            raise UnknownTopicOrPartitionError(f"there is no topic `{topic}`")
        await asyncio.sleep(min(pause_s, left_s))
        pause_s *= 2

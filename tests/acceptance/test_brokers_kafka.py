"""What only Kafka has: topics that are made anew, groups that are balanced between members."""

from pathlib import Path

from tests.acceptance.brokers import Kept, a_publish, a_subscription, shop, until_taken
from tests.servers.kafka import mock_kafka

Broker = dict[str, object]


async def test_a_topic_that_is_made_anew_has_new_messages(tmp_path: Path) -> None:
    kept = Kept()
    for order in ("old", "new"):
        with mock_kafka() as cluster:  # Which has forgotten what it kept.
            broker: Broker = {"type": "kafka", "servers": [cluster]}
            async with shop(tmp_path, broker, kept) as ductape:
                job = ductape.processor.job
                await job.schedule(a_publish(order, key="one partition"), timeout=20)
                asked = a_subscription(max_messages=1, duration=20_000)
                result = await job.schedule(asked, timeout=30)
                assert result == {"received": 1, "dispatched": 1}
                await until_taken(ductape, len(kept.inputs))
    assert [one["order"] for one in kept.inputs] == ["old", "new"]

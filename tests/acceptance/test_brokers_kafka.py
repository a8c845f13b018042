"""What only Kafka has: topics that are made anew, groups that are balanced between members."""

import asyncio
from pathlib import Path

from tests.acceptance.brokers import Kept, a_publish, a_subscription, shop, until_taken
from tests.servers.kafka import REBALANCE_IN_PROGRESS, mock_cluster, mock_kafka

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


async def test_a_group_that_takes_longer_to_join_than_the_subscription_lasts(
    tmp_path: Path,
) -> None:
    with mock_cluster(rebalances_after_ms=8_000) as cluster:
        broker: Broker = {"type": "kafka", "servers": [cluster.address]}
        async with shop(tmp_path, broker) as ductape:
            began_s = asyncio.get_running_loop().time()
            result = await ductape.processor.job.schedule(a_subscription(duration=700), timeout=30)
            took_s = asyncio.get_running_loop().time() - began_s
    assert result == {"received": 0, "dispatched": 0}
    assert took_s < 4


async def test_a_subscription_goes_on_while_its_group_is_rebalanced(tmp_path: Path) -> None:
    kept = Kept()
    with mock_cluster() as cluster:
        broker: Broker = {"type": "kafka", "servers": [cluster.address]}
        async with shop(tmp_path, broker, kept) as ductape:
            job = ductape.processor.job
            await job.schedule(a_publish("one"), timeout=20)
            cluster.refuse_commit(REBALANCE_IN_PROGRESS)
            asked = a_subscription(max_messages=2, duration=20_000)
            result = await job.schedule(asked, timeout=30)
            await until_taken(ductape, 1)
    assert result == {"received": 2, "dispatched": 1}
    assert [one["order"] for one in kept.inputs] == ["one"]

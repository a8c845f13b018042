"""Rows that stand for names go once nobody has used them for a while, however many there are."""

from ductape.stores.postgres.limits.gates import hold_gates
from ductape.stores.postgres.store import PostgresStore
from tests.builders import NOW_MS

DAY_MS = 86_400_000
FLOWS = [f"shop/order-{at}" for at in range(5)]


async def gates(store: PostgresStore) -> int:
    found = await store._engine.single(lambda t: t.rows("gates", "try", {"flows": FLOWS}))
    return sum(is_there for _, is_there in found)


async def test_the_gates_of_keys_that_came_once_go_in_batches(store: PostgresStore) -> None:
    await store._engine.write(lambda t: hold_gates(t, FLOWS, NOW_MS))
    looks = 0
    while await store.upkeep.prune(
        completed_before_ms=0, failed_before_ms=0, now_ms=NOW_MS + DAY_MS, limit=2
    ):
        looks += 1
    assert (await gates(store), looks) == (0, 2)

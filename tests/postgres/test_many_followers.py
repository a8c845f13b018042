"""What is asked of PostgreSQL for many runs of one kind is asked once for all of them."""

import pytest

from ductape.domain.outcome import Success
from ductape.stores.postgres.server.transaction import Transaction
from ductape.stores.postgres.store import PostgresStore
from tests.conformance.caching import a_leader, followers, statuses
from tests.conformance.steps import settled_leading


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Write down what is asked of the table of history."""
    names: list[str] = []
    ask = Transaction.ask

    async def noting(self: Transaction, table: str, *rest: object) -> object:
        names.extend([table] * (table == "history"))
        return await ask(self, table, *rest)  # pyright: ignore[reportArgumentType] (as it was called)

    monkeypatch.setattr(Transaction, "ask", noting)
    return names


async def test_a_result_ends_all_followers_together(store: PostgresStore, asked: list[str]) -> None:
    leader = await a_leader(store)
    ids = await followers(store, 5)
    asked.clear()
    assert await settled_leading(store, leader, Success(7)) == "recorded"
    assert await statuses(store, ids) == ["completed"] * 5
    assert len(asked) == 2  # the leader, the followers

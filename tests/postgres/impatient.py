"""A store whose server ends silent transactions soon."""

import pytest

from ductape.stores.postgres.server import locks
from ductape.stores.postgres.store import PostgresStore, open_postgres
from tests.builders import decide


async def open_impatient(
    url: str, monkeypatch: pytest.MonkeyPatch, *, silence_ms: int
) -> PostgresStore:
    """Open it; its schema is made before, in a transaction that may take its time."""
    await (await open_postgres(url, decide=decide, token="first")).aclose()
    monkeypatch.setattr(locks, "SILENCE_MS", silence_ms)
    return await open_postgres(url, decide=decide, token="t")

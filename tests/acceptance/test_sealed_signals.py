"""A signal that waits to be received can be read by nobody who reads the store (SPEC 18)."""

import asyncio
import sqlite3
import sys
from asyncio.subprocess import DEVNULL
from pathlib import Path

import psycopg
import pytest

from ductape import Ductape
from ductape.domain.jsonvalue import JsonObject
from tests.acceptance.conftest import KEY

NEWER = "k2:" + "B" * 42 + "A"
PRODUCT: JsonObject = {
    "tag": "shop",
    "envs": [{"slug": "dev"}],
    "features": [
        {
            "tag": "card",
            "sensitive": True,
            "sequence": [
                {
                    "tag": "main",
                    "events": [
                        {"type": "wait", "event": "open"},
                        {"type": "wait", "event": "pin", "tag": "pin"},
                    ],
                }
            ],
            "output": {"pin": "$Sequence{main}{pin}{pin}"},
        },
        {
            "tag": "order",
            "sequence": [{"tag": "main", "events": [{"type": "child", "event": "card"}]}],
        },
    ],
}
ORDER: JsonObject = {
    "product_tag": "shop",
    "env": "dev",
    "event": "order",
    "input": {},
    "start_at": 0,
}
PATIENCE_S = 20


def waiting_in(store: str) -> bytes:
    """Return what the store's table of signals holds."""
    if store.startswith("sqlite:///"):
        with sqlite3.connect(store.removeprefix("sqlite:///")) as connection:
            return b"".join(row[0] for row in connection.execute("SELECT data FROM signals"))
    with psycopg.connect(store) as server:
        return b"".join(row[0] for row in server.execute("SELECT data FROM ductape.signals"))


async def signalled(store: str) -> str:
    """Send a feature a signal that none of its steps waits for yet."""
    async with Ductape.open(store, config={}, worker=False) as ductape:
        await ductape.products.apply(PRODUCT)
        job_id = (await ductape.processor.job.dispatch(ORDER))["job_id"]
        await ductape.features.signal(job_id, "pin", {"pin": "hush-1234"})
    return job_id


async def received(store: str, job_id: str) -> object:
    """Let the feature go on with it."""
    async with Ductape.open(store, config={}, worker=True) as ductape:
        await ductape.features.signal(job_id, "open")
        return await ductape.processor.job.wait(job_id, timeout=PATIENCE_S)


def is_sealed(rows: bytes) -> bool:
    return bool(rows) and b"hush" not in rows and b"$sealed" in rows


async def test_a_signal_is_sealed_until_it_is_received_also_under_a_newer_key(
    store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DUCTAPE_KEY", KEY)
    job_id = await signalled(store)
    assert is_sealed(waiting_in(store))
    monkeypatch.setenv("DUCTAPE_KEY", f"{NEWER},{KEY}")
    assert await received(store, job_id) == {"main": {"card": {"pin": "hush-1234"}}}


@pytest.mark.parametrize("to_server", [True, False])
async def test_a_sealed_signal_moves_with_its_store(
    database: str,
    tmp_path: Path,
    to_server: bool,  # noqa: FBT001 (a parameter)
) -> None:
    file = f"sqlite:///{tmp_path}/a.db"
    here, there = (file, database) if to_server else (database, file)
    job_id = await signalled(here)
    command = Path(sys.executable).with_name("ductape")
    copying = await asyncio.create_subprocess_exec(
        command, "store", "copy", here, there, stdout=DEVNULL
    )
    assert await copying.wait() == 0
    assert is_sealed(waiting_in(there))
    assert await received(there, job_id) == {"main": {"card": {"pin": "hush-1234"}}}

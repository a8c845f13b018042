"""Keeping whole stores: copied to another database, looked over, saved, put back (SPEC 10, 13).

None of these needs the encryption keys: sealed values move as they are, and the keys are left out.
"""

import asyncio
from typing import TypedDict

from msgspec.structs import replace

from ductape.app.configuration.loading import is_postgres, shown_store, sqlite_path
from ductape.app.configuration.settings import Settings
from ductape.app.core import Surroundings
from ductape.app.opening import open_bare, schema_numbers
from ductape.errors import ConfigError, StoreError
from ductape.ports.stores import Store
from ductape.services.checking import FindingView, look_over
from ductape.services.copying import CopyReport, Progress, Side, copy_store
from ductape.services.settling import decider
from ductape.stores.sqlite import saving


class SavedStore(TypedDict):
    """A store's file that was copied whole."""

    store: str
    file: str
    bytes: int


class CheckReport(TypedDict):
    """How a store was found."""

    store: str
    findings: list[FindingView]


async def copied(
    settings: Settings, origin: str, target: str, *, again: bool, told: Progress
) -> CopyReport:
    """Copy the store at one URL into the empty one at another, and compare both.

    Raises `Conflict`, `StoreError` or `ConfigError`.
    """
    around = Surroundings()
    source = await _existing(settings, origin, around)
    try:
        sink = await _bare(settings, target, around)
        try:
            return await copy_store(
                Side(name=shown_store(origin), store=source),
                Side(name=shown_store(target), store=sink),
                again=again,
                clock=await source.clock(around.clock, around.ticks),
                told=told,
            )
        finally:
            await sink.aclose()
    finally:
        await source.aclose()


async def checked(settings: Settings) -> CheckReport:
    """Look a store over, changing none of its rows; raises `StoreError` or `ConfigError`."""
    store = await _existing(settings, settings.store, Surroundings())
    try:
        findings = await look_over(store)
    finally:
        await store.aclose()
    return CheckReport(store=shown_store(settings.store), findings=findings)


async def saved(settings: Settings, file: str) -> SavedStore:
    """Copy a SQLite store into a new file, while it is in use; raises `StoreError`."""
    path = _file_of(settings, "pg_dump")
    size = await asyncio.to_thread(saving.save, path, file)
    return SavedStore(store=settings.store, file=file, bytes=size)


async def put_back(settings: Settings, file: str) -> SavedStore:
    """Copy what `saved` made to where the store is to be, which is free; raises `StoreError`."""
    path = _file_of(settings, "pg_restore")
    size = await asyncio.to_thread(saving.put_back, file, path)
    return SavedStore(store=settings.store, file=file, bytes=size)


async def _existing(settings: Settings, store: str, around: Surroundings) -> Store:
    """Open a store that is there; opening another one would make it."""
    number, _ = await schema_numbers(replace(settings, store=store))
    if number is None:
        raise StoreError("there is no store", path=shown_store(store), hint="mend its URL")
    return await _bare(settings, store, around)


async def _bare(settings: Settings, store: str, around: Surroundings) -> Store:
    return await open_bare(
        replace(settings, store=store),
        decide=decider(around.entropy, around.zones.get),
        token=around.entropy.token(6).hex(),
    )


def _file_of(settings: Settings, instead: str) -> str:
    if is_postgres(settings.store):
        raise ConfigError(
            "store: a PostgreSQL database is saved and restored with PostgreSQL's own tools",
            path="store",
            hint=f"{instead} --schema=ductape",
        )
    return sqlite_path(settings.store)

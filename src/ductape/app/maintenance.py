"""Looking after a store from outside its services: its schema and its encryption keys (SPEC 13)."""

from pathlib import Path
from typing import TypedDict

from msgspec.structs import replace

from ductape.app.configuration.loading import shown_store
from ductape.app.configuration.settings import Settings, read_settings
from ductape.app.core import Core, Surroundings, open_core
from ductape.app.opening import bring_up_to_date, schema_numbers
from ductape.errors import ConfigError, Conflict
from ductape.vault import KeyStatus, ring_status, rotate


class SchemaStatus(TypedDict):
    """How new a store's schema is."""

    store: str
    schema: int | None
    """The number of its newest migration; null where there is no database yet."""
    newest: int
    """The number of the newest one that this version has."""
    pending: int


class VaultStatus(TypedDict):
    """Which encryption keys there are, never the keys."""

    source: str
    """`DUCTAPE_KEY`, or the key file."""
    keys: list["KeyView"]


class KeyView(TypedDict):
    """One key."""

    id: str
    seals: bool
    """Whether it is the ring's newest, which seals."""
    in_ring: bool
    seen: bool
    """Whether the store was ever sealed with it."""


def settings_for(store: str | None, config: Path | None) -> Settings:
    """Return the settings in force; raises `ConfigError`."""
    settings = read_settings(config)
    return settings if store is None else settings.alone(store)


async def schema_status(settings: Settings) -> SchemaStatus:
    """Tell how new the schema is, changing nothing; raises `StoreError` or `ConfigError`."""
    schema, newest = await schema_numbers(settings)
    number = None if schema is None else schema.number
    return SchemaStatus(
        store=shown_store(settings.store),
        schema=number,
        newest=newest,
        pending=max(newest - (number or 0), 0),
    )


async def migrated(settings: Settings) -> SchemaStatus:
    """Bring the store up to date; raises `StoreError` or `ConfigError`."""
    await bring_up_to_date(settings)
    return await schema_status(settings)


async def vault_status(settings: Settings) -> VaultStatus:
    """List the encryption keys; raises `StoreError` or `ConfigError`."""
    core = await _open(settings)
    try:
        return await _status(core)
    finally:
        await core.aclose()


async def rotated(settings: Settings, *, force: bool) -> VaultStatus:
    """Put a fresh key in front of the key file's; the old ones go on opening what they sealed.

    A process that runs meanwhile does not know the new key: with live workers this raises
    `Conflict`, unless forced. Raises `ConfigError` where the keys are not in a file.
    """
    core = await _open(settings)
    try:
        live = await core.store.fleet.workers(now_ms=core.around.clock.now_ms())
        if live and not force:
            raise _has_workers(len(live))
        if core.key_file is None:
            raise _not_ours()
        rotate(core.key_file, core.around.entropy)
    finally:
        await core.aclose()
    return await vault_status(settings)  # opening tells the store about the new key


async def _open(settings: Settings) -> Core:
    return await open_core(replace(settings, handlers=()), (), Surroundings())


async def _status(core: Core) -> VaultStatus:
    keys = await ring_status(core.vault, core.store.secrets)
    source = "DUCTAPE_KEY" if core.key_file is None else str(core.key_file)
    return VaultStatus(source=source, keys=[_key(one) for one in keys])


def _key(status: KeyStatus) -> KeyView:
    return KeyView(id=status.id, seals=status.seals, in_ring=status.in_ring, seen=status.seen)


def _has_workers(count: int) -> Conflict:
    return Conflict(
        f"{count} live worker(s) would not know the new key",
        hint="stop them, rotate, start them again (`ductape workers` lists them)",
    )


def _not_ours() -> ConfigError:
    return ConfigError(
        "the keys are given by DUCTAPE_KEY, which only you can change",
        path="DUCTAPE_KEY",
        hint="add a new key behind the old one on every host, restart, then move it to the front",
    )

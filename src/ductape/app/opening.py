"""Opening the store that the settings name, and finding its encryption keys (SPEC 16).

A SQLite store gets a key file beside it unless keys are given. One on a server is shared by many
hosts, so that its keys must be given: a key made here would be unknown everywhere else.
"""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from msgspec.structs import replace

from ductape.app.configuration.loading import is_postgres, shown_store, sqlite_path
from ductape.app.configuration.settings import Settings
from ductape.domain.schema import StoreSchema
from ductape.errors import ConfigError
from ductape.ports.entropy import Entropy
from ductape.ports.stores import Store
from ductape.services.copying import refuse_half_copied
from ductape.stores.sqlite import migrating as file_migrating
from ductape.stores.sqlite.store import open_sqlite
from ductape.stores.sqlite.turns.claims import Decide
from ductape.vault.keyfile import load_or_make
from ductape.vault.ring import KeyRing, parse_ring


class OpenStore(Protocol):
    """Opens the store that settings name; `token` names this process among its neighbours."""

    async def __call__(self, settings: Settings, *, decide: Decide, token: str) -> Store:
        """Open it; raises `StoreError` or `ConfigError`."""
        ...


async def open_store(
    settings: Settings, *, decide: Decide, token: str, simulated: bool = False
) -> Store:
    """Open it; `token` names this process among its neighbours.

    Raises `StoreError`, or `ConfigError` where the extra for it is not installed.
    """
    if is_postgres(settings.store):
        _refuse_without_keys(settings)
    store = await open_bare(settings, decide=decide, token=token, simulated=simulated)
    try:
        await refuse_half_copied(store, shown_store(settings.store))
    except BaseException:
        await store.aclose()
        raise
    return store


async def open_stores(
    settings: Settings, open_one: OpenStore, *, decide: Decide, token: str
) -> dict[str, Store]:
    """Open every store that the settings name, the default one first.

    Where one of them cannot be opened, none stays open. Raises `StoreError` or `ConfigError`.
    """
    opened: dict[str, Store] = {}
    try:
        for name, url in settings.urls().items():
            named = replace(settings, store=url)
            opened[name] = await open_one(named, decide=decide, token=token)
    except BaseException:
        for store in opened.values():
            await store.aclose()
        raise
    return opened


async def open_bare(
    settings: Settings, *, decide: Decide, token: str, simulated: bool = False
) -> Store:
    """Open it without asking for keys, though a copy may have stopped halfway in it."""
    if not is_postgres(settings.store):
        path = sqlite_path(settings.store)
        return open_sqlite(path, decide=decide, token=token, inline=simulated)
    if simulated:
        raise ConfigError("store: simulated time needs a SQLite store", path="store")
    with _the_extra():
        from ductape.stores.postgres.store import open_postgres  # noqa: PLC0415 (an extra)
    return await open_postgres(settings.store, decide=decide, token=token)


def key_ring(settings: Settings, entropy: Entropy) -> tuple[KeyRing, Path | None, bool]:
    """Return the keys, the file they are in, and whether it was made just now; newest key first.

    Raises `ConfigError`.
    """
    if settings.key is not None:
        return parse_ring(settings.key), None, False
    key_file = Path(settings.key_file or f"{sqlite_path(settings.store)}.key")
    ring, made = load_or_make(key_file, entropy)
    return ring, key_file, made


def key_file_of(settings: Settings) -> Path | None:
    """Return the file of the keys; none where they are given, or where there is no place for one.

    Raises `ConfigError` for a store that is none.
    """
    if settings.key is not None:
        return None
    if settings.key_file is not None:
        return Path(settings.key_file)
    return None if is_postgres(settings.store) else Path(f"{sqlite_path(settings.store)}.key")


async def schema_numbers(settings: Settings) -> tuple[StoreSchema | None, int]:
    """Return how new the store's schema is, if any, and our newest migration; change nothing.

    Raises `StoreError` or `ConfigError`.
    """
    if is_postgres(settings.store):
        with _the_extra():
            from ductape.stores.postgres.schema import migrating  # noqa: PLC0415 (an extra)
        return await migrating.schema_of(settings.store), migrating.newest_schema()
    return file_migrating.schema_of(sqlite_path(settings.store)), file_migrating.newest_schema()


async def bring_up_to_date(settings: Settings) -> None:
    """Apply the migrations that the store lacks; raises `StoreError` or `ConfigError`."""
    if is_postgres(settings.store):
        with _the_extra():
            from ductape.stores.postgres.schema import migrating  # noqa: PLC0415 (an extra)
        await migrating.migrate(settings.store)
    else:
        file_migrating.migrate(sqlite_path(settings.store))


@contextmanager
def _the_extra() -> Generator[None]:
    """Say which extra is missing where what speaks to PostgreSQL cannot be imported."""
    try:
        yield
    except ImportError as error:
        raise ConfigError(
            f"store: a PostgreSQL store needs the extra `postgres` ({error})",
            path="store",
            hint="pip install 'ductape-jobs[postgres]'",
        ) from error


def _refuse_without_keys(settings: Settings) -> None:
    if settings.key is None and settings.key_file is None:
        raise ConfigError(
            "key: a PostgreSQL store is shared by many hosts, so that its keys must be given",
            path="key",
            hint="set DUCTAPE_KEY to the same keys on every host",
        )

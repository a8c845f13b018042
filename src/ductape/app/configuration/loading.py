"""Finding what settings name: a store's URL, a registry of handlers."""

import importlib
import sys
from pathlib import Path

from ductape.domain.jsonlimits import lone_surrogate
from ductape.errors import ConfigError
from ductape.handlers.python import Handlers
from ductape.stores.postgres.server.urls import shown

SQLITE = "sqlite:///"
POSTGRES = ("postgresql://", "postgres://")


def is_postgres(store: str) -> bool:
    """Tell whether a store URL names a PostgreSQL database.

    >>> is_postgres("postgresql://ada@db/jobs"), is_postgres("jobs.db")
    (True, False)
    """
    return store.startswith(POSTGRES)


def sqlite_path(store: str) -> str:
    """Return the file of a store URL or plain path; raises `ConfigError` for other stores.

    >>> sqlite_path("sqlite:///ductape.db"), sqlite_path("sqlite:////var/lib/d.db")
    ('ductape.db', '/var/lib/d.db')
    """
    if store.startswith(SQLITE):
        path = store.removeprefix(SQLITE)
        if "?" in path:
            raise ConfigError(
                "store: expected `sqlite:///FILE`, which takes no options, found a `?`",
                path="store",
                hint="a file of that name is opened by its plain path",
            )
    elif "://" in store:
        scheme = store.partition("://")[0]
        raise ConfigError(
            f"store: expected `sqlite:///FILE` or `postgresql://…`, found a `{scheme}` URL",
            path="store",
        )
    else:
        path = store
    if not path or path == ":memory:":
        raise ConfigError("store: expected a file, found none", path="store")
    if "\0" in path:
        raise ConfigError("store: expected a file, found NUL in its name", path="store")
    if lone_surrogate(path):
        raise ConfigError(
            "store: expected a file with a name in UTF-8, found another one", path="store"
        )
    return path


def shown_store(store: str) -> str:
    """Return a store URL as people and logs may see it: without its password."""
    return shown(store) if is_postgres(store) else store


def load_handlers(name: str) -> Handlers:
    """Import a registry named `module:attribute`, from the working folder too."""
    module_name, _, attribute = name.partition(":")
    if not module_name or not attribute:
        raise ConfigError(f"handlers: expected `module:attribute`, found `{name}`", path="handlers")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        found: object = getattr(importlib.import_module(module_name), attribute)
    except (ImportError, AttributeError, NameError, SyntaxError) as error:
        said = f"handlers: `{name}` cannot be loaded: {error}"
        raise ConfigError(said, path="handlers") from error
    if not isinstance(found, Handlers):
        raise ConfigError(
            f"handlers: `{name}` is a {type(found).__name__}, not a `ductape.Handlers`",
            path="handlers",
        )
    return found

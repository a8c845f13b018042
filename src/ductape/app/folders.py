"""Which folders of this host definitions and callers may use (SPEC 16, `[files] roots`).

Without roots the embedded default lets storages use the working folder, the store's and the one for
temporary files, as it grants loopback; a store on a server, shared by many hosts, grants none. What
a caller uploads from this host needs a root in any case.
"""

import tempfile
from pathlib import Path

from ductape.app.configuration.loading import is_postgres, sqlite_path
from ductape.app.configuration.settings import FILE_NAME, Settings
from ductape.app.opening import key_file_of
from ductape.providers.databases import FileRules
from ductape.providers.storage import Roots


def storage_roots(settings: Settings) -> Roots:
    """Return where the folders of local storages may be."""
    if settings.files.roots:
        return caller_roots(settings)
    if is_postgres(settings.store):
        return Roots((), _own_files(settings))
    beside = Path(sqlite_path(settings.store)).absolute().parent
    folders = {Path.cwd(), Path(tempfile.gettempdir()), beside}
    # A service's working folder is often `/`, and that is not meant.
    granted = sorted(str(one) for one in folders if one != one.parent)
    return Roots(tuple(granted), _own_files(settings))


def caller_roots(settings: Settings) -> Roots:
    """Return where files may be that a caller names."""
    roots = tuple(str(Path(root).absolute()) for root in settings.files.roots)
    return Roots(roots, _own_files(settings))


def database_files(settings: Settings) -> FileRules:
    """Return where SQLite databases of products may be: where local storages may.

    A path that begins nowhere is looked for in the working folder first.
    """
    here = str(Path.cwd())
    roots = storage_roots(settings)
    own = (*roots.stores, str(Path(FILE_NAME).absolute()))
    return FileRules(tuple(sorted(roots.allowed, key=lambda one: one != here)), own)


def _own_files(settings: Settings) -> tuple[str, ...]:
    stores = [sqlite_path(url) for url in settings.urls().values() if not is_postgres(url)]
    key_file = key_file_of(settings)
    keys = [] if key_file is None else [key_file]
    return tuple(str(Path(one).absolute()) for one in (*stores, *keys))

"""Opening what lies below the operator's roots, and nothing else (SPEC 18, `[files] roots`).

Every folder on the way down is opened by its own name from the one above it, links refused, so
that neither a link nor a folder that is exchanged in between leads out. Only plain files count.
"""

import errno
import os
import stat
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from msgspec import Struct

from ductape.errors import ProviderError

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""A pipe must not keep us waiting before it is found to be none of ours."""
_LINK = frozenset({errno.ELOOP, errno.ENOTDIR, errno.EMLINK})

_SETTINGS = "ductape.toml"
"""May hold keys."""


class Roots(Struct, frozen=True):
    """Which folders may be used, and which files in them are the store's own."""

    allowed: tuple[str, ...]
    """Absolute paths; a root itself may be a link."""
    stores: tuple[str, ...] = ()
    """Paths of stores and key files: neither they nor what lies beside them under their names."""

    def parts(self, path: str) -> tuple[str, tuple[str, ...]]:
        """Return the root that a path is below, and the way down from there.

        Raises `ProviderError` with `FORBIDDEN` for what is below none, or climbs.
        """
        if "\0" in path or ".." in Path(path).parts:
            raise _refused("a path that climbs (`..`) is refused")
        whole = os.path.abspath(path)  # noqa: PTH100 (`Path.resolve` would follow links)
        for root in self.allowed:
            for spelt in (root, os.path.realpath(root)):
                if whole == spelt:
                    return root, ()
                below = whole.removeprefix(spelt.rstrip(os.sep) + os.sep)
                if below != whole:
                    return root, Path(below).parts
        raise _refused("the path is not below any of the operator's roots")

    def is_store(self, folder: int, name: str) -> bool:
        """Tell whether a name in an open folder is the store's, its keys' or the settings'."""
        if name.casefold() == _SETTINGS:
            return True
        here = os.fstat(folder)
        for store in self.stores:
            above, _, own = store.rpartition(os.sep)
            if name.casefold().startswith(own.casefold()) and _same(above or os.sep, here):
                return True
        return False


@contextmanager
def folder(root: str, way: Sequence[str], *, make: bool = False) -> Generator[int]:
    """Open the folder at the end of a way down; `make` makes what is missing.

    Raises `OSError`, or `ProviderError` with `FORBIDDEN` where a link is on the way. A file that
    stands where a folder should means that nothing is there, or that nothing can be made there.
    """
    here = os.open(root, _FOLDER)
    try:
        for name in way:
            below = _next(here, name, make=make)
            os.close(here)
            here = below
        yield here
    finally:
        os.close(here)


def plain_file(roots: Roots, parent: int, name: str) -> int:
    """Open a plain file of an open folder for reading.

    Raises `OSError`, or `ProviderError` with `FORBIDDEN` for a link, a device or the store's own.
    """
    if roots.is_store(parent, name):
        raise _refused("the file belongs to the job store")
    try:
        opened = os.open(name, _READ, dir_fd=parent)
    except OSError as error:
        if error.errno in _LINK:
            raise _refused("a link is not followed") from error
        raise
    mode = os.fstat(opened).st_mode
    if stat.S_ISREG(mode):
        return opened
    os.close(opened)
    if stat.S_ISDIR(mode):
        raise FileNotFoundError(errno.ENOENT, "a folder is no file")
    raise _refused("what has this name is no plain file")


def refuse_store(roots: Roots, parent: int, name: str) -> None:
    """Refuse a name that is the store's own; raises `ProviderError` with `FORBIDDEN`."""
    if roots.is_store(parent, name):
        raise _refused("the file belongs to the job store")


def _next(here: int, name: str, *, make: bool) -> int:
    try:
        return os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=here)
    except FileNotFoundError:
        if not make:
            raise
    except OSError as error:
        if error.errno not in _LINK:
            raise
        if _is_link(here, name):
            raise _refused("a link is not followed") from error
        missing = NotADirectoryError if make else FileNotFoundError
        raise missing(errno.ENOTDIR if make else errno.ENOENT, "no folder") from error
    with suppress(FileExistsError):
        os.mkdir(name, dir_fd=here)
        os.fsync(here)
    return _next(here, name, make=False)


def _is_link(here: int, name: str) -> bool:
    with suppress(FileNotFoundError):
        return stat.S_ISLNK(os.stat(name, dir_fd=here, follow_symlinks=False).st_mode)
    return True  # somebody exchanges it while we look


def _same(path: str, here: os.stat_result) -> bool:
    try:
        there = Path(path).stat()
    except OSError:
        return False
    return (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino)


def _refused(reason: str) -> ProviderError:
    hint = "the operator names folders in [files] roots"
    return ProviderError("FORBIDDEN", reason, hint=hint)

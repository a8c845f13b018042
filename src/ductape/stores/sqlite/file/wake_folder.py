"""The folder of wake-up sockets: made by who comes first, taken away by who leaves last.

It stands beside the database file (mode 0700), or, where that makes too long a path for a socket,
among the temporary files. Whoever is in it keeps it: a folder with a socket cannot be removed.
"""

import hashlib
import os
import socket
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

LONGEST_SOCKET_PATH = 90
"""Unix socket paths hold about 100 bytes."""
MOST_TRIES = 1_000
"""Each that is lost is the folder being removed by another process that leaves just then."""


def enter(path: str, token: str) -> tuple[Path, socket.socket]:
    """Return a socket called `token` in the folder of a database file, and where it is.

    Raises `OSError`: `PermissionError` for a folder that is not this user's own.
    """
    folder = folder_of(path)
    for _ in range(MOST_TRIES - 1):
        try:
            return _socket_in(folder, token)
        except FileNotFoundError:
            if not folder.parent.is_dir():
                raise
    return _socket_in(folder, token)


def leave(own: Path) -> None:
    """Take a socket away, and the folder if nobody else is in it; twice is harmless."""
    own.unlink(missing_ok=True)
    # Mostly somebody else is in it; and a folder that stays does no harm.
    with suppress(OSError):
        own.parent.rmdir()


def folder_of(path: str) -> Path:
    """Return where the sockets of a database file are."""
    folder = Path(f"{Path(path).resolve()}.wake")
    if len(os.fsencode(folder)) <= LONGEST_SOCKET_PATH - 20:
        return folder
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"ductape-{os.getuid()}-{name}"


def _socket_in(folder: Path, token: str) -> tuple[Path, socket.socket]:
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    _refuse_strangers(folder)
    return folder / token, _socket_at(folder / token)


def _socket_at(path: Path) -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    try:
        made.bind(str(path))
    except OSError:
        made.close()
        raise
    return made


def _refuse_strangers(folder: Path) -> None:
    """Refuse a folder that somebody else made, or may write to; raises `PermissionError`."""
    seen = folder.lstat()
    ours = stat.S_ISDIR(seen.st_mode) and seen.st_uid == os.getuid()
    if not ours or seen.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise PermissionError(f"{folder} is not this user's own folder of mode 0700")

"""The folder of a relay's socket, among the temporary files: ours alone, and gone when we are.

It is locked as long as its process lives, and the system lets go of the lock whatever the process
dies of. So who comes next can tell what a killed process has left behind from what is in use, be
it by a process in another container, whose number would tell nothing.
"""

import os
import shutil
import stat
import tempfile
from contextlib import suppress
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path

_PREFIX = "dt-"
_SOCKET = "mongodb.sock"


class Folder:
    """One relay's."""

    def __init__(self) -> None:
        """Make it, and clear away what killed processes of this user have left."""
        clear_abandoned()
        self._path = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self._held = _held(self._path)

    @property
    def socket(self) -> Path:
        """Where the socket is; until there is one, nobody takes the folder for abandoned."""
        return self._path / _SOCKET

    def make_again(self) -> None:
        """Make it once more; raises `OSError` where its place is somebody else's."""
        with suppress(FileExistsError):
            self._path.mkdir(mode=0o700)
        if not _is_ours(self._path.lstat()):
            raise PermissionError(f"{self._path} is not this user's own folder of mode 0700")
        os.close(self._held)
        self._held = _held(self._path)

    def remove(self) -> None:
        """Take it away."""
        shutil.rmtree(self._path, ignore_errors=True)
        os.close(self._held)


def clear_abandoned() -> None:
    """Take away the folders of this user's whose processes are gone."""
    with os.scandir(tempfile.gettempdir()) as there:
        found = [one.path for one in there if one.name.startswith(_PREFIX)]
    for path in found:
        # Most likely it is in use, or somebody else's; and a folder that stays does no harm.
        with suppress(OSError):
            _clear(path)


def _clear(path: str) -> None:
    """Take one away; raises `OSError` where it is not to be."""
    folder = _opened(path)
    try:
        socket = os.stat(_SOCKET, dir_fd=folder, follow_symlinks=False)
        if _is_ours(os.fstat(folder)) and stat.S_ISSOCK(socket.st_mode):
            flock(folder, LOCK_EX | LOCK_NB)
            os.unlink(_SOCKET, dir_fd=folder)
            Path(path).rmdir()  # of a folder alone, never of a link to one
    finally:
        os.close(folder)


def _held(path: Path) -> int:
    """Return a folder opened and locked, where its file system has locks."""
    folder = _opened(path)
    with suppress(OSError):
        flock(folder, LOCK_EX | LOCK_NB)
    return folder


def _opened(path: str | Path) -> int:
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)


def _is_ours(seen: os.stat_result) -> bool:
    """Tell a folder that somebody else made, or may write to: what is sent is in the clear."""
    ours = stat.S_ISDIR(seen.st_mode) and seen.st_uid == os.getuid()
    return ours and not seen.st_mode & (stat.S_IRWXG | stat.S_IRWXO)

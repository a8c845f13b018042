"""Where the files of tests lie: in memory where it has room, on the disk elsewhere.

What tests prove is not the disk, yet making and removing a thousand databases on one costs more
than all that is done in them. Every process that a test starts is told by `TMPDIR`.
"""

import os
import shutil
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")  # noqa: S108 (folders of random names are made in it)
ROOM = 3 << 30
"""Bytes: two processes were seen to take some 170 MB; a server's log of changes may take a GB."""


def has_room(folder: Path) -> bool:
    """Whether files may be made here, programs run from here, and there is space for all."""
    return (
        os.access(folder, os.W_OK)
        and not os.statvfs(folder).f_flag & os.ST_NOEXEC
        and shutil.disk_usage(folder).free >= ROOM
    )


def prefer_memory() -> None:
    """Have temporary files lie in memory from now on, unless somebody chose where."""
    if "TMPDIR" not in os.environ and has_room(MEMORY):
        os.environ["TMPDIR"] = str(MEMORY)
        tempfile.tempdir = None  # to be looked up again

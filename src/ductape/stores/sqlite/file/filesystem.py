"""Is the file's folder on a disk of this machine? Locks over a network are not to be trusted.

Linux tells in `/proc/self/mountinfo`; where that cannot be read, nothing is refused.
"""

import os
from pathlib import Path

from ductape.errors import StoreError

MOUNTS = Path("/proc/self/mountinfo")

REMOTE = frozenset(
    {
        "afs",
        "ceph",
        "cifs",
        "fuse.glusterfs",
        "fuse.s3fs",
        "fuse.sshfs",
        "glusterfs",
        "nfs",
        "nfs4",
        "smb2",
        "smb3",
        "smbfs",
    }
)


def refuse_remote(path: str, *, mounts: Path = MOUNTS) -> None:
    """Raise `StoreError` for a database on a network file system."""
    kind = kind_of(Path(path).absolute().parent, mounts=mounts)
    if kind in REMOTE:
        raise StoreError(
            f"the database would lie on a network file system ({kind}), whose locks do not hold",
            path=path,
            hint="keep it on a local disk; many machines share PostgreSQL instead",
        )


def kind_of(folder: Path, *, mounts: Path = MOUNTS) -> str | None:
    """Return the type of the file system that holds a folder; none where that cannot be told."""
    try:
        device = folder.stat().st_dev
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None  # opening the file itself will tell what is wrong with the folder
    wanted = f"{os.major(device)}:{os.minor(device)}"
    for line in lines:
        place, _, rest = line.partition(" - ")
        if place.split()[2:3] == [wanted]:
            return rest.split()[0]
    return None

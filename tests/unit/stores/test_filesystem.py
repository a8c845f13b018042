"""A database on a network file system is refused before it is opened."""

import os
from pathlib import Path

import pytest

from ductape.errors import StoreError
from ductape.stores.sqlite.file.filesystem import refuse_remote


def mounted_as(kind: str, folder: Path) -> Path:
    device = folder.stat().st_dev
    mounts = folder / "mountinfo"
    mounts.write_text(
        f"21 1 {os.major(device)}:{os.minor(device)} / / rw,relatime shared:1 - {kind} /dev/x rw\n"
    )
    return mounts


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs"])
def test_a_network_file_system_is_refused_with_what_to_do(kind: str, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=kind) as caught:
        refuse_remote(str(tmp_path / "a.db"), mounts=mounted_as(kind, tmp_path))
    assert "local disk" in str(caught.value.hint)


def test_a_local_disk_is_taken(tmp_path: Path) -> None:
    refuse_remote(str(tmp_path / "a.db"), mounts=mounted_as("ext4", tmp_path))


def test_where_the_system_does_not_tell_nothing_is_refused(tmp_path: Path) -> None:
    refuse_remote(str(tmp_path / "a.db"), mounts=tmp_path / "nothing")

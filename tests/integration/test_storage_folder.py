"""Storages in a folder of this host: whole files, and no way out of the folder."""

import asyncio
import errno
import os
from base64 import b64decode
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest

from ductape.app.system import SystemEntropy
from ductape.domain.definitions.storage import StorageTarget
from ductape.domain.jsonvalue import JsonObject
from ductape.errors import ProviderError, ResultTooLarge, ValidationError
from ductape.providers.storage import LocalBlobs, Roots
from ductape.worker.threads import WorkerThreads
from tests.integration.storing import Stored, as_base64, stored

MIB = 1_048_576

T = TypeVar("T")


@pytest.fixture
async def folder(tmp_path: Path) -> AsyncIterator[Stored]:
    place = {"type": "local", "path": str(tmp_path / "files"), "prefix": "t1"}
    async with stored(place, tmp_path, barred=(tmp_path / "files/t1/ductape.db",)) as one:
        yield one


@pytest.fixture
def inside(tmp_path: Path) -> Path:
    """Return the folder that the files of `folder` are in."""
    found = tmp_path / "files" / "t1"
    found.mkdir(parents=True)
    return found


async def test_a_file_goes_there_and_comes_back(folder: Stored, inside: Path) -> None:
    put = await folder.upload("a/ü 1.txt", b"hello")
    assert (inside / "a/ü 1.txt").read_bytes() == b"hello"
    assert put == {
        "url": (inside / "a/ü 1.txt").as_uri(),
        "fileName": "a/ü 1.txt",
        "size": 5,
        "mimeType": "text/plain",
        "etag": put["etag"],
    }
    got = await folder.download("a/ü 1.txt")
    assert got == {**put, "buffer": as_base64(b"hello")}
    exists: JsonObject = {"operation": "exists", "fileName": "a/ü 1.txt"}
    assert await folder.act(exists) == {**put, "exists": True}
    assert names_in(inside / "a") == ["ü 1.txt"]


async def test_a_retry_writes_the_same_name_again(folder: Stored, inside: Path) -> None:
    for content in (b"draft", b"draft", b"final"):
        await folder.upload("report", content)
    assert (inside / "report").read_bytes() == b"final"
    assert await folder.names() == ["report"]


async def test_pages_deletions_and_what_is_not_there(folder: Stored) -> None:
    assert await folder.names() == []
    for name in ("b/2", "a", "b/1", "bb"):
        await folder.upload(name, b"x")
    first = await folder.act({"operation": "list", "limit": 3})
    assert (first["count"], await folder.names(cursor=first["cursor"])) == (3, ["bb"])
    assert await folder.names(prefix="b") == ["b/1", "b/2"]
    assert await folder.names(prefix="nowhere") == []
    for _ in range(2):
        await folder.act({"operation": "delete", "fileName": "b/1"})
    assert await folder.names(prefix="b/") == ["b/2"]
    missing: JsonObject = {"operation": "exists", "fileName": "x/y"}
    assert (await folder.act(missing))["exists"] is False
    # A folder is no file, as in a bucket: there is none of its name, and none to delete.
    assert (await folder.act({"operation": "exists", "fileName": "b"}))["exists"] is False
    assert (await folder.act({"operation": "delete", "fileName": "b"}))["deleted"] is True
    assert await folder.names(prefix="b/") == ["b/2"]
    error = await folder.refused({"operation": "download", "fileName": "x"})
    assert (error.code, error.message) == ("NOT_FOUND", "there is no such file")


def names_in(folder: Path) -> list[str]:
    """Return what is in a folder."""
    return sorted(one.name for one in folder.iterdir())


BAD_NAMES = [
    "../secret",
    "a/../../secret",
    "..",
    ".",
    "/etc/passwd",
    "C:/x",
    "a\\..\\b",
    "a\0b",
    "a\nb",
    "a//b",
    "a/",
    "",
    " a",
    "a.",
    "con",
    "LPT1.txt",
    "x" * 201,
    "y/" * 600 + "z",
    "e\u0301",
    "\u202egpj.exe",
    "\uff0e\uff0e/x",
    "\u2025/x",
    "a\u200bb",
    ".ductape-0",
]


@pytest.mark.parametrize("name", BAD_NAMES)
@pytest.mark.parametrize("operation", ["upload", "download", "delete", "exists"])
async def test_a_name_that_could_lead_out_is_refused(
    folder: Stored, tmp_path: Path, name: str, operation: str
) -> None:
    given: JsonObject = {"operation": operation, "fileName": name}
    with pytest.raises(ValidationError) as raised:
        await folder.act(given | ({"buffer": "YQ=="} if operation == "upload" else {}))
    assert [one["path"] for one in raised.value.errors] == ["input.fileName"]
    assert names_in(tmp_path) == []


async def test_links_are_not_followed(folder: Stored, inside: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("s3cret")
    (inside / "file").symlink_to(outside / "secret")
    (inside / "dir").symlink_to(outside)
    for name in ("file", "dir/secret"):
        for operation in ("download", "exists"):
            error = await folder.refused({"operation": operation, "fileName": name})
            assert error.code == "FORBIDDEN"
    upload: JsonObject = {"fileName": "dir/new", "buffer": "YQ=="}
    assert (await folder.refused(upload)).code == "FORBIDDEN"
    gone: JsonObject = {"operation": "delete", "fileName": "dir/secret"}
    assert (await folder.refused(gone)).code == "FORBIDDEN"
    assert await folder.names() == []
    await folder.upload("file", b"instead of the link")
    assert (outside / "secret").read_text() == "s3cret"
    assert not (inside / "file").is_symlink()


@dataclass
class Meddling:
    """Threads that exchange a folder for a link after each step, as somebody else might."""

    folder: Path
    outside: Path
    steps: int = 0

    async def run(self, function: Callable[[], T]) -> T:
        """Take one step, then exchange."""
        done = function()
        self.steps += 1
        if self.folder.is_dir() and not self.folder.is_symlink():
            self.folder.rename(self.folder.with_name(f"old{self.steps}"))
            self.folder.symlink_to(self.outside)
        return done


async def test_a_folder_that_becomes_a_link_in_between_leads_nowhere(
    inside: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    threads = Meddling(inside / "real", outside)
    blobs = LocalBlobs(Roots((str(tmp_path),)), threads, SystemEntropy())
    place = StorageTarget(type="local", path=str(inside))

    async def content() -> AsyncIterator[bytes]:
        yield b"x"

    await blobs.put(place, "real/file", content(), "text/plain", timeout_ms=5_000)
    assert (names_in(outside), names_in(inside / "old1")) == ([], ["file"])
    with pytest.raises(ProviderError, match="link"):
        await blobs.get(place, "real/file", most_bytes=10, timeout_ms=5_000)


async def test_what_is_no_plain_file_is_refused_and_keeps_nobody_waiting(
    folder: Stored, inside: Path
) -> None:
    os.mkfifo(inside / "pipe")
    error = await folder.refused({"operation": "download", "fileName": "pipe"})
    assert error.code == "FORBIDDEN"
    assert await folder.names() == []


async def test_a_folder_is_no_file_and_a_file_no_folder(folder: Stored, inside: Path) -> None:
    (inside / "dir").mkdir()
    (inside / "file").write_text("x")
    for name in ("dir", "file/below"):
        assert (await folder.act({"operation": "exists", "fileName": name}))["exists"] is False
        error = await folder.refused({"operation": "download", "fileName": name})
        assert error.code == "NOT_FOUND"
        error = await folder.refused({"fileName": name, "buffer": "YQ=="})
        assert error.code == "VALIDATION_ERROR"
    assert await folder.names() == ["file"]
    assert names_in(inside) == ["dir", "file"]


@pytest.mark.parametrize("name", ["ductape.db", "ductape.db-wal", "Ductape.DB.key", "ductape.toml"])
async def test_the_stores_own_files_are_nobodys(folder: Stored, inside: Path, name: str) -> None:
    (inside / name).write_text("k3y")
    for operation in ("download", "exists", "delete"):
        error = await folder.refused({"operation": operation, "fileName": name})
        assert error.code == "FORBIDDEN"
    upload: JsonObject = {"fileName": name, "buffer": "YQ=="}
    assert (await folder.refused(upload)).code == "FORBIDDEN"
    assert await folder.names() == []
    assert (inside / name).read_text() == "k3y"


@pytest.mark.parametrize("path", ["/etc", "../elsewhere", "/"])
async def test_a_folder_below_no_root_is_refused(folder: Stored, path: str) -> None:
    error = await folder.refused({"operation": "download", "fileName": "passwd"}, path=path)
    assert error.code == "FORBIDDEN"
    assert "[files] roots" in str(error.hint)


async def test_a_file_that_a_result_cannot_hold_is_refused(folder: Stored, inside: Path) -> None:
    (inside / "large").write_bytes(b"x" * MIB)
    with pytest.raises(ResultTooLarge):
        await folder.download("large")


async def test_a_local_file_is_uploaded_in_pieces(
    folder: Stored, inside: Path, tmp_path: Path
) -> None:
    large = tmp_path / "large.bin"
    large.write_bytes(os.urandom(3 * MIB + 1))
    put = await folder.act({"fileName": "copy.bin", "file": str(large)})
    assert put["size"] == 3 * MIB + 1
    assert (inside / "copy.bin").read_bytes() == large.read_bytes()


async def test_a_local_file_outside_of_the_roots_is_refused(folder: Stored, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc/hostname")
    for path in ("/etc/hostname", str(tmp_path / "link"), str(tmp_path / ".." / "x")):
        error = await folder.refused({"fileName": "a", "file": path})
        assert error.code == "FORBIDDEN"
    error = await folder.refused({"fileName": "a", "file": str(tmp_path / "no such")})
    assert error.code == "NOT_FOUND"
    assert await folder.names() == []


async def test_an_upload_that_breaks_off_leaves_the_file_as_it_was(
    folder: Stored, inside: Path, tmp_path: Path
) -> None:
    await folder.upload("kept", b"before")
    (tmp_path / "huge").write_bytes(b"x" * 2 * MIB)
    given: JsonObject = {"fileName": "kept", "file": str(tmp_path / "huge")}
    assert (await folder.refused(given, max_bytes=MIB)).code == "VALIDATION_ERROR"
    assert b64decode(str((await folder.download("kept"))["buffer"])) == b"before"
    assert names_in(inside) == ["kept"]


async def test_an_upload_that_is_cancelled_leaves_nothing(inside: Path, tmp_path: Path) -> None:
    threads, entropy = WorkerThreads(), SystemEntropy()
    blobs = LocalBlobs(Roots((str(tmp_path),)), threads, entropy)
    begun = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield b"x" * MIB
        begun.set()
        await asyncio.Event().wait()

    place = StorageTarget(type="local", path=str(inside))
    put = blobs.put(place, "never", endless(), "text/plain", timeout_ms=30_000)
    task = asyncio.create_task(put)
    await begun.wait()
    assert len(names_in(inside)) == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert names_in(inside) == []


async def test_a_full_disk_is_told_and_leaves_the_file_as_it_was(
    folder: Stored, inside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await folder.upload("kept", b"before")

    def full(_made: int, _content: bytes) -> int:
        raise OSError(errno.ENOSPC, "full")

    with monkeypatch.context() as patched:  # no disk here is full
        patched.setattr(os, "write", full)
        error = await folder.refused({"fileName": "kept", "buffer": as_base64(b"after")})
    assert (error.code, error.message) == (
        "SERVICE_UNAVAILABLE",
        "the folder: No space left on device",
    )
    assert b64decode(str((await folder.download("kept"))["buffer"])) == b"before"
    assert names_in(inside) == ["kept"]


async def test_a_folder_signs_nothing(folder: Stored) -> None:
    with pytest.raises(ValidationError, match="sign"):
        await folder.act({"operation": "sign", "fileName": "a"})

"""The key file: a ring beside an embedded database, readable by its owner alone (SPEC 16).

Two processes may make or rotate it at the same moment. A file is written whole under another name
and only then put in its place: a first one by a hard link, which fails where somebody was faster;
a later one by a rename, under a lock on the folder, so that no key is ever lost.
"""

import os
import stat
from collections.abc import Generator
from contextlib import contextmanager
from fcntl import LOCK_EX, flock
from pathlib import Path

from ductape.errors import ConfigError
from ductape.ports.entropy import Entropy
from ductape.vault.ring import KeyRing, fresh_key, parse_ring, rotated, write_ring

OWNER_ONLY = 0o600
MOST_BYTES = 65_536


def load_or_make(path: Path, entropy: Entropy) -> tuple[KeyRing, bool]:
    """Return the file's ring, and whether this call made the file.

    Raises `ConfigError` for a file that others may read, that holds no ring, or that cannot be
    read or made.
    """
    with _explained(path):
        try:
            return _load(path), False
        except FileNotFoundError:
            made = _place_first(path, KeyRing((fresh_key(entropy),)), entropy)
            return _load(path), made


def rotate(path: Path, entropy: Entropy) -> KeyRing:
    """Put a fresh key in front of the file's ring and return the new ring; raises `ConfigError`."""
    with _explained(path), _locked(path.parent) as folder:
        ring = rotated(_load(path), entropy)
        written = _write_aside(path, ring, entropy)
        written.replace(path)
        os.fsync(folder)
        return ring


def _load(path: Path) -> KeyRing:
    with path.open("rb") as file:
        mode = os.fstat(file.fileno()).st_mode
        if not stat.S_ISREG(mode):
            raise ConfigError(
                f"{path}: expected a key file, found something that is no file",
                path=str(path),
                hint="name the file that holds the keys",
            )
        if stat.S_IMODE(mode) & ~(stat.S_IRWXU):
            raise ConfigError(
                f"{path}: the key file is open to others than its owner",
                path=str(path),
                hint=f"chmod 600 {path}",
            )
        text = file.read(MOST_BYTES).decode("ascii", errors="replace")
    return parse_ring(text, source=str(path))


def _place_first(path: Path, ring: KeyRing, entropy: Entropy) -> bool:
    written = _write_aside(path, ring, entropy)
    try:
        path.hardlink_to(written)
    except FileExistsError:
        return False
    finally:
        written.unlink()
    with _locked(path.parent) as folder:
        os.fsync(folder)
    return True


def _write_aside(path: Path, ring: KeyRing, entropy: Entropy) -> Path:
    aside = path.with_name(f".{path.name}.{entropy.token(8).hex()}")
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(write_ring(ring))
        file.flush()
        os.fsync(handle)
    return aside


@contextmanager
def _locked(folder: Path) -> Generator[int]:
    handle = os.open(folder, os.O_RDONLY)
    try:
        flock(handle, LOCK_EX)
        yield handle
    finally:
        os.close(handle)


@contextmanager
def _explained(path: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigError(
            f"{path}: the key file cannot be used: {error.strerror}",
            path=str(path),
            hint="the folder must exist and be yours, or set DUCTAPE_KEY instead",
        ) from error

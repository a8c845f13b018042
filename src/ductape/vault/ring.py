"""The ring of encryption keys: the newest seals, every one opens (SPEC 16).

A ring is written as text, newest first, keys parted by commas or line breaks. A key is 32 bytes in
base64url, with or without an id before it: `2026-11:3q2-7w…` or `3q2-7w…`. A key without an id is
named by a hash of itself, so that every host names it alike. Nothing here shows a key: not an
error, not a repr.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256

from msgspec import Struct

from ductape.errors import ConfigError
from ductape.ports.entropy import Entropy

KEY_BYTES = 32
SETTING = "DUCTAPE_KEY"

_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_KEY = re.compile(r"[A-Za-z0-9_-]{43}=?")
_HOW = "make a key with: openssl rand -base64 32 | tr '+/' '-_'"


class RingKey(Struct, frozen=True):
    """One key."""

    id: str
    """Stands in the clear in everything that the key has sealed."""
    secret: bytes
    """32 bytes."""

    def __repr__(self) -> str:
        """Keep the key out of every log and traceback."""
        return f"RingKey(id={self.id!r})"


class KeyRing(Struct, frozen=True):
    """At least one key, newest first, each id once."""

    keys: tuple[RingKey, ...]

    @property
    def newest(self) -> RingKey:
        """The key that seals."""
        return self.keys[0]


def parse_ring(text: str, *, source: str = SETTING) -> KeyRing:
    """Read a ring; raises `ConfigError` that names `source` and every fault, but no key."""
    pieces = [piece.strip() for piece in re.split(r"[,\n]", text)]
    keys = [_read_key(piece) for piece in pieces if piece]
    faults = [f"key {at} {key}" for at, key in enumerate(keys, 1) if isinstance(key, str)]
    good = tuple(key for key in keys if isinstance(key, RingKey))
    faults.extend(_repeated(good))
    if not keys:
        faults.append("there is no key in it")
    if faults:
        raise ConfigError(f"{source}: {'; '.join(faults)}", path=source, hint=_HOW)
    return KeyRing(good)


def write_ring(ring: KeyRing) -> str:
    """Write a ring as text, a key to a line; what `parse_ring` reads."""
    return "".join(f"{key.id}:{_encoded(key.secret)}\n" for key in ring.keys)


def fresh_key(entropy: Entropy) -> RingKey:
    """Make a key."""
    secret = entropy.token(KEY_BYTES)
    return RingKey(_name(secret), secret)


def rotated(ring: KeyRing, entropy: Entropy) -> KeyRing:
    """Put a fresh key at the front; the others go on opening what they have sealed."""
    return KeyRing((fresh_key(entropy), *ring.keys))


def _read_key(piece: str) -> RingKey | str:
    name, colon, encoded = piece.rpartition(":")
    if colon and not _ID.fullmatch(name):
        return "has an id that is not 1 to 64 letters, digits, dots, dashes or underscores"
    secret = _decoded(encoded)
    if secret is None:
        return f"is not {KEY_BYTES} bytes in base64url"
    return RingKey(name or _name(secret), secret)


def _repeated(keys: tuple[RingKey, ...]) -> list[str]:
    ids = [key.id for key in keys]
    return [f"the id {one!r} stands twice" for one in sorted(set(ids)) if ids.count(one) > 1]


def _name(secret: bytes) -> str:
    return sha256(b"ductape key id\x00" + secret).hexdigest()[:16]


def _decoded(text: str) -> bytes | None:
    if not _KEY.fullmatch(text):
        return None
    secret = urlsafe_b64decode(text.removesuffix("=") + "=")
    return secret if _encoded(secret) == text.removesuffix("=") else None


def _encoded(secret: bytes) -> str:
    return urlsafe_b64encode(secret).decode().removesuffix("=")

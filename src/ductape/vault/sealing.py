"""Sealing: AES-256-GCM under the newest key of a ring, bound to a place (SPEC 18).

A sealed value is: version (1 byte), length of the key id (1), key id, nonce (12), ciphertext with
its tag (16 more than the plain bytes). Key id and place are associated data, so that a value put
elsewhere does not open. No ring key is used as it is: HKDF-SHA256 makes one key for sealing and
one for each purpose of `derive`. A nonce is drawn at random, which is safe for about 2^32 values
of one key: rotate before that.
"""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ductape.ports.entropy import Entropy
from ductape.ports.vault import SealBroken
from ductape.vault.ring import KEY_BYTES, KeyRing, RingKey

VERSION = 1
NONCE_BYTES = 12
TAG_BYTES = 16


class RingVault:
    """The `Vault` of a key ring."""

    def __init__(self, ring: KeyRing, entropy: Entropy) -> None:
        self._keys = {key.id: key for key in ring.keys}
        self._ciphers = {key.id: AESGCM(_hkdf(key, "seal")) for key in ring.keys}
        self._newest = ring.newest.id
        self._entropy = entropy

    def seal(self, plain: bytes, *, place: str) -> bytes:
        """Encrypt under the newest key, for one place."""
        key_id = self._newest
        nonce = self._entropy.token(NONCE_BYTES)
        cipher = self._ciphers[key_id].encrypt(nonce, plain, _bound(key_id, place))
        name = key_id.encode()
        return bytes((VERSION, len(name))) + name + nonce + cipher

    def unseal(self, sealed: bytes, *, place: str) -> bytes:
        """Decrypt; raises `SealBroken` where key, place or bytes do not fit."""
        key_id, nonce, cipher = _parts(sealed)
        if key_id not in self._ciphers:
            raise SealBroken("a sealed value needs a key that is not in the ring")
        try:
            return self._ciphers[key_id].decrypt(nonce, cipher, _bound(key_id, place))
        except InvalidTag as error:
            raise SealBroken("a sealed value was changed, or belongs to another place") from error

    def derive(self, purpose: str, key_id: str | None = None) -> tuple[str, bytes]:
        """Derive 32 bytes for a purpose; raises `SealBroken` for a key id outside the ring."""
        chosen = self._newest if key_id is None else key_id
        if chosen not in self._keys:
            raise SealBroken("a derived key needs a key that is not in the ring")
        return chosen, _hkdf(self._keys[chosen], f"derive\x00{purpose}")

    def key_ids(self) -> tuple[str, ...]:
        """Return the ring's key ids, newest first."""
        return tuple(self._keys)


def _hkdf(key: RingKey, info: str) -> bytes:
    kdf = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=f"ductape\x00{info}".encode())
    return kdf.derive(key.secret)


def _bound(key_id: str, place: str) -> bytes:
    return f"{key_id}\x00{place}".encode()


def _parts(sealed: bytes) -> tuple[str, bytes, bytes]:
    if len(sealed) < 2 or sealed[0] != VERSION:  # noqa: PLR2004 (version and length)
        raise SealBroken("a sealed value does not begin as one of ours")
    nonce_at = 2 + sealed[1]
    cipher_at = nonce_at + NONCE_BYTES
    if len(sealed) < cipher_at + TAG_BYTES:
        raise SealBroken("a sealed value is cut short")
    name = sealed[2:nonce_at].decode("ascii", errors="replace")
    return name, sealed[nonce_at:cipher_at], sealed[cipher_at:]

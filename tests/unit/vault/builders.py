"""Keys, rings and vaults for tests; chance comes from a counter, so that every draw differs."""

from hashlib import sha256

from ductape.vault.ring import KeyRing, RingKey
from ductape.vault.sealing import RingVault


class CountedEntropy:
    def __init__(self) -> None:
        self._drawn = 0

    def token(self, size: int) -> bytes:
        self._drawn += 1
        blocks = (sha256(f"{self._drawn}/{at}".encode()).digest() for at in range(size // 32 + 1))
        return b"".join(blocks)[:size]

    def draw(self) -> float:
        return int.from_bytes(self.token(6)) / 2**48


def a_key(key_id: str = "k1") -> RingKey:
    return RingKey(key_id, sha256(key_id.encode()).digest())


def a_ring(*ids: str) -> KeyRing:
    return KeyRing(tuple(a_key(one) for one in ids or ("k1",)))


def a_vault(*ids: str) -> RingVault:
    return RingVault(a_ring(*ids), CountedEntropy())

"""Encryption at rest: the ring of keys, its file, its check against the store, and sealing."""

from ductape.vault.checking import KeyStatus, check_ring, ring_status
from ductape.vault.keyfile import load_or_make, rotate
from ductape.vault.ring import KeyRing, parse_ring
from ductape.vault.sealing import RingVault

__all__ = [
    "KeyRing",
    "KeyStatus",
    "RingVault",
    "check_ring",
    "load_or_make",
    "parse_ring",
    "ring_status",
    "rotate",
]

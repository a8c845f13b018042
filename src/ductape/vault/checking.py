"""Does this ring fit this store? Asked once, when a store is opened (SPEC 16).

The store keeps a sealed check value for each key id that ever was the newest of a ring. A ring
that cannot open the newest check would leave sessions and secrets unreadable, and one with another
key under a known id would too: both are refused before anything is sealed. To rotate on several
hosts, first add the new key *behind* the old one everywhere, then move it to the front.
"""

from msgspec import Struct

from ductape.errors import ConfigError
from ductape.ports.stores.secrets import SecretRows
from ductape.ports.vault import SealBroken, Vault

_CHECK = b"ductape"


class KeyStatus(Struct, frozen=True):
    """What is known of one key id."""

    id: str
    seals: bool
    """Whether it is the ring's newest."""
    in_ring: bool
    seen: bool
    """Whether the store has a check value of it."""
    last: bool
    """Whether it is the newest that the store has seen."""
    fits: bool
    """Whether it opens its check value, if there is one."""


async def check_ring(vault: Vault, rows: SecretRows, *, now_ms: int) -> None:
    """Refuse a ring that does not fit the store, with `ConfigError`; remember a new newest key."""
    newest = vault.key_ids()[0]
    checks = await rows.key_checks()
    _refuse_misfit(vault, checks)
    if newest in checks:
        return
    sealed = vault.seal(_CHECK, place=_place(newest))
    await rows.put_key_check(newest, sealed, now_ms=now_ms)
    # Another process may have put its own first check meanwhile.
    _refuse_misfit(vault, await rows.key_checks())


async def ring_status(vault: Vault, rows: SecretRows) -> list[KeyStatus]:
    """List the ring's keys, newest first, then those that only the store knows."""
    ring = vault.key_ids()
    seen = await rows.key_checks()
    gone = [key_id for key_id in seen if key_id not in ring]
    last = next(iter(seen), None)
    return [
        KeyStatus(
            id=key_id,
            seals=key_id == ring[0],
            in_ring=key_id in ring,
            seen=key_id in seen,
            last=key_id == last,
            fits=key_id in ring and (key_id not in seen or _opens(vault, key_id, seen[key_id])),
        )
        for key_id in (*ring, *gone)
    ]


def _refuse_misfit(vault: Vault, checks: dict[str, bytes]) -> None:
    for at, (key_id, sealed) in enumerate(checks.items()):
        known = key_id in vault.key_ids()
        if (at == 0 or known) and not _opens(vault, key_id, sealed):
            raise _misfit(key_id, known=known)


def _opens(vault: Vault, key_id: str, sealed: bytes) -> bool:
    try:
        return vault.unseal(sealed, place=_place(key_id)) == _CHECK
    except SealBroken:
        return False


def _misfit(key_id: str, *, known: bool) -> ConfigError:
    if known:
        said = f"the encryption key {key_id!r} is not the key that this store knows by that id"
    else:
        said = f"the store was last sealed with the key {key_id!r}, which is not in the ring"
    hint = f"give DUCTAPE_KEY, or the key file, the key {key_id!r} that the store was used with"
    return ConfigError(said, path="DUCTAPE_KEY", hint=hint)


def _place(key_id: str) -> str:
    return f"key-check/{key_id}"

"""The product's secrets: set, listed by name, deleted, and revealed to a running attempt (SPEC 6).

A secret belongs to one product, optionally to one env, whose own wins over the product's. Its
value is sealed to its place, leaves only through `reveal`, and stands in no error.
"""

import re
from typing import TypedDict
from urllib.parse import quote

from ductape.domain.found import kind_of, shown
from ductape.domain.jsonlimits import lone_surrogate
from ductape.domain.parsing.scalars import name as read_name
from ductape.errors import Fault, ValidationError, fault
from ductape.ports.clock import Clock
from ductape.ports.stores.secrets import SecretRows
from ductape.ports.vault import SealBroken, Vault

MOST_VALUE_BYTES = 65_536
"""Of a value in UTF-8."""

_EVERY_ENV = ""
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,200}")


class SecretName(TypedDict):
    """A secret as it may be shown."""

    name: str
    env: str | None
    """None: for every env of the product."""


class Secrets:
    """The door to secrets."""

    def __init__(self, rows: SecretRows, vault: Vault, clock: Clock) -> None:
        self._rows = rows
        self._vault = vault
        self._clock = clock

    async def set(self, name: str, value: str, *, product: str, env: str | None = None) -> None:
        """Store or replace a secret; raises `ValidationError` with every fault."""
        faults = _name_faults(name) + _value_faults(value)
        at = _place(product, env, faults)
        sealed = self._vault.seal(value.encode(), place=_seal_place(*at, name))
        await self._rows.put(*at, name, sealed, now_ms=self._clock.now_ms())

    async def list(self, *, product: str) -> list[SecretName]:
        """List the product's secrets by name, never their values."""
        at, _ = _place(product, None, [])
        found = await self._rows.names(at)
        return [SecretName(name=name, env=env or None) for env, name in found]

    async def delete(self, name: str, *, product: str, env: str | None = None) -> bool:
        """Forget a secret; false where there is none. Raises `ValidationError`."""
        return await self._rows.delete(*_place(product, env, _name_faults(name)), name)

    async def reveal(self, product: str, env: str, name: str) -> str | None:
        """Return the env's secret, else the product's, else none.

        Raises `SealBroken`, with its remedy, for one that does not open.
        """
        for where in (env, _EVERY_ENV):
            sealed = await self._rows.get(product, where, name)
            if sealed is not None:
                return self._opened(sealed, product, where, name)
        return None

    async def renew(self, product: str, env: str, name: str, *, old: str, new: str) -> bool:
        """Replace a secret where `reveal` finds it, if it is still the old one; tell if it was.

        Raises `ValidationError` for a value that no secret may have.
        """
        for where in (env, _EVERY_ENV):
            sealed = await self._rows.get(product, where, name)
            if sealed is not None:
                if self._opened(sealed, product, where, name) != old:
                    return False
                await self.set(name, new, product=product, env=where or None)
                return True
        return False

    def _opened(self, sealed: bytes, product: str, env: str, name: str) -> str:
        try:
            return self._vault.unseal(sealed, place=_seal_place(product, env, name)).decode()
        except SealBroken as error:
            owner = f"{product}, env {env}" if env else product
            raise SealBroken(
                f"the secret {name!r} of {owner} cannot be opened with the present keys:"
                " put the key it was sealed with back into the ring, or set the secret anew"
            ) from error


def _place(product: str, env: str | None, faults: list[Fault]) -> tuple[str, str]:
    read_name(product, "product", faults)
    if env is not None:
        read_name(env, "env", faults)
    if faults:
        raise ValidationError(faults)
    return product, _EVERY_ENV if env is None else env


def _name_faults(name: object) -> list[Fault]:
    if isinstance(name, str) and _NAME.fullmatch(name):
        return []
    expected = "1 to 200 letters, digits, dots, dashes or underscores"
    return [fault("name", expected, shown(name, "name"))]


def _value_faults(value: object) -> list[Fault]:
    if not isinstance(value, str):
        return [fault("value", "a string", kind_of(value))]
    if lone_surrogate(value):
        return [fault("value", "text of whole characters", "a lone surrogate")]
    size = len(value.encode())
    if not 1 <= size <= MOST_VALUE_BYTES:
        return [fault("value", f"1 to {MOST_VALUE_BYTES} bytes of text", f"{size} bytes")]
    return []


def _seal_place(product: str, env: str, name: str) -> str:
    # Escaped, so that no two secrets have one place whatever characters their names have.
    return "/".join(("secret", *(quote(part, safe="") for part in (product, env, name))))

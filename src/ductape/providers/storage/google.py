"""Google's token in the library's hands, renewed by ours.

The library asks for it in threads of its own, where nothing can be awaited: it is given the one
that is held, and we see to it that this one is good before each request that we begin.
"""

from datetime import UTC, datetime, timedelta
from typing import TypedDict

from ductape.domain.definitions.storage import StorageTarget
from ductape.domain.http.tokens import AccountGrant
from ductape.ports.clock import Clock
from ductape.ports.tokens import Tokens, TokenWish

SCOPE = "https://www.googleapis.com/auth/devstorage.read_write"

_ASK_AGAIN = timedelta(seconds=1)
"""How long the library may keep it: whoever gets tokens for all knows when they end."""


class Credential(TypedDict):
    """A token, as the library takes it."""

    token: str
    expires_at: datetime


class HeldToken:
    """The token of one storage's service account."""

    def __init__(self, place: StorageTarget, tokens: Tokens, clock: Clock) -> None:
        """Hold nothing yet."""
        grant = AccountGrant(place.service_account or "", scope=SCOPE)
        holder, private = "the storage's service account", place.allow_private
        self._wish = TokenWish("", "", holder, grant, allow_private=private)
        self._tokens = tokens
        self._clock = clock
        self._text = ""

    async def renew(self) -> None:
        """Hold one that is good for now; raises `ProviderError` where there is none."""
        self._text = await self._tokens.get(self._wish)

    def __call__(self) -> Credential:
        """Return it."""
        now = datetime.fromtimestamp(self._clock.now_ms() / 1_000, UTC)
        return {"token": self._text, "expires_at": now + _ASK_AGAIN}

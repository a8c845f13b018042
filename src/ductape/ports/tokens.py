"""Tokens that tell other services who calls: got from a token URL, kept while they are good."""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeAlias, TypeVar

from msgspec import Struct

from ductape.domain.http.tokens import AccountGrant, ClientGrant

Grant: TypeAlias = ClientGrant | AccountGrant

T = TypeVar("T")


class TokenWish(Struct, frozen=True):
    """Whose token is wanted; equal wishes share one."""

    product: str
    env: str
    holder: str
    """As errors name it: `auth token of app partner`."""
    grant: Grant
    allow_private: bool = False
    """The definition asks to reach private addresses, the token URL's too."""


class Tokens(Protocol):
    """Gets tokens, each once for all who want it at the same time."""

    async def get(self, wish: TokenWish) -> str:
        """Return a token that is good for now.

        Raises `ProviderError` with what the token URL's answer means, and what the HTTP client
        raises.
        """
        ...

    def drop(self, token: str) -> None:
        """Forget a token that was refused; another one may have replaced it already."""
        ...


class RenewableSecrets(Protocol):
    """The product's secrets, where a token URL replaces one."""

    async def reveal(self, product: str, env: str, name: str) -> str | None:
        """Return the env's secret, else the product's, else none."""
        ...

    async def renew(self, product: str, env: str, name: str, *, old: str, new: str) -> bool:
        """Replace a secret where `reveal` finds it, if it is still the old one; tell if it was."""
        ...


async def with_token(
    tokens: Tokens,
    wish: TokenWish,
    call: Callable[[str], Awaitable[T]],
    *,
    refused: Callable[[T], bool],
    hide: Callable[[tuple[str, ...]], None],
) -> T:
    """Call with a token; if that one is refused, once more with a new one.

    `hide` is told every token before it is used.
    """
    token = await tokens.get(wish)
    hide((token,))
    answer = await call(token)
    if not refused(answer):
        return answer
    tokens.drop(token)
    token = await tokens.get(wish)
    hide((token,))
    return await call(token)

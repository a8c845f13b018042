"""What the products define, asked by name."""

from typing import Protocol

from msgspec import Struct, field

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.target import Target
from ductape.domain.webhooks.subscription import Subscriptions


class SessionDefinition(Struct, frozen=True):
    """One kind of session, as the product declares it (SPEC 6)."""

    tag: str
    schema: JsonObject
    """An example or type map of the data: same keys, same JSON types."""
    expiry_ms: int
    selector: tuple[str, ...] = ()
    """The path of the user's identifier in the data; empty for none."""
    verify: JsonObject = field(default_factory=dict[str, JsonValue])
    """`{alg, key | jwks}` for the team's own JWT; empty for our JWE."""


class Catalog(Protocol):
    """The applied products, each attempt seeing the version current when it starts."""

    async def version(self, product: str) -> int:
        """Return the number of the current version; `NotFound`."""
        ...

    async def resolve(
        self,
        product: str,
        env: str,
        event: str,
        app: str | None,
        input: JsonObject,  # noqa: A002
        *,
        version: int | None = None,
    ) -> Target:
        """Find what an event names (SPEC 8), in the current version unless told which.

        Raises `NotFound`, naming what exists, or `ValidationError` where `app` is needed, not
        connected, or the tag is ambiguous.
        """
        ...

    async def session(self, product: str, env: str, tag: str) -> SessionDefinition:
        """Return a session's definition; `NotFound`."""
        ...

    async def subscriptions(self, product: str, *, version: int) -> Subscriptions:
        """Return who is told what happens to a product's jobs, by one version of it."""
        ...

    async def cache_expiry_ms(
        self, product: str, tag: str, *, version: int | None = None
    ) -> int | None:
        """Return the expiry of a cache that the product defines, else none.

        In the current version unless told which.
        """
        ...

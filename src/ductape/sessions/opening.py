"""Opening the session that a request names: the `SessionOpener` of SPEC 6."""

from ductape.ports.catalog import Catalog
from ductape.ports.sessions import OpenedSession, SessionScope, TokenIssuer
from ductape.ports.stores.sessions import SessionRows


class CatalogOpener:
    """Looks the definition up, then lets the issuer open the token."""

    def __init__(self, catalog: Catalog, tokens: TokenIssuer, rows: SessionRows) -> None:
        self._catalog = catalog
        self._tokens = tokens
        self._rows = rows

    async def open(self, product: str, env: str, tag: str, token: str) -> OpenedSession:
        """Verify and decrypt.

        Raises `SessionInvalid` or `SessionExpired`, `NotFound` for product, env or tag.
        """
        definition = await self._catalog.session(product, env, tag)
        return await self._tokens.open(SessionScope(product, env, definition), token)

    async def revoked(self, product: str, env: str, session_id: str) -> bool:
        """Tell whether the session was revoked; one that the store has forgotten was not."""
        family = await self._rows.get(session_id)
        if family is None or (family.product, family.env) != (product, env):
            return False
        return family.revoked

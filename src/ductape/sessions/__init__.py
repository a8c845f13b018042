"""Session tokens: made, opened, refreshed, revoked."""

from ductape.sessions.opening import CatalogOpener
from ductape.sessions.tokens import SessionTokens

__all__ = ["CatalogOpener", "SessionTokens"]

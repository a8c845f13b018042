"""What chooses between other events: quotas spread calls, fallbacks try one after another."""

from ductape.handlers.choosing.fallback import FallbackHandler
from ductape.handlers.choosing.options import Around
from ductape.handlers.choosing.quota import QuotaHandler

__all__ = ["Around", "FallbackHandler", "QuotaHandler"]

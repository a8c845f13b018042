"""Publishing to a broker's topic, and making jobs of what arrives there (SPEC 9)."""

from ductape.handlers.broker.publish import PublishHandler
from ductape.handlers.broker.subscribe import SubscribeHandler

__all__ = ["PublishHandler", "SubscribeHandler"]

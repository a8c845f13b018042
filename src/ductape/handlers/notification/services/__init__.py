"""The SMS services, one module each: what each is sent, and what its answers mean (SPEC 9).

The shapes are those that the services publish. Each is asked for one number at a time, so that
every number has an outcome of its own.
"""

from collections.abc import Mapping

from ductape.handlers.notification.services.plivo import PLIVO
from ductape.handlers.notification.services.posting import Service, Text, send_text
from ductape.handlers.notification.services.twilio import TWILIO
from ductape.handlers.notification.services.vonage import VONAGE

__all__ = ["SERVICES", "Text", "send_text"]

SERVICES: Mapping[str, Service] = {"plivo": PLIVO, "twilio": TWILIO, "vonage": VONAGE}
"""By the `type` of the definition."""

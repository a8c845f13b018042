"""Where the logs of a process of ours go, and which secrets they must never have (SPEC 17, 18)."""

from contextlib import AbstractContextManager
from typing import TextIO

from ductape.app.configuration.settings import Settings
from ductape.telemetry.logs import log_to


def logged_to(stream: TextIO, settings: Settings) -> AbstractContextManager[None]:
    """Log to a stream: lines for people on a terminal, JSON elsewhere; never the settings' keys."""
    keys = [] if settings.key is None else [part.strip() for part in settings.key.split(",")]
    secrets = [key.rpartition(":")[2] for key in keys]
    return log_to(stream, secrets=[secret for secret in secrets if secret])

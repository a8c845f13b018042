"""Who is known to be ill: asked before an option is called (SPEC 9)."""

from typing import Protocol


class Health(Protocol):
    """What the healthchecks have found."""

    async def ill(self, product: str, env: str, key: str) -> bool:
        """Tell whether a healthcheck, named by its job's key, failed when it was last made."""
        ...

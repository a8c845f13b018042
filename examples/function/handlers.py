"""The function of the example that runs here: it adds up a cart."""

from ductape import Handlers

handlers = Handlers()


@handlers.function("total")
def total(payload: dict[str, list[float]]) -> float:
    """Return what a cart costs."""
    return round(sum(payload["prices"]), 2)

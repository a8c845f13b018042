"""What this example does in Python."""

from ductape import Abort, Handlers

handlers = Handlers()


@handlers.job("ship")
async def ship(given: dict[str, int]) -> dict[str, int]:
    """Give an order its parcel; there is none for the order 13."""
    if given["order"] == 13:  # noqa: PLR2004 (unlucky)
        raise Abort("no parcel for this order")
    return {"parcel": given["order"] + 1000}

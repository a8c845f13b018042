"""What the steps of the example's features do, and one feature written in Python."""

from typing import TypedDict

import ductape

handlers = ductape.Handlers()


class Order(TypedDict):
    """What is ordered."""

    order: int


class Payment(TypedDict):
    """What was paid."""

    payment: str


class Delivery(TypedDict):
    """What goes where, by whom."""

    parcel: str
    to: str
    by: str


@handlers.job("charge")
async def charge(given: Order) -> dict[str, str]:
    """Take the money."""
    return {"payment": f"p-{given['order']}"}


@handlers.job("refund")
async def refund(given: Payment) -> str:
    """Give it back."""
    return f"refunded {given['payment']}"


@handlers.job("pack")
async def pack(given: Order) -> dict[str, str]:
    """Put it into a box."""
    return {"parcel": f"parcel {given['order']}"}


@handlers.job("announce")
async def announce(given: dict[str, str]) -> str:
    """Tell the customer."""
    return given["text"]


@handlers.job("deliver")
async def deliver(given: Delivery) -> dict[str, str]:
    """Bring it there, or give up."""
    if given["to"] == "Atlantis":
        raise ductape.Abort("nobody goes there")
    return {"text": f"{given['parcel']} to {given['to']} by {given['by']}"}


@handlers.feature("reminders")
async def reminders(given: dict[str, int], ctx: ductape.FeatureContext) -> list[object]:
    """Write to a customer `times` times, `pause_ms` milliseconds apart, also days."""
    sent: list[object] = []
    for day in range(given["times"]):
        sent.append(await ctx.job("announce", {"text": f"reminder {day + 1}"}))
        await ctx.sleep(given["pause_ms"])
    return sent

"""The order service's own work, in Python: `ductape worker --handlers handlers:handlers`."""

from typing import TypedDict

from ductape import Handlers

handlers = Handlers()


class Order(TypedDict):
    """One line of the day."""

    sku: str
    amount: int


class Day(TypedDict):
    """What the report is made of."""

    day: str
    orders: list[Order]


@handlers.job("report")
async def report(input: Day) -> dict[str, object]:  # noqa: A002 (what the registry calls it)
    """Add up the orders of a day."""
    orders = input["orders"]
    pieces = sum(order["amount"] for order in orders)
    return {"day": input["day"], "orders": len(orders), "pieces": pieces}

"""What `ductape worker` loads: the two handlers, counted."""

from bench.peers.line import Given, tally
from ductape import Handlers

handlers = Handlers()
tally()


@handlers.job("noop")
async def noop(_: Given) -> None:
    """Do nothing."""
    await tally().noop()


@handlers.job("probe")
async def probe(given: Given) -> None:
    """Tell when it was called."""
    tally().probe(given)

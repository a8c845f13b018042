"""A Ductape belongs to the event loop that it was opened in; any other one is told so at once."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing

import pytest

from ductape import Ductape, DuctapeError

PRODUCT = {
    "tag": "shop",
    "envs": [{"slug": "dev"}],
    "jobs": [{"tag": "report", "handler": "python"}],
}
JOB = {"product_tag": "shop", "env": "dev", "event": "report", "input": {}, "start_at": 0}

Call = Callable[[Ductape], Awaitable[object]]

CALLS: dict[str, Call] = {
    "dispatch": lambda ductape: ductape.processor.job.dispatch(JOB),
    "many": lambda ductape: ductape.processor.job.dispatch_many([JOB, JOB]),
    "get": lambda ductape: ductape.jobs.get("0192f1a0-0000-7000-8000-000000000000"),
    "list": lambda ductape: ductape.jobs.list(),
    "apply": lambda ductape: ductape.products.apply(PRODUCT),
    "wait": lambda ductape: ductape.processor.job.wait(
        "0192f1a0-0000-7000-8000-000000000000", timeout=1
    ),
}


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    with closing(asyncio.new_event_loop()) as loop:
        yield loop


@pytest.fixture
def elsewhere(store: str, loop: asyncio.AbstractEventLoop) -> Iterator[Ductape]:
    """Open a store in another loop than that which a test uses, and close it there."""
    ductape = Ductape.open(store, worker=False)
    loop.run_until_complete(ductape.__aenter__())
    loop.run_until_complete(ductape.products.apply(PRODUCT))
    yield ductape
    loop.run_until_complete(ductape.processor.job.dispatch(JOB))
    loop.run_until_complete(ductape.aclose())


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_another_loop_is_told_to_open_its_own(elsewhere: Ductape, call: Call) -> None:
    async def ask() -> None:
        async with asyncio.timeout(10):
            await call(elsewhere)

    for _ in range(2):  # it stays as it is, and its own loop goes on
        with pytest.raises(DuctapeError, match="opened in another event loop") as told:
            asyncio.run(ask())
        assert told.value.hint is not None
        assert "Ductape.sync" in told.value.hint


def test_it_is_closed_where_it_was_opened(elsewhere: Ductape) -> None:
    with pytest.raises(DuctapeError, match="opened in another event loop") as told:
        asyncio.run(elsewhere.aclose())
    assert told.value.hint is not None
    assert "close it there" in told.value.hint

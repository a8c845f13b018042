"""The event loop of `ductape worker`: the quicker one where it is installed (the extra `fast`)."""

import asyncio
from collections.abc import Callable, Coroutine
from importlib.util import find_spec
from typing import Any, TypeVar

T = TypeVar("T")

QUICKER = "uvloop"
"""Worth a tenth of a worker's throughput; the process is the command's own, so it may choose."""


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run work to its end on the quickest loop there is."""
    with asyncio.Runner(loop_factory=quickest()) as runner:
        return runner.run(work)


def quickest() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return what makes such a loop; none for Python's own."""
    if find_spec(QUICKER) is None:
        return None
    from uvloop import new_event_loop  # noqa: PLC0415 (an extra: it may not be there)

    return new_event_loop

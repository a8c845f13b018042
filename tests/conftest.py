"""What every test runs under."""

import asyncio
import gc
import inspect
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import ductape
from tests.memory import prefer_memory
from tests.servers.shared import rabbitmq_url, sqs_endpoint

__all__ = ["rabbitmq_url", "sqs_endpoint"]

prefer_memory()
settings.register_profile(
    "suite", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("suite")

LONGEST = ("tests/acceptance/test_torture.py", "tests/acceptance/test_bench.py", "tests/migration/")
"""These come first: at the end all others would be waiting for them."""

OURS = Path(ductape.__file__ or "").parent
LAST_S = 5.0
"""How long what a test left behind may take to end once it is cancelled."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))


def pytest_collection_finish() -> None:
    """Leave what collecting made out of every later collection of garbage: it stays to the end."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _watch_over_tasks(request: pytest.FixtureRequest) -> None:
    """Have a test on an event loop fail that leaves a task of ours behind."""
    if inspect.iscoroutinefunction(getattr(request.node, "obj", None)):
        request.getfixturevalue("no_task_is_left")


@pytest.fixture
async def no_task_is_left() -> AsyncIterator[None]:
    """End what a test leaves behind: what loses a cancellation would hang. Tell of what is ours.

    Test servers that are stopped in the middle of an answer leave tasks of their libraries.
    """
    yield
    left = asyncio.all_tasks() - {asyncio.current_task()}
    ours = sorted(f"{task.get_name()} of {task.get_coro()}" for task in left if _is_ours(task))
    async with asyncio.timeout(LAST_S):
        while left:
            for task in left:
                task.cancel()
            _, left = await asyncio.wait(left, timeout=0.1)
    assert not ours, f"left behind: {', '.join(ours)}"


def _is_ours(task: asyncio.Task[object]) -> bool:
    code = getattr(task.get_coro(), "cr_code", None)
    return code is not None and Path(code.co_filename).is_relative_to(OURS)

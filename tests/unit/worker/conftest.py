"""Worker tests play in virtual time, and leave neither a task nor an open store behind."""

import shutil
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Protocol, TypeVar

import pytest

from ductape import Handlers, WorkerOptions
from ductape.stores.sqlite.file.engine import Engine
from ductape.testing import Harness, run
from tests.unit.worker.builders import PRODUCT

T = TypeVar("T")

MEMORY = Path("/dev/shm")  # noqa: S108 (a folder in memory, where there is one: commits cost less)


class Play(Protocol):
    """Plays a scenario to its end in virtual time; a task left behind fails it."""

    def __call__(
        self,
        scenario: Callable[[Harness], Awaitable[T]],
        handlers: Handlers,
        *,
        worker: WorkerOptions | bool | None = None,
    ) -> T:
        """Return what the scenario returned."""
        ...


@pytest.fixture(autouse=True)
def _every_store_is_closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    opened: list[Engine] = []
    made = Engine.__init__

    def watched(engine: Engine, path: str, *, inline: bool = False) -> None:
        made(engine, path, inline=inline)
        opened.append(engine)

    monkeypatch.setattr(Engine, "__init__", watched)
    yield
    left = [engine.path for engine in opened if not engine._closed]
    assert not left, f"stores were left open: {left}"


@pytest.fixture
def folder() -> Iterator[Path]:
    made = tempfile.mkdtemp(dir=MEMORY if MEMORY.is_dir() else None)
    yield Path(made)
    shutil.rmtree(made)


@pytest.fixture
def play(folder: Path) -> Play:
    def played(
        scenario: Callable[[Harness], Awaitable[T]],
        handlers: Handlers,
        *,
        worker: WorkerOptions | bool | None = None,
    ) -> T:
        return run(scenario, folder, handlers=handlers, product=PRODUCT, worker=worker)

    return played

"""Telling one seed's story from its beginning to the judgement."""

import asyncio
import logging
import tempfile
from collections.abc import Coroutine
from contextvars import Context
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ductape.testing import VirtualLoop, virtual_loop
from tests.simulation.acting import PROCESS
from tests.simulation.invariants import judge
from tests.simulation.story import Story, tell
from tests.simulation.world import SimulatedWorld

MEMORY = Path("/dev/shm")  # noqa: S108 (a folder in memory, where there is one: commits cost less)


@dataclass
class Telling:
    """How a story went."""

    story: Story
    faults: list[str] = field(default_factory=list)
    trace: tuple[object, ...] = ()
    """What happened, for comparing two tellings of one seed."""


def simulate(seed: int) -> Telling:
    """Tell one seed's story and judge it."""
    story = tell(seed)
    logging.disable(logging.CRITICAL)
    try:
        with (
            tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder,
            virtual_loop() as (loop, clock),
        ):
            world = SimulatedWorld(story, loop, clock, Path(folder))
            loop.set_task_factory(_owned)
            try:
                loop.run_until_complete(world.play())
                world.faults += judge(world)
                trace = tuple((e.what, e.job, e.number, e.state) for e in world.entries)
            finally:
                _end_all(loop)
                world.close()
            return Telling(story, world.faults, trace)
    finally:
        logging.disable(logging.NOTSET)


def _owned(
    loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], context: Context | None = None
) -> "asyncio.Task[Any]":
    task = asyncio.Task(work, loop=loop, context=context)
    owner = PROCESS.get(None) if context is None else context.get(PROCESS)
    if owner is not None:
        owner.adopt(task)
    return task


def _end_all(loop: VirtualLoop) -> None:
    """Cancel what still runs, as the end of the world."""
    for _ in range(5):
        left = asyncio.all_tasks(loop)
        if not left:
            return
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.wait(left, timeout=1))

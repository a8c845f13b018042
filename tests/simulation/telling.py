"""Telling one seed's story from its beginning to the judgement."""

import asyncio
import logging
from collections.abc import Coroutine
from contextlib import nullcontext
from contextvars import Context
from dataclasses import dataclass, field
from typing import Any

from ductape.testing import VirtualLoop, virtual_loop
from tests.simulation.acting import PROCESS
from tests.simulation.grounds import file_ground
from tests.simulation.invariants import judge
from tests.simulation.server import server_ground, standing_connections
from tests.simulation.story import Story, tell
from tests.simulation.world import SimulatedWorld


@dataclass
class Telling:
    """How a story went."""

    story: Story
    faults: list[str] = field(default_factory=list)
    trace: tuple[object, ...] = ()
    """What happened, for comparing two tellings of one seed."""


def simulate(seed: int, server: str | None = None) -> Telling:
    """Tell one seed's story and judge it; on SQLite, or on the PostgreSQL of a URL."""
    story = tell(seed)
    logging.disable(logging.CRITICAL)
    try:
        with (
            file_ground() if server is None else server_ground(server) as ground,
            virtual_loop() as (loop, clock),
            nullcontext() if server is None else standing_connections(loop),
        ):
            world = SimulatedWorld(story, loop, clock, ground)
            loop.set_task_factory(_owned)
            try:
                loop.run_until_complete(world.play())
                world.faults += judge(world)
                trace = tuple((e.what, e.job, e.number, e.state) for e in world.entries)
            finally:
                loop.run_until_complete(world.end())
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

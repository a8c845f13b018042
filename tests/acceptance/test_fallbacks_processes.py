"""A circuit breaker is the fleet's: two worker processes of the operating system share it."""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest
from aiohttp import web

from ductape import Ductape
from ductape.domain.jsonvalue import JsonObject
from tests.acceptance.test_fallbacks import MAIL, Two, an_option, product
from tests.servers.http import http_receiver

LEFT, RIGHT = "left", "right"
"""A queue for each process."""
BREAKER: JsonObject = {"failures": 2, "cooldown": 2_000}
LOST_MS = 3_000
"""How long the first provider may take, and after how long a probe counts as lost."""
PATIENCE_S = 30


@pytest.fixture
async def two() -> AsyncIterator[Two]:
    """Give two providers, of which the second one always answers."""
    async with http_receiver() as first, http_receiver() as second:
        yield Two(first, second)


async def a_worker(store: str, queue: str) -> Process:
    """Start a process that works on one queue."""
    command = Path(sys.executable).with_name("ductape")
    words = ("worker", "--store", store, "--queues", queue)
    return await asyncio.create_subprocess_exec(
        command, *words, stdout=DEVNULL, stderr=DEVNULL, env=dict(os.environ)
    )


@asynccontextmanager
async def processes(store: str, two: Two) -> AsyncGenerator[tuple[Ductape, dict[str, Process]]]:
    """Let two processes work for a product with a fallback; give a third one that only asks."""
    first = an_option("first", breaker=BREAKER, timeout=LOST_MS, output="$Response{body}")
    document = product(two.urls, first, an_option("second", output="$Response{body}"))
    async with (
        asyncio.timeout(PATIENCE_S),
        Ductape.open(store, config={}, worker=False) as ductape,
    ):
        await ductape.products.apply(document)
        workers = {queue: await a_worker(store, queue) for queue in (LEFT, RIGHT)}
        try:
            yield ductape, workers
        finally:
            for worker in workers.values():
                if worker.returncode is None:
                    worker.kill()
                await worker.wait()


async def dispatched(ductape: Ductape, queue: str) -> str:
    receipt = await ductape.processor.job.dispatch({**MAIL, "start_at": 0, "queue": queue})
    return receipt["job_id"]


async def answer(ductape: Ductape, queue: str) -> JsonObject:
    """Have a process run the fallback."""
    job_id = await dispatched(ductape, queue)
    return cast("JsonObject", await ductape.processor.job.wait(job_id))


async def opened_by_one(ductape: Ductape, two: Two) -> None:
    """Let the first provider fail, in one process, until its breaker opens; both are at work."""
    for queue in (RIGHT, LEFT):
        assert (await answer(ductape, queue))["provider"] == "first"
    two.first.requests.clear()
    two.first.answers += [web.Response(status=503) for _ in range(2)]
    for _ in range(2):
        assert (await answer(ductape, LEFT))["provider"] == "second"


async def until_most_are_answered(asking: Sequence[asyncio.Task[JsonObject]]) -> None:
    """Wait for all but one, which may be the one that tries."""
    while len(left := [one for one in asking if not one.done()]) > 1:
        await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED)


def told(result: JsonObject) -> tuple[object, object]:
    (failure,) = cast("list[JsonObject]", result["failures"])
    return result["provider"], failure["code"]


async def test_what_one_process_opened_both_skip_and_one_of_both_tries(
    store: str, two: Two
) -> None:
    asked, may_answer = asyncio.Event(), asyncio.Event()

    async def answers_late(request: web.Request) -> web.Response:
        del request
        asked.set()
        await may_answer.wait()
        return web.json_response({"id": "one"})

    async with processes(store, two) as (ductape, _):
        await opened_by_one(ductape, two)
        two.first.answers.append(answers_late)
        for queue in (RIGHT, LEFT):
            assert told(await answer(ductape, queue)) == ("second", "CIRCUIT_OPEN")
        asking: list[asyncio.Task[JsonObject]] = []
        async with asyncio.TaskGroup() as group:
            while not asked.is_set():  # until it has cooled down, all are told that it is open
                await until_most_are_answered(asking)
                asking += [group.create_task(answer(ductape, at)) for at in (LEFT, RIGHT) * 3]
                await asyncio.sleep(0)
            await until_most_are_answered(asking)
            assert len(two.first.requests) == 3
            may_answer.set()
        assert [one.result()["provider"] for one in asking].count("first") == 1
        for queue in (LEFT, RIGHT):
            assert (await answer(ductape, queue))["provider"] == "first"


async def test_a_probe_whose_process_was_killed_is_made_by_the_other(store: str, two: Two) -> None:
    asked = asyncio.Event()

    async def never_answers(request: web.Request) -> web.Response:
        del request
        asked.set()
        await asyncio.Event().wait()
        return web.Response()

    async with processes(store, two) as (ductape, running):
        await opened_by_one(ductape, two)
        two.first.answers.append(never_answers)
        while not asked.is_set():
            await dispatched(ductape, LEFT)
            await asyncio.sleep(0)
        running[LEFT].kill()
        while (await answer(ductape, RIGHT))["provider"] != "first":
            pass
        assert len(two.first.requests) == 4

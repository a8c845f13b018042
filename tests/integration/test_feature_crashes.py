"""A worker is killed at every boundary of a feature's steps: what has finished never runs again.

The worker writes down each step as it begins and as it ends, and kills itself with SIGKILL where it
is told to.
"""

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ductape import Ductape, Handlers
from ductape.handlers.python import AsyncContext, FeatureContext
from tests.nursery import RESCUE, SHORT, LaterClock, forked
from tests.servers.postgres import PostgresServer, postgres_server

STEPS = ("one", "two", "three", "four")
UNDOING = ("undo two", "undo one")


def declared(tag: str, *, fails: bool) -> dict[str, object]:
    """Two sequences that follow one another, four steps; `fails`: the fourth does, for good."""

    def step(name: str, **parts: object) -> dict[str, object]:
        return {"event": "act", "tag": name, "input": {"name": name}, **parts}

    def undo(name: str) -> dict[str, object]:
        return {"event": "act", "input": {"name": f"undo {name}"}}

    four = {"name": "four", "fails": fails}
    return {
        "tag": tag,
        "sequence": [
            {
                "tag": "a",
                "events": [step("one", rollback=undo("one")), step("two", rollback=undo("two"))],
            },
            {
                "tag": "b",
                "parents": ["a"],
                "events": [step("three"), {**step("four"), "input": four}],
            },
        ],
        "output": {"last": "$Sequence{b}{four}"},
    }


PRODUCT: dict[str, object] = {
    "tag": "shop",
    "envs": [{"slug": "dev"}],
    "features": [declared("order", fails=False), declared("doomed", fails=True)],
}


def handlers_of(diary: Path, dies_at: str) -> Handlers:
    """Make handlers that keep a diary, and kill their process at one line of it."""
    handlers = Handlers()

    def note(line: str) -> None:
        with diary.open("a") as pages:
            pages.write(line + "\n")
            pages.flush()
            os.fsync(pages.fileno())
        if line.partition(" key ")[0] == dies_at:
            os.kill(os.getpid(), signal.SIGKILL)

    @handlers.job("act")
    async def act(given: dict[str, Any], ctx: AsyncContext) -> str:
        note(f"begin {given['name']} key {ctx.idempotency_key}")
        if given.get("fails"):
            raise RuntimeError("it does not work")
        note(f"end {given['name']}")
        return str(given["name"])

    @handlers.feature("written")
    async def written(ctx: FeatureContext) -> dict[str, object]:
        async def doing(name: str) -> str:
            note(f"begin {name}")
            note(f"end {name}")
            return name

        last: object = None
        for name in STEPS:
            last = await ctx.step(name, doing, name)
            note(f"between {name}")
        return {"last": last}

    return handlers


async def serve(store: str, diary: str, dies_at: str) -> None:
    """Work, in a process of its own."""
    handlers = handlers_of(Path(diary), dies_at)
    async with Ductape.open(store, config={}, handlers=handlers, worker=SHORT):
        await asyncio.Event().wait()


async def killed_worker(store: str, diary: Path, dies_at: str) -> None:
    """Run a worker until it has killed itself."""
    async with forked(serve, store, str(diary), dies_at) as worker, asyncio.timeout(30):
        assert await worker.wait() == -signal.SIGKILL


async def a_job(store: str, event: str) -> str:
    """Store a job of a feature, for whoever works."""
    async with Ductape.open(store, config={}, worker=False) as ductape:
        await ductape.products.apply(PRODUCT)
        known = Handlers()
        known.feature("written")(handlers_of(Path(os.devnull), "").find("feature:written").function)  # type: ignore[union-attr]
    async with Ductape.open(store, config={}, handlers=known, worker=False) as ductape:
        receipt = await ductape.processor.job.dispatch(
            {"product_tag": "shop", "env": "dev", "event": event, "input": {}, "start_at": 0}
        )
        return receipt["job_id"]


async def ended(store: str, diary: Path, job_id: str) -> dict[str, Any]:
    """Let another worker come, and wait for the job's end."""
    handlers = handlers_of(diary, "never")
    rescue = Ductape.open(store, config={}, handlers=handlers, worker=RESCUE, clock=LaterClock())
    async with rescue as ductape:
        async with asyncio.timeout(30):
            async for view in ductape.jobs.watch(job_id):
                if view["status"] in ("completed", "failed", "cancelled"):
                    return dict(view)
    raise AssertionError("the job did not end")


def times(diary: Path, line: str) -> int:
    return [one.partition(" key ")[0] for one in diary.read_text().splitlines()].count(line)


BOUNDARIES = [f"{at} {name}" for name in STEPS for at in ("begin", "end")]


@pytest.mark.parametrize("dies_at", BOUNDARIES)
async def test_a_declared_feature_goes_on_at_its_first_unfinished_step(
    tmp_path: Path, dies_at: str
) -> None:
    store, diary = f"sqlite:///{tmp_path / 'a.db'}", tmp_path / "diary"
    job_id = await a_job(store, "order")
    await killed_worker(store, diary, dies_at)
    view = await ended(store, diary, job_id)
    assert (view["status"], view["result"]) == ("completed", {"last": "four"})
    died_in = dies_at.partition(" ")[2]
    # Its end was not recorded: the step that the process died in runs again, and no other does.
    assert {name: times(diary, f"begin {name}") for name in STEPS} == {
        name: 2 if name == died_in else 1 for name in STEPS
    }
    keys = {line for line in diary.read_text().splitlines() if " key " in line}
    assert len(keys) == len(STEPS)
    assert [one["status"] for one in view["attempts"]] == ["lost", "completed"]


@pytest.mark.parametrize("dies_at", [*BOUNDARIES, *(f"between {name}" for name in STEPS)])
async def test_a_feature_in_python_goes_on_at_its_first_unfinished_step(
    tmp_path: Path, dies_at: str
) -> None:
    store, diary = f"sqlite:///{tmp_path / 'a.db'}", tmp_path / "diary"
    job_id = await a_job(store, "written")
    await killed_worker(store, diary, dies_at)
    view = await ended(store, diary, job_id)
    assert (view["status"], view["result"]) == ("completed", {"last": "four"})
    at, _, died_in = dies_at.partition(" ")
    assert {name: times(diary, f"begin {name}") for name in STEPS} == {
        name: 2 if name == died_in and at != "between" else 1 for name in STEPS
    }


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as running:
        yield running


@pytest.mark.parametrize("dies_at", ["end one", "begin two", "end four"])
async def test_it_is_so_on_postgresql(
    tmp_path: Path, dies_at: str, server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DUCTAPE_KEY", "k1:" + "A" * 43)
    diary, name = tmp_path / "diary", f"crash_{dies_at.replace(' ', '_')}"
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    store = f"{server.url.removesuffix('/postgres')}/{name}"
    job_id = await a_job(store, "order")
    await killed_worker(store, diary, dies_at)
    view = await ended(store, diary, job_id)
    assert (view["status"], view["result"]) == ("completed", {"last": "four"})
    died_in = dies_at.partition(" ")[2]
    assert {name: times(diary, f"begin {name}") for name in STEPS} == {
        name: 2 if name == died_in else 1 for name in STEPS
    }


@pytest.mark.parametrize("dies_at", [f"{at} {name}" for name in UNDOING for at in ("begin", "end")])
async def test_undoing_goes_on_at_the_first_step_that_was_not_undone(
    tmp_path: Path, dies_at: str
) -> None:
    store, diary = f"sqlite:///{tmp_path / 'a.db'}", tmp_path / "diary"
    job_id = await a_job(store, "doomed")
    await killed_worker(store, diary, dies_at)
    view = await ended(store, diary, job_id)
    assert view["status"] == "failed"
    assert "step `b.four`: it does not work" in view["last_error"]["message"]
    died_in = dies_at.partition(" ")[2]
    assert {name: times(diary, f"begin {name}") for name in (*STEPS, *UNDOING)} == {
        name: 2 if name == died_in else 1 for name in (*STEPS, *UNDOING)
    }

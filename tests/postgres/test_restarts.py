"""The server ends in the middle of each public verb: it is done once, or the truth is told."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import psycopg
import pytest
from psycopg_pool.base import AttemptWithBackoff

from ductape import Ductape
from ductape.cli.main import execute
from ductape.errors import StoreError
from ductape.stores.postgres.server import engine, wake
from tests.postgres.verbs import PRODUCT, VERBS, Verb, a_request
from tests.servers.postgres import PostgresServer, postgres_server
from tests.servers.proxy import Proxy

KEY = "k1:" + "A" * 43
PATIENCE_S = 30
POINTS = (1, 2, 3, 4, 5, 7, 9, 11)
"""The questions of a verb at which it ends, each in the next way: every other one of one verb, the
rest of the next."""
ENDING = """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE application_name = 'ductape' AND pid <> pg_backend_pid()
"""
WAYS = ("ended before", "ended after", "away before", "away after")
_made = count(1)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUCTAPE_KEY", KEY)
    monkeypatch.setattr(wake, "RECONNECT_S", 0.01)
    monkeypatch.setattr(AttemptWithBackoff, "INITIAL_DELAY", 0.01)


@pytest.fixture
async def here(server: PostgresServer) -> AsyncIterator[Ductape]:
    """Give a scheduler that sees what was done."""
    url = f"{server.url}?schema=restarts&application_name=here"
    async with Ductape.open(url, worker=False) as opened:
        await opened.products.apply(PRODUCT)
        yield opened


@pytest.fixture
async def there(
    server: PostgresServer, here: Ductape, line: Proxy, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Ductape]:
    """Give a scheduler whose server ends."""
    assert here
    monkeypatch.setattr(engine, "PATIENCE_S", 0.3)
    url = f"{server.url}?schema=restarts".replace(f":{server.port}", f":{line.port}")
    async with Ductape.open(url, worker=False) as opened:
        yield opened


@dataclass(frozen=True)
class Scene:
    """Who calls, who looks, and what lies in between."""

    here: Ductape
    there: Ductape
    line: Proxy
    root: psycopg.Connection

    async def befallen(self, verb: Verb, at: int, way: str) -> None:
        """Call a verb while the server ends, then another once it is back."""
        name = f"n{next(_made)}"
        given = name if verb.prepare is None else await verb.prepare(self.here, name)
        self.line.befall(at, self.ending(way), answered=way.endswith("after"))
        error = await told(verb.call(self.there, given))
        self.line.come_back()
        refuse_untruth(verb, await verb.done(self.here, given), error, f"question {at}, {way}")
        await self._works_again()

    def ending(self, way: str) -> Callable[[], Awaitable[None]]:
        """Return what ends the server in a way."""

        async def end() -> None:
            if way.startswith("away"):
                self.line.give_up()
            else:
                await asyncio.to_thread(self.root.execute, ENDING)

        return end

    async def _works_again(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while await told(self.there.products.list()) is not None:
                pass


@pytest.fixture
def scene(here: Ductape, there: Ductape, line: Proxy, root: psycopg.Connection) -> Scene:
    return Scene(here, there, line, root)


def refuse_untruth(verb: Verb, done: int, error: StoreError | None, where: str) -> None:
    """Have a verb done whole or not at all, and as its caller was told."""
    said = f"{where}: done {done}: {error!r}"
    assert done in verb.whole, said
    if error is None:
        assert done == max(verb.whole), said
    elif not error.in_doubt and not verb.partly:
        assert done == min(verb.whole), said


async def told(call: Awaitable[object]) -> StoreError | None:
    try:
        async with asyncio.timeout(PATIENCE_S):
            await call
    except StoreError as error:
        return error
    return None


@pytest.mark.parametrize("name", VERBS)
async def test_a_verb_is_done_once_or_the_truth_is_told_wherever_the_server_ends(
    name: str, scene: Scene
) -> None:
    for at, way in zip(POINTS[[*VERBS].index(name) % 2 :: 2], WAYS, strict=True):
        await scene.befallen(VERBS[name], at, way)


@pytest.fixture(scope="module")
def restarted() -> Iterator[PostgresServer]:
    """Give a server that is stopped and started again."""
    with postgres_server() as running:
        yield running


@pytest.mark.parametrize("at_once", [True, False], ids=["immediate", "fast"])
async def test_all_verbs_at_once_outlast_a_restart_or_tell_the_truth(
    restarted: PostgresServer, *, at_once: bool
) -> None:
    async with Ductape.open(f"{restarted.url}?schema=restarts", worker=False) as ductape:
        await ductape.products.apply(PRODUCT)
        given = {
            name: await verb.prepare(ductape, f"{name}-{at_once}") if verb.prepare else name
            for name, verb in VERBS.items()
        }
        given = {name: of if of != name else f"{name}-{at_once}" for name, of in given.items()}
        calls = [
            asyncio.create_task(told(VERBS[one].call(ductape, of))) for one, of in given.items()
        ]
        for _ in range(20):
            await asyncio.sleep(0)  # until they are on their way
        await asyncio.to_thread(restarted.stop, at_once=at_once)
        await asyncio.to_thread(restarted.start)
        errors = await asyncio.gather(*calls)
        for (name, of), error in zip(given.items(), errors, strict=True):
            refuse_untruth(VERBS[name], await VERBS[name].done(ductape, of), error, name)


@pytest.mark.parametrize(
    ("name", "way"),
    [("run_now", "away before"), ("secrets.delete", "ended after"), ("apply", "ended after")],
)
async def test_what_is_not_the_same_when_done_twice_tells_the_truth_at_every_question(
    name: str, way: str, scene: Scene
) -> None:
    for at in range(1, 13):
        await scene.befallen(VERBS[name], at, way)


COMMANDS = (
    "schedule {request}",
    "jobs list",
    "jobs history {job}",
    "jobs cancel {job}",
    "secrets list --product shop",
    "queues pause q",
    "migrate",
    "store copy {url} sqlite:///{folder}/copy-{at}.db",
    "store check",
)


@pytest.mark.parametrize("command", COMMANDS)
async def test_a_command_whose_server_ends_is_done_or_says_so_in_three_lines(
    command: str,
    scene: Scene,
    server: PostgresServer,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    line = scene.line
    (tmp_path / "request.json").write_text(json.dumps(a_request("cli")))
    receipt = await scene.here.processor.job.dispatch(a_request("cli"))
    url = f"{server.url}?schema=restarts".replace(f":{server.port}", f":{line.port}")
    for at, way in zip((3, 12, 25, 60), WAYS, strict=True):
        words = command.format(
            request=tmp_path / "request.json",
            job=receipt["job_id"],
            url=url,
            folder=tmp_path,
            at=at,
        ).split()
        if "{url}" not in command:
            words += ["--store", url]
        line.befall(at, scene.ending(way), answered=way.endswith("after"))
        code = await asyncio.to_thread(execute, words)
        line.come_back()
        said = capsys.readouterr()
        assert code in (0, StoreError.exit_code), said.err
        assert "Traceback" not in said.err
        if code:
            lines = [one for one in said.err.splitlines() if not one.startswith("warning: ")]
            assert len(lines) <= 3, lines
            assert lines[0].startswith("error: ")

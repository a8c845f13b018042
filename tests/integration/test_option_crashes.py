"""A worker is killed at every boundary of a feature that is an option: nothing is done twice.

Not while it is tried, not while it is undone because it was given up, not while the next is tried.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from ductape import Ductape
from tests.integration.test_feature_crashes import ended, killed_worker
from tests.servers.postgres import PostgresServer, postgres_server

ORDER = ("one", "two", "bad", "undo two", "undo one", "after")


def step(name: str, **parts: object) -> dict[str, object]:
    given = {"name": name, "fails": name == "bad"}
    return {"event": "act", "tag": name.replace(" ", "-"), "input": given, **parts}


def undone(name: str) -> dict[str, object]:
    undo = {"event": "act", "input": {"name": f"undo {name}"}}
    return step(name, rollback=undo)


PRODUCT: dict[str, object] = {
    "tag": "shop",
    "envs": [{"slug": "dev"}],
    "features": [
        {
            "tag": "kid",
            "sequence": [{"tag": "a", "events": [undone("one"), undone("two"), step("bad")]}],
        },
        {
            "tag": "twin",
            "sequence": [{"tag": "a", "events": [undone("red"), undone("blue")]}],
        },
        {
            "tag": "doomed",
            "sequence": [
                {
                    "tag": "b",
                    "events": [
                        {"type": "child", "event": "twin", "tag": "twin"},
                        {"event": "somehow", "tag": "somehow"},
                        {"event": "act", "tag": "doom", "input": {"name": "doom", "fails": True}},
                    ],
                }
            ],
        },
    ],
    "fallbacks": [
        {
            "tag": "somehow",
            "options": [
                {"type": "feature", "event": "kid", "tag": "kid"},
                {"type": "job", "event": "act", "tag": "other", "input": {"name": "after"}},
            ],
        }
    ],
    "jobs": [{"tag": "points", "event_type": "fallback", "event_tag": "somehow"}],
}


def boundaries(*names: str) -> list[str]:
    """Return the lines at which a worker dies; what fails never ends."""
    ends = [f"{at} {name}" for name in names for at in ("begin", "end")]
    return [line for line in ends if line not in ("end bad", "end doom")]


async def begun_of(
    tmp_path: Path, event: str, dies_at: str, status: str, store: str = ""
) -> list[tuple[str, str]]:
    """Let a worker die and another go on; return what began, in its order, with its key."""
    store, diary = store or f"sqlite:///{tmp_path / 'a.db'}", tmp_path / "diary"
    async with Ductape.open(store, config={}, worker=False) as ductape:
        await ductape.products.apply(PRODUCT)
        job = {"product_tag": "shop", "env": "dev", "event": event, "input": {}, "start_at": 0}
        job_id = (await ductape.processor.job.dispatch(job))["job_id"]
    await killed_worker(store, diary, dies_at)
    view = await ended(store, diary, job_id)
    assert view["status"] == status
    lines = [line.partition(" key ") for line in diary.read_text().splitlines()]
    return [
        (line.removeprefix("begin "), key) for line, _, key in lines if line.startswith("begin ")
    ]


def assert_nothing_is_repeated(
    begun: list[tuple[str, str]], order: tuple[str, ...], dies_at: str
) -> None:
    """Save the step in which the process died, which goes on under its own key."""
    died_in = dies_at.partition(" ")[2]
    names = [name for name, _ in begun]
    assert Counter(names) == {name: 2 if name == died_in else 1 for name in order}
    assert list(dict.fromkeys(names)) == [*order]
    assert len(set(begun)) == len({key for _, key in begun}) == len(order)


@pytest.mark.parametrize("event", ["somehow", "points"])
@pytest.mark.parametrize("dies_at", boundaries(*ORDER))
async def test_what_has_finished_is_not_repeated(tmp_path: Path, dies_at: str, event: str) -> None:
    begun = await begun_of(tmp_path, event, dies_at, "completed")
    assert_nothing_is_repeated(begun, ORDER, dies_at)


NESTED = ("red", "blue", *ORDER, "doom", "undo blue", "undo red")


@pytest.mark.parametrize("dies_at", boundaries("blue", "two", "undo one", *NESTED[7:]))
async def test_nor_is_it_inside_of_a_feature_that_fails(tmp_path: Path, dies_at: str) -> None:
    begun = await begun_of(tmp_path, "doomed", dies_at, "failed")
    assert_nothing_is_repeated(begun, NESTED, dies_at)


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as running:
        yield running


@pytest.mark.parametrize("dies_at", ["end two", "begin undo two", "end undo one", "end after"])
async def test_it_is_so_on_postgresql(
    tmp_path: Path, dies_at: str, server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DUCTAPE_KEY", "k1:" + "A" * 43)
    name = f"crash_{dies_at.replace(' ', '_')}"
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    store = f"{server.url.removesuffix('/postgres')}/{name}"
    begun = await begun_of(tmp_path, "somehow", dies_at, "completed", store)
    assert_nothing_is_repeated(begun, ORDER, dies_at)

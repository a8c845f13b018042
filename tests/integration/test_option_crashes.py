"""A worker is killed at every boundary of a feature that is an option: nothing is done twice.

Not while it is tried, not while it is undone because it was given up, not while the next is tried.
"""

from collections import Counter
from pathlib import Path

import pytest

from ductape import Ductape
from tests.integration.test_feature_crashes import ended, killed_worker

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
        }
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


@pytest.mark.parametrize("event", ["somehow", "points"])
@pytest.mark.parametrize(
    "dies_at", [f"{at} {name}" for name in ORDER for at in ("begin", "end") if name != "bad"]
)
async def test_what_has_finished_is_not_repeated(tmp_path: Path, dies_at: str, event: str) -> None:
    store, diary = f"sqlite:///{tmp_path / 'a.db'}", tmp_path / "diary"
    async with Ductape.open(store, config={}, worker=False) as ductape:
        await ductape.products.apply(PRODUCT)
        job = {"product_tag": "shop", "env": "dev", "event": event, "input": {}, "start_at": 0}
        job_id = (await ductape.processor.job.dispatch(job))["job_id"]
    await killed_worker(store, diary, dies_at)
    view = await ended(store, diary, job_id)
    assert view["status"] == "completed"
    assert view["result"]["provider"] == "other"
    begun = [line.partition(" key ") for line in diary.read_text().splitlines()]
    names = [line.removeprefix("begin ") for line, *_ in begun if line.startswith("begin ")]
    died_in = dies_at.partition(" ")[2]
    assert Counter(names) == {name: 2 if name == died_in else 1 for name in ORDER}
    assert list(dict.fromkeys(names)) == [*ORDER]
    assert len({key for line, _, key in begun if line.startswith("begin ")}) == len(ORDER)

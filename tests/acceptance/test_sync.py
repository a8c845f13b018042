"""The blocking surface is the async one, handed to a loop of its own."""

import threading
from pathlib import Path

import pytest

from ductape import Ductape, DuctapeError, Handlers, ValidationError

PRODUCT = {"tag": "shop", "envs": [{"slug": "dev"}]}
JOB = {"product_tag": "shop", "env": "dev", "event": "double", "input": {"n": 21}, "start_at": 0}


@pytest.fixture
def handlers() -> Handlers:
    registry = Handlers()

    @registry.job("double")
    async def double(given: dict[str, int]) -> int:
        return given["n"] * 2

    return registry


def test_schedule_blocks_until_the_result_is_there(tmp_path: Path, handlers: Handlers) -> None:
    with Ductape.sync(f"sqlite:///{tmp_path}/a.db", handlers=handlers) as ductape:
        ductape.products.apply(PRODUCT)
        assert ductape.processor.job.schedule(JOB, timeout=10) == 42
        assert ductape.jobs.list()[0]["status"] == "completed"


def test_many_threads_share_one_open_store(tmp_path: Path, handlers: Handlers) -> None:
    results: list[int] = []
    with Ductape.sync(f"sqlite:///{tmp_path}/a.db", handlers=handlers) as ductape:
        ductape.products.apply(PRODUCT)

        def call(n: int) -> None:
            results.append(ductape.processor.job.schedule({**JOB, "input": {"n": n}}, timeout=10))

        threads = [threading.Thread(target=call, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(results) == [n * 2 for n in range(8)]


def test_an_error_is_raised_where_the_call_was_made(tmp_path: Path, handlers: Handlers) -> None:
    with (
        Ductape.sync(f"sqlite:///{tmp_path}/a.db", handlers=handlers) as ductape,
        pytest.raises(ValidationError) as caught,
    ):
        ductape.processor.job.dispatch({**JOB, "retries": -1})
    assert "retries" in {each["path"] for each in caught.value.errors}


def test_after_closing_a_call_says_how_to_open_again(tmp_path: Path, handlers: Handlers) -> None:
    with Ductape.sync(f"sqlite:///{tmp_path}/a.db", handlers=handlers) as ductape:
        pass
    with pytest.raises(DuctapeError, match="not open"):
        ductape.jobs.list()

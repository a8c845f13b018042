"""The settings: a file, overridden by the environment, validated with paths."""

from pathlib import Path
from typing import Any

import pytest

from ductape import Ductape, Handlers, ValidationError, WorkerOptions
from ductape.app.configuration.settings import Settings, read_settings
from ductape.errors import ConfigError

PRODUCT = {
    "tag": "shop",
    "envs": [{"slug": "dev"}],
    "jobs": [{"tag": "note", "handler": "python"}],
}
JOB = {"product_tag": "shop", "env": "dev", "event": "note", "input": {}, "start_at": 0}


def test_no_file_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert read_settings(environ={}) == Settings()


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "ductape.toml"
    file.write_text('store = "a.db"\n[worker]\nconcurrency = 5\nqueues = ["mail"]\n')
    given = {"DUCTAPE_WORKER_CONCURRENCY": "9", "DUCTAPE_HANDLERS": "a:b, c:d"}
    settings = read_settings(file, given)
    assert (settings.store, settings.worker.concurrency) == ("a.db", 9)
    assert (settings.worker.queues, settings.handlers) == (("mail",), ("a:b", "c:d"))


def test_retention_in_days_reaches_the_worker() -> None:
    options = read_settings({"retention": {"completed": 0.5, "failed": 2}}, {}).worker_options()
    assert (options.completed_kept_ms, options.failed_kept_ms) == (43_200_000, 172_800_000)


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"worker": {"concurrency": "many"}}, "worker.concurrency"),
        ({"limits": {"nesting": 65}}, "limits.nesting"),
        ({"stroe": "a.db"}, "stroe"),
        ({"worker": {"concurency": 3}}, "worker.concurency"),
        ({"worker": {"concurrency": 0}}, "worker.concurrency"),
        ({"worker": {"lease": 1}}, "worker.lease"),
        ({"worker": {"grace": -1}}, "worker.grace"),
        ({"worker": {"queues": [""]}}, "worker.queues[0]"),
        ({"limits": {"input": -1}}, "limits.input"),
        ({"limits": {"batch": 0}}, "limits.batch"),
        ({"retention": {"completed": -1}}, "retention.completed"),
        ({"retention": {"failed": float("nan")}}, "retention.failed"),
        ({"retention": {"failed": float("inf")}}, "retention.failed"),
        ({"cache": {"default_expiry": 0}}, "cache.default_expiry"),
    ],
)
def test_a_wrong_setting_is_told_with_its_path(given: dict[str, object], path: str | None) -> None:
    with pytest.raises(ConfigError) as caught:
        read_settings(given, {})
    assert caught.value.path == path


@pytest.mark.parametrize("worker", ["yes", 5, {"concurrency": 3}, [], 1])
def test_a_worker_that_is_none_is_refused(worker: WorkerOptions) -> None:
    with pytest.raises(ConfigError, match="worker"):
        Ductape.open("sqlite:///a.db", worker=worker)


@pytest.mark.parametrize("given", [{"concurrency": 0}, {"lease_ms": 0}, {"grace_ms": -1}])
def test_options_that_no_worker_can_have_are_refused(given: dict[str, int]) -> None:
    with pytest.raises(ConfigError) as caught:
        Ductape.open("sqlite:///a.db", worker=WorkerOptions(**given))
    assert caught.value.path == f"worker.{next(iter(given))}"


@pytest.mark.parametrize(
    ("queues", "path"),
    [
        (("",), "worker.queues[0]"),
        (("mail", "x" * 201), "worker.queues[1]"),
        ((5,), "worker.queues[0]"),
        ("mail", "worker.queues"),
    ],
)
def test_queues_that_no_worker_can_serve_are_refused(queues: tuple[str, ...], path: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Ductape.open("sqlite:///a.db", worker=WorkerOptions(queues=queues))
    assert caught.value.path == path


@pytest.mark.parametrize("handlers", ["shop:handlers", 5, [5], None])
def test_handlers_that_are_none_are_refused(handlers: Handlers) -> None:
    with pytest.raises(ConfigError, match="handlers"):
        Ductape.open("sqlite:///a.db", handlers=handlers)


def test_the_key_is_not_shown() -> None:
    assert "s3cret" not in repr(read_settings({"key": "s3cret"}, {}))


async def test_limits_hold_for_requests_and_batches(tmp_path: Path) -> None:
    limits = {"limits": {"input": 100, "batch": 2}}
    store = f"sqlite:///{tmp_path}/a.db"
    async with Ductape.open(store, config=limits, worker=False) as ductape:
        await ductape.products.apply(PRODUCT)
        with pytest.raises(ValidationError, match="at most 100 bytes"):
            await ductape.processor.job.dispatch({**JOB, "input": {"a": "x" * 100}})
        with pytest.raises(ValidationError, match="at most 2 jobs"):
            await ductape.processor.job.dispatch_many([JOB] * 3)
        assert len(await ductape.processor.job.dispatch_many([JOB] * 2)) == 2


def test_every_wrong_setting_is_told_at_once() -> None:
    wrong = {
        "workr": {},
        "worker": {"concurency": 3, "lease": "x", "grace": -1},
        "routes": {"shop": 5},
        "retention": 7,
    }
    with pytest.raises(ConfigError) as caught:
        read_settings(wrong, {})
    told = {one["path"]: one["message"] for one in caught.value.details["errors"]}
    assert told == {
        "workr": "workr: expected a known setting, found an unknown one (did you mean `worker`?)",
        "worker.concurency": "worker.concurency: expected a known setting, found an unknown one"
        " (did you mean `concurrency`?)",
        "worker.lease": "worker.lease: expected an integer, found a string",
        "worker.grace": "worker.grace: expected an integer >= 0, found -1",
        "routes.shop": "routes.shop: expected a string, found 5",
        "retention": "retention: expected a table, found 7",
    }


def test_a_wrong_variable_is_named_and_its_text_is_not_shown() -> None:
    with pytest.raises(ConfigError) as caught:
        read_settings({}, {"DUCTAPE_WORKER_CONCURRENCY": "s3cret"})
    assert "DUCTAPE_WORKER_CONCURRENCY" in caught.value.message
    assert "s3cret" not in caught.value.message


@pytest.mark.parametrize(
    ("path", "given"),
    [
        ("store", {"store": 5}),
        ("config", {"config": 5}),
        ("config", {"config": [1]}),
        ("clock", {"clock": 5}),
        ("worker", {"worker": "yes"}),
        ("handlers", {"handlers": 5}),
    ],
)
def test_what_opens_nothing_is_told_by_its_name(path: str, given: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as caught:
        Ductape.open(**given)
    assert caught.value.path == path


async def test_how_much_a_request_or_a_feature_may_hold_is_set(tmp_path: Path) -> None:
    handlers = Handlers()

    @handlers.job("note")
    def note(given: object) -> object:
        return given

    config = {"limits": {"references": 2, "sequence": 1}}
    store = f"sqlite:///{tmp_path}/a.db"
    async with Ductape.open(store, config=config, handlers=handlers) as ductape:
        await ductape.products.apply(PRODUCT)
        await ductape.processor.job.dispatch({**JOB, "input": {"a": ["$Now()", "$Now()"]}})
        with pytest.raises(ValidationError, match="at most 2 references and operators, found 3"):
            await ductape.processor.job.dispatch({**JOB, "input": {"a": ["$Now()"] * 3}})
        steps = [{"event": "note", "tag": tag} for tag in ("a", "b")]
        feature = {"tag": "long", "sequence": [{"tag": "main", "events": steps}]}
        with pytest.raises(ValidationError, match="at most 1 steps, found 2"):
            await ductape.products.apply({**PRODUCT, "features": [feature]})

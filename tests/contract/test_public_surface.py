"""The public names: what users may import and call. Changing one breaks somebody's program."""

import copy
import os
import pickle
import sys
from collections.abc import Callable, Iterator
from inspect import signature
from typing import Any, cast

import pytest

import ductape
from ductape.app.ductape import Ductape
from ductape.app.importing import Imports
from ductape.app.kinds import (
    ActionProcessor,
    BrokerProcessor,
    DatabaseProcessor,
    FallbackProcessor,
    FeatureProcessor,
    FunctionProcessor,
    NotificationProcessor,
    QuotaProcessor,
    StorageProcessor,
)
from ductape.app.processor import JobProcessor, Processor
from ductape.errors import DuctapeError, JobFailed, NotFound, ProviderError, QuotaExceeded
from ductape.handlers.python import Handlers
from ductape.ports.handler import Retry
from ductape.services.caches import Caches
from ductape.services.features import Features
from ductape.services.healthchecks import HealthService
from ductape.services.jobs.verbs import Jobs
from ductape.services.products.applying import ProductService
from ductape.services.secrets import Secrets
from ductape.services.sessions import Sessions
from ductape.services.workers import Workers
from ductape.stores.postgres.outbox.lending import PostgresLent
from ductape.stores.sqlite.outbox.lending import SqliteLent
from tests.pages import ROOT, run_command

MOST_NAMES = 25

NAMES = [
    "Abort",
    "Ductape",
    "DuctapeError",
    "FeatureContext",
    "Handlers",
    "IActionRequest",
    "IDbActionRequest",
    "IFunctionRequest",
    "IJobProcessorInput",
    "IJobRepeatOptions",
    "INotificationRequest",
    "ISession",
    "IStorageRequest",
    "JobCancelled",
    "JobEventTypes",
    "JobFailed",
    "NotFound",
    "ProviderError",
    "ResultTimeout",
    "Retry",
    "StepFailed",
    "ValidationError",
    "WorkerOptions",
    "literal",
    "preview",
]

ONLY_IN_ANNOTATIONS = ["AsyncContext", "HistoryView", "JobView", "Receipt", "ThreadContext"]

VERBS = {
    JobProcessor: {"dispatch", "dispatch_many", "schedule", "wait"},
    ActionProcessor: {"run"},
    NotificationProcessor: {"send"},
    DatabaseProcessor: {"execute"},
    StorageProcessor: {"run"},
    FunctionProcessor: {"invoke"},
    FeatureProcessor: {"run"},
    BrokerProcessor: {"publish", "subscribe"},
    QuotaProcessor: {"run"},
    FallbackProcessor: {"run"},
    Sessions: {"decrypt", "refresh", "revoke", "start", "users"},
    Jobs: {
        "cancel",
        "get",
        "history",
        "list",
        "pause",
        "preview",
        "resume",
        "retry",
        "run_now",
        "steps",
        "watch",
    },
    Workers: {"list"},
    ProductService: {"apply", "diff", "get", "list", "rollback", "versions"},
    Secrets: {"delete", "list", "set"},
    Caches: {"clear", "values"},
    HealthService: {"status"},
    Imports: {"openapi", "postman"},
    Features: {"signal"},
    Handlers: {"feature", "function", "job"},
}
"""What each part must offer; it may have more that others within the house call."""


PROCESSORS = {
    "action",
    "broker",
    "db",
    "fallback",
    "feature",
    "function",
    "job",
    "notification",
    "quota",
    "sessions",
    "storage",
}


def _errors() -> Iterator[type[DuctapeError]]:
    waiting = [DuctapeError]
    while waiting:
        kind = waiting.pop()
        if kind.__module__.startswith("ductape."):  # others are errors of tests
            yield kind
        waiting += kind.__subclasses__()


def test_the_names_are_these_and_no_others() -> None:
    assert sorted(ductape.__all__) == NAMES
    assert len(NAMES) <= MOST_NAMES


@pytest.mark.parametrize("name", [*NAMES, *ONLY_IN_ANNOTATIONS])
def test_a_name_is_there(name: str) -> None:
    assert getattr(ductape, name) is not None


@pytest.mark.parametrize("kind", sorted(_errors(), key=lambda kind: kind.__name__))
def test_every_error_can_be_named(kind: type[DuctapeError]) -> None:
    assert getattr(ductape, kind.__name__) is kind


def test_another_name_is_refused_as_python_does() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Scheduler'"):
        _ = ductape.Scheduler


@pytest.mark.parametrize("part", VERBS, ids=lambda part: part.__name__)
def test_a_part_has_its_verbs(part: type) -> None:
    assert VERBS[part] <= set(dir(part))


def test_what_is_open_has_its_parts() -> None:
    parts = {"processor", "jobs", "products", "secrets", "caches", "workers", "health", "imports"}
    assert parts <= set(Ductape.__annotations__)
    assert {"open", "sync", "transaction"} <= set(dir(Ductape))
    assert vars(_a_processor()).keys() >= PROCESSORS


def _a_processor() -> Processor:
    nothing = cast("Any", None)  # its parts only keep what they are given
    return Processor(nothing, nothing, nothing, nothing)


@pytest.mark.parametrize("verb", [JobProcessor.dispatch, JobProcessor.dispatch_many])
def test_a_dispatch_may_be_part_of_the_callers_transaction(verb: Callable[..., object]) -> None:
    taken = signature(verb).parameters["transaction"]
    assert (taken.kind, taken.default) == (taken.KEYWORD_ONLY, None)


def test_a_schedule_waits_for_a_result_and_so_cannot_be() -> None:
    assert "transaction" not in signature(JobProcessor.schedule).parameters


@pytest.mark.parametrize("lent", [SqliteLent, PostgresLent])
def test_what_is_lent_runs_statements(lent: type) -> None:
    assert {"execute", "executemany"} <= set(dir(lent))


async def test_an_inner_module_does_not_load_the_world() -> None:
    look = "import sys, ductape.errors; print({'aiohttp', 'apsw'} & set(sys.modules))"
    assert await run_command([sys.executable, "-c", look], ROOT, os.environ) == "set()\n"


def test_a_prompt_completes_the_names() -> None:
    assert {*NAMES, *ONLY_IN_ANNOTATIONS} <= set(dir(ductape))


async def test_the_command_is_there_as_a_module() -> None:
    argv = [sys.executable, "-m", "ductape", "--version"]
    assert (await run_command(argv, ROOT, os.environ)).startswith("ductape ")


@pytest.mark.parametrize(
    "error",
    [
        JobFailed("no", error={"code": "TIMEOUT"}, attempts=[{"number": 1}], job_id="j"),
        ProviderError("TIMEOUT", "no", retry_after_ms=5),
        QuotaExceeded("no", retry_after_ms=5, details={"limit": 1}),
        NotFound("no", path="event", hint="use another"),
        Retry(after=5),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_comes_whole_out_of_another_process(error: Exception) -> None:
    for there in (pickle.loads(pickle.dumps(error)), copy.copy(error)):  # noqa: S301 (our own)
        assert type(there) is type(error)
        assert (str(there), vars(there)) == (str(error), vars(error))

"""The seed's interfaces as types: a checker takes the seed's example and refuses a wrong one."""

import json
import sys
from pathlib import Path
from subprocess import run
from typing import TypedDict, cast

import pytest

HEAD = (
    "from ductape.domain.types import IActionRequest, IJobProcessorInput, INotificationRequest\n"
    "from ductape.domain.types import IStorageRequest\n"
)

SEED_EXAMPLE = """
data: IJobProcessorInput = {
    "product_tag": "my-product",
    "env": "prd",
    "event": "send_notification",
    "start_at": 0,
    "input": {
        "slug": "order_update",
        "push_notification": {
            "title": {"en": "Order Shipped"},
            "body": {"en": "Your order #12345 has been shipped!"},
            "data": {"trackingId": "XYZ987"},
            "device_token": "abcdef123456",
        },
    },
    "session": {
        "tag": "user-session",
        "token": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9...",
    },
    "cache": "notify-user-123",
    "repeat": {"cron": "0 10 * * *", "tz": "Europe/Amsterdam", "limit": 30},
}
"""

OTHER_GOOD_ONES = """
action: IActionRequest = {"body": {"id": 1}, "headers": {"X": "y"}}
payload = {"n": 1}
a: IJobProcessorInput = {
    "product_tag": "p", "env": "e", "event": "x", "input": action, "start_at": "2027-01-01",
    "retries": 3, "session": {}, "repeat": None, "app": {}, "key": "k", "priority": -5,
    "retryConfig": {"initialDelay": 5, "jitterPercent": 0.5}, "metadata": {"team": "blue"},
}
b: IJobProcessorInput = {
    "product_tag": "p", "env": "e", "event": "x", "input": {}, "start_at": 1.5,
    "repeat": {"every": 1000, "endDate": "2030-01-01", "onFailure": "pause"}, "onLost": "fail",
}
told: INotificationRequest = {
    "push_notification": {"device_token": "abc", "title": "Onderweg"},
    "email": {"to": "ada@example.org"},
    "sms": {"to": ["+31612345678"]},
}
upload: IStorageRequest = {"fileName": "a.png", "blob": b"x"}
listing: IStorageRequest = {"operation": "list", "prefix": "2026", "limit": 10}
d: IJobProcessorInput = {
    "product_tag": "p", "env": "e", "event": "x", "input": upload, "start_at": 0,
}
c: IJobProcessorInput = {
    "product_tag": "p", "env": "e", "event": "x", "input": payload, "start_at": 0,
}
"""

ANNOTATIONS = """
from ductape import (
    AsyncContext, Conflict, Ductape, FeatureContext, Handlers, HistoryView, JobView, QuotaExceeded,
    Receipt, StepFailed, ThreadContext,
)

handlers = Handlers()

@handlers.job("one")
async def one(given: dict[str, int], ctx: AsyncContext) -> int:
    await ctx.checkpoint({"attempt": ctx.attempt})
    return given["n"]

@handlers.job("two")
def two(given: dict[str, int], ctx: ThreadContext) -> bool:
    return ctx.cancelled

@handlers.feature("three")
async def three(given: dict[str, int], ctx: FeatureContext) -> str:
    try:
        await ctx.job("one", {"n": 1})
    except StepFailed as failed:
        return failed.code
    return "done"

async def use(ductape: Ductape) -> tuple[Receipt, JobView, HistoryView]:
    try:
        receipt = await ductape.processor.job.dispatch({})
    except (Conflict, QuotaExceeded) as error:
        raise SystemExit(error.hint) from error
    seen = await ductape.jobs.get(receipt["job_id"])
    return receipt, seen, await ductape.jobs.history(seen["id"])
"""

FIELDS = {
    "product_tag": '"p"',
    "env": '"dev"',
    "event": '"x"',
    "input": "{}",
    "start_at": "0",
}

WRONG_FIELDS = [
    {"retries": '"3"'},
    {"product_tag": "5"},
    {"retires": "3"},
    {"session": '{"tag": "t"}'},
    {"repeat": '{"every": "daily"}'},
    {"repeat": '{"every": 1000, "end_date": 0}'},
    {"onLost": '"drop"'},
    {"metadata": '{"n": 1}'},
    {"input": '"x"'},
    {"start_at": "[]"},
]


class Diagnostic(TypedDict):
    """One complaint of the checker."""

    file: str
    severity: str
    message: str
    rule: str


def written(fields: dict[str, str]) -> str:
    members = ", ".join(f'"{key}": {value}' for key, value in fields.items())
    return f"data: IJobProcessorInput = {{{members}}}\n"


SOURCES = {
    "seed": SEED_EXAMPLE,
    "others": OTHER_GOOD_ONES,
    "annotations": ANNOTATIONS,
    "lacking": written({key: FIELDS[key] for key in FIELDS if key != "start_at"}),
    **{f"wrong{at}": written(FIELDS | change) for at, change in enumerate(WRONG_FIELDS)},
}

GOOD = ("seed", "others", "annotations")


@pytest.fixture(scope="module")
def complaints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Check all sources in one go; return the rules that each breaks."""
    folder = tmp_path_factory.mktemp("types")
    for name, text in SOURCES.items():
        (folder / f"{name}.py").write_text(HEAD + text, encoding="utf-8")
    settings = {"typeCheckingMode": "strict", "reportUnusedImport": False, "include": ["."]}
    (folder / "pyrightconfig.json").write_text(json.dumps(settings), encoding="utf-8")
    broken: dict[str, list[str]] = {name: [] for name in SOURCES}
    for diagnostic in check(folder):
        broken[Path(diagnostic["file"]).stem].append(diagnostic["rule"])
    return broken


def check(folder: Path) -> list[Diagnostic]:
    tool = Path(sys.executable).with_name("basedpyright")
    command = [str(tool), "--outputjson", "--pythonpath", sys.executable, "--project", str(folder)]
    answer = run(command, capture_output=True, text=True, check=False, cwd=folder)  # noqa: S603 (our own tool)
    return cast("list[Diagnostic]", json.loads(answer.stdout)["generalDiagnostics"])


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", GOOD)
def test_what_is_right_type_checks(complaints: dict[str, list[str]], name: str) -> None:
    assert complaints[name] == []


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", [name for name in SOURCES if name not in GOOD])
def test_a_wrong_request_is_refused_by_the_checker(
    complaints: dict[str, list[str]], name: str
) -> None:
    assert complaints[name] == ["reportAssignmentType"]

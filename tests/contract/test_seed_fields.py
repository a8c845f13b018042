"""Every field of the seed and of our extensions, with values that are taken and refused."""

from typing import cast
from zoneinfo import ZoneInfo

import pytest

from ductape.domain.parsing import parse_job_request
from ductape.domain.parsing.job import REQUEST
from ductape.domain.parsing.options import RETRY_CONFIG, SESSION
from ductape.domain.parsing.repeat import REPEAT
from ductape.domain.request import JobRequest
from ductape.errors import Fault, ValidationError

NOW_MS = 1_800_000_000_000
"""2027-01-15T08:00:00Z"""

SEED_EXAMPLE: dict[str, object] = {
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

MINIMAL: dict[str, object] = {
    "product_tag": "orders",
    "env": "dev",
    "event": "ship",
    "input": {},
    "start_at": 0,
}

NAMES = ["p", "my-product", "日本語", "a b", "x" * 200]
NO_NAMES: list[object] = ["", " ", "x" * 201, 5, True, 1.5, [], ["x"], b"x", "a\x00b", "\ud800"]
NOT_OBJECTS: list[object] = ["x", 5, True, 1.5, ["x"], b"x"]
NOT_INTEGERS: list[object] = [True, False, 1.5, 3.0, "3", [3], float("nan"), 10**30]
NOT_FLAGS: list[object] = [0, 1, "true", [True]]

GOOD: dict[str, list[object]] = {
    "product_tag": [*NAMES],
    "env": [*NAMES],
    "event": [*NAMES, "action:tag", "app:tag"],
    "input": [{}, {"a": {"b": [1, 2.5, None, True, "x"]}}, {"n": 2**64 - 1}, {"n": -(2**63)}],
    "retries": [0, 3, 1000],
    "start_at": [
        0,
        NOW_MS,
        NOW_MS // 1000,
        1_800_000_000.25,
        1,
        "2027-03-01T10:00:00Z",
        "2027-03-01T10:00:00+02:00",
        "2027-03-01T10:00",
        "2027-03-01",
    ],
    "app": [*NAMES],
    "cache": [*NAMES],
    "session": [{"tag": "t", "token": "x"}, {"tag": "t", "token": "x" * 9000, "mustBeLive": True}],
    "session.tag": [*NAMES],
    "session.token": ["x", "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9..."],
    "session.mustBeLive": [True, False],
    "repeat": [{"cron": "0 0 1 * *"}, {"every": 86_400_000}, {"every": 604_800_000, "limit": 10}],
    "repeat.cron": ["0 0 1 * *", "*/5 * * * * *", "@daily", "0 9 ? * MON", "0 0 L * *"],
    "repeat.every": [100, 86_400_000],
    "repeat.limit": [1, 30],
    "repeat.endDate": [
        "2030-12-31T23:59:59Z",
        "2030-12-31",
        NOW_MS + 10**9,
        NOW_MS // 1000 + 10**6,
    ],
    "repeat.tz": ["UTC", "Europe/Amsterdam", "Asia/Kathmandu"],
    "repeat.immediately": [True, False],
    "repeat.onFailure": ["continue", "stop", "pause"],
    "repeat.catchUp": ["one"],
    "key": [*NAMES],
    "retryConfig": [{"initialDelay": 5}],
    "retryConfig.initialDelay": [0, 1000, 900_000],
    "retryConfig.maxDelay": [1000, 900_000],
    "retryConfig.backoffMultiplier": [1, 1.5, 10],
    "retryConfig.jitter": [True, False],
    "retryConfig.jitterPercent": [0, 0.25, 1],
    "retryConfig.retryableErrors": [[], ["NOT_FOUND"]],
    "retryConfig.nonRetryableErrors": [[], ["TIMEOUT", "OWN_CODE"]],
    "timeout": [1, 60_000, 86_400_000],
    "expires_at": [NOW_MS + 1, "2027-03-01T10:00:00Z"],
    "priority": [-100, 0, 100],
    "queue": [*NAMES],
    "concurrency_key": ["k", "customer:7", "\u2603"],
    "concurrency_limit": [1, 5, 100_000],
    "onLost": ["retry", "fail"],
    "metadata": [{"team": "blue"}, {"n": "", "é": "ü"}],
}

BAD: dict[str, list[object]] = {
    "product_tag": [None, {}, *NO_NAMES],
    "env": [None, {}, *NO_NAMES],
    "event": [None, {}, *NO_NAMES],
    "input": [None, *NOT_OBJECTS],
    "retries": [-1, 1001, *NOT_INTEGERS],
    "start_at": [
        None,
        {},
        -1,
        -0.5,
        float("nan"),
        float("inf"),
        True,
        "x",
        "",
        "2027-02-30",
        [0],
        10**400,
    ],
    "app": NO_NAMES,
    "cache": NO_NAMES,
    "session": NOT_OBJECTS,
    "session.tag": [None, {}, *NO_NAMES],
    "session.token": [None, {}, "", " ", 5, True, ["x"], "\ud800"],
    "session.mustBeLive": NOT_FLAGS,
    "repeat": [*NOT_OBJECTS, {"limit": 3}, {"cron": None, "every": {}, "tz": "UTC"}],
    "repeat.cron": ["", "x", "* * * *", "60 * * * *", "0 0 30 2 *", 5, True, ["* * * * *"]],
    "repeat.every": [0, 99, -1, *NOT_INTEGERS],
    "repeat.limit": [0, -1, *NOT_INTEGERS],
    "repeat.endDate": [True, -1, "x", "", float("nan"), ["2030-01-01"], 0, "2020-12-31T23:59:59Z"],
    "repeat.tz": ["", "Mars/Here", "../UTC", "/etc/localtime", "UTC\x00", 5, True],
    "repeat.immediately": NOT_FLAGS,
    "repeat.onFailure": ["", "CONTINUE", "restart", True, 5],
    "repeat.catchUp": ["all", "skip", "", 1],
    "repeat.dst": [{"gap": "skip"}],
    "repeat.jitter": [0, 500],
    "repeat.exclude": [[], ["2030-01-01"]],
    "key": NO_NAMES,
    "retryConfig": NOT_OBJECTS,
    "retryConfig.initialDelay": [-1, *NOT_INTEGERS],
    "retryConfig.maxDelay": [-1, 999, *NOT_INTEGERS],
    "retryConfig.backoffMultiplier": [0.5, 0, -1, True, "2", float("nan"), float("inf"), 10**400],
    "retryConfig.jitter": NOT_FLAGS,
    "retryConfig.jitterPercent": [-0.1, 1.1, 50, True, "0.5", float("nan")],
    "retryConfig.retryableErrors": ["TIMEOUT", 5, True, ("TIMEOUT",)],
    "retryConfig.nonRetryableErrors": ["TIMEOUT", 5, True],
    "timeout": [0, -1, *NOT_INTEGERS],
    "expires_at": [0, -1, True, "x", float("nan")],
    "priority": [-101, 101, *NOT_INTEGERS],
    "queue": NO_NAMES,
    "concurrency_key": NO_NAMES,
    "concurrency_limit": [0, -1, 100_001, *NOT_INTEGERS],
    "onLost": ["", "RETRY", "drop", True, 5],
    "metadata": NOT_OBJECTS,
}

OPTIONAL = sorted(
    path
    for path in GOOD
    if path not in {*MINIMAL, "session.tag", "session.token", "repeat.cron", "repeat.every"}
)


def parse(data: object) -> JobRequest:
    return parse_job_request(data, now_ms=NOW_MS, zones=zone)


def zone(name: str) -> ZoneInfo:
    """Stand for the packaged zones, which know names only, no paths."""
    try:
        return ZoneInfo(name)
    except ValueError as path_like:
        raise KeyError(name) from path_like


def a_request(path: str, value: object) -> dict[str, object]:
    """Build a good request but for the value at one path."""
    head, _, leaf = path.partition(".")
    if not leaf:
        key = {"concurrency_key": "k"} if path == "concurrency_limit" else {}
        return MINIMAL | key | {head: value}
    frame: dict[str, object] = {
        "session": {"tag": "t", "token": "x"},
        "repeat": {} if leaf in {"cron", "every"} else {"cron": "0 10 * * *"},
        "retryConfig": {"initialDelay": 1000} if leaf == "maxDelay" else {},
    }
    return MINIMAL | {head: cast("dict[str, object]", frame[head]) | {leaf: value}}


def faults_of(data: object) -> list[Fault]:
    with pytest.raises(ValidationError) as refusal:
        parse(data)
    return refusal.value.errors


def cases(table: dict[str, list[object]]) -> list[tuple[str, object]]:
    return [(path, value) for path, values in table.items() for value in values]


def shown(value: object) -> str:
    return ascii(value)[:30]


@pytest.mark.parametrize(("path", "value"), cases(GOOD), ids=shown)
def test_a_good_value_is_taken(path: str, value: object) -> None:
    assert parse(a_request(path, value)).env


@pytest.mark.parametrize(("path", "value"), cases(BAD), ids=shown)
def test_a_bad_value_is_refused_at_its_path_and_nowhere_else(path: str, value: object) -> None:
    assert [fault["path"] for fault in faults_of(a_request(path, value))] == [path]


@pytest.mark.parametrize("path", OPTIONAL)
@pytest.mark.parametrize("nothing", [None, {}], ids=["null", "empty"])
def test_null_and_an_empty_object_mean_that_an_optional_field_is_not_given(
    path: str, nothing: object
) -> None:
    head, _, leaf = path.partition(".")
    left_out = a_request(path, nothing)
    cast("dict[str, object]", left_out[head] if leaf else left_out).pop(leaf or head)
    assert parse(a_request(path, nothing)) == parse(left_out)


@pytest.mark.parametrize("path", ["repeat.exclude", "repeat.dst", "repeat.jitter"])
@pytest.mark.parametrize("nothing", [None, {}], ids=["null", "empty"])
def test_a_field_of_a_later_release_may_be_given_as_nothing(path: str, nothing: object) -> None:
    assert parse(a_request(path, nothing)).env == "dev"


def test_a_field_of_a_later_release_says_so() -> None:
    (fault,) = faults_of(a_request("repeat.jitter", 500))
    assert "not available in this release" in fault["message"]


def test_a_limit_needs_a_key() -> None:
    assert [fault["path"] for fault in faults_of(MINIMAL | {"concurrency_limit": 2})] == [
        "concurrency_key"
    ]


@pytest.mark.parametrize("field", sorted(MINIMAL))
def test_a_required_field_that_is_absent_is_refused_at_its_path(field: str) -> None:
    data = {key: value for key, value in MINIMAL.items() if key != field}
    assert [fault["path"] for fault in faults_of(data)] == [field]


def test_the_table_has_every_field_that_is_known() -> None:
    fields = REQUEST.known | {
        f"{head}.{leaf}"
        for head, shape in (("session", SESSION), ("repeat", REPEAT), ("retryConfig", RETRY_CONFIG))
        for leaf in shape.known
    }
    assert set(GOOD) == fields
    later = REQUEST.later | {f"repeat.{leaf}" for leaf in REPEAT.later}
    assert set(BAD) == fields | later


def test_the_seeds_own_example_is_taken_as_it_stands() -> None:
    request = parse(SEED_EXAMPLE)
    assert (request.product, request.env, request.event) == (
        "my-product",
        "prd",
        "send_notification",
    )
    assert (request.retries, request.start_at_ms) == (0, 0)
    assert request.input == SEED_EXAMPLE["input"]
    assert request.session is not None
    assert request.session.tag == "user-session"
    assert request.cache == "notify-user-123"
    assert request.repeat is not None
    assert (request.repeat.cron, request.repeat.tz) == ("0 10 * * *", "Europe/Amsterdam")
    assert (request.repeat.every_ms, request.repeat.limit) == (None, 30)
    assert request.warnings == ()


def test_a_request_with_nothing_optional_has_the_defaults_of_the_contract() -> None:
    assert parse(MINIMAL) == JobRequest(
        product="orders", env="dev", event="ship", input={}, retries=0, start_at_ms=0
    )

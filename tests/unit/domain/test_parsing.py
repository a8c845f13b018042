"""How a request is read: every fault at once, at its path, with a hint, and never a secret."""

from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ductape.domain.parsing import parse_job_request
from ductape.domain.parsing.job import REQUEST
from ductape.domain.request import JobRequest, RetryPolicy
from ductape.errors import Fault, ValidationError

NOW_MS = 1_800_000_000_000
TOKEN = "eyJhbGciOiJkaXIi.SECRET"


def a_mapping(**changes: object) -> dict[str, object]:
    base: dict[str, object] = {
        "product_tag": "orders",
        "env": "dev",
        "event": "ship",
        "input": {},
        "start_at": 0,
    }
    return base | changes


def parse(data: object) -> JobRequest:
    return parse_job_request(data, now_ms=NOW_MS, zones=ZoneInfo)


def refusal_of(data: object) -> ValidationError:
    with pytest.raises(ValidationError) as refusal:
        parse(data)
    return refusal.value


def fault_of(data: object) -> Fault:
    (fault,) = refusal_of(data).errors
    return fault


def ms(iso: str) -> int:
    return int(datetime.fromisoformat(iso).timestamp() * 1000)


def test_every_fault_is_told_at_once_each_at_its_path() -> None:
    data = a_mapping(
        env=5,
        retires=3,
        input={"to": [float("nan")]},
        session={"tag": "t"},
        repeat={"cron": "0 9 * * *", "every": 5},
        metadata={"x": 1},
        retryConfig={"jitterPercent": 7},
    )
    assert {fault["path"] for fault in refusal_of(data).errors} == {
        "env",
        "retires",
        "input.to[0]",
        "session.token",
        "repeat.every",
        "metadata.x",
        "retryConfig.jitterPercent",
    }


def test_an_early_end_is_told_together_with_faults_elsewhere() -> None:
    data = a_mapping(env=5, repeat={"every": 1000, "endDate": "2020-01-01", "limit": 0})
    paths = [fault["path"] for fault in refusal_of(data).errors]
    assert paths == ["repeat.limit", "env", "repeat.endDate"]


@pytest.mark.parametrize("data", [None, "{}", 5, [], [("env", "dev")]])
def test_anything_but_a_mapping_is_refused_whole(data: object) -> None:
    assert fault_of(data)["path"] == ""


def test_any_mapping_will_do() -> None:
    assert parse(MappingProxyType(a_mapping())) == parse(a_mapping())


def test_input_and_metadata_may_be_any_mapping_too() -> None:
    given = {"input": {"a": 1}, "metadata": {"team": "b"}}
    seen = {name: MappingProxyType(value) for name, value in given.items()}
    assert parse(a_mapping(**seen)) == parse(a_mapping(**given))


def test_a_mapping_inside_of_the_input_is_a_dict() -> None:
    with pytest.raises(ValidationError, match="mappingproxy") as refused:
        parse(a_mapping(input={"a": MappingProxyType({})}))
    assert refused.value.errors[0].get("hint") == "give a dict"


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("retires", "did you mean `retries`?"),
        ("startAt", "did you mean `start_at`?"),
        ("retry_config", "did you mean `retryConfig`?"),
        ("on_lost", "did you mean `onLost`?"),
        ("product", "did you mean `product_tag`?"),
        ("cron", "did you mean `repeat.cron`?"),
        ("end_date", "did you mean `repeat.endDate`?"),
        ("token", "did you mean `session.token`?"),
        ("concurrencyKey", None),
    ],
)
def test_an_unknown_key_names_the_nearest_known_one(key: str, hint: str | None) -> None:
    fault = fault_of(a_mapping(**{key: "x"}))
    assert fault["path"] == key
    assert hint is None or fault.get("hint") == hint


def test_a_snake_case_spelling_inside_repeat_names_the_wire_name() -> None:
    fault = fault_of(a_mapping(repeat={"every": 1000, "end_date": "2030-01-01"}))
    assert (fault["path"], fault.get("hint")) == ("repeat.end_date", "did you mean `endDate`?")


def test_an_unknown_key_like_no_other_lists_the_known_ones() -> None:
    fault = fault_of(a_mapping(session={"tag": "t", "token": "x", "zzz": 1}))
    assert fault.get("hint") == "known are `mustBeLive`, `tag`, `token`"


def test_a_key_that_is_no_string_is_refused() -> None:
    assert fault_of({**a_mapping(), 7: "x"})["path"] == "[7]"


@pytest.mark.parametrize(
    "change",
    [
        {"session": {"tag": "t", "token": [TOKEN]}},
        {"session": TOKEN},
        {"session": {"tag": [TOKEN], "token": TOKEN}},
        {"token": TOKEN},
        {"session": {"tag": "t", "token": TOKEN, "tokn": TOKEN}},
        {"metadata": {"api_key": TOKEN, "Authorization": [TOKEN], "x": 1}},
        {"concurrency_key": "k", "apiKey": TOKEN},
        {"app": None, "env": {"password": TOKEN}},
    ],
)
def test_no_fault_shows_a_secret(change: dict[str, object]) -> None:
    refusal = refusal_of(a_mapping(retries=-1, **change))
    assert TOKEN not in f"{refusal} {refusal.details!r} {refusal.hint}"


def test_a_masked_value_is_shown_as_stars() -> None:
    fault = fault_of(a_mapping(session={"tag": "t", "token": 5}))
    assert (fault["path"], fault["found"]) == ("session.token", "***")


def test_a_refused_text_is_shown_shortened() -> None:
    assert len(fault_of(a_mapping(repeat={"every": "9" * 5000}))["found"]) <= 42


def test_a_refused_whole_text_is_not_shown_at_all() -> None:
    assert fault_of(a_mapping(input="the whole payload"))["found"] == "a string"


def test_a_requests_repr_does_not_show_the_token() -> None:
    assert TOKEN not in repr(parse(a_mapping(session={"tag": "t", "token": TOKEN})))


def test_a_string_of_a_subclass_is_taken_as_plain_text() -> None:
    class Event(StrEnum):
        SHIP = "ship"

    assert type(parse(a_mapping(event=Event.SHIP)).event) is str


def test_the_extensions_are_read() -> None:
    request = parse(
        a_mapping(
            key="order-7",
            timeout=5000,
            expires_at="2027-02-01T00:00:00Z",
            priority=-3,
            queue="slow",
            onLost="fail",
            metadata={"team": "blue"},
            app="shop",
            retries=4,
        )
    )
    assert (request.key, request.timeout_ms, request.priority) == ("order-7", 5000, -3)
    assert (request.queue, request.on_lost, request.app) == ("slow", "fail", "shop")
    assert request.expires_at_ms == ms("2027-02-01T00:00:00Z")
    assert (request.metadata, request.retries) == ({"team": "blue"}, 4)


def test_retry_config_is_read() -> None:
    given = {
        "initialDelay": 10,
        "maxDelay": 20,
        "backoffMultiplier": 3,
        "jitter": False,
        "jitterPercent": 0.1,
        "retryableErrors": ["NOT_FOUND"],
        "nonRetryableErrors": ["TIMEOUT"],
    }
    assert parse(a_mapping(retryConfig=given)).retry == RetryPolicy(
        initial_delay_ms=10,
        max_delay_ms=20,
        backoff_multiplier=3.0,
        jitter=False,
        jitter_percent=0.1,
        retryable=("NOT_FOUND",),
        non_retryable=("TIMEOUT",),
    )


def test_a_long_first_delay_raises_the_usual_longest_one() -> None:
    retry = parse(a_mapping(retryConfig={"initialDelay": 900_000})).retry
    assert (retry.initial_delay_ms, retry.max_delay_ms) == (900_000, 900_000)


def test_a_short_longest_delay_lowers_the_usual_first_one() -> None:
    retry = parse(a_mapping(retryConfig={"maxDelay": 500})).retry
    assert (retry.initial_delay_ms, retry.max_delay_ms) == (500, 500)


def test_a_longest_delay_below_the_first_one_is_refused() -> None:
    fault = fault_of(a_mapping(retryConfig={"initialDelay": 10, "maxDelay": 5}))
    assert fault["path"] == "retryConfig.maxDelay"


def test_a_job_may_not_expire_before_it_starts() -> None:
    data = a_mapping(start_at="2027-02-01T00:00:00Z", expires_at="2027-01-31T00:00:00Z")
    assert fault_of(data)["path"] == "expires_at"


def test_a_job_that_expired_meanwhile_is_still_the_same_request() -> None:
    assert parse(a_mapping(expires_at=NOW_MS - 1)).expires_at_ms == NOW_MS - 1


def test_a_session_may_ask_to_be_live_at_each_run() -> None:
    session = parse(a_mapping(session={"tag": "t", "token": "x", "mustBeLive": True})).session
    assert session is not None
    assert session.must_be_live


def test_seconds_and_milliseconds_are_told_apart_by_size() -> None:
    assert parse(a_mapping(start_at=NOW_MS)) == parse(a_mapping(start_at=NOW_MS // 1000))


ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=8)
    | st.binary(max_size=3)
    | st.datetimes(timezones=st.just(UTC))
    | st.sampled_from(["UTC", "0 9 * * *", "@daily", "one", "retry", "2030-01-01"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=4) | st.integers(), inner, max_size=3)
        | st.fixed_dictionaries(
            {}, optional={"cron": inner, "every": inner, "tag": inner, "token": inner, "tz": inner}
        )
    ),
    max_leaves=8,
)


@given(
    st.fixed_dictionaries(
        {},
        optional={key: ANYTHING for key in sorted(REQUEST.known | REQUEST.later)},  # noqa: C420 (typed as strategies)
    )
)
def test_whatever_is_given_is_taken_or_refused_with_paths(fields: dict[str, object]) -> None:
    faults: list[Fault] = []
    request: JobRequest | None = None
    try:
        request = parse(a_mapping() | fields)
    except ValidationError as refusal:
        faults = refusal.errors
    roots = {fault["path"].split(".")[0].split("[")[0] for fault in faults}
    assert roots <= REQUEST.known | REQUEST.later
    assert (request is None) == bool(faults)
    assert request is None or request.input == fields.get("input", {})

"""Which requests and calls are equal, and which are not (SPEC 1, 7)."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ductape.domain.fingerprint import cache_key, canonical, request_digest, twin_digest
from ductape.domain.jsonvalue import JsonValue
from ductape.domain.request import JobRequest, Repeat, RetryPolicy, SessionToken

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)

HOURLY = Repeat(every_ms=3_600_000)

CHANGES: list[dict[str, Any]] = [
    {"product": "other"},
    {"env": "prd"},
    {"event": "bill"},
    {"input": {"id": 2}},
    {"retries": 1},
    {"app": "shop"},
    {"cache": "c"},
    {"session": SessionToken(tag="other", token="t")},
    {"session": None},
    {"session": SessionToken(tag="user", token="t", must_be_live=True)},
    {"key": "k"},
    {"retry": RetryPolicy(jitter=False)},
    {"retry": RetryPolicy(retryable=("NOT_FOUND",))},
    {"timeout_ms": 5},
    {"expires_at_ms": 5},
    {"priority": 1},
    {"queue": "slow"},
    {"on_lost": "fail"},
    {"metadata": {"a": "b"}},
    {"concurrency_key": "k"},
    {"concurrency_limit": 2},
]
"""Every field but `start_at_ms`, `repeat` and `warnings`, each with another value."""

REPEATS = [
    Repeat(cron="0 * * * *"),
    Repeat(every_ms=5_000),
    replace(HOURLY, limit=3),
    replace(HOURLY, end_at_ms=9),
    replace(HOURLY, tz="Asia/Tokyo"),
    replace(HOURLY, immediately=True),
    replace(HOURLY, on_failure="stop"),
]


def a_request(**changes: Any) -> JobRequest:  # noqa: ANN401 (any field of the request)
    base = JobRequest(
        product="orders",
        env="dev",
        event="ship",
        input={"id": 1},
        retries=0,
        start_at_ms=0,
        session=SessionToken(tag="user", token="t"),
    )
    return replace(base, **changes)


def twin(request: JobRequest, subject: str | None = "ann") -> bytes:
    return twin_digest(request, session_subject=subject)


def a_cache_key(**changes: Any) -> bytes:  # noqa: ANN401 (any part of the key)
    parts: dict[str, Any] = {
        "product": "orders",
        "env": "dev",
        "kind": "action",
        "event": "ship",
        "app": "shop",
        "cache": "c",
        "target_digest": b"d",
        "input": {"id": 1},
    }
    secret = changes.pop("secret", b"s" * 32)
    return cache_key(secret, **(parts | changes))


def test_canonical_json_has_sorted_keys_and_no_white_space() -> None:
    assert canonical({"b": [1, {"z": "é", "a": None}], "a": True}) == (
        '{"a":true,"b":[1,{"a":null,"z":"é"}]}'.encode()
    )


@pytest.mark.parametrize(
    ("one", "other"), [(1, 1.0), (0, -0.0), (10**16, 1e16), ([2**53], [2.0**53])]
)
def test_equal_numbers_are_canonically_equal(one: JsonValue, other: JsonValue) -> None:
    assert canonical(one) == canonical(other)


@pytest.mark.parametrize(
    ("one", "other"), [(1, True), (0, False), (1, "1"), (1, 1.5), ([], {}), (None, 0), ("", None)]
)
def test_different_values_are_canonically_different(one: JsonValue, other: JsonValue) -> None:
    assert canonical(one) != canonical(other)


@given(JSON)
def test_canonical_json_reads_back_as_the_same_value(value: JsonValue) -> None:
    assert msgspec.json.decode(canonical(value)) == value


@given(st.dictionaries(st.text(max_size=3), JSON, max_size=5))
def test_the_order_of_keys_does_not_matter(value: dict[str, Any]) -> None:
    assert canonical(value) == canonical(dict(reversed(value.items())))


@given(JSON)
def test_canonical_json_is_json_to_others_too(value: JsonValue) -> None:
    assert json.loads(canonical(value)) == value


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_every_field_counts(change: dict[str, Any]) -> None:
    assert request_digest(a_request(**change)) != request_digest(a_request())
    assert twin(a_request(repeat=HOURLY, **change)) != twin(a_request(repeat=HOURLY))


def test_the_table_of_changes_has_every_field() -> None:
    apart = {"start_at_ms", "repeat", "warnings", "bytes_given", "goes_on_at_ms"}
    assert {field for change in CHANGES for field in change} == {
        *JobRequest.__struct_fields__
    } - apart


@pytest.mark.parametrize("repeat", REPEATS, ids=str)
def test_every_part_of_a_recurrence_counts(repeat: Repeat) -> None:
    assert request_digest(a_request(repeat=repeat)) != request_digest(a_request(repeat=HOURLY))
    assert twin(a_request(repeat=repeat)) != twin(a_request(repeat=HOURLY))


def test_the_start_counts_for_a_one_off_job_only() -> None:
    assert request_digest(a_request(start_at_ms=5)) != request_digest(a_request())
    later = a_request(start_at_ms=5, repeat=HOURLY)
    assert request_digest(later) == request_digest(a_request(repeat=HOURLY))
    assert twin(later) == twin(a_request(repeat=HOURLY))


def test_the_token_never_counts() -> None:
    other = a_request(session=SessionToken(tag="user", token="another"), repeat=HOURLY)
    assert request_digest(other) == request_digest(a_request(repeat=HOURLY))
    assert twin(other) == twin(a_request(repeat=HOURLY))


def test_warnings_never_count() -> None:
    assert request_digest(a_request(warnings=("w",))) == request_digest(a_request())


def test_a_default_written_out_is_the_same_as_one_left_out() -> None:
    written = a_request(
        retry=RetryPolicy(initial_delay_ms=int("1000")),
        queue=str(b"default", "ascii"),
        metadata={},
    )
    assert request_digest(written) == request_digest(a_request())


def test_a_twin_has_the_same_subject() -> None:
    request = a_request(repeat=HOURLY)
    assert twin(request, "ann") == twin(request, "ann")
    assert twin(request, "ann") != twin(request, "bob")
    assert twin(request, None) != twin(request, "")


def test_a_twin_digest_is_never_a_request_digest() -> None:
    request = a_request(repeat=HOURLY, session=None)
    assert twin(request, None) != request_digest(request)


def test_a_stored_digest_stays_what_it_is_from_release_to_release() -> None:
    assert (
        request_digest(a_request()).hex()
        == "9d1a85756d6dacf300a2b4e4f25fa0bb67baf488eae098883af7fd1c3834a366"
    )
    assert (
        twin(a_request(repeat=HOURLY)).hex()
        == "0fc4efc496193089ceb1ec5fada7174d9a39e341bb4ca6d8d586325e459090d3"
    )


@pytest.mark.parametrize(
    "change",
    [
        {"secret": b"t" * 32},
        {"product": "other"},
        {"env": "prd"},
        {"kind": "job"},
        {"event": "bill"},
        {"app": None},
        {"cache": "d"},
        {"target_digest": b"e"},
        {"input": {"id": 2}},
    ],
    ids=str,
)
def test_every_part_of_a_cache_key_counts(change: dict[str, Any]) -> None:
    assert a_cache_key(**change) != a_cache_key()


def test_equal_inputs_have_one_cache_key() -> None:
    assert a_cache_key(input={"a": 1, "b": 2}) == a_cache_key(input={"b": 2.0, "a": 1})


def test_parts_of_a_cache_key_do_not_run_into_each_other() -> None:
    assert a_cache_key(product="ab", env="c") != a_cache_key(product="a", env="bc")

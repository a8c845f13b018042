"""SPEC 9 and 18: what callers give stays a value in an outgoing request."""

from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ductape.domain.definitions.auth import Auth
from ductape.domain.http.parts import (
    credentials,
    encode_body,
    fill_path,
    merged_headers,
    query_pairs,
)
from ductape.errors import ValidationError

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)


@given(TEXT)
def test_a_parameter_stays_in_its_segment_or_is_refused(value: str) -> None:
    try:
        filled = fill_path("/users/:id/orders", {"id": value})
    except ValidationError:
        assert {".", ".."} & set(value.replace("\\", "/").split("/"))
        return
    segments = urlsplit(f"https://a.example{filled}").path.split("/")
    assert segments[1::2] == ["users", "orders"]
    assert unquote(segments[2]) == value


@pytest.mark.parametrize("value", ["..", ".", "../admin", "a/..", "a\\..\\b", "/../"])
def test_a_parameter_that_climbs_is_refused(value: str) -> None:
    with pytest.raises(ValidationError) as raised:
        fill_path("/users/:id", {"id": value})
    assert raised.value.path == "input.params.id"


@pytest.mark.parametrize("value", [None, "", [], {}])
def test_a_parameter_without_a_scalar_is_refused(value: str | list[None] | None) -> None:
    with pytest.raises(ValidationError):
        fill_path("/users/:id", {"id": value})


def test_all_missing_parameters_are_told_at_once() -> None:
    with pytest.raises(ValidationError) as raised:
        fill_path("/users/:id/orders/:order", {})
    assert [one["path"] for one in raised.value.errors] == [
        "input.params.id",
        "input.params.order",
    ]


def test_scalars_fill_a_path_and_colons_elsewhere_are_left_alone() -> None:
    resource = "https://a.example:8080/v1/:n/jobs:run/:flag?at=/:n"
    assert fill_path(resource, {"n": 7, "flag": True}) == (
        "https://a.example:8080/v1/7/jobs:run/true?at=/:n"
    )


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\x00b", "\r"])
def test_a_header_cannot_begin_another_line(value: str) -> None:
    with pytest.raises(ValidationError) as raised:
        merged_headers({"X-Note": value})
    assert raised.value.path == "input.headers.X-Note"


@pytest.mark.parametrize("name", ["Host", "content-length", "Transfer-Encoding", "Connection"])
def test_a_header_that_frames_the_message_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        merged_headers({name: "1"})


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a\nb", "é"])
def test_a_header_needs_a_proper_name(name: str) -> None:
    with pytest.raises(ValidationError):
        merged_headers({name: "1"})


def test_a_later_header_replaces_an_earlier_one_of_any_case() -> None:
    merged = merged_headers({"X-Tenant": "a", "Accept": "b"}, {"x-tenant": 7, "Gone": None})
    assert merged == {"x-tenant": "7", "Accept": "b"}


@given(st.dictionaries(TEXT, TEXT))
def test_a_form_survives_its_encoding(form: dict[str, str]) -> None:
    body, mime = encode_body(dict(form), "form")
    assert mime == "application/x-www-form-urlencoded"
    assert dict(parse_qsl(body.decode(), keep_blank_values=True)) == form


def test_a_body_is_encoded_as_its_content_type_says() -> None:
    assert encode_body({"a": 1}, "json") == (b'{"a":1}', "application/json")
    assert encode_body("hi", "text") == (b"hi", "text/plain; charset=utf-8")
    assert encode_body(None, "json")[0] == b""
    with pytest.raises(ValidationError):
        encode_body("no object", "form")


def test_a_query_repeats_lists_and_leaves_nulls_out() -> None:
    assert query_pairs({"a": [1, None, 2], "b": {"c": 1}}) == (
        ("a", "1"),
        ("a", "2"),
        ("b", '{"c":1}'),
    )


def test_each_auth_adds_what_it_should_and_shows_nothing() -> None:
    bearer = credentials(Auth(tag="a", type="bearer", token="t0ken"))
    basic = credentials(Auth(tag="a", type="basic", username="ada", password="pass"))
    header = credentials(Auth(tag="a", type="api_key", name="X-Key", value="k3y"))
    query = credentials(Auth(tag="a", type="api_key", name="key", location="query", value="k3y"))
    assert bearer.headers == {"Authorization": "Bearer t0ken"}
    assert basic.headers == {"Authorization": "Basic YWRhOnBhc3M="}
    assert header.headers == {"X-Key": "k3y"}
    assert query.query == (("key", "k3y"),)
    assert "t0ken" not in repr(bearer)


def test_a_user_that_basic_auth_would_cut_short_is_refused_and_not_shown() -> None:
    with pytest.raises(ValidationError, match="a user name without `:`") as refused:
        credentials(Auth(tag="a", type="basic", username="us:er", password="pass"))
    assert refused.value.path == "definition.auth.username"
    assert "us:er" not in str(refused.value)

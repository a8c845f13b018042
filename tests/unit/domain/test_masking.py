"""Known secrets do not show, in whatever form they stand."""

import base64
import json
from urllib.parse import quote, quote_plus

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ductape.domain.jsonvalue import JsonValue
from ductape.domain.masking import mask, mask_json

SECRET = 'pä"ss/w+o rd\n€😀\\x'

printable = st.text(st.characters(exclude_categories=["Cs"]), min_size=4, max_size=12)


def basic(user: str, password: str) -> str:
    return base64.b64encode(f"{user}:{password}".encode()).decode()


def test_a_secret_is_replaced_wherever_it_stands() -> None:
    assert mask("a tok-1 b tok-1", ["tok-1"]) == "a *** b ***"


def test_a_short_text_is_left_alone() -> None:
    assert mask("abc of abcd", ["abc", ""]) == "abc of abcd"


def test_without_secrets_a_text_is_unchanged() -> None:
    assert mask("tok-1", []) == "tok-1"


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        json.dumps(SECRET)[1:-1],
        json.dumps(SECRET, ensure_ascii=False)[1:-1],
        msgspec.json.encode(SECRET).decode()[1:-1],
        repr(SECRET)[1:-1],
        ascii(SECRET)[1:-1],
        quote(SECRET),
        quote(SECRET, safe=""),
        quote_plus(SECRET),
        quote(SECRET, safe="").lower(),
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode(),
    ],
)
def test_an_escaped_secret_is_replaced_too(form: str) -> None:
    assert mask(f"<{form}>", [SECRET]) == "<***>"


@pytest.mark.parametrize("user", ["a", "ab", "abc", "abcd"])
def test_a_secret_inside_base64_is_replaced_at_any_offset(user: str) -> None:
    header = basic(user, "hunter22-hunter22")
    masked = mask(f"Basic {header}", ["hunter22-hunter22"])
    assert "***" in masked
    assert len(masked) < len("Basic ") + len(header) - 16


def test_of_overlapping_secrets_nothing_remains() -> None:
    assert mask("x abcdefghi y", ["abcdef", "defghi", "cdef"]) == "x *** y"


def test_of_a_secret_that_overlaps_itself_nothing_remains() -> None:
    assert mask("ababab", ["abab"]) == "***"


@pytest.mark.parametrize("inner", ["token", "1234", "secret"])
def test_a_secret_inside_another_leaves_no_tail(inner: str) -> None:
    assert mask("<token-1234-secret>", [inner, "token-1234-secret"]) == "<***>"


def test_a_value_is_masked_in_texts_keys_and_numbers() -> None:
    value: JsonValue = {"user 7001": ["id 7001", 7001, 17001, True, None, {"x": 1.5}]}
    assert mask_json(value, ["7001"]) == {
        "user ***": ["id ***", "***", 17001, True, None, {"x": 1.5}]
    }


def test_what_is_too_deep_to_look_into_is_masked_whole() -> None:
    value: JsonValue = "tok-1"
    for _ in range(5000):
        value = [value]
    assert "tok-1" not in msgspec.json.encode(mask_json(value, ["tok-1"])).decode()


def test_half_a_character_does_not_break_the_mask() -> None:
    assert mask("x\ud800abcd", ["\ud800abcd"]) == "x***"


@given(st.lists(printable, max_size=4), st.text(max_size=10))
def test_no_secret_remains(secrets: list[str], between: str) -> None:
    masked = mask(between.join(["", *secrets, ""]), secrets)
    assert not any(secret in masked for secret in secrets if "*" not in secret)


@given(printable)
def test_no_secret_remains_in_json(secret: str) -> None:
    encoded = msgspec.json.encode({"a": f"<{secret}>"}).decode()
    assert mask(encoded, [secret]) != encoded

"""A session's data against its schema, and whose session it is."""

import pytest

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.session import read_data, selector_path, standing, user_of
from ductape.errors import ValidationError

SCHEMA: JsonObject = {
    "id": "u-1",
    "age": 1,
    "admin": False,
    "details": {"email": "a@example.org", "tags": ["x"]},
    "anything": None,
}
DATA: dict[str, object] = {
    "id": "u-17",
    "age": 36.5,
    "admin": True,
    "details": {"email": "ada@example.org", "tags": ["a", "b"]},
    "anything": [1],
}


def faults_of(data: dict[str, object], schema: JsonObject = SCHEMA) -> dict[str, tuple[str, str]]:
    with pytest.raises(ValidationError) as caught:
        read_data(data, schema, ())
    return {one["path"]: (one["expected"], one["found"]) for one in caught.value.errors}


def test_data_of_the_same_keys_and_types_is_taken_as_a_copy() -> None:
    taken = read_data(DATA, SCHEMA, ())
    assert taken == DATA
    assert taken["details"] is not DATA["details"]


def test_every_fault_is_told_at_its_path() -> None:
    wrong = {
        "age": "36",
        "admin": 1,
        "details": {"email": None, "tags": ["a", 2], "phone": "x"},
        "anything": 1,
        "extra": {},
    }
    assert faults_of(wrong) == {
        "data.id": ("a string", "nothing"),
        "data.age": ("a number", "a string"),
        "data.admin": ("a boolean", "a number"),
        "data.details.email": ("a string", "nothing"),
        "data.details.tags[1]": ("a string", "a number"),
        "data.details.phone": ("a key of the session's schema", "an unknown key"),
        "data.extra": ("a key of the session's schema", "an unknown key"),
    }


def test_a_typo_in_a_key_names_the_nearest_one() -> None:
    with pytest.raises(ValidationError, match="did you mean `details`"):
        read_data({**DATA, "detials": {}}, SCHEMA, ())


@pytest.mark.parametrize(
    ("word", "good", "wrong"),
    [
        ("string", "x", 1),
        ("number", 1.5, "number"),
        ("boolean", False, 0),
        ("object", {"a": 1}, []),
        ("array", [1, "a"], {}),
    ],
)
def test_a_type_s_name_stands_for_the_type(word: str, good: JsonValue, wrong: JsonValue) -> None:
    assert read_data({"a": good}, {"a": word}, ()) == {"a": good}
    assert list(faults_of({"a": wrong}, {"a": word})) == ["data.a"]


@pytest.mark.parametrize(("example", "value"), [({}, {"a": {"b": 1}}), ([], [1, "x", None])])
def test_an_empty_example_says_nothing_of_the_content(example: JsonValue, value: JsonValue) -> None:
    assert read_data({"a": value}, {"a": example}, ()) == {"a": value}


@pytest.mark.parametrize("value", [float("nan"), b"x", "\ud800", 2**70, (1,)])
def test_what_is_no_json_is_refused(value: object) -> None:
    assert list(faults_of({"a": value}, {"a": None})) == ["data.a"]


def test_data_that_contains_itself_is_refused() -> None:
    data: dict[str, object] = {}
    data["a"] = data
    with pytest.raises(ValidationError, match="nesting"):
        read_data(data, {"a": None}, ())


def test_a_fault_shows_no_value() -> None:
    with pytest.raises(ValidationError) as caught:
        read_data({**DATA, "age": "ada@example.org"}, SCHEMA, ())
    assert "ada@" not in repr(caught.value) + repr(caught.value.errors)


@pytest.mark.parametrize("user", ["", None, True, 1.5, ["x"], "a\0b", "x" * 256])
def test_a_selector_that_finds_no_name_is_refused(user: JsonValue) -> None:
    with pytest.raises(ValidationError, match=r"data\.user\.id: expected a non-empty string"):
        read_data({"user": {"id": user}}, {"user": {}}, ("user", "id"))


@pytest.mark.parametrize(
    ("data", "selector", "user"),
    [
        ({"id": "ada"}, ("id",), "ada"),
        ({"id": 17}, ("id",), "17"),
        ({"id": "ü" * 255}, ("id",), "ü" * 255),
        ({"a": {"b": "ada"}}, ("a", "b"), "ada"),
        ({"id": "ada"}, (), None),
        ({"id": "ada"}, ("id", "more"), None),
        ({"id": "ada"}, ("other",), None),
    ],
)
def test_the_selector_names_the_user(
    data: JsonObject, selector: tuple[str, ...], user: str | None
) -> None:
    assert user_of(data, selector) == user


@pytest.mark.parametrize(
    ("selector", "path"),
    [
        ("$Session{userId}", ("userId",)),
        ("$Session{user}{id}", ("user", "id")),
        ("$Session{login}{user}{id}", ("user", "id")),
        ("$Session{login}", ("login",)),
        ("$Session{}", None),
        ("$Session", None),
        ("x $Session{userId}", None),
        ("$Input{userId}", None),
        ("$Session{userId}\n", None),
    ],
)
def test_a_selector_is_one_session_reference(selector: str, path: tuple[str, ...] | None) -> None:
    assert selector_path(selector, "login") == path


@pytest.mark.parametrize(
    ("presented", "age_ms", "judged"),
    [
        (3, 0, "present"),
        (3, 10**9, "present"),
        (2, 0, "repeated"),
        (2, 30_000, "repeated"),
        (2, -5_000, "repeated"),
        (2, 30_001, "reused"),
        (1, 0, "reused"),
        (4, 0, "reused"),
    ],
)
def test_a_refresh_token_is_judged_by_its_generation(
    presented: int, age_ms: int, judged: str
) -> None:
    assert standing(presented, present=3, rotated_at_ms=1_000, now_ms=1_000 + age_ms) == judged

"""How an action writes single values: what its document may say of it (SPEC 9)."""

import pytest

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.product import parse_product
from ductape.errors import ValidationError


def faults_of(**parts: JsonValue) -> list[tuple[str, str]]:
    """Return what is wrong with an action that has some parts."""
    action: JsonObject = {"tag": "x", "method": "POST", "resource": "/x/:id", **parts}
    app: JsonObject = {"tag": "a", "base_url": "https://a.example", "actions": [action]}
    try:
        parse_product({"tag": "p", "envs": [{"slug": "dev"}], "apps": [app]})
    except ValidationError as error:
        return [
            (one["path"].removeprefix("apps[0].actions[0]."), one["found"]) for one in error.errors
        ]
    return []


def test_each_part_of_a_request_has_styles_of_its_own() -> None:
    styles: JsonObject = {
        "params:id": "matrix",
        "headers:sid": "cookie",
        "query:q": "brackets",
        "body:b": "spread",
    }
    assert faults_of(styles=styles) == []


@pytest.mark.parametrize(
    ("name", "style", "found"),
    [
        ("query:q", "matrix", "`matrix`"),
        ("params:id", "brackets", "`brackets`"),
        ("body:b", "cookie", "`cookie`"),
        ("cookie:b", "comma", "another key"),
        ("query:", "comma", "another key"),
        ("query", "comma", "another key"),
    ],
)
def test_a_style_of_another_part_is_refused(name: str, style: str, found: str) -> None:
    ((path, said),) = faults_of(styles={name: style})
    assert path.startswith("styles")
    assert name in path
    assert said == found


def test_what_is_unique_has_a_place() -> None:
    right: list[JsonValue] = ["headers:X-Request-Id", "query:key", "body:a:b", "params:id", "body"]
    assert faults_of(unique=right) == []
    wrong: list[JsonValue] = ["key", "params", "body:", "headers:Host", "headers:a b"]
    found = faults_of(unique=wrong)
    assert [path for path, _ in found] == [f"unique[{at}]" for at in range(len(wrong))]


def test_a_part_says_a_mime_type_and_nothing_else() -> None:
    assert faults_of(part_types={"a": "application/sdp", "b": "text/csv; charset=utf-8"}) == []
    for mime in ("sdp", "a/b\r\nX: 1", "*/*"):
        ((path, _),) = faults_of(part_types={"f": mime})
        assert path == "part_types.f"


def test_reserved_signs_have_a_place() -> None:
    assert faults_of(reserved=["query:q", "body:b"]) == []
    wrong: list[JsonValue] = ["q", "query:", "params:id", "headers:X"]
    found = faults_of(reserved=wrong)
    assert [path for path, _ in found] == [f"reserved[{at}]" for at in range(len(wrong))]

"""SPEC 9: a body of several parts, read back by another's parser, whatever the values are."""

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ductape.domain.http.multipart import Parts, encode_multipart
from ductape.domain.http.parts import encode_body
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.pairs import AS_USUAL, Styles
from ductape.errors import ValidationError
from tests.parts import Part, parts_in

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
HI: JsonObject = {"buffer": "aGk="}
PLAIN = st.text("abcXYZ-_09", min_size=1, max_size=12)


def a_file(content: bytes, **parts: JsonValue) -> JsonObject:
    return {"buffer": b64encode(content).decode(), **parts}


def parts_of(body: JsonObject, styles: Styles = AS_USUAL) -> list[Part]:
    return parts_in(*encode_multipart(body, styles))


def test_fields_are_parts_as_a_form_has_them() -> None:
    body: JsonObject = {"a": "x", "n": 1, "yes": True, "none": None, "tags": ["p", "q"]}
    assert parts_of(body) == [
        ("a", None, None, b"x"),
        ("n", None, None, b"1"),
        ("yes", None, None, b"true"),
        ("tags", None, None, b"p"),
        ("tags", None, None, b"q"),
    ]


def test_objects_and_inner_lists_are_parts_of_json() -> None:
    body: JsonObject = {"meta": {"a": [1]}, "rows": [{"b": 2}, [3]]}
    assert parts_of(body) == [
        ("meta", None, "application/json", b'{"a":[1]}'),
        ("rows", None, "application/json", b'{"b":2}'),
        ("rows", None, "application/json", b"[3]"),
    ]


def test_files_have_a_name_and_a_type_of_their_own() -> None:
    png = b"\x89PNG\r\n\x1a\n"
    body: JsonObject = {
        "one": a_file(b"a;b", fileName="reports/may.csv"),
        "two": a_file(png),
        "three": [a_file(b"", mimeType="image/x-odd"), {"blob": "aGk=", "fileName": "hi.txt"}],
    }
    assert parts_of(body) == [
        ("one", "may.csv", "text/csv", b"a;b"),
        ("two", "two", "image/png", png),
        ("three", "three", "image/x-odd", b""),
        ("three", "hi.txt", "text/plain", b"hi"),
    ]


def test_what_a_storage_downloaded_is_a_file() -> None:
    downloaded = a_file(b"hi", fileName="a/b.txt", mimeType="text/plain", size=2, url="u", etag="e")
    assert parts_of({"f": downloaded}) == [("f", "b.txt", "text/plain", b"hi")]


def test_a_style_counts_for_more_than_what_a_value_looks_like() -> None:
    body: JsonObject = {"a": a_file(b"hi"), "b": {"c": 1}, "d": [1, 2]}
    assert parts_of(body, {"body:a": "json", "body:b": "brackets", "body:d": "comma"}) == [
        ("a", None, "application/json", b'{"buffer":"aGk="}'),
        ("b[c]", None, None, b"1"),
        ("d", None, None, b"1,2"),
    ]


def test_a_part_says_the_type_that_its_definition_has() -> None:
    body: JsonObject = {"sdp": "v=0", "meta": {"a": 1}, "rows": ["x", "y"], "file": a_file(b"hi")}
    types = {"sdp": "application/sdp", "meta": "application/ld+json", "rows": "text/csv"}
    written = encode_multipart(body, words=Parts(types={**types, "file": "text/x-note"}))
    assert [(name, mime, content) for name, _, mime, content in parts_in(*written)] == [
        ("sdp", "application/sdp", b"v=0"),
        ("meta", "application/ld+json", b'{"a":1}'),
        ("rows", "text/csv", b"x"),
        ("rows", "text/csv", b"y"),
        ("file", "text/x-note", b"hi"),
    ]
    given = a_file(b"hi", mimeType="image/png")
    ((_, _, mime, _),) = parts_in(*encode_multipart({"file": given}, words=Parts(types=types)))
    assert mime == "image/png"


@pytest.mark.parametrize("subtype", ["mixed", "related", "x-odd"])
def test_another_body_of_parts_says_what_each_part_is(subtype: str) -> None:
    body: JsonObject = {
        "meta": {"name": "a"},
        "note": "é",
        "media": a_file(b"hi", fileName="a.txt"),
    }
    written, mime = encode_multipart(body, words=Parts(mime=f"multipart/{subtype}"))
    assert mime.startswith(f"multipart/{subtype}; ")
    assert ('; type="application/json"' in mime) == (subtype == "related")
    assert parts_in(written, mime) == [
        ("meta", None, "application/json", b'{"name":"a"}'),
        ("note", None, "text/plain", "é".encode()),
        ("media", "a.txt", "text/plain", b"hi"),
    ]
    assert b"form-data" not in written
    assert b"charset=utf-8" in written


def test_an_empty_body_is_its_end_alone() -> None:
    body, mime = encode_multipart({})
    assert body == f"--{mime.partition('=')[2]}--\r\n".encode()


@given(st.lists(st.binary(max_size=80) | st.text(max_size=20).map(str.encode), max_size=4))
def test_no_content_ends_its_part(contents: list[bytes]) -> None:
    body: JsonObject = {f"f{at}": a_file(content) for at, content in enumerate(contents)}
    written, mime = encode_multipart(body)
    boundary = f"--{mime.partition('=')[2]}".encode()
    found = [part.partition(b"\r\n\r\n")[2][:-2] for part in written.split(boundary)[1:-1]]
    assert found == contents


@given(TEXT, TEXT)
def test_no_name_adds_a_line_or_leaves_its_quotes(field: str, name: str) -> None:
    file = a_file(b"hi", fileName=name)
    head = encode_multipart({field: file})[0].split(b"\r\n\r\n")[0].decode()
    lines = head.split("\r\n")
    assert len(lines) == 3
    assert lines[1].count('"') == 4
    assert not any(ord(sign) < 32 for line in lines for sign in line)


@given(PLAIN, st.binary(max_size=40))
def test_each_attempt_sends_the_same_bytes(name: str, content: bytes) -> None:
    assert encode_multipart({name: a_file(content)}) == encode_multipart({name: a_file(content)})


@pytest.mark.parametrize("body", ["text", {"fileName": "a"}, [HI]])
def test_a_file_without_content_is_refused(body: JsonValue) -> None:
    with pytest.raises(ValidationError, match="a file"):
        encode_body(body, "file")


@pytest.mark.parametrize("body", ["text", 1, ["a"]])
def test_a_body_that_is_no_object_is_refused(body: JsonValue) -> None:
    with pytest.raises(ValidationError, match="to be sent as a form"):
        encode_body(body, "multipart")

"""SPEC 9, row `action`: the files of a body in several parts, judged before anything is sent."""

import pytest

from ductape.domain.inputs import check_input
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.request import JobEventTypes
from ductape.domain.target import Target

HI = "aGk="


def faults_of(body: JsonValue, *, resolved: bool = True, **definition: JsonValue) -> dict[str, str]:
    target = Target(
        kind=JobEventTypes.ACTION,
        event="upload",
        definition={
            "base_url": "https://a.example",
            "resource": "/files",
            "content_type": "multipart",
            **definition,
        },
        digest=b"",
    )
    faults = check_input(target, {"body": body}, resolved=resolved)
    return {one["path"]: one["message"] for one in faults}


@pytest.mark.parametrize(
    "file",
    [
        {"buffer": HI},
        {"buffer": "aG\nk=", "fileName": "a.txt", "mimeType": "text/plain; charset=utf-8"},
        {"blob": HI, "buffer": None},
        {"buffer": HI, "fileName": "a/b.txt", "size": 2, "url": "u", "etag": "e"},
    ],
)
def test_a_file_is_an_object_with_content(file: JsonObject) -> None:
    assert faults_of({"f": file}) == {}


@pytest.mark.parametrize(
    ("file", "path"),
    [
        ({"buffer": "no base64!"}, "input.body.f.buffer"),
        ({"buffer": 1}, "input.body.f.buffer"),
        ({"buffer": HI, "blob": HI}, "input.body.f"),
        ({"buffer": HI, "filename": "a"}, "input.body.f.filename"),
        ({"buffer": HI, "fileName": 1}, "input.body.f.fileName"),
        ({"buffer": HI, "fileName": "a/"}, "input.body.f.fileName"),
        ({"buffer": HI, "fileName": "a" * 256}, "input.body.f.fileName"),
        ({"buffer": HI, "mimeType": "text/plain\r\nX: y"}, "input.body.f.mimeType"),
        ({"buffer": HI, "mimeType": "png"}, "input.body.f.mimeType"),
    ],
)
def test_a_file_that_cannot_be_sent_is_told_at_its_place(file: JsonObject, path: str) -> None:
    assert [*faults_of({"f": file})] == [path]
    assert [*faults_of({"f": [{"buffer": HI}, file]})] == [path.replace(".f", ".f[1]", 1)]


def test_every_fault_is_told_at_once() -> None:
    body: JsonObject = {"f": {"buffer": "?"}, "g": [{"blob": "?"}], "n": 1}
    rules: JsonObject = {"body": {"title": {"type": "STRING"}, "f": {"type": "OBJECT"}}}
    assert set(faults_of(body, request=rules)) == {
        "input.body.title",
        "input.body.f.buffer",
        "input.body.g[0].blob",
    }


def test_what_a_reference_brings_in_is_judged_once_it_is_there() -> None:
    waiting: JsonObject = {"f": {"buffer": "$Session{u}{photo}", "fileName": "$Session{u}{name}"}}
    assert faults_of(waiting, resolved=False) == {}
    assert faults_of("$Session{u}", resolved=False) == {}
    assert [*faults_of(waiting)] == ["input.body.f.buffer"]


def test_a_file_may_be_given_where_the_rule_says_text() -> None:
    rules: JsonObject = {"body": {"f": {"type": "STRING", "maxlength": 1}}}
    assert faults_of({"f": {"buffer": HI}}, request=rules) == {}
    assert [*faults_of({"f": {"content": HI}}, request=rules)] == ["input.body.f"]
    assert [*faults_of({}, request=rules)] == ["input.body.f"]


def test_what_has_a_style_is_no_file() -> None:
    assert faults_of({"f": {"buffer": "?", "x": 1}}, styles={"body:f": "json"}) == {}


def test_a_body_that_is_a_file_has_content() -> None:
    how: JsonObject = {"content_type": "file"}
    assert faults_of({"buffer": HI}, **how) == {}
    assert faults_of(None, **how) == {}
    assert faults_of("$Session{u}{photo}", resolved=False, **how) == {}
    assert [*faults_of("text", **how)] == ["input.body"]
    assert [*faults_of({"fileName": "a"}, **how)] == ["input.body"]
    assert [*faults_of({"buffer": "?", "mimeType": "x"}, **how)] == [
        "input.body.buffer",
        "input.body.mimeType",
    ]


@pytest.mark.parametrize("content_type", ["form", "multipart"])
def test_a_form_that_is_no_object_is_told_before_it_is_stored(content_type: str) -> None:
    (message,) = faults_of("text", content_type=content_type).values()
    assert "to be sent as a form" in message
    assert faults_of(None, content_type=content_type) == {}

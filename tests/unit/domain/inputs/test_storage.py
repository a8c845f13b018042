"""The input of a storage: every operation's own fields, every fault at once."""

import pytest

from ductape.domain.inputs.storage import check_storage
from ductape.domain.jsonvalue import JsonObject

S3: JsonObject = {"type": "s3", "bucket": "b", "prefix": ""}
LOCAL: JsonObject = {"type": "local", "path": "files", "prefix": ""}


def paths(given: JsonObject, definition: JsonObject = S3, *, resolved: bool = True) -> list[str]:
    """Return the paths of what is wrong."""
    return [one["path"] for one in check_storage(definition, given, resolved=resolved)]


@pytest.mark.parametrize(
    "given",
    [
        {"fileName": "a", "buffer": "aGk="},
        {"fileName": "a", "blob": "aG k=\r\n", "mimeType": "text/plain; charset=utf-8"},
        {"fileName": "a", "buffer": "", "operation": "upload"},
        {"fileName": "a", "buffer": "aGk=", "blob": None},
        {"fileName": "a", "buffer": "aGk=", "operation": None},
        {"fileName": "a", "file": "/data/a"},
        {"fileName": "a", "url": "https://example.org/a"},
        {"operation": "list"},
        {"operation": "list", "prefix": "a/b/", "limit": 1000, "cursor": "YQ=="},
        {"operation": "list", "prefix": ""},
        {"operation": "sign", "fileName": "a", "expiry": 604_800_000, "method": "PUT"},
        {"operation": "exists", "fileName": "a"},
    ],
)
def test_a_good_input_is_good(given: JsonObject) -> None:
    assert paths(given) == []


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({}, ["input.fileName", "input"]),
        ({"fileName": "a"}, ["input"]),
        ({"fileName": "a", "buffer": "aGk=", "url": "https://x"}, ["input"]),
        ({"fileName": "a", "buffer": "aGk"}, ["input.buffer"]),
        ({"fileName": "a", "buffer": 5}, ["input.buffer"]),
        ({"fileName": "a", "buffer": "aGk=", "mimeType": "png"}, ["input.mimeType"]),
        ({"fileName": "a", "buffer": "aGk=", "mimeType": "a/b\r\nX: y"}, ["input.mimeType"]),
        ({"fileName": "a", "url": "file:///etc/passwd"}, ["input.url"]),
        ({"fileName": "a", "url": "s3://bucket/a"}, ["input.url"]),
        ({"fileName": "a", "url": "https://"}, ["input.url"]),
        ({"operation": "uplaod", "fileName": "a"}, ["input.operation"]),
        ({"operation": 5}, ["input.operation"]),
        ({"operation": "", "fileName": "a", "buffer": "aGk="}, ["input.operation"]),
        ({"operation": False, "fileName": "a", "buffer": "aGk="}, ["input.operation"]),
        ({"operation": "download"}, ["input.fileName"]),
        ({"operation": "delete", "fileName": "a", "buffer": "aGk="}, ["input.buffer"]),
        ({"operation": "list", "limit": 1001}, ["input.limit"]),
        ({"operation": "list", "limit": True}, ["input.limit"]),
        ({"operation": "list", "prefix": "../"}, ["input.prefix"]),
        ({"operation": "sign", "fileName": "a", "expiry": 604_800_001}, ["input.expiry"]),
        ({"operation": "sign", "fileName": "a", "method": "DELETE"}, ["input.method"]),
        ({"fileName": "a", "buffer": "aGk=", "filname": "b"}, ["input.filname"]),
    ],
)
def test_what_is_wrong_is_told_with_its_path(given: JsonObject, wrong: list[str]) -> None:
    assert paths(given) == wrong


def test_a_folder_signs_nothing() -> None:
    assert paths({"operation": "sign", "fileName": "a"}, LOCAL) == ["input.operation"]


def test_what_a_reference_will_bring_is_judged_later() -> None:
    given: JsonObject = {
        "fileName": "$Session{user}{id}.txt",
        "buffer": "$Session{user}{photo}",
        "mimeType": "$Session{user}{type}",
    }
    assert paths(given, resolved=False) == []
    assert paths({"operation": "$Session{user}{what}"}, resolved=False) == []
    assert paths(given, resolved=True) == ["input.buffer", "input.mimeType"]


def test_a_name_counts_with_its_prefix() -> None:
    definition = {**S3, "prefix": "p/" * 450 + "p"}
    assert paths({"operation": "exists", "fileName": "a" * 200}, definition) == ["input.fileName"]
    assert paths({"operation": "exists", "fileName": "a" * 100}, definition) == []

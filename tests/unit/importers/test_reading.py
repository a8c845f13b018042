"""Reading documents: confined to the first one's folder, URLs only where they are allowed."""

import os
from pathlib import Path

import pytest
from aiohttp import web

from ductape.app.texts import read_value
from ductape.catalog.yaml_reading import Bounds
from ductape.domain.egress import EgressPolicy
from ductape.domain.jsonvalue import JsonValue
from ductape.errors import DuctapeError, NotFound, ValidationError
from ductape.importers import Reader, gather
from ductape.importers.documents import Broken, Documents, Node
from ductape.providers.http import AiohttpClient
from tests.servers.http import http_receiver


def parse(text: str, suffix: str) -> JsonValue:
    return read_value(text, suffix=suffix, bounds=Bounds(anchors=True, any_number=True))


async def gathered(source: str | Path, *, allowed: tuple[str, ...] = ()) -> Documents:
    client = AiohttpClient(EgressPolicy(grant_loopback=True))
    try:
        reader = Reader(str(source), client, parse, allowed=allowed)
        return await gather(reader.root, reader.read)
    finally:
        await client.aclose()


def written(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder / "root.yaml"


async def test_documents_that_refer_to_one_another_are_read_once(tmp_path: Path) -> None:
    root = written(tmp_path, root="a: {$ref: other.yaml#/x}", other="x: {$ref: root.yaml#/a}")
    documents = await gathered(root)
    assert sorted(documents.read) == ["other.yaml", "root.yaml"]
    assert isinstance(documents.follow(Node({"$ref": "#/a"}, "root.yaml")), Broken)


@pytest.mark.parametrize(
    "outside", ["../secret.yaml", "/etc/passwd", "a/../../secret.yaml", "file:///etc/passwd"]
)
async def test_no_reference_leaves_the_folder(tmp_path: Path, outside: str) -> None:
    (tmp_path / "secret.yaml").write_text("x: 1", encoding="utf-8")
    folder = tmp_path / "in"
    folder.mkdir()
    documents = await gathered(written(folder, root=f"a: {{$ref: '{outside}#/x'}}"))
    found = documents.follow(Node({"$ref": f"{outside}#/x"}, "root.yaml"))
    assert isinstance(found, Broken)
    assert list(documents.read) == ["root.yaml"]


async def test_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.yaml").write_text("x: 1", encoding="utf-8")
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "link.yaml").symlink_to(tmp_path / "secret.yaml")
    (folder / "dir").symlink_to(tmp_path)
    root = written(folder, root="a: [{$ref: link.yaml}, {$ref: dir/secret.yaml}]")
    documents = await gathered(root)
    assert list(documents.read) == ["root.yaml"]
    assert all("outside" in reason for reason in documents.missing.values())


async def test_a_pipe_is_no_document(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    with pytest.raises(DuctapeError, match="no file"):
        await gathered(tmp_path / "pipe.yaml")


async def test_a_document_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        await gathered(tmp_path / "root.yaml")


async def test_a_document_of_another_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "root.yaml").write_bytes(b"a: \xff")
    with pytest.raises(ValidationError, match="UTF-8"):
        await gathered(tmp_path / "root.yaml")


async def test_a_deep_document_is_refused(tmp_path: Path) -> None:
    (tmp_path / "root.json").write_text("[" * 400 + "]" * 400, encoding="utf-8")
    with pytest.raises(ValidationError, match="nesting"):
        await gathered(tmp_path / "root.json")


async def test_a_url_is_fetched_with_what_it_refers_to_on_its_server() -> None:
    async with http_receiver() as server:
        server.answers += [
            web.Response(text='a: {$ref: "b.yaml"}\nc: {$ref: "https://far.example/x.yaml"}'),
            web.Response(text="x: 1"),
        ]
        documents = await gathered(f"{server.url}/v1/api.yaml?token=s3cret")
        assert [one.path for one in server.requests] == ["/v1/api.yaml?token=s3cret", "/v1/b.yaml"]
    assert list(documents.missing) == ["https://far.example/x.yaml"]
    assert "--allow-url" in documents.missing["https://far.example/x.yaml"]


async def test_another_server_is_asked_where_it_is_allowed(tmp_path: Path) -> None:
    async with http_receiver() as server:
        server.answers.append(web.Response(text="x: 1"))
        root = written(tmp_path, root=f"a: {{$ref: '{server.url}/x.yaml'}}")
        documents = await gathered(root, allowed=(server.url,))
        # It was asked; that it is on this machine takes `allow_private` too.
        assert "allow_private" in documents.missing[f"{server.url}/x.yaml"]


async def test_an_answer_that_is_none_is_told() -> None:
    async with http_receiver() as server:
        server.answers.append(web.Response(status=404, text="gone"))
        with pytest.raises(DuctapeError, match="404"):
            await gathered(f"{server.url}/api.yaml")


NUMBERS = ".inf", "-.INF", ".nan", "1e999", "1" * 65, f"0.{'1' * 65}"


@pytest.mark.parametrize("number", NUMBERS)
async def test_a_number_that_json_has_not_is_left_out_alone(tmp_path: Path, number: str) -> None:
    text = f"a: {{b: [1, {number}, 2], c: {number}}}\nd: {{$ref: other.yaml#/x}}"
    documents = await gathered(written(tmp_path, root=text, other=f"x: 1\ny~/z: {number}"))
    assert documents.read["root.yaml"] == {
        "a": {"b": [1, 2]},
        "d": {"$ref": "other.yaml#/x"},
    }
    assert documents.read["other.yaml"] == {"x": 1}
    assert documents.odd == ["#/a/b/1", "#/a/c", "other.yaml#/y~0~1z"]


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999"])
async def test_the_same_holds_for_json(tmp_path: Path, number: str) -> None:
    path = tmp_path / "root.json"
    path.write_text(f'{{"a": {number}, "b": [{number}], "c": 1}}', encoding="utf-8")
    documents = await gathered(path)
    assert documents.read["root.json"] == {"b": [], "c": 1}
    assert documents.odd == ["#/a", "#/b/0"]


async def test_a_value_that_is_used_twice_is_told_once(tmp_path: Path) -> None:
    documents = await gathered(written(tmp_path, root="a: &x {b: .inf, c: 1}\nd: *x"))
    assert documents.read["root.yaml"] == {"a": {"c": 1}, "d": {"c": 1}}
    assert documents.odd == ["#/a/b"]

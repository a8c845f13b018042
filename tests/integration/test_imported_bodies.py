"""Bodies of several parts of every kind, imported and called: what arrives is what OpenAPI says."""

import json
from base64 import b64encode
from pathlib import Path

from ductape import Ductape
from ductape.domain.jsonvalue import JsonObject, JsonValue
from tests.parts import parts_in
from tests.servers.http import Received, http_receiver

PNG = b"\x89PNG\r\n\x1a\n"
MEDIA: JsonObject = {"buffer": b64encode(PNG).decode(), "fileName": "a.png"}
SCHEMA: JsonObject = {
    "type": "object",
    "required": ["meta", "media"],
    "properties": {
        "meta": {"type": "object", "properties": {"name": {"type": "string"}}},
        "offer": {"type": "string"},
        "media": {"type": "string", "format": "binary"},
    },
}
ENCODING: JsonObject = {"offer": {"contentType": "application/sdp"}}


async def arrived(tmp_path: Path, content: JsonObject, body: JsonValue) -> Received:
    """Import `POST /x` with some content and call it."""
    operation = {"operationId": "x", "requestBody": {"required": True, "content": content}}
    info = {"title": "API", "version": "1"}
    document = {"openapi": "3.0.3", "info": info, "paths": {"/x": {"post": operation}}}
    (tmp_path / "api.json").write_text(json.dumps(document), encoding="utf-8")
    async with http_receiver() as server, Ductape.open(f"sqlite:///{tmp_path}/j.db") as ductape:
        made = await ductape.imports.openapi(
            tmp_path / "api.json", product="p", envs="dev", app="a", server=server.url
        )
        assert (made["left_out"], made["skipped"]) == ([], [])
        await ductape.products.apply(made["document"])
        await ductape.processor.action.run(
            {"product_tag": "p", "env": "dev", "event": "x", "input": {"body": body}}
        )
        return server.only()


async def test_related_and_mixed_parts_arrive_with_their_types(tmp_path: Path) -> None:
    body: JsonObject = {"meta": {"name": "é"}, "offer": "v=0", "media": MEDIA}
    for media in ("multipart/related", "multipart/mixed", "multipart/form-data"):
        content: JsonObject = {media: {"schema": SCHEMA, "encoding": ENCODING}}
        seen = await arrived(tmp_path, content, body)
        mime = seen.headers["content-type"]
        assert mime.partition(";")[0] == media
        assert ('type="application/json"' in mime) == (media == "multipart/related")
        assert parts_in(seen.body, mime) == [
            ("meta", None, "application/json", '{"name":"é"}'.encode()),
            ("offer", None, "application/sdp", b"v=0"),
            ("media", "a.png", "image/png", PNG),
        ]


async def test_a_message_arrives_as_the_file_that_it_is(tmp_path: Path) -> None:
    message = b"Subject: hi\r\n\r\nhi"
    seen = await arrived(tmp_path, {"message/rfc822": {}}, {"buffer": b64encode(message).decode()})
    assert (seen.body, seen.headers["content-type"]) == (message, "message/rfc822")


async def test_an_object_of_a_form_arrives_as_its_encoding_says(tmp_path: Path) -> None:
    schema: JsonObject = {"type": "object", "properties": {"o": {"type": "object"}}}
    content: JsonObject = {
        "application/x-www-form-urlencoded": {
            "schema": schema,
            "encoding": {"o": {"explode": True}},
        }
    }
    seen = await arrived(tmp_path, content, {"o": {"a": 1, "b": "x y"}})
    assert seen.body == b"a=1&b=x+y"


async def test_reserved_signs_of_a_form_go_as_its_encoding_says(tmp_path: Path) -> None:
    encoding: JsonObject = {"a": {"allowReserved": True}}
    schema: JsonObject = {"type": "object"}
    form: JsonObject = {"schema": schema, "encoding": encoding}
    content: JsonObject = {"application/x-www-form-urlencoded": form}
    seen = await arrived(tmp_path, content, {"a": "/x y?&", "b": "/x y?"})
    assert seen.body == b"a=/x%20y?%26&b=%2Fx+y%3F"

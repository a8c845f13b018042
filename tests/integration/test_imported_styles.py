"""Parameters of every place and style, imported and called: what arrives is what OpenAPI says."""

import json
from pathlib import Path

import pytest

from ductape import Ductape, ValidationError
from ductape.domain.jsonvalue import JsonObject, JsonValue
from tests.servers.http import Received, http_receiver

LIST: JsonValue = ["a b", "c"]
OBJECT: JsonValue = {"k": "v", "n": 2}
TEXTS: JsonObject = {"type": "array", "items": {"type": "string"}}
THING: JsonObject = {
    "type": "object",
    "properties": {"k": {"type": "string"}, "n": {"type": "integer"}},
}


async def arrived(
    tmp_path: Path,
    path: str,
    parameters: JsonValue,
    given: JsonObject,
    left_out: tuple[str, ...] = (),
) -> Received:
    """Import `GET` of a path with some parameters and call it."""
    document = {
        "openapi": "3.0.3",
        "info": {"title": "API", "version": "1"},
        "paths": {path: {"get": {"operationId": "x", "parameters": parameters}}},
    }
    (tmp_path / "api.json").write_text(json.dumps(document), encoding="utf-8")
    async with http_receiver() as server, Ductape.open(f"sqlite:///{tmp_path}/j.db") as ductape:
        made = await ductape.imports.openapi(
            tmp_path / "api.json", product="p", envs="dev", app="a", server=f"{server.url}/v1"
        )
        assert tuple(one["reason"] for one in made["left_out"]) == left_out
        await ductape.products.apply(made["document"])
        await ductape.processor.action.run(
            {"product_tag": "p", "env": "dev", "event": "x", "input": given}
        )
        return server.only()


def a_parameter(where: str, schema: JsonObject, **parts: JsonValue) -> JsonObject:
    """Build a parameter that is called `p`."""
    return {"name": "p", "in": where, "required": where == "path", "schema": schema, **parts}


@pytest.mark.parametrize(
    ("style", "explode", "of_list", "of_object"),
    [
        ("simple", False, "a%20b,c", "k,v,n,2"),
        ("simple", True, "a%20b,c", "k=v,n=2"),
        ("label", False, ".a%20b,c", ".k,v,n,2"),
        ("label", True, ".a%20b.c", ".k=v.n=2"),
        ("matrix", False, ";p=a%20b,c", ";p=k,v,n,2"),
        ("matrix", True, ";p=a%20b;p=c", ";k=v;n=2"),
    ],
)
async def test_lists_and_objects_arrive_in_a_path(
    tmp_path: Path, style: str, explode: object, of_list: str, of_object: str
) -> None:
    how: JsonObject = {"style": style, "explode": bool(explode)}
    for schema, value, written in ((TEXTS, LIST, of_list), (THING, OBJECT, of_object)):
        parameters: JsonValue = [a_parameter("path", schema, **how)]
        seen = await arrived(tmp_path, "/x/{p}/y", parameters, {"params": {"p": value}})
        assert seen.path == f"/v1/x/{written}/y"


async def test_lists_and_objects_arrive_in_headers_and_cookies(tmp_path: Path) -> None:
    parameters: JsonValue = [
        {**a_parameter("header", TEXTS), "name": "X-List"},
        {**a_parameter("header", THING, explode=True), "name": "X-Thing"},
        {"name": "X-Json", "in": "header", "content": {"application/json": {"schema": THING}}},
        {**a_parameter("cookie", {"type": "string"}), "name": "sid"},
        {**a_parameter("cookie", TEXTS, explode=False), "name": "ids"},
    ]
    given: JsonObject = {
        "headers": {
            "x-list": LIST,
            "X-Thing": OBJECT,
            "X-Json": OBJECT,
            "sid": "é;",
            "ids": ["1", "2"],
            "Cookie": "own=1",
        }
    }
    seen = await arrived(tmp_path, "/x", parameters, given)
    assert seen.headers["x-list"] == "a b,c"
    assert seen.headers["x-thing"] == "k=v,n=2"
    assert json.loads(seen.headers["x-json"]) == OBJECT
    assert seen.headers["cookie"] == "own=1; sid=%C3%A9%3B; ids=1,2"
    assert {"sid", "ids"} & set(seen.headers) == set()


async def test_what_is_no_json_arrives_as_the_text_that_it_is_given_as(tmp_path: Path) -> None:
    parameters: JsonValue = [
        {"name": name, "in": where, "required": True, "content": {media: {"schema": schema}}}
        for name, where, media, schema in (
            ("p", "path", "text/plain", {"type": "string"}),
            ("q", "query", "application/xml", THING),
            ("j", "query", "application/ld+json", THING),
            ("X-Csv", "header", "text/csv; header=absent", TEXTS),
        )
    ]
    seen = await arrived(
        tmp_path,
        "/x/{p}",
        parameters,
        {"params": {"p": "a b"}, "query": {"q": "<k/>", "j": OBJECT}, "headers": {"X-Csv": "1,2"}},
        (
            "it is text/plain: give it as a text",
            "it is application/xml: give it as a text",
            "its type is open, so that it is not checked",
            "it is text/csv: give it as a text",
            "its type is open, so that it is not checked",
        ),
    )
    assert seen.path == "/v1/x/a%20b?q=%3Ck/%3E&j=%7B%22k%22:%22v%22,%22n%22:2%7D"
    assert seen.headers["x-csv"] == "1,2"


async def test_objects_arrive_in_a_query_in_each_style(tmp_path: Path) -> None:
    parameters: JsonValue = [
        {**a_parameter("query", THING, explode=False), "name": "o"},
        {**a_parameter("query", THING, style="pipeDelimited", explode=False), "name": "q"},
        {**a_parameter("query", {"oneOf": [{"type": "integer"}, THING]}), "name": "e"},
    ]
    given: JsonObject = {"query": {"o": OBJECT, "q": OBJECT, "e": {"size": 1}}}
    seen = await arrived(tmp_path, "/x", parameters, given)
    assert seen.path == "/v1/x?o=k,v,n,2&q=k%7Cv%7Cn%7C2&size=1"


async def test_a_comma_inside_of_an_item_is_not_one_between_items(tmp_path: Path) -> None:
    parameters: JsonValue = [
        {**a_parameter("query", TEXTS, explode=False), "name": "l"},
        {**a_parameter("query", THING, explode=False), "name": "o"},
        {**a_parameter("query", {"type": "string"}), "name": "own"},
    ]
    given: JsonObject = {"query": {"l": ["a,b", "c d"], "o": {"k": "v,w"}, "own": "a,b"}}
    seen = await arrived(tmp_path, "/x", parameters, given)
    assert seen.path == "/v1/x?l=a%2Cb,c+d&o=k,v%2Cw&own=a,b"


async def test_a_list_in_a_path_stays_in_its_place(tmp_path: Path) -> None:
    parameters: JsonValue = [a_parameter("path", TEXTS)]
    for value in ([], [""], ["a", ".."], ["../x"]):
        with pytest.raises(ValidationError):
            await arrived(tmp_path, "/x/{p}", parameters, {"params": {"p": [*value]}})


async def test_a_path_arrives_as_it_is_written(tmp_path: Path) -> None:
    assert (await arrived(tmp_path, "//x", [], {})).path == "/v1//x"
    query: JsonValue = [{**a_parameter("query", {"type": "string"}), "name": "q"}]
    seen = await arrived(tmp_path, "/x?q={p}&flag", query, {"query": {"q": "a&b"}})
    assert seen.path == "/v1/x?flag=&q=a%26b"


RESERVED = "/a:b?c=d;e,f$(g)*!'@+ 50% %2F é[0]&x#y"


@pytest.mark.parametrize(
    ("parts", "value", "sent"),
    [
        ({}, RESERVED, "p=/a:b?c=d;e,f$(g)*!'@+%2050%25%20%2F%20%C3%A9%5B0%5D%26x%23y"),
        ({}, ["/a", "b%2Cc"], "p=/a&p=b%2Cc"),
        ({"explode": False}, ["/a", "b,c"], "p=/a,b,c"),
        ({"style": "deepObject"}, {"k": "a/b?=+"}, "p%5Bk%5D=a/b?=+"),
    ],
)
async def test_reserved_signs_go_as_they_are_where_the_document_says_so(
    tmp_path: Path, parts: JsonObject, value: JsonValue, sent: str
) -> None:
    parameter = a_parameter("query", {}, allowReserved=True, **parts)
    seen = await arrived(tmp_path, "/x", [parameter], {"query": {"p": value}})
    assert seen.path == f"/v1/x?{sent}"

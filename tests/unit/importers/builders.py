"""Documents of other makers, small ones made here and the kept ones, and what importing makes."""

import json
from pathlib import Path
from typing import cast

from ductape.app.texts import read_value
from ductape.catalog.yaml_reading import Bounds
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.errors import NotFound
from ductape.importers import Format, Imported, Options, gather, make
from ductape.importers.documents import Documents
from ductape.importers.gathering import DEEPEST

KEPT = Path(__file__).parent / "documents"

OPENAPI = (
    "everything.yaml",
    "payments.json",
    "cluster.json",
    "telephony.json",
    "split/openapi.yaml",
)
POSTMAN = ("shop.postman.json", "pay.postman.json")

METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}


def an_openapi(paths: JsonValue, *, version: str = "3.0.3", **parts: JsonValue) -> JsonObject:
    """Build a document with some paths."""
    return {
        "openapi": version,
        "info": {"title": "API", "version": "1"},
        "servers": [{"url": "https://api.example"}],
        "paths": paths,
        **parts,
    }


def an_operation(**parts: JsonValue) -> JsonObject:
    """Build `GET /x` with some parts."""
    return an_openapi({"/x": {"get": {"operationId": "x", **parts}}})


def a_collection(*items: JsonValue, **parts: JsonValue) -> JsonObject:
    """Build a collection with some items."""
    schema = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
    return {"info": {"name": "Shop", "schema": schema}, "item": [*items], **parts}


def a_request(**parts: JsonValue) -> JsonObject:
    """Build an item that gets `https://shop.example/x`."""
    return {"name": "x", "request": {"method": "GET", "url": "https://shop.example/x", **parts}}


def options(**given: object) -> Options:
    """Build options for the product `p` in `dev`."""
    return Options(**{"product": "p", "envs": ("dev",), "app": "a", **given})  # pyright: ignore[reportArgumentType]


def imported(document: JsonValue, kind: Format = "openapi", **given: object) -> Imported:
    """Import one document."""
    documents = Documents("doc.json", {"doc.json": document}, {})
    return make(kind, documents, options(**given))


async def imported_file(name: str, kind: Format = "openapi", **given: object) -> Imported:
    """Import a kept document with all that it refers to."""
    path = KEPT / name

    async def read(location: str) -> JsonValue:
        return _parsed(path.parent / location)

    return make(kind, await gather(path.name, read), options(**given))


def _parsed(path: Path) -> JsonValue:
    if not path.is_file():
        raise NotFound(f"there is no file {path.name}")
    bounds = Bounds(nesting=DEEPEST, anchors=True)
    return read_value(path.read_text(encoding="utf-8"), suffix=path.suffix, bounds=bounds)


def actions(made: Imported, at: int = 0) -> dict[str, JsonObject]:
    """Return an app's actions by their tags."""
    app = cast("list[JsonObject]", made["document"]["apps"])[at]
    return {cast("str", one["tag"]): one for one in cast("list[JsonObject]", app["actions"])}


def only_action(made: Imported) -> JsonObject:
    """Return the one action."""
    (action,) = actions(made).values()
    return action


def app_of(made: Imported, at: int = 0) -> JsonObject:
    """Return an app."""
    return cast("list[JsonObject]", made["document"]["apps"])[at]


def rules(made: Imported, part: str) -> JsonValue:
    """Return the rules of one part of the one action."""
    return cast("JsonObject", only_action(made).get("request", {})).get(part)


def many(operations: int) -> JsonObject:
    """Build a document of many operations, each with parameters and a body of its own."""
    user = {"type": "object", "required": ["name"], "properties": _fields(20)}
    paths: dict[str, JsonValue] = {
        f"/things{at}/{{id}}/parts": {
            "parameters": [{"$ref": "#/components/parameters/Id"}],
            "post": {
                "operationId": f"things/{at}",
                "summary": f"Thing {at}",
                "description": "What it does, told at length. " * 20,
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/U"}}},
                },
                "responses": {"200": {"description": "ok", "content": {"application/json": user}}},
            },
        }
        for at in range(operations)
    }
    parameter = {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}
    components: JsonObject = {
        "parameters": {"Id": parameter},
        "schemas": {"U": cast("JsonValue", user)},
    }
    return json.loads(json.dumps(an_openapi(paths, components=components)))


def _fields(number: int) -> dict[str, JsonValue]:
    fields: dict[str, JsonValue] = {f"field{at}": {"type": "string"} for at in range(number)}
    return fields | {"name": {"type": "string"}}

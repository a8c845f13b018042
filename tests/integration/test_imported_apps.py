"""What importing makes is applied and called: what arrives on the wire is what the API asks for."""

import json
import time
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest
from aiohttp import web

from ductape import Ductape, ValidationError
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.importers import Imported
from tests.parts import parts_in
from tests.servers.http import Received, Receiver, http_receiver
from tests.unit.importers.builders import KEPT, OPENAPI, POSTMAN, an_operation, many


@dataclass
class Caller:
    """An open Ductape with one imported product, and the server that all its actions go to."""

    ductape: Ductape
    server: Receiver
    made: Imported

    async def call(self, event: str, given: JsonObject) -> Received:
        """Run an action; return what arrived."""
        before = len(self.server.requests)
        await self.ductape.processor.action.run(
            {"product_tag": "p", "env": "dev", "event": event, "input": given}
        )
        (request,) = self.server.requests[before:]
        return request


@asynccontextmanager
async def imported(tmp_path: Path, name: str, **given: object) -> AsyncIterator[Caller]:
    async with http_receiver() as server, Ductape.open(f"sqlite:///{tmp_path}/j.db") as ductape:
        importer = ductape.imports.postman if "postman" in name else ductape.imports.openapi
        made = await importer(
            KEPT / name, product="p", envs="dev", app="a", server=server.url, **given
        )  # pyright: ignore[reportArgumentType]
        for secret in made["secrets"]:
            await ductape.secrets.set(secret["name"], f"s3cret-{secret['name']}", product="p")
        applied = await ductape.products.apply(made["document"])
        assert applied["warnings"] == []
        yield Caller(ductape, server, made)


def form_of(request: Received) -> list[str]:
    return request.body.decode().split("&")


@pytest.mark.parametrize("name", [*OPENAPI, *POSTMAN])
async def test_every_kept_document_can_be_applied(tmp_path: Path, name: str) -> None:
    async with imported(tmp_path, name) as caller:
        view = await caller.ductape.products.get("p")
        assert view["document"] == caller.made["document"]


async def test_a_path_a_query_and_headers_arrive(tmp_path: Path) -> None:
    async with imported(tmp_path, "everything.yaml") as caller:
        user = "4d2c7f8e-0000-4000-8000-000000000000"
        seen = await caller.call(
            "users-get",
            {"params": {"id": user}, "query": {"page": 2}, "headers": {"X-Trace": "t"}},
        )
        assert (seen.method, seen.path) == ("GET", f"/users/{user}?page=2")
        assert seen.headers["authorization"] == "Bearer s3cret-a_bearerAuth_token"
        assert seen.headers["x-trace"] == "t"


async def test_styles_and_odd_paths_arrive(tmp_path: Path) -> None:
    async with imported(tmp_path, "everything.yaml") as caller:
        seen = await caller.call(
            "get-compare-base...head",
            {
                "params": {"base": "v1/x", "head": ["a", "b"]},
                "query": {
                    "ids": [1, 2],
                    "tags": ["x", "y"],
                    "filter": {"at": {"gt": 5}},
                    "where": {"a": 1},
                },
            },
        )
        assert seen.path == (
            "/compare/.v1%2Fx...a,b?ids=1,2&tags=x%7Cy&filter%5Bat%5D%5Bgt%5D=5"
            "&where=%7B%22a%22:1%7D"
        )
        assert seen.headers["cookie"] == "sid=s3cret-a_cookieKey_cookie"
        assert (await caller.call("count", {})).path == "/search/$count"
        assert (
            await caller.call("byQuery", {})
        ).path == "/list?action=all&api_key=s3cret-a_api_key"


async def test_keys_in_header_and_query_arrive_together(tmp_path: Path) -> None:
    async with imported(tmp_path, "everything.yaml") as caller:
        given: JsonObject = {"params": {"user-id": 7, "name": "a b"}}
        seen = await caller.call("get-users-user-id-files-name.json", given)
        assert seen.path == "/users/7/files/a%20b.json?key=s3cret-a_keyQuery_key"
        assert seen.headers["x-api-key"] == "s3cret-a_keyHeader_key"


async def test_bodies_of_every_type_arrive(tmp_path: Path) -> None:
    async with imported(tmp_path, "everything.yaml") as caller:
        seen = await caller.call("notes", {"body": {"text": "x", "at": "2024-01-01T00:00:00Z"}})
        assert json.loads(seen.body) == {"text": "x", "at": "2024-01-01T00:00:00Z"}
        seen = await caller.call("xml", {"body": "<a/>"})
        assert (seen.body, seen.headers["content-type"]) == (
            b"<a/>",
            "application/xml; charset=utf-8",
        )


async def test_a_body_of_parts_arrives_with_its_files(tmp_path: Path) -> None:
    async with imported(tmp_path, "everything.yaml") as caller:
        png = b"\x89PNG\r\n\x1a\n"
        file: JsonObject = {"buffer": b64encode(png).decode(), "fileName": "a.png"}
        body: JsonObject = {"title": "One", "file": file, "labels": [{"a": 1}], "tags": ["x", "y"]}
        seen = await caller.call("upload", {"body": body})
        assert parts_in(seen.body, seen.headers["content-type"]) == [
            ("title", None, "text/markdown", b"One"),
            ("file", "a.png", "image/png", png),
            ("labels", None, "application/json", b'[{"a":1}]'),
            ("tags", None, None, b"x"),
            ("tags", None, None, b"y"),
        ]
        seen = await caller.call("uploadRaw", {"body": {"buffer": b64encode(png).decode()}})
        assert (seen.method, seen.body) == ("PUT", png)
        assert seen.headers["content-type"] == "application/octet-stream"
    async with imported(tmp_path, "shop.postman.json", variables={"page": "home"}) as caller:
        body = {"f": file, "pages": [file], "order": "7"}
        seen = await caller.call("Orders-Upload-invoice", {"body": body})
        found = parts_in(seen.body, seen.headers["content-type"])
        assert [part[0] for part in found] == [
            "meta", "note", "tags", "tags", "f", "pages", "order",
        ]  # fmt: skip
        assert found[0] == ("meta", None, "application/json", b'{"lang":"nl"}')
        seen = await caller.call("Orders-Send-file", {"body": file})
        assert (seen.body, seen.headers["content-type"]) == (png, "image/png")


async def test_a_nested_form_arrives_in_brackets(tmp_path: Path) -> None:
    async with imported(tmp_path, "payments.json") as caller:
        body: JsonObject = {
            "amount": 5,
            "note": "n",
            "metadata": {"order": "7"},
            "items": [{"price": "p", "tags": ["a"]}],
        }
        seen = await caller.call("PostCharges", {"body": body})
        assert form_of(seen) == [
            "amount=5",
            "note=n",
            "metadata%5Border%5D=7",
            "items%5B0%5D%5Bprice%5D=p",
            "items%5B0%5D%5Btags%5D%5B0%5D=a",
        ]
        assert seen.headers["authorization"] == "Bearer s3cret-a_bearerAuth_token"
        seen = await caller.call("GetCharges", {"query": {"created": {"gt": 1}, "expand": ["x"]}})
        assert seen.path == "/v1/charges?created%5Bgt%5D=1&expand%5B0%5D=x"


async def test_a_patch_arrives_with_its_own_type(tmp_path: Path) -> None:
    async with imported(tmp_path, "cluster.json") as caller:
        params: JsonObject = {"namespace": "default", "name": "web"}
        seen = await caller.call("patchPod", {"params": params, "body": {"spec": {}}})
        assert seen.headers["content-type"] == "application/merge-patch+json"
        assert seen.headers["authorization"] == "s3cret-cluster_BearerToken_key".replace(
            "cluster", "a"
        )
        patch: list[JsonValue] = [{"op": "remove", "path": "/x"}]
        headers: JsonObject = {"Content-Type": "application/json-patch+json"}
        seen = await caller.call("patchPod", {"params": params, "body": patch, "headers": headers})
        assert (json.loads(seen.body), seen.headers["content-type"]) == (
            patch,
            headers["Content-Type"],
        )


async def test_a_form_with_basic_auth_arrives(tmp_path: Path) -> None:
    async with imported(tmp_path, "telephony.json") as caller:
        account = "AC" + "0" * 32
        given: JsonObject = {
            "params": {"AccountSid": account},
            "body": {"To": "+1", "MediaUrl": ["a", "b"]},
        }
        seen = await caller.call("CreateMessage", given)
        assert seen.path == f"/2010-04-01/Accounts/{account}/Messages.json"
        assert form_of(seen) == ["To=%2B1", "MediaUrl=a", "MediaUrl=b"]
        assert seen.headers["authorization"].startswith("Basic ")


async def test_an_input_that_breaks_a_rule_is_refused_before_anything_is_sent(
    tmp_path: Path,
) -> None:
    async with imported(tmp_path, "everything.yaml") as caller:
        with pytest.raises(ValidationError) as raised:
            await caller.call("users-get", {"params": {"id": "7"}, "query": {"page": "x"}})
        paths = {fault["path"] for fault in raised.value.errors}
        assert paths == {"input.params.id", "input.query.page", "input.headers.X-Trace"}
        assert caller.server.requests == []


async def test_a_collections_requests_arrive(tmp_path: Path) -> None:
    async with imported(tmp_path, "shop.postman.json", variables={"page": "home"}) as caller:
        seen = await caller.call(
            "Orders-Get-order", {"params": {"orderId": "7"}, "query": {"user": "u"}}
        )
        assert seen.path == "/orders/7?expand=lines&access_token=s3cret-a_access_token&user=u"
        assert (seen.headers["x-tenant"], seen.headers["x-api-key"]) == (
            "blue",
            "s3cret-a_apikey2_value",
        )
        seen = await caller.call("Orders-Create-order", {"body": {"id": "9", "sku": "B"}})
        assert json.loads(seen.body) == {
            "id": "9",
            "sku": "B",
            "count": 2,
            "gift": True,
            "password": "s3cret-a_password",
            "cost": "$5",
        }
        seen = await caller.call("Login", {})
        assert form_of(seen) == ["grant_type=password", "client_secret=s3cret-a_client_secret"]
        seen = await caller.call("Tenant-page", {})
        assert seen.path == "/t/blue/bots3cret-a_apiSecret/home"
        seen = await caller.call("Tenant-page", {"params": {"apiSecret": "k"}})
        assert seen.path == "/t/blue/botk/home"
        seen = await caller.call("GraphQL", {"body": {"variables": {"id": "1"}}})
        assert "order(id: $id)" in cast("str", json.loads(seen.body)["query"])


async def test_a_makers_collection_arrives(tmp_path: Path) -> None:
    async with imported(tmp_path, "pay.postman.json") as caller:
        seen = await caller.call("Authorization-Generate-access_token", {"body": {"nonce": "5"}})
        assert seen.headers["authorization"].startswith("Basic ")
        assert form_of(seen) == ["grant_type=client_credentials", "ignoreCache=true", "nonce=5"]
        order: JsonObject = {"purchase_units": [{"reference_id": "r"}], "total": 7, "created": 8}
        given: JsonObject = {"headers": {"Acme-Request-Id": "r"}, "body": order}
        seen = await caller.call("Orders-v2-Create-order", given)
        assert seen.headers["authorization"] == "Bearer s3cret-a_access_token"
        assert json.loads(seen.body) == {"intent": "CAPTURE", "page_size": 20, **order}
        seen = await caller.call("Orders-v2-Show-order-details", {"params": {"order_id": "o"}})
        assert seen.path == (
            "/v2/checkout/orders/o?fields=payment_source&page_size=20&filter%5Bstatus%5D%5B%5D=open"
        )
        seen = await caller.call("Orders-v2-Update-order", {})
        assert seen.path == "/v2/checkout/orders/5O190127TN364715T"
        assert cast("JsonObject", json.loads(seen.body)[0])["value"] == {"n": 20}
        seen = await caller.call("Orders-v2-Delete-all-really", {})
        assert (seen.path, "authorization" in seen.headers) == (
            "/v2/checkout/orders/acc-1/items/",
            False,
        )
        seen = await caller.call("Disputes-SOAP", {"body": "<login/>"})
        assert (seen.body, seen.headers["x-acme-key"]) == (b"<login/>", "s3cret-a_api_key")
        seen = await caller.call("GraphQL-Products", {})
        sent = cast("JsonObject", json.loads(seen.body))
        assert sent["variables"] == {"first": 20, "q": "EUR"}
        assert str(sent["query"]).startswith("query Products($first: Int!, $q: String) {")
        seen = await caller.call("Login-page", {})
        assert seen.path == "/v1/me?expand=&raw=&sort=name,-age&ids=1&ids=2"


async def test_a_document_of_this_machine_is_fetched_and_called_where_it_came_from(
    tmp_path: Path,
) -> None:
    async with http_receiver() as server, Ductape.open(f"sqlite:///{tmp_path}/j.db") as ductape:
        document = {**an_operation(), "servers": [{"url": "/api"}]}
        server.answers.append(web.json_response(document))
        made = await ductape.imports.openapi(
            f"{server.url}/openapi.json", product="p", envs="dev", app="a"
        )
        await ductape.products.apply(made["document"])
        caller = Caller(ductape, server, made)
        assert (await caller.call("x", {})).path == "/api/x"


async def test_a_token_is_fetched_with_the_clients_own_credentials(tmp_path: Path) -> None:
    async with http_receiver() as server, Ductape.open(f"sqlite:///{tmp_path}/j.db") as ductape:
        flows = {"clientCredentials": {"tokenUrl": f"{server.url}/token", "scopes": {}}}
        scheme: JsonObject = {"type": "oauth2", "flows": cast("JsonValue", flows)}
        document = an_operation(security=[{"o": []}])
        document |= {"components": {"securitySchemes": {"o": scheme}}}
        (tmp_path / "api.json").write_text(json.dumps(document), encoding="utf-8")
        made = await ductape.imports.openapi(
            tmp_path / "api.json", product="p", envs="dev", app="a", server=server.url
        )
        for secret in made["secrets"]:
            await ductape.secrets.set(secret["name"], secret["name"], product="p")
        await ductape.products.apply(made["document"])
        server.answers.append(web.json_response({"access_token": "t0", "token_type": "bearer"}))
        await ductape.processor.action.run(
            {"product_tag": "p", "env": "dev", "event": "x", "input": {}}
        )
    token, call = server.requests
    assert (token.method, token.path) == ("POST", "/token")
    assert call.headers["authorization"] == "Bearer t0"


async def test_five_thousand_actions_are_imported_applied_and_called_quickly(
    tmp_path: Path,
) -> None:
    document = tmp_path / "big.json"
    document.write_text(json.dumps(many(5_000)), encoding="utf-8")
    async with http_receiver() as server, Ductape.open(f"sqlite:///{tmp_path}/j.db") as ductape:
        began = time.process_time()  # whatever else the machine does
        made = await ductape.imports.openapi(
            document, product="p", envs="dev", app="a", server=server.url
        )
        assert made["actions"] == 5_000
        await ductape.products.apply(made["document"])
        caller = Caller(ductape, server, made)
        for at in (0, 4_999):
            given: JsonObject = {"params": {"id": at}, "body": {"name": "x"}}
            assert (await caller.call(f"things-{at}", given)).path == f"/things{at}/{at}/parts"
        assert time.process_time() - began < 45


async def test_numbers_that_json_has_not_are_left_out_alone(tmp_path: Path) -> None:
    (tmp_path / "api.yaml").write_text(
        "openapi: 3.0.3\n"
        "info: {title: API, version: '1'}\n"
        "servers: [{url: 'https://api.example'}]\n"
        "paths:\n"
        "  /x: {get: {parameters: [{name: n, in: query, schema: {maximum: .inf}}]}}\n",
        encoding="utf-8",
    )
    async with Ductape.open(f"sqlite:///{tmp_path}/j.db") as ductape:
        made = await ductape.imports.openapi(tmp_path / "api.yaml", product="p", envs="dev")
    assert made["actions"] == 1
    place = "#/paths/~1x/get/parameters/0/schema/maximum"
    told = {"place": place, "part": "number", "reason": "JSON has no such number"}
    assert made["left_out"] == [told]


async def test_a_query_with_a_body_arrives(tmp_path: Path) -> None:
    body: JsonObject = {"content": {"application/json": {"schema": {"type": "object"}}}}
    document: JsonObject = {
        "openapi": "3.2.0",
        "info": {"title": "API", "version": "1"},
        "paths": {"/x": {"query": {"operationId": "x", "requestBody": body}}},
    }
    (tmp_path / "api.json").write_text(json.dumps(document), encoding="utf-8")
    async with http_receiver() as server, Ductape.open(f"sqlite:///{tmp_path}/j.db") as ductape:
        made = await ductape.imports.openapi(
            tmp_path / "api.json", product="p", envs="dev", server=server.url
        )
        await ductape.products.apply(made["document"])
        await ductape.processor.action.run(
            {"product_tag": "p", "env": "dev", "event": "x", "input": {"body": {"a": 1}}}
        )
        seen = server.only()
    assert (seen.method, seen.path, seen.body) == ("QUERY", "/x", b'{"a":1}')

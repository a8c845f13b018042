"""Postman collections, imported and called: what arrives is what Postman itself would send."""

import json
import time
from base64 import b64decode
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import parse_qsl
from uuid import UUID

import pytest
from aiohttp import web

from ductape import Ductape, JobFailed, ValidationError
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.importers import Imported
from tests.servers.http import Received, Receiver, http_receiver
from tests.unit.importers.builders import a_collection, a_request


@dataclass
class Caller:
    """An open Ductape with one imported collection, and the server that it goes to."""

    ductape: Ductape
    server: Receiver
    made: Imported

    async def call(self, event: str = "x", given: JsonObject | None = None) -> Received:
        """Run an action; return what arrived last."""
        await self.ductape.processor.action.run(
            {"product_tag": "p", "env": "dev", "event": event, "input": given or {}}
        )
        return self.server.requests[-1]


@asynccontextmanager
async def imported(
    tmp_path: Path, *items: JsonValue, secrets: dict[str, str] | None = None, **parts: JsonValue
) -> AsyncGenerator[Caller]:
    """Import a collection of some items; `{{here}}` and `{{host}}` are the server's."""
    async with http_receiver() as server, Ductape.open(f"sqlite:///{tmp_path}/j.db") as ductape:
        host = server.url.removeprefix("http://")
        text = json.dumps(a_collection(*items, **parts))
        text = text.replace("{{here}}", server.url).replace("{{host}}", host)
        (tmp_path / "c.json").write_text(text, encoding="utf-8")
        made = await ductape.imports.postman(
            tmp_path / "c.json", product="p", envs="dev", app="a", allow_private=True
        )
        for secret in made["secrets"]:
            value = (secrets or {}).get(secret["name"], f"s3cret-{secret['name']}")
            await ductape.secrets.set(secret["name"], value, product="p")
        assert (await ductape.products.apply(made["document"]))["warnings"] == []
        yield Caller(ductape, server, made)


def raw(text: str, language: str = "json") -> JsonObject:
    """Build a raw body."""
    return {"mode": "raw", "raw": text, "options": {"raw": {"language": language}}}


def here(**parts: JsonValue) -> JsonObject:
    """Build the request `x`, which goes to the server's `/x`."""
    return a_request(**{"method": "POST", "url": "{{here}}/x", **parts})


VALUES: list[JsonValue] = [5, 1.5, True, [1, "a"], {"a": [None]}, "text"]


@pytest.mark.parametrize("value", VALUES)
async def test_what_is_given_for_a_bare_variable_arrives_with_its_type(
    tmp_path: Path, value: JsonValue
) -> None:
    body = raw('{"id": {{id}}, "name": "{{name}}", "n": 1}')
    async with imported(tmp_path, here(body=body)) as caller:
        seen = await caller.call("x", {"body": {"id": value, "name": "N"}})
        assert json.loads(seen.body) == {"id": value, "name": "N", "n": 1}
        assert [one["part"] for one in caller.made["left_out"]] == ["body field `id`"]


async def test_a_bare_variable_that_has_a_value_arrives_with_its_type(tmp_path: Path) -> None:
    variables: list[JsonValue] = [
        {"key": "id", "value": "5"},
        {"key": "list", "value": '[1, {"cost": "$5"}]'},
        {"key": "on", "value": True},
    ]
    body = raw('{"id": {{id}}, "text": "{{id}}", "in": {"list": {{ list }}}, "on": {{on}}}')
    async with imported(tmp_path, here(body=body), variable=variables) as caller:
        assert json.loads((await caller.call()).body) == {
            "id": 5,
            "text": "5",
            "in": {"list": [1, {"cost": "$5"}]},
            "on": True,
        }
        assert caller.made["left_out"] == []


async def test_a_bare_variable_that_is_no_json_arrives_as_it_is(tmp_path: Path) -> None:
    variables: list[JsonValue] = [{"key": "items", "value": '"a", "b"'}]
    body = raw('{"list": [{{items}}], "key": {{key}}}')
    async with imported(
        tmp_path, here(body=body), variable=variables, secrets={"a_key": "7"}
    ) as caller:
        seen = await caller.call()
        assert seen.body == b'{"list": ["a", "b"], "key": 7}'
        assert seen.headers["content-type"] == "application/json"


COMMENTED = """{
  // who {{asks}} for it
  "url": "https://a.example//b", /* "old": 1,
  */ "n": {{n}}, "text": "/* no */ // comment" // the end
}"""


async def test_comments_of_a_json_body_are_not_sent(tmp_path: Path) -> None:
    variables: list[JsonValue] = [{"key": "n", "value": "1"}, {"key": "two", "value": "1, 2"}]
    async with imported(tmp_path, here(body=raw(COMMENTED)), variable=variables) as caller:
        assert json.loads((await caller.call()).body) == {
            "url": "https://a.example//b",
            "n": 1,
            "text": "/* no */ // comment",
        }
        assert caller.made["left_out"] == []


async def test_comments_of_a_body_that_is_no_json_are_sent_where_postman_sends_them(
    tmp_path: Path,
) -> None:
    text = '[{{two}}, "//"] // a pair'
    variables: list[JsonValue] = [{"key": "two", "value": "1, 2"}]
    items = [{**here(body=raw(text, language)), "name": language} for language in ("json", "text")]
    async with imported(tmp_path, *items, variable=variables) as caller:
        assert (await caller.call("json")).body == b'[1, 2, "//"] '
        assert (await caller.call("text")).body == b'[1, 2, "//"] // a pair'


async def test_values_of_path_variables_are_defaults(tmp_path: Path) -> None:
    url: JsonObject = {
        "raw": "{{here}}/v1/:tenant/orders/:id.json/:part/:token",
        "host": ["{{here}}"],
        "path": ["v1", ":tenant", "orders", ":id.json", ":part", ":token"],
        "variable": [
            {"key": "tenant", "value": "{{tenant}}"},
            {"key": "id.json", "value": "a%20$5/b"},
            {"key": "part", "value": ""},
            {"key": "token", "value": "t0ps3cret"},
            {"key": "elsewhere", "value": "x"},
        ],
    }
    tenant: list[JsonValue] = [{"key": "tenant", "value": "blue"}]
    async with imported(tmp_path, here(url=url), variable=tenant) as caller:
        given: JsonObject = {"part": "p"}
        assert (await caller.call("x", {"params": given})).path == (
            "/v1/blue/orders/a%20%245%2Fb/p/s3cret-a_token"
        )
        given |= {"tenant": "red", "id.json": "7.json", "token": "t"}
        assert (await caller.call("x", {"params": given})).path == "/v1/red/orders/7.json/p/t"
        with pytest.raises(ValidationError) as raised:
            await caller.call("x", {"params": {}})
        assert [one["path"] for one in raised.value.errors] == ["input.params.part"]
        caller.server.answers.append(web.Response(status=404, text="no /s3cret-a_token"))
        with pytest.raises(JobFailed) as failed:
            await caller.call("x", {"params": {"part": "p"}})
        assert "s3cret" not in f"{failed.value!r} {failed.value.error} {failed.value.attempts}"
        assert [one["part"] for one in caller.made["left_out"]] == ["parameter `id.json` in path"]
        assert "t0ps3cret" not in json.dumps(caller.made)


def at(name: str, url: JsonValue) -> JsonObject:
    """Build a request of some name and URL."""
    return {"name": name, "request": {"method": "GET", "url": url}}


@pytest.mark.parametrize("beyond", ["", "/", "/v2", "/v2/", "/v2/a:b?x=%20y&x=2", "?x=1#top"])
async def test_a_url_that_is_one_variable_arrives_as_it_is(tmp_path: Path, beyond: str) -> None:
    variables: list[JsonValue] = [{"key": "url", "value": f"{{{{here}}}}{beyond}"}]
    async with imported(tmp_path, at("x", "{{url}}"), variable=variables) as caller:
        path, _, query = beyond.partition("#")[0].partition("?")
        wire = (path or "/") + ("?" if query else "") + query.replace("%20", "+")
        assert (await caller.call()).path == wire
        assert caller.made["left_out"] == []


async def test_a_base_alone_has_no_slash_too_much(tmp_path: Path) -> None:
    alone: JsonObject = {"host": ["{{base}}"], "query": [{"key": "a", "value": "1"}]}
    items = [
        at("base", "{{base}}"),
        at("slash", "{{base}}/"),
        at("query", {**alone, "raw": "{{base}}?a=1"}),
        at("below", "{{base}}/users"),
        at("joined", "{{base}}{{part}}"),
    ]
    variables: list[JsonValue] = [
        {"key": "base", "value": "{{here}}/v1"},
        {"key": "part", "value": "/users?b=2"},
    ]
    async with imported(tmp_path, *items, variable=variables) as caller:
        assert (await caller.call("base")).path == "/v1"
        assert (await caller.call("slash")).path == "/v1/"
        assert (await caller.call("query")).path == "/v1?a=1"
        assert (await caller.call("below")).path == "/v1/users"
        assert (await caller.call("joined")).path == "/v1/users?b=2"


def folder(name: str, *items: JsonValue, **parts: JsonValue) -> JsonObject:
    """Build a folder."""
    return {"name": name, "item": [*items], **parts}


def held(**values: JsonValue) -> list[JsonValue]:
    """Build variables."""
    return [{"key": key, "value": value} for key, value in values.items()]


async def test_the_nearest_variable_counts_and_none_leaves_its_folder(tmp_path: Path) -> None:
    bearer: JsonValue = {"type": "bearer", "bearer": held(token="{{access}}")}
    get = at("get", {"raw": "{{here}}/{{a}}/{{b}}", "host": "{{here}}", "path": ["{{a}}", "{{b}}"]})
    inner = folder("in", get, variable=held(b="inner"))
    outer = folder("out", inner, get, variable=held(a="outer", b="outer", access="o"))
    own = {**get, "name": "own", "variable": held(a="own")}
    collection = [folder("none", get), outer, own]
    variables = held(a="top", access="t")
    async with imported(tmp_path, *collection, variable=variables, auth=bearer) as caller:
        seen = await caller.call("out-in-get")
        assert (seen.path, seen.headers["authorization"]) == (
            "/outer/inner",
            "Bearer s3cret-a_access_2",
        )
        seen = await caller.call("out-get")
        assert (seen.path, seen.headers["authorization"]) == (
            "/outer/outer",
            "Bearer s3cret-a_access_2",
        )
        seen = await caller.call("none-get", {"params": {"b": "given"}})
        assert (seen.path, seen.headers["authorization"]) == (
            "/top/given",
            "Bearer s3cret-a_access",
        )
        assert (await caller.call("own", {"params": {"b": "given"}})).path == "/own/given"


@pytest.mark.parametrize(
    ("pairs", "sent"),
    [
        (held(username="{{apiKey}}", password=""), "s3cret-a_apiKey:"),
        (held(username="{{apiKey}}"), "s3cret-a_apiKey:"),
        (held(username="", password="pat"), ":s3cret-a_basic_password"),
        (held(username="ada", password="pat"), "s3cret-a_basic_username:s3cret-a_basic_password"),
    ],
)
async def test_half_of_basic_auth_may_be_empty(
    tmp_path: Path, pairs: list[JsonValue], sent: str
) -> None:
    auth: JsonValue = {"type": "basic", "basic": pairs}
    async with imported(tmp_path, here(auth=auth)) as caller:
        word, _, coded = (await caller.call()).headers["authorization"].partition(" ")
        assert (word, b64decode(coded).decode()) == ("Basic", sent)


CLIENT: dict[str, JsonValue] = {
    "grant_type": "client_credentials",
    "accessTokenUrl": "{{here}}/token",
    "clientId": "{{id}}",
    "clientSecret": "{{secret}}",
    "client_authentication": "body",
    "audience": "https://{{tenant}}.example/",
    "scope": "read",
    "state": "s",
}


def oauth2(**settings: JsonValue) -> JsonObject:
    """Build an auth."""
    return {"type": "oauth2", "oauth2": held(**settings)}


async def test_a_token_is_asked_for_as_postman_asks(tmp_path: Path) -> None:
    variables = held(tenant="blue")
    async with imported(tmp_path, here(auth=oauth2(**CLIENT)), variable=variables) as caller:
        answer = web.json_response({"access_token": "t0", "token_type": "bearer"})
        caller.server.answers.append(answer)
        assert (await caller.call()).headers["authorization"] == "Bearer t0"
        asked = caller.server.requests[0]
        assert asked.path == "/token"
        assert parse_qsl(asked.body.decode()) == [
            ("grant_type", "client_credentials"),
            ("scope", "read"),
            ("audience", "https://blue.example/"),
            ("client_id", "s3cret-a_id"),
            ("client_secret", "s3cret-a_secret"),
        ]
        assert caller.made["left_out"] == []


@pytest.mark.parametrize(
    ("settings", "path", "header"),
    [
        ({}, "/x", "Bearer s3cret-a_t"),
        ({"addTokenTo": "header", "headerPrefix": "Token "}, "/x", "Token s3cret-a_t"),
        ({"headerPrefix": ""}, "/x", "s3cret-a_t"),
        ({"addTokenTo": "queryParams"}, "/x?access_token=s3cret-a_t", None),
    ],
)
async def test_a_token_is_sent_as_postman_sends_it(
    tmp_path: Path, settings: dict[str, JsonValue], path: str, header: str | None
) -> None:
    auth = oauth2(accessToken="{{t}}", grant_type="authorization_code", **settings)
    own: JsonValue = held(Authorization="Bearer mine")
    async with imported(tmp_path, here(auth=auth, header=own)) as caller:
        seen = await caller.call()
        wire = header if header is not None else "Bearer s3cret-a_Authorization"
        assert (seen.path, seen.headers["authorization"]) == (path, wire)
        told = [(one["part"], one["reason"]) for one in caller.made["left_out"]]
        assert told == ([("header `Authorization`", "the auth sends it")] if header else [])


@pytest.mark.parametrize(
    ("query", "wire"),
    [
        ("filter%5Bname%5D=a%20b", "filter%5Bname%5D=a+b"),
        ("filter[name]=a+b%2B", "filter%5Bname%5D=a+b%2B"),
        ("a%2525=1", "a%2525=1"),
        ("x=100%&x=2", "x=100%25&x=2"),
    ],
)
async def test_a_query_is_encoded_once(tmp_path: Path, query: str, wire: str) -> None:
    pairs: list[JsonValue] = [
        {"key": name, "value": value}
        for name, _, value in (one.partition("=") for one in query.split("&"))
    ]
    items = [
        at("text", f"{{{{here}}}}/x?{query}"),
        at("parts", {"host": "{{here}}", "path": ["x"], "query": pairs}),
    ]
    async with imported(tmp_path, *items) as caller:
        assert (await caller.call("text")).path == f"/x?{wire}"
        assert (await caller.call("parts")).path == f"/x?{wire}"


async def test_a_name_alone_is_told(tmp_path: Path) -> None:
    async with imported(tmp_path, at("x", "{{here}}/x?acl&b=")) as caller:
        assert (await caller.call()).path == "/x?acl=&b="
        assert [one["part"] for one in caller.made["left_out"]] == ["parameter `acl` in query"]


async def test_equal_headers_are_one_line(tmp_path: Path) -> None:
    header: list[JsonValue] = [
        {"key": "X-Tag", "value": "a"},
        {"key": "x-tag", "value": "{{tag}}"},
        {"key": "Cookie", "value": "a=1"},
        {"key": "Cookie", "value": "b=2"},
        {"key": "User-Agent", "value": "first"},
        {"key": "User-Agent", "value": "last"},
        {"key": "X-Number", "value": 5},
    ]
    async with imported(tmp_path, here(header=header), variable=held(tag="b")) as caller:
        seen = (await caller.call()).headers
        assert (seen["x-tag"], seen["user-agent"], seen["x-number"]) == ("a, b", "last", "5")
        assert seen["cookie"] == "s3cret-a_Cookie"
        told = [(one["part"], one["reason"]) for one in caller.made["left_out"]]
        assert told == [("header `User-Agent`", "another one of its name is sent")]


@pytest.mark.parametrize(
    ("url", "auth", "sent"),
    [
        ("http://me:p%40w@{{host}}/x", None, "s3cret-a_basic_username:s3cret-a_basic_password"),
        ("{{base}}/x", {"type": "noauth"}, "s3cret-a_basic_username:s3cret-a_basic_password"),
        ("http://{{who}}:@{{host}}/x", None, "s3cret-a_who:"),
        ({"host": "{{host}}", "auth": {"user": "u", "password": "{{pw}}"}, "path": ["x"]}, None,
         "s3cret-a_basic_username:s3cret-a_pw"),
        ("http://me:pw@{{host}}/x", {"type": "basic", "basic": held(username="{{u}}")},
         "s3cret-a_u:"),
    ],
)  # fmt: skip
async def test_a_user_in_a_url_is_basic_auth(
    tmp_path: Path, url: JsonValue, auth: JsonValue, sent: str
) -> None:
    variables = held(base="http://me:p%40w@{{host}}")
    async with imported(tmp_path, here(url=url, auth=auth), variable=variables) as caller:
        seen = await caller.call()
        coded = seen.headers["authorization"].partition(" ")[2]
        assert (seen.path, b64decode(coded).decode()) == ("/x", sent)
        told = [one["part"] for one in caller.made["left_out"]]
        assert told == (["user in the URL"] if "basic" in str(auth) else [])
        assert "p%40w" not in json.dumps(caller.made)


async def test_a_body_goes_with_get_only_where_postman_sends_it(tmp_path: Path) -> None:
    keeps: JsonObject = {"protocolProfileBehavior": {"disableBodyPruning": True}}
    get = here(method="GET", body=raw('{"a": 1}'))
    items = [get, folder("f", get, {**get, **keeps, "name": "y"}), folder("g", get, **keeps)]
    async with imported(tmp_path, *items) as caller:
        bodies = [(await caller.call(one)).body for one in ("x", "f-x", "f-y", "g-x")]
        assert bodies == [b"", b"", b'{"a":1}', b'{"a":1}']
        told = [(one["part"], one["reason"]) for one in caller.made["left_out"]]
        assert told == [("body", "Postman sends none with GET")] * 2


async def test_variables_in_names_arrive(tmp_path: Path) -> None:
    pairs: list[JsonValue] = [{"key": "{{n}}[a]", "value": "1"}, {"key": "{{no}}", "value": "2"}]
    url: JsonObject = {"host": "{{here}}", "path": ["~variable~variable~", "{{n}}"], "query": pairs}
    header: list[JsonValue] = [{"key": "X-{{n}}", "value": "1"}]
    form: JsonObject = {"mode": "urlencoded", "urlencoded": pairs}
    items = [
        here(url=url, header=header, body=form),
        {**here(body=raw('{"{{n}}": 1}')), "name": "y"},
    ]
    async with imported(tmp_path, *items, variable=held(n="N")) as caller:
        seen = await caller.call("x")
        assert seen.path == "/%7Evariable%7Evariable~/N?N%5Ba%5D=1"
        assert (seen.headers["x-n"], seen.body) == ("1", b"N%5Ba%5D=1")
        assert (await caller.call("y")).body == b'{"N": 1}'
        assert [one["part"] for one in caller.made["left_out"]] == [
            "body field `{{no}}`",
            "parameter `{{no}}` in query",
        ]


async def test_what_is_postmans_own_nobody_has_to_give(tmp_path: Path) -> None:
    header: list[JsonValue] = [
        {"key": "X-At", "value": "{{$isoTimestamp}}"},
        {"key": "Idempotency-Key", "value": "{{$guid}}"},
        {"key": "X-Auth-Token", "value": "{{$randomUUID}}"},
    ]
    items = [
        here(url="{{here}}/{{$timestamp}}", header=header, body=raw('{"at": {{$timestamp}}}')),
        {
            **here(
                header=[{"key": "X-Id", "value": "{{$guid}}"}],
                body=raw('{"n": {{$randomInt}}, "id": "{{$guid}}", "of": [["order {{$guid}}"]]}'),
            ),
            "name": "y",
        },
    ]
    async with imported(tmp_path, *items) as caller:
        seen = await caller.call("x", {"headers": {"X-Auth-Token": "given"}})
        began = int(seen.path.removeprefix("/"))
        assert abs(began - time.time()) < 60
        assert json.loads(seen.body)["at"] - began in (0, 1)
        assert datetime.fromisoformat(seen.headers["x-at"]).timestamp() // 1 - began in (0, 1)
        assert not seen.headers["idempotency-key"].startswith("{{")
        assert seen.headers["x-auth-token"] == "given"
        seen = await caller.call("y")
        body = json.loads(seen.body)
        word, _, inside = body["of"][0][0].partition(" ")
        assert (word, body["n"]) == ("order", 500)
        assert len({UUID(body["id"]), UUID(inside), UUID(seen.headers["x-id"])}) == 3
        seen = await caller.call("y", {"body": {"n": "7", "id": "8", "of": []}})
        assert json.loads(seen.body) == {"n": "7", "id": "8", "of": []}
        told = [(one["part"], one["reason"]) for one in caller.made["left_out"]]
        sample = "test data of Postman's own, `{{$randomInt}}`: each run sends the same, or what"
        assert told == [
            ("header `Idempotency-Key`", "each run sends one of its own"),
            ("body field `n`", f"{sample} you give"),
        ]

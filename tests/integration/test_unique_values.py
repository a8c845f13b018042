"""What an action sends of its run's own: the same on every attempt, another in each run."""

import json
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

from aiohttp import web

from ductape import Ductape
from ductape.domain.jsonvalue import JsonObject
from tests.servers.http import Received, Receiver, http_receiver

ACTION: JsonObject = {
    "tag": "pay",
    "method": "POST",
    "resource": "/pay",
    "body": {"cents": 5},
    "unique": ["headers:Request-Id", "query:key", "body:nonce"],
}
INSIDE: JsonObject = {
    "tag": "pay",
    "method": "POST",
    "resource": "/pay/:id",
    "params": {"id": "p-{unique}"},
    "headers": {"Request-Id": "a {unique} b"},
    "query": {"key": ["{unique}", "k"]},
    "body": {"units": [{"ref": "{unique}", "of": "order-{unique}"}], "say": "{unique}"},
    "unique": ["params:id", "headers:request-id", "query:key", "body:units"],
}
CALL: JsonObject = {"product_tag": "p", "env": "dev", "event": "pay"}


def values_of(seen: Received) -> list[str]:
    """Return the values of one request: header, query, body."""
    assert json.loads(seen.body)["cents"] == 5
    query = seen.path.partition("?key=")[2]
    return [seen.headers["request-id"], query, str(json.loads(seen.body)["nonce"])]


UUIDS = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@asynccontextmanager
async def paying(tmp_path: Path, action: JsonObject) -> AsyncGenerator[tuple[Ductape, Receiver]]:
    """Open a Ductape with one action of an app that is the receiver."""
    async with (
        http_receiver() as server,
        Ductape.open(f"sqlite:///{tmp_path}/j.db", worker=True) as ductape,
    ):
        app: JsonObject = {"tag": "a", "base_url": server.url, "actions": [action]}
        env: JsonObject = {"slug": "dev", "allow_private": True}
        await ductape.products.apply({"tag": "p", "envs": [env], "apps": [app]})
        yield ductape, server


async def test_every_attempt_of_a_run_sends_the_same_and_each_run_its_own(tmp_path: Path) -> None:
    async with paying(tmp_path, ACTION) as (ductape, server):
        server.answers.append(web.Response(status=503))
        once: JsonObject = {"retries": 1, "retryConfig": {"initialDelay": 1, "jitter": False}}
        await ductape.processor.job.schedule({**CALL, "input": {}, "start_at": 0, **once})
        await ductape.processor.action.run({**CALL, "input": {}})
        given: JsonObject = {"headers:request-id": "mine", "body:nonce": "own", "query:key": "k"}
        await ductape.processor.action.run({**CALL, "input": given})
        first, again, other, own = map(values_of, server.requests)
        assert first == again
        assert [str(UUID(value)) for value in first] == first
        assert len({*first, *other}) == 6
        assert own == ["mine", "k", "own"]


async def test_a_default_has_its_own_value_inside_of_it(tmp_path: Path) -> None:
    async with paying(tmp_path, INSIDE) as (ductape, server):
        server.answers.append(web.Response(status=503))
        once: JsonObject = {"retries": 1, "retryConfig": {"initialDelay": 1, "jitter": False}}
        await ductape.processor.job.schedule({**CALL, "input": {}, "start_at": 0, **once})
        first, again = server.requests
        assert (first.path, first.body) == (again.path, again.body)
        assert first.headers["request-id"] == again.headers["request-id"]
        whole = " ".join((first.path, first.headers["request-id"], first.body.decode()))
        bare = UUIDS.sub("U", whole)
        body = '{"units":[{"ref":"U","of":"order-U"}],"say":"{unique}"}'
        assert bare == f"/pay/p-U?key=U&key=k a U b {body}"
        assert len(set(UUIDS.findall(whole))) == 5


async def test_what_the_input_gives_takes_the_place_of_such_a_default(tmp_path: Path) -> None:
    async with paying(tmp_path, INSIDE) as (ductape, server):
        given: JsonObject = {
            "params:id": "{unique}",
            "headers:Request-Id": "{unique}",
            "query:key": "{unique}",
            "body:units": "{unique}",
        }
        await ductape.processor.action.run({**CALL, "input": given})
        (seen,) = server.requests
        assert seen.path == "/pay/%7Bunique%7D?key=%7Bunique%7D"
        assert seen.headers["request-id"] == "{unique}"
        assert json.loads(seen.body) == {"units": "{unique}", "say": "{unique}"}


async def test_a_whole_body_and_a_part_of_the_path_have_one_too(tmp_path: Path) -> None:
    action: JsonObject = {
        "tag": "pay",
        "method": "POST",
        "resource": "/pay/:id",
        "content_type": "text",
        "body": "<id>{unique}</id>",
        "unique": ["params:id", "body"],
    }
    async with paying(tmp_path, action) as (ductape, server):
        await ductape.processor.action.run({**CALL, "input": {}})
        (seen,) = server.requests
        assert UUIDS.sub("U", f"{seen.path} {seen.body.decode()}") == "/pay/U <id>U</id>"

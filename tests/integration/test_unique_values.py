"""What an action sends of its run's own: the same on every attempt, another in each run."""

import json
from pathlib import Path
from uuid import UUID

from aiohttp import web

from ductape import Ductape
from ductape.domain.jsonvalue import JsonObject
from tests.servers.http import Received, http_receiver

ACTION: JsonObject = {
    "tag": "pay",
    "method": "POST",
    "resource": "/pay",
    "body": {"cents": 5},
    "unique": ["headers:Request-Id", "query:key", "body:nonce"],
}
CALL: JsonObject = {"product_tag": "p", "env": "dev", "event": "pay"}


def values_of(seen: Received) -> list[str]:
    """Return the values of one request: header, query, body."""
    assert json.loads(seen.body)["cents"] == 5
    query = seen.path.partition("?key=")[2]
    return [seen.headers["request-id"], query, str(json.loads(seen.body)["nonce"])]


async def test_every_attempt_of_a_run_sends_the_same_and_each_run_its_own(tmp_path: Path) -> None:
    async with (
        http_receiver() as server,
        Ductape.open(f"sqlite:///{tmp_path}/j.db", worker=True) as ductape,
    ):
        app: JsonObject = {"tag": "a", "base_url": server.url, "actions": [ACTION]}
        env: JsonObject = {"slug": "dev", "allow_private": True}
        await ductape.products.apply({"tag": "p", "envs": [env], "apps": [app]})
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

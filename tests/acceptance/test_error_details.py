"""What a provider says of its failure is with the job's error, its secrets masked (SPEC 12)."""

from collections.abc import AsyncIterator
from typing import cast

import pytest
from aiohttp import web

from ductape import Ductape, JobFailed
from ductape.domain.jsonvalue import JsonObject
from tests.servers.http import Receiver, http_receiver

TOKEN = "sesame-opens"


@pytest.fixture
async def declining() -> AsyncIterator[Receiver]:
    async with http_receiver() as server:
        said = {"reason": "declined", "seen": f"Bearer {TOKEN}"}
        server.answers[:] = [web.json_response(said, status=402) for _ in range(3)]
        yield server


def product(url: str, *, sensitive: bool = False) -> dict[str, object]:
    pay = {"tag": "pay", "method": "POST", "resource": "/pay", "sensitive": sensitive}
    auths = [{"tag": "key", "type": "bearer", "token": "$Secret{bank}"}]
    return {
        "tag": "shop",
        "envs": [{"slug": "dev", "allow_private": True}],
        "apps": [{"tag": "bank", "base_url": url, "auths": auths, "actions": [pay]}],
        "quotas": [
            {"tag": "spread", "options": [{"type": "action", "app": "bank", "event": "pay"}]}
        ],
    }


async def details(store: str, event: str, document: dict[str, object]) -> JsonObject:
    """Return the details of the failure of an event."""
    asked: dict[str, object] = {"product_tag": "shop", "env": "dev", "event": event, "start_at": 0}
    async with Ductape.open(store, worker=True) as ductape:
        await ductape.products.apply(document)
        await ductape.secrets.set("bank", TOKEN, product="shop")
        with pytest.raises(JobFailed) as caught:
            await ductape.processor.job.schedule({**asked, "input": {}}, timeout=20)
        view = await ductape.jobs.get(caught.value.job_id or "")
    assert view["last_error"] == view["attempts"][0]["error"] == caught.value.error
    return cast("JsonObject", caught.value.error.get("details"))


@pytest.mark.parametrize("event", ["pay", "spread"])
async def test_the_status_and_the_answer_are_told(
    store: str, declining: Receiver, event: str
) -> None:
    assert await details(store, event, product(declining.url)) == {
        "status": 402,
        "body": '{"reason": "declined", "seen": "Bearer ***"}',
    }


@pytest.mark.parametrize("event", ["pay", "spread"])
async def test_of_what_is_sensitive_the_status_alone_is_told(
    store: str, declining: Receiver, event: str
) -> None:
    document = product(declining.url, sensitive=True)
    assert await details(store, event, document) == {"status": 402}

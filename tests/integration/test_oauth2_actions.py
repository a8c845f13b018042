"""Actions of an app that wants OAuth2 tokens, got from a real token URL (SPEC 9)."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from ductape.domain.egress import EgressPolicy
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.request import JobEventTypes
from ductape.errors import ProviderError
from ductape.handlers.action import ActionHandler
from ductape.providers.http import AiohttpClient
from ductape.providers.tokens import TokenKeeper
from tests.integration.test_tokens import HeldSecrets
from tests.servers.functions import Google, google_function
from tests.servers.tokens import CLIENT, TokenUrl, token_url
from tests.unit.handlers.builders import FixedClock, NoEngine, an_invocation


@dataclass
class World:
    """An app, the token URL that it trusts, and the handler that calls it."""

    app: Google
    tokens: TokenUrl
    handler: ActionHandler
    engine: NoEngine = field(default_factory=NoEngine)

    async def act(self, **auth: JsonValue) -> JsonValue:
        name, secret = CLIENT
        definition: JsonObject = {
            "base_url": self.app.url,
            "resource": "/orders",
            "method": "POST",
            "auth": {
                "tag": "main",
                "type": "oauth2",
                "token_url": self.tokens.token_url,
                "client_id": name,
                "client_secret": secret,
                **auth,
            },
            "allow_private": True,
        }
        kind = JobEventTypes.ACTION
        return await self.handler(an_invocation(kind, definition, {}, engine=self.engine))

    def shown(self) -> list[str]:
        return [one.headers["authorization"] for one in self.app.requests]


@pytest.fixture
async def world() -> AsyncIterator[World]:
    client, clock = AiohttpClient(EgressPolicy(grant_loopback=True)), FixedClock()
    keeper = TokenKeeper(client, clock, HeldSecrets())
    async with token_url() as tokens, google_function(tokens) as app:
        yield World(app, tokens, ActionHandler(client, clock, keeper))
        await client.aclose()


async def test_the_app_is_shown_a_token_that_many_calls_share(world: World) -> None:
    await asyncio.gather(*(world.act() for _ in range(20)))
    assert world.shown() == ["Bearer token-1"] * 20
    assert len(world.tokens.requests) == 1
    assert set(world.engine.hidden) == {"token-1"}


async def test_a_401_gets_a_new_token_once(world: World) -> None:
    await world.act()
    world.tokens.good.clear()
    result = await world.act()
    assert isinstance(result, dict)
    assert result["status"] == 200
    assert world.shown() == ["Bearer token-1", "Bearer token-1", "Bearer token-2"]
    keys = {one.headers["idempotency-key"] for one in world.app.requests}
    assert keys == {"job-1:1"}


async def test_a_second_401_fails_and_shows_no_token(world: World) -> None:
    world.app.answers = [web.Response(status=401, text=f"no token-{at}") for at in (1, 2)]
    with pytest.raises(ProviderError) as caught:
        await world.act()
    assert caught.value.code == "UNAUTHORIZED"
    assert caught.value.details == {"status": 401, "body": "no ***"}
    assert world.shown() == ["Bearer token-1", "Bearer token-2"]


async def test_wrong_credentials_never_reach_the_app(world: World) -> None:
    with pytest.raises(ProviderError) as caught:
        await world.act(client_secret="wrong")
    assert caught.value.code == "UNAUTHORIZED"
    assert world.app.requests == []


async def test_other_failures_are_told_without_another_token(world: World) -> None:
    world.app.answers = [web.Response(status=403)]
    with pytest.raises(ProviderError) as caught:
        await world.act()
    assert caught.value.code == "FORBIDDEN"
    assert len(world.tokens.requests) == 1

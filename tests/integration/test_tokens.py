"""Tokens from real token URLs: whom they are got for, how long they are kept, what goes wrong."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from aiohttp.test_utils import unused_port
from msgspec.structs import replace

from ductape.domain.egress import EgressPolicy
from ductape.domain.http.tokens import UNTOLD_LIFE_MS, AccountGrant, ClientGrant
from ductape.errors import ProviderError, StoreError
from ductape.ports.tokens import Grant, TokenWish
from ductape.providers.http import AiohttpClient
from ductape.providers.tokens import TokenKeeper
from tests.integration.faults import cut_off
from tests.servers.tokens import CLIENT, TokenUrl, key_file, token_url
from tests.unit.handlers.builders import FixedClock

HOUR_MS = 3_600_000


@dataclass
class HeldSecrets:
    """The secrets of a product, in memory."""

    values: dict[str, str] = field(default_factory=dict[str, str])
    failures: int = 0
    """How many more times the store is out of reach."""

    async def reveal(self, product: str, env: str, name: str) -> str | None:
        assert (product, env) == ("shop", "prd")
        return self.values.get(name)

    async def renew(self, product: str, env: str, name: str, *, old: str, new: str) -> bool:
        if self.failures:
            self.failures -= 1
            raise StoreError("the store is out of reach")
        if await self.reveal(product, env, name) != old:
            return False
        self.values[name] = new
        return True


@dataclass
class World:
    """A token URL, and what gets tokens there."""

    server: TokenUrl
    client: AiohttpClient
    clock: FixedClock = field(default_factory=FixedClock)
    secrets: HeldSecrets = field(default_factory=HeldSecrets)

    def __post_init__(self) -> None:
        self.keeper = self.another_process()

    def another_process(self) -> TokenKeeper:
        return TokenKeeper(self.client, self.clock, self.secrets)

    def grant(self, **changes: object) -> ClientGrant:
        name, secret = CLIENT
        return replace(ClientGrant(self.server.token_url, name, secret), **changes)

    async def get(self, grant: Grant | None = None) -> str:
        return await self.keeper.get(a_wish(grant or self.grant()))

    async def refused(self, grant: Grant | None = None) -> ProviderError:
        with pytest.raises(ProviderError) as caught:
            await self.get(grant)
        shown = f"{caught.value.message} {caught.value.details} {caught.value.hint}"
        assert CLIENT[1] not in shown
        assert "refresh-0" not in shown
        assert "PRIVATE" not in shown
        return caught.value


def a_wish(grant: Grant, *, allow_private: bool = True) -> TokenWish:
    return TokenWish("shop", "prd", "auth `main` of app `crm`", grant, allow_private)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    client = AiohttpClient(EgressPolicy(grant_loopback=True))
    async with token_url() as server:
        yield World(server, client)
        await client.aclose()


@pytest.mark.parametrize("style", ["header", "body"])
async def test_a_clients_token_is_asked_for_as_the_definition_says(
    world: World, style: str
) -> None:
    token = await world.get(world.grant(auth_style=style, scope="a b", audience="https://crm"))
    assert token == "token-1"
    seen = world.server.only()
    assert seen.headers["content-type"] == "application/x-www-form-urlencoded"
    assert b"grant_type=client_credentials&scope=a+b&audience=https%3A%2F%2Fcrm" in seen.body
    assert ("authorization" in seen.headers) == (style == "header")
    assert (b"client_secret" in seen.body) == (style == "body")


async def test_a_token_is_kept_until_shortly_before_its_end(world: World) -> None:
    assert await world.get() == "token-1"
    world.clock.now += HOUR_MS - 60_001
    assert await world.get() == "token-1"
    world.clock.now += 1
    assert await world.get() == "token-2"


@pytest.mark.parametrize(
    ("told", "kept_ms"),
    [("600", 540_000), (10, 9_000), (None, UNTOLD_LIFE_MS * 9 // 10), ("soon", 270_000), (0, 0)],
)
async def test_however_its_life_is_told_it_is_understood(
    world: World, told: object, kept_ms: int
) -> None:
    world.server.expires_in = told
    await world.get()
    if kept_ms:
        world.clock.now += kept_ms - 1
        assert await world.get() == "token-1"
    world.clock.now += 1
    assert await world.get() == "token-2"


async def test_other_credentials_envs_and_holders_have_tokens_of_their_own(world: World) -> None:
    wish = a_wish(world.grant())
    others = [
        replace(wish, env="dev"),
        replace(wish, product="other"),
        replace(wish, holder="auth `b`"),
        replace(wish, grant=world.grant(scope="more")),
    ]
    tokens = [await world.keeper.get(one) for one in (wish, *others, wish)]
    assert len(set(tokens)) == 5
    assert tokens[0] == tokens[-1]


async def test_two_hundred_at_once_ask_once(world: World) -> None:
    tokens = await asyncio.gather(*(world.get() for _ in range(200)))
    assert set(tokens) == {"token-1"}
    assert len(world.server.requests) == 1


async def test_two_hundred_at_once_are_refused_by_one_answer(world: World) -> None:
    world.server.answers = [web.Response(status=503, headers={"Retry-After": "7"})]
    outcomes = await asyncio.gather(*(world.get() for _ in range(200)), return_exceptions=True)
    assert all(isinstance(one, ProviderError) for one in outcomes)
    assert len(world.server.requests) == 1
    assert await world.get() == "token-1"


async def test_whoever_asks_may_go_away_without_the_others(world: World) -> None:
    asked, released = asyncio.Event(), asyncio.Event()

    async def wait(_: web.Request) -> web.StreamResponse:
        asked.set()
        await released.wait()
        return web.Response()

    world.server.answers = [wait]
    first = asyncio.create_task(world.get())
    await asked.wait()
    second = asyncio.create_task(world.get())
    third = asyncio.create_task(world.get())
    await asyncio.sleep(0)
    third.cancel()
    first.cancel()
    assert await second == "token-1"
    released.set()
    with pytest.raises(asyncio.CancelledError):
        await first
    with pytest.raises(asyncio.CancelledError):
        await third


async def test_a_token_that_was_refused_is_got_anew(world: World) -> None:
    world.keeper.drop(await world.get())
    assert await world.get() == "token-2"
    world.keeper.drop("token-1")
    assert await world.get() == "token-2"


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        ("invalid_client", 401, "UNAUTHORIZED"),
        ("invalid_client", 400, "UNAUTHORIZED"),
        ("invalid_grant", 400, "UNAUTHORIZED"),
        ("unauthorized_client", 400, "FORBIDDEN"),
        ("access_denied", 403, "FORBIDDEN"),
        ("invalid_scope", 400, "VALIDATION_ERROR"),
        ("unsupported_grant_type", 400, "VALIDATION_ERROR"),
        ("temporarily_unavailable", 503, "SERVICE_UNAVAILABLE"),
        ("something_new", 400, "VALIDATION_ERROR"),
        ("something_new", 500, "PROVIDER_ERROR"),
    ],
)
async def test_an_error_of_the_token_url_has_its_code(
    world: World, error: str, status: int, code: str
) -> None:
    body = {"error": error, "error_description": f"not with {CLIENT[1]}"}
    world.server.answers = [web.json_response(body, status=status)]
    assert (await world.refused()).code == code


async def test_a_wrong_secret_is_unauthorized(world: World) -> None:
    error = await world.refused(world.grant(client_secret="wrong"))
    assert error.code == "UNAUTHORIZED"
    assert error.message == ("the token URL of auth `main` of app `crm` refused: invalid_client no")


@pytest.mark.parametrize(
    ("answer", "code", "wait_ms"),
    [
        (web.Response(status=429, headers={"Retry-After": "7"}), "RATE_LIMITED", 7_000),
        (web.Response(text="<html>"), "PROVIDER_ERROR", None),
        (web.json_response({"access_token": 7}), "PROVIDER_ERROR", None),
        (web.json_response({"access_token": "a\r\nb: c"}), "PROVIDER_ERROR", None),
        (web.json_response({"token_type": "Bearer"}), "PROVIDER_ERROR", None),
        (web.Response(body=b"[" * 60_000), "PROVIDER_ERROR", None),
        (web.Response(body=b"x" * 100_000), "PROVIDER_ERROR", None),
        (web.Response(status=302, headers={"Location": "/x"}), "PROVIDER_ERROR", None),
    ],
    ids=["limited", "html", "number", "header", "none", "deep", "huge", "redirect"],
)
async def test_an_answer_that_is_no_token_is_told(
    world: World, answer: web.Response, code: str, wait_ms: int | None
) -> None:
    world.server.answers = [answer]
    error = await world.refused()
    assert (error.code, error.retry_after_ms) == (code, wait_ms)


async def test_a_token_url_that_breaks_off_or_is_not_there_is_told(world: World) -> None:
    world.server.answers = [cut_off]
    assert (await world.refused()).code == "CONNECTION_ERROR"
    nowhere = world.grant(token_url=f"http://localhost:{unused_port()}/token")
    assert (await world.refused(nowhere)).code == "CONNECTION_ERROR"


async def test_a_token_url_is_guarded_as_every_address(world: World) -> None:
    with pytest.raises(ProviderError) as caught:
        await world.keeper.get(a_wish(world.grant(), allow_private=False))
    assert caught.value.code == "FORBIDDEN"
    account = AccountGrant(key_file(world.server.token_url), scope="s")
    with pytest.raises(ProviderError) as caught:
        await world.keeper.get(a_wish(account, allow_private=False))
    assert caught.value.code == "FORBIDDEN"
    assert world.server.requests == []


def refreshing(world: World, number: int = 0) -> ClientGrant:
    return world.grant(
        kind="refresh_token", refresh_token=f"refresh-{number}", refresh_secret="crm_refresh"
    )


async def test_a_refresh_token_gets_tokens_and_stays(world: World) -> None:
    world.secrets.values["crm_refresh"] = "refresh-0"
    assert await world.get(refreshing(world)) == "token-1"
    assert world.secrets.values == {"crm_refresh": "refresh-0"}
    assert b"refresh_token=refresh-0" in world.server.only().body


async def test_a_rotated_refresh_token_is_kept_where_the_old_one_came_from(world: World) -> None:
    world.server.rotates = True
    world.secrets.values["crm_refresh"] = "refresh-0"
    assert await world.get(refreshing(world)) == "token-1"
    assert world.secrets.values == {"crm_refresh": "refresh-1"}
    # The next attempt finds the new secret: it needs no new token for it.
    assert await world.get(refreshing(world, 1)) == "token-1"
    world.clock.now += HOUR_MS
    assert await world.get(refreshing(world, 1)) == "token-2"
    assert world.secrets.values == {"crm_refresh": "refresh-2"}


async def test_a_rotated_refresh_token_that_could_not_be_kept_is_kept_later(world: World) -> None:
    world.server.rotates = True
    world.secrets = HeldSecrets({"crm_refresh": "refresh-0"}, failures=2)
    world.keeper = world.another_process()
    for _ in range(2):
        with pytest.raises(StoreError):
            await world.get(refreshing(world))
        assert world.secrets.values == {"crm_refresh": "refresh-0"}
    assert await world.get(refreshing(world)) == "token-1"
    assert world.secrets.values == {"crm_refresh": "refresh-1"}


async def test_a_refresh_token_that_another_process_rotated_is_found(world: World) -> None:
    world.server.rotates = True
    world.secrets.values["crm_refresh"] = "refresh-0"
    await world.another_process().get(a_wish(refreshing(world)))
    assert await world.get(refreshing(world)) == "token-2"
    assert world.secrets.values == {"crm_refresh": "refresh-2"}


async def test_a_refresh_token_that_ended_is_unauthorized(world: World) -> None:
    world.secrets.values["crm_refresh"] = "refresh-9"
    error = await world.refused(refreshing(world, 9))
    assert error.code == "UNAUTHORIZED"
    assert len(world.server.requests) == 1


async def test_a_person_who_set_the_secret_meanwhile_wins(world: World) -> None:
    world.server.rotates = True
    world.secrets.values["crm_refresh"] = "set by hand"
    assert await world.get(refreshing(world)) == "token-1"
    assert world.secrets.values == {"crm_refresh": "set by hand"}


async def test_a_service_account_signs_for_its_token(world: World) -> None:
    account = key_file(world.server.token_url)
    assert await world.get(AccountGrant(account, scope="https://scope")) == "token-1"
    (claims,) = world.server.claims
    now_s = FixedClock.now // 1_000
    assert claims["scope"] == "https://scope"
    assert (claims["iat"], claims["exp"]) == (now_s, now_s + 3_600)


async def test_a_service_account_gets_an_identity_token_for_an_audience(world: World) -> None:
    account = key_file(world.server.token_url)
    assert await world.get(AccountGrant(account, audience="https://f.example")) == "token-1"
    assert world.server.claims[0]["target_audience"] == "https://f.example"
    assert "scope" not in world.server.claims[0]


@pytest.mark.parametrize(
    "text",
    [
        "no json",
        "{}",
        '{"client_email": "a@b", "private_key": "no key"}',
        '{"client_email": "a@b", "private_key": 7}',
    ],
)
async def test_a_key_file_that_is_none_is_told_without_being_shown(world: World, text: str) -> None:
    error = await world.refused(AccountGrant(text, scope="s"))
    assert error.code == "UNAUTHORIZED"
    assert error.hint is not None
    assert "no key" not in f"{error.message} {error.hint}"


async def test_nothing_secret_is_in_any_repr(world: World) -> None:
    shown = repr((a_wish(refreshing(world)), AccountGrant(key_file("x"), scope="s")))
    assert CLIENT[1] not in shown
    assert "refresh-0" not in shown
    assert "PRIVATE" not in shown

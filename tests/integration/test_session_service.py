"""Sessions and secrets as a caller has them: service, tokens, vault and a real store together."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from ductape.errors import (
    NotFound,
    SessionExpired,
    SessionInvalid,
    ValidationError,
)
from ductape.ports.vault import SealBroken
from ductape.services.secrets import Secrets
from ductape.services.sessions import Sessions
from ductape.stores.sqlite.file.engine import Engine
from ductape.stores.sqlite.secrets import SqliteSecrets
from tests.unit.sessions.builders import (
    DATA,
    NOW_MS,
    ListedCatalog,
    SetClock,
    a_definition,
    a_desk,
)
from tests.unit.vault.builders import a_vault

WHERE: dict[str, object] = {"product": "orders", "env": "prd", "tag": "login"}


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
    opened = Engine(str(tmp_path / "a.db"))
    yield opened
    await opened.aclose()


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def sessions(engine: Engine, clock: SetClock) -> Sessions:
    desk = a_desk(engine, clock=clock)
    places = [("orders", "prd", "login"), ("orders", "dev", "login"), ("orders", "prd", "details")]
    catalog = ListedCatalog({place: a_definition(place[2]) for place in places})
    return Sessions(catalog, desk.tokens, desk.rows)


@pytest.fixture
def secrets(engine: Engine, clock: SetClock) -> Secrets:
    return Secrets(SqliteSecrets(engine), a_vault("k1"), clock)


async def test_a_session_from_start_to_end(sessions: Sessions, clock: SetClock) -> None:
    pair = await sessions.start({**WHERE, "data": DATA})
    assert set(pair) == {"token", "refreshToken"}
    assert await sessions.decrypt({**WHERE, "token": pair["token"]}) == DATA
    clock.at_ms += 3_600_000
    with pytest.raises(SessionExpired):
        await sessions.decrypt({**WHERE, "token": pair["token"]})
    renewed = await sessions.refresh({**WHERE, "refreshToken": pair["refreshToken"]})
    assert await sessions.decrypt({**WHERE, "token": renewed["token"]}) == DATA
    await sessions.revoke({**WHERE, "token": renewed["token"]})
    with pytest.raises(SessionInvalid):
        await sessions.decrypt({**WHERE, "token": renewed["token"]})


@pytest.mark.parametrize("change", [{"env": "dev"}, {"tag": "details"}])
async def test_a_token_of_elsewhere_is_invalid(
    sessions: Sessions, change: Mapping[str, object]
) -> None:
    pair = await sessions.start({**WHERE, "data": DATA})
    with pytest.raises(SessionInvalid):
        await sessions.decrypt({**WHERE, **change, "token": pair["token"]})


async def test_refreshes_at_once_all_get_the_same_pair(sessions: Sessions) -> None:
    pair = await sessions.start({**WHERE, "data": DATA})
    request = {**WHERE, "refreshToken": pair["refreshToken"]}
    answers = await asyncio.gather(*(sessions.refresh(request) for _ in range(20)))
    assert all(answer == answers[0] for answer in answers)
    assert answers[0] != pair
    assert await sessions.decrypt({**WHERE, "token": answers[0]["token"]}) == DATA


async def test_a_revocation_during_refreshes_leaves_nothing_alive(sessions: Sessions) -> None:
    pair = await sessions.start({**WHERE, "data": DATA})
    await asyncio.gather(
        sessions.refresh({**WHERE, "refreshToken": pair["refreshToken"]}),
        sessions.revoke({**WHERE, "token": pair["token"]}),
        return_exceptions=True,
    )
    with pytest.raises(SessionInvalid, match="revoked"):
        await sessions.refresh({**WHERE, "refreshToken": pair["refreshToken"]})


async def test_every_fault_of_a_request_is_told_at_once(sessions: Sessions) -> None:
    with pytest.raises(ValidationError) as caught:
        await sessions.start({"product": "", "enw": "prd", "tag": 7, "data": "x"})
    assert sorted(one["path"] for one in caught.value.errors) == [
        "data",
        "env",
        "enw",
        "product",
        "tag",
    ]
    hints = {one["path"]: one.get("hint") for one in caught.value.errors}
    assert hints["enw"] == "did you mean `env`?"


async def test_a_wrong_token_key_is_masked_and_its_right_name_told(sessions: Sessions) -> None:
    with pytest.raises(ValidationError) as caught:
        await sessions.refresh({**WHERE, "refresh_token": "eyJhbGciOi"})
    assert "did you mean `refreshToken`?" in str(caught.value)
    assert "eyJhbGciOi" not in repr(caught.value) + repr(caught.value.errors)


async def test_an_unknown_tag_is_not_found(sessions: Sessions) -> None:
    with pytest.raises(NotFound):
        await sessions.start({**WHERE, "tag": "logon", "data": DATA})


async def test_users_of_no_product_are_not_found(sessions: Sessions) -> None:
    with pytest.raises(NotFound) as caught:
        await sessions.users({"product": "ordres", "session": "login"})
    assert caught.value.path == "product"


async def test_a_refused_token_is_told_by_its_name(sessions: Sessions) -> None:
    for verb, key in ((sessions.decrypt, "token"), (sessions.refresh, "refreshToken")):
        with pytest.raises(SessionInvalid) as caught:
            await verb({**WHERE, key: "nonsense"})
        assert caught.value.path == key


async def test_users_are_listed_by_page(sessions: Sessions, clock: SetClock) -> None:
    for user in ("ada", "bob", "ada", "cyd"):
        await sessions.start({**WHERE, "data": {**DATA, "userId": user}})
        clock.at_ms += 1_000
    page = await sessions.users({"product": "orders", "session": "login", "page": 1, "limit": 2})
    assert page == {
        "users": [
            {
                "identifier": "cyd",
                "first_seen": NOW_MS + 3_000,
                "last_seen": NOW_MS + 3_000,
                "session_count": 1,
            },
            {
                "identifier": "ada",
                "first_seen": NOW_MS,
                "last_seen": NOW_MS + 2_000,
                "session_count": 2,
            },
        ],
        "total": 3,
        "page": 1,
        "limit": 2,
    }
    rest = await sessions.users({"product": "orders", "session": "login", "page": 2, "limit": 2})
    assert [user["identifier"] for user in rest["users"]] == ["bob"]
    none = await sessions.users({"product": "orders", "session": "login", "env": "dev"})
    assert none == {"users": [], "total": 0, "page": 1, "limit": 50}


@pytest.mark.parametrize("change", [{"page": 0}, {"limit": 1_001}, {"page": True}, {"tag": "x"}])
async def test_a_page_that_cannot_be_is_refused(
    sessions: Sessions, change: Mapping[str, object]
) -> None:
    with pytest.raises(ValidationError) as caught:
        await sessions.users({"product": "orders", "session": "login", **change})
    assert caught.value.path == next(iter(change))


async def test_an_env_s_own_secret_wins_over_the_product_s(secrets: Secrets) -> None:
    await secrets.set("API_KEY", "for all", product="orders")
    await secrets.set("API_KEY", "for prd", product="orders", env="prd")
    assert await secrets.reveal("orders", "prd", "API_KEY") == "for prd"
    assert await secrets.reveal("orders", "dev", "API_KEY") == "for all"
    assert await secrets.reveal("other", "prd", "API_KEY") is None
    assert await secrets.list(product="orders") == [
        {"name": "API_KEY", "env": None},
        {"name": "API_KEY", "env": "prd"},
    ]


async def test_a_deleted_secret_is_revealed_no_more(secrets: Secrets) -> None:
    await secrets.set("API_KEY", "for all", product="orders")
    await secrets.set("API_KEY", "for prd", product="orders", env="prd")
    assert await secrets.delete("API_KEY", product="orders", env="prd")
    assert not await secrets.delete("API_KEY", product="orders", env="prd")
    assert await secrets.reveal("orders", "prd", "API_KEY") == "for all"


async def test_a_secret_set_anew_has_its_new_value(secrets: Secrets) -> None:
    await secrets.set("API_KEY", "old", product="orders")
    await secrets.set("API_KEY", "né\n", product="orders")
    assert await secrets.reveal("orders", "prd", "API_KEY") == "né\n"


@pytest.mark.parametrize(
    ("name", "value", "product", "env", "paths"),
    [
        ("a b", "", "", "", ["env", "name", "product", "value"]),
        ("", "x", "orders", None, ["name"]),
        ("é", "x", "orders", None, ["name"]),
        ("n" * 201, "x", "orders", None, ["name"]),
        ("line\n", "x", "orders", None, ["name"]),
        ("n", "x" * 65_537, "orders", None, ["value"]),
        ("n", "\ud800", "orders", None, ["value"]),
        ("n", 7, "orders", None, ["value"]),
    ],
)
async def test_a_secret_that_cannot_be_is_refused_with_every_fault(
    secrets: Secrets, name: str, value: str, product: str, env: str | None, paths: list[str]
) -> None:
    with pytest.raises(ValidationError) as caught:
        await secrets.set(name, value, product=product, env=env)
    assert sorted(one["path"] for one in caught.value.errors) == paths
    assert await secrets.list(product="orders") == []


async def test_the_longest_name_and_value_are_taken(secrets: Secrets) -> None:
    await secrets.set("n" * 200, "é" * 32_768, product="orders")
    assert await secrets.reveal("orders", "prd", "n" * 200) == "é" * 32_768


async def test_a_sealed_secret_moved_to_another_name_does_not_open(
    secrets: Secrets, engine: Engine
) -> None:
    await secrets.set("PUBLIC", "harmless", product="orders")
    await secrets.set("PRIVATE", "s3cret-value", product="orders")
    await engine.write(
        lambda db: db.execute(
            "UPDATE secrets SET sealed = (SELECT sealed FROM secrets WHERE name = 'PRIVATE')"
            " WHERE name = 'PUBLIC'"
        ).fetchall()
    )
    with pytest.raises(SealBroken):
        await secrets.reveal("orders", "prd", "PUBLIC")


async def test_products_and_envs_with_slashes_share_no_place(
    secrets: Secrets, engine: Engine
) -> None:
    await secrets.set("KEY", "s3cret-value", product="a", env="b/c")
    await engine.write(
        lambda db: db.execute("UPDATE secrets SET product = 'a/b', env = 'c'").fetchall()
    )
    with pytest.raises(SealBroken):
        await secrets.reveal("a/b", "c", "KEY")


async def test_a_secret_under_a_lost_key_tells_its_remedy_and_no_value(
    secrets: Secrets, engine: Engine, clock: SetClock
) -> None:
    await secrets.set("API_KEY", "s3cret-value", product="orders", env="prd")
    other = Secrets(SqliteSecrets(engine), a_vault("k9"), clock)
    with pytest.raises(SealBroken, match="'API_KEY' of orders, env prd") as caught:
        await other.reveal("orders", "prd", "API_KEY")
    assert "set the secret anew" in str(caught.value)
    assert "s3cret-value" not in repr(caught.value) + repr(vars(caught.value))


async def test_a_secret_is_renewed_where_it_is_found_if_it_is_still_the_old_one(
    secrets: Secrets,
) -> None:
    assert not await secrets.renew("orders", "prd", "REFRESH", old="", new="r-1")
    await secrets.set("REFRESH", "r-0", product="orders")
    await secrets.set("REFRESH", "r-dev", product="orders", env="dev")
    assert await secrets.renew("orders", "prd", "REFRESH", old="r-0", new="r-1")
    assert not await secrets.renew("orders", "prd", "REFRESH", old="r-0", new="r-2")
    assert await secrets.renew("orders", "dev", "REFRESH", old="r-dev", new="r-dev-1")
    found = [await secrets.reveal("orders", env, "REFRESH") for env in ("prd", "stage", "dev")]
    assert found == ["r-1", "r-1", "r-dev-1"]


async def test_no_value_stands_in_the_store_in_clear(secrets: Secrets, engine: Engine) -> None:
    await secrets.set("API_KEY", "s3cret-value", product="orders")
    stored = await engine.read(lambda db: repr(db.execute("SELECT * FROM secrets").fetchall()))
    assert "s3cret-value" not in stored


async def test_secrets_open_after_a_rotation_of_keys(
    secrets: Secrets, engine: Engine, clock: SetClock
) -> None:
    await secrets.set("API_KEY", "s3cret-value", product="orders")
    both = Secrets(SqliteSecrets(engine), a_vault("k2", "k1"), clock)
    assert await both.reveal("orders", "prd", "API_KEY") == "s3cret-value"

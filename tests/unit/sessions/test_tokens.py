"""Sessions from start to revocation."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from ductape.errors import SessionExpired, SessionInvalid, ValidationError
from ductape.ports.sessions import SessionScope
from ductape.sessions.claims import AccessClaims, write_claims
from ductape.stores.sqlite.file.engine import Engine
from tests.unit.sessions.builders import (
    DATA,
    DAY_MS,
    HOUR_MS,
    NOW_MS,
    Desk,
    a_definition,
    a_desk,
    a_scope,
)
from tests.unit.vault.builders import a_vault

LOST_ANSWER_MS = 30_000


async def test_a_token_opens_to_the_data_it_was_started_with(desk: Desk) -> None:
    pair = await desk.tokens.start(a_scope(), DATA)
    opened = await desk.tokens.open(a_scope(), pair.token)
    assert opened.data == DATA
    assert opened.user == "u-17"
    assert opened.tag == "login"
    assert opened.expires_at_ms == NOW_MS + HOUR_MS


@pytest.mark.parametrize(
    "elsewhere",
    [
        a_scope(product="other"),
        a_scope(env="dev"),
        a_scope(definition=a_definition("details")),
        a_scope(product="orders/prd", env=""),
    ],
)
async def test_a_token_is_good_for_its_product_env_and_tag_alone(
    desk: Desk, elsewhere: SessionScope
) -> None:
    pair = await desk.tokens.start(a_scope(), DATA)
    with pytest.raises(SessionInvalid):
        await desk.tokens.open(elsewhere, pair.token)
    with pytest.raises(SessionInvalid):
        await desk.tokens.refresh(elsewhere, pair.refresh_token)
    with pytest.raises(SessionInvalid):
        await desk.tokens.revoke(elsewhere, pair.token)


async def test_the_two_tokens_of_a_pair_do_not_stand_for_each_other(desk: Desk) -> None:
    pair = await desk.tokens.start(a_scope(), DATA)
    with pytest.raises(SessionInvalid):
        await desk.tokens.open(a_scope(), pair.refresh_token)
    with pytest.raises(SessionInvalid):
        await desk.tokens.refresh(a_scope(), pair.token)


async def test_a_token_expires_at_its_instant(desk: Desk) -> None:
    pair = await desk.tokens.start(a_scope(), DATA)
    desk.clock.at_ms = NOW_MS + HOUR_MS - 1
    await desk.tokens.open(a_scope(), pair.token)
    desk.clock.at_ms = NOW_MS + HOUR_MS
    with pytest.raises(SessionExpired):
        await desk.tokens.open(a_scope(), pair.token)


async def test_a_session_of_another_store_is_not_known(desk: Desk, engine: Engine) -> None:
    vault, scope = a_vault("k1"), a_scope()
    claims = AccessClaims("stranger", NOW_MS / 1_000, NOW_MS / 1_000 + 60, {})
    with pytest.raises(SessionInvalid, match="does not know"):
        await a_desk(engine, "k1").tokens.open(scope, write_claims(vault, scope, claims))
    assert await desk.rows.get("stranger") is None


async def test_data_against_the_schema_is_refused_and_nothing_stored(desk: Desk) -> None:
    with pytest.raises(ValidationError) as caught:
        await desk.tokens.start(a_scope(), {"userId": 17, "mail": "ada@example.org", "age": 36})
    assert sorted(one["path"] for one in caught.value.errors) == [
        "data.email",
        "data.mail",
        "data.userId",
    ]
    assert await desk.rows.users("orders", None, "login", limit=9, offset=0) == (0, [])


async def test_a_token_of_more_than_8_kib_is_refused_and_nothing_stored(desk: Desk) -> None:
    scope = a_scope(definition=a_definition(schema={"id": 0, "note": ""}, selector=("id",)))
    with pytest.raises(ValidationError, match="8192 bytes"):
        await desk.tokens.start(scope, {"id": 7, "note": "x" * 6_200})
    assert await desk.rows.users("orders", None, "login", limit=9, offset=0) == (0, [])
    pair = await desk.tokens.start(scope, {"id": 7, "note": "x" * 5_900})
    assert len(pair.token) <= 8_192


async def test_a_refresh_gives_a_new_pair_with_the_same_data(desk: Desk) -> None:
    first = await desk.tokens.start(a_scope(), DATA)
    desk.clock.at_ms += 2 * HOUR_MS
    second = await desk.tokens.refresh(a_scope(), first.refresh_token)
    assert second.token != first.token
    assert second.refresh_token != first.refresh_token
    opened = await desk.tokens.open(a_scope(), second.token)
    assert opened.data == DATA
    assert opened.expires_at_ms == NOW_MS + 3 * HOUR_MS


async def test_a_refresh_repeated_within_30_seconds_gets_the_very_same_pair(desk: Desk) -> None:
    first = await desk.tokens.start(a_scope(), DATA)
    second = await desk.tokens.refresh(a_scope(), first.refresh_token)
    desk.clock.at_ms += LOST_ANSWER_MS
    assert await desk.tokens.refresh(a_scope(), first.refresh_token) == second


async def test_a_refresh_token_used_later_again_revokes_the_whole_family(desk: Desk) -> None:
    first = await desk.tokens.start(a_scope(), DATA)
    second = await desk.tokens.refresh(a_scope(), first.refresh_token)
    desk.clock.at_ms += LOST_ANSWER_MS + 1
    with pytest.raises(SessionInvalid, match="used again"):
        await desk.tokens.refresh(a_scope(), first.refresh_token)
    with pytest.raises(SessionInvalid, match="revoked"):
        await desk.tokens.refresh(a_scope(), second.refresh_token)
    for token in (first.token, second.token):
        with pytest.raises(SessionInvalid, match="revoked"):
            await desk.tokens.open(a_scope(), token)


async def test_a_token_older_than_the_one_before_revokes_at_once(desk: Desk) -> None:
    first = await desk.tokens.start(a_scope(), DATA)
    second = await desk.tokens.refresh(a_scope(), first.refresh_token)
    third = await desk.tokens.refresh(a_scope(), second.refresh_token)
    with pytest.raises(SessionInvalid, match="used again"):
        await desk.tokens.refresh(a_scope(), first.refresh_token)
    with pytest.raises(SessionInvalid, match="revoked"):
        await desk.tokens.open(a_scope(), third.token)


async def test_a_refresh_token_lives_30_days_and_each_refresh_begins_them_anew(desk: Desk) -> None:
    first = await desk.tokens.start(a_scope(), DATA)
    desk.clock.at_ms += 30 * DAY_MS - 1
    second = await desk.tokens.refresh(a_scope(), first.refresh_token)
    desk.clock.at_ms += 30 * DAY_MS
    with pytest.raises(SessionExpired):
        await desk.tokens.refresh(a_scope(), second.refresh_token)


async def test_a_long_session_s_refresh_token_lives_twice_as_long(desk: Desk) -> None:
    scope = a_scope(definition=a_definition(expiry_ms=20 * DAY_MS))
    pair = await desk.tokens.start(scope, DATA)
    desk.clock.at_ms += 40 * DAY_MS - 1
    await desk.tokens.refresh(scope, pair.refresh_token)


@pytest.mark.parametrize("which", ["token", "refresh_token"])
async def test_either_token_revokes_both(desk: Desk, which: str) -> None:
    pair = await desk.tokens.start(a_scope(), DATA)
    desk.clock.at_ms += 2 * HOUR_MS
    await desk.tokens.revoke(a_scope(), getattr(pair, which))
    desk.clock.at_ms = NOW_MS
    with pytest.raises(SessionInvalid, match="revoked"):
        await desk.tokens.open(a_scope(), pair.token)
    with pytest.raises(SessionInvalid, match="revoked"):
        await desk.tokens.refresh(a_scope(), pair.refresh_token)
    await desk.tokens.revoke(a_scope(), pair.token)


async def test_revoking_one_session_leaves_the_user_s_others(desk: Desk) -> None:
    one, other = [await desk.tokens.start(a_scope(), DATA) for _ in range(2)]
    await desk.tokens.revoke(a_scope(), one.token)
    assert (await desk.tokens.open(a_scope(), other.token)).data == DATA


async def test_after_a_rotation_old_tokens_open_and_refresh(engine: Engine) -> None:
    pair = await a_desk(engine, "k1").tokens.start(a_scope(), DATA)
    both = a_desk(engine, "k2", "k1")
    assert (await both.tokens.open(a_scope(), pair.token)).data == DATA
    renewed = await both.tokens.refresh(a_scope(), pair.refresh_token)
    newest = a_desk(engine, "k2")
    assert (await newest.tokens.open(a_scope(), renewed.token)).data == DATA
    with pytest.raises(SessionInvalid):
        await newest.tokens.open(a_scope(), pair.token)


async def test_a_family_whose_key_is_gone_is_told_so(engine: Engine, desk: Desk) -> None:
    pair = await a_desk(engine, "k2", "k1").tokens.start(a_scope(), DATA)
    opened = await a_desk(engine, "k2", "k1").tokens.open(a_scope(), pair.token)
    row = await desk.rows.get(opened.session_id)
    assert row is not None
    broken = replace(row, sealed=b"\x01\x02k9" + bytes(40))
    assert await desk.rows.rotate(broken, from_generation=1)
    with pytest.raises(SessionInvalid, match="cannot be opened with the present keys"):
        await a_desk(engine, "k2", "k1").tokens.refresh(a_scope(), pair.refresh_token)


async def test_no_token_and_no_data_stands_in_the_store_in_clear(
    desk: Desk, engine: Engine
) -> None:
    first = await desk.tokens.start(a_scope(), DATA)
    second = await desk.tokens.refresh(a_scope(), first.refresh_token)
    rows = await engine.read(lambda db: repr(db.execute("SELECT * FROM sessions").fetchall()))
    for secret in (first.token, first.refresh_token, second.token, second.refresh_token):
        assert secret[-30:] not in rows
    assert "ada@example.org" not in rows


shows: list[Callable[[BaseException], str]] = [str, repr, lambda error: repr(vars(error))]


@pytest.mark.parametrize("show", shows)
async def test_no_error_shows_data_or_tokens(
    desk: Desk, show: Callable[[BaseException], str]
) -> None:
    pair = await desk.tokens.start(a_scope(), DATA)
    errors: list[BaseException] = []
    for wrong in (pair.token[:-1], pair.refresh_token):
        with pytest.raises(SessionInvalid) as refused:
            await desk.tokens.open(a_scope(), wrong)
        errors.append(refused.value)
    with pytest.raises(ValidationError) as invalid:
        await desk.tokens.start(a_scope(), {**DATA, "age": "ada@example.org"})
    errors.append(invalid.value)
    shown = "".join(show(error) for error in errors)
    assert "ada" not in shown
    assert pair.token[-30:-2] not in shown
    assert pair.refresh_token[-30:-2] not in shown


async def test_values_that_hold_secrets_do_not_show_them(desk: Desk) -> None:
    pair = await desk.tokens.start(a_scope(), DATA)
    opened = await desk.tokens.open(a_scope(), pair.token)
    shown = repr(pair) + repr(opened) + repr(desk)
    assert pair.token[-30:] not in shown
    assert "ada" not in shown

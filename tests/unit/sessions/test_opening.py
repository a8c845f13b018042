"""Opening the session that a request names."""

import pytest

from ductape.errors import NotFound, SessionInvalid
from ductape.sessions.opening import CatalogOpener
from tests.unit.sessions.builders import DATA, Desk, ListedCatalog, a_definition, a_scope


def an_opener(desk: Desk) -> CatalogOpener:
    catalog = ListedCatalog({("orders", "prd", "login"): a_definition()})
    return CatalogOpener(catalog, desk.tokens, desk.rows)


async def test_a_live_token_opens(desk: Desk) -> None:
    pair = await desk.tokens.start(a_scope(), DATA)
    opened = await an_opener(desk).open("orders", "prd", "login", pair.token)
    assert opened.data == DATA


async def test_an_unknown_tag_is_not_found(desk: Desk) -> None:
    with pytest.raises(NotFound):
        await an_opener(desk).open("orders", "prd", "logon", "x")


async def test_the_seed_s_elided_token_is_invalid(desk: Desk) -> None:
    with pytest.raises(SessionInvalid):
        await an_opener(desk).open(
            "orders", "prd", "login", "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9..."
        )


async def test_a_revocation_is_seen_after_the_job_was_accepted(desk: Desk) -> None:
    opener = an_opener(desk)
    pair = await desk.tokens.start(a_scope(), DATA)
    opened = await opener.open("orders", "prd", "login", pair.token)
    assert not await opener.revoked("orders", "prd", opened.session_id)
    await desk.tokens.revoke(a_scope(), pair.token)
    assert await opener.revoked("orders", "prd", opened.session_id)
    assert not await opener.revoked("orders", "dev", opened.session_id)


async def test_a_session_that_the_store_has_forgotten_was_not_revoked(desk: Desk) -> None:
    assert not await an_opener(desk).revoked("orders", "prd", "long-gone")

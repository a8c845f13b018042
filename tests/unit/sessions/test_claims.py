"""Claims and what each token is good for."""

from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ductape.domain.jsonvalue import JsonObject
from ductape.errors import SessionInvalid
from ductape.ports.sessions import SessionScope
from ductape.sessions.claims import (
    AccessClaims,
    RefreshClaims,
    read_claims,
    to_ms,
    to_seconds,
    write_claims,
)
from tests.unit.sessions.builders import a_definition, a_scope
from tests.unit.vault.builders import a_vault

CLAIMS = AccessClaims("s", 1.5, 2.5, {"a": 1})

names = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
leaves = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | names
leaves |= st.floats(allow_nan=False, allow_infinity=False)
nested = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3)
)


@given(st.dictionaries(names, nested, max_size=4))
@settings(max_examples=60)
def test_claims_survive_the_way_through_a_token(data: dict[str, object]) -> None:
    vault, scope = a_vault(), a_scope()
    claims = AccessClaims("s", 1.5, 2.5, cast("JsonObject", data))
    assert read_claims(vault, scope, write_claims(vault, scope, claims), of=AccessClaims) == claims


@given(st.integers(0, 253_402_300_799_000))
def test_no_millisecond_is_lost_in_a_numeric_date(at_ms: int) -> None:
    assert to_ms(to_seconds(at_ms)) == at_ms


@pytest.mark.parametrize(
    "elsewhere",
    [
        a_scope(product="other"),
        a_scope(env="dev"),
        a_scope(definition=a_definition("details")),
        a_scope(product="orders/prd", env=""),
    ],
)
def test_the_key_itself_is_another_one_elsewhere(elsewhere: SessionScope) -> None:
    vault = a_vault()
    token = write_claims(vault, a_scope(), CLAIMS)
    with pytest.raises(SessionInvalid):
        read_claims(vault, elsewhere, token, of=AccessClaims)


def test_the_key_itself_is_another_one_for_the_other_kind_of_token() -> None:
    vault, scope = a_vault(), a_scope()
    refresh = write_claims(vault, scope, RefreshClaims("s", 1.5, 2.5, 1))
    lookalike = {"sid": "s", "iat": 1.5, "exp": 2.5, "gen": 1}
    access = write_claims(vault, scope, AccessClaims("s", 1.5, 2.5, cast("JsonObject", lookalike)))
    assert read_claims(vault, scope, refresh, of=RefreshClaims).gen == 1
    for token, kind in ((refresh, AccessClaims), (access, RefreshClaims)):
        with pytest.raises(SessionInvalid, match="was changed") as caught:
            read_claims(vault, scope, token, of=kind)
        assert "decode_error" in repr(caught.value.__cause__)

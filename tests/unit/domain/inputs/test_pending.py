"""What of an input is left to the second time it is checked: what references bring, no more."""

import pytest

from ductape.domain.inputs.action import check_action
from ductape.domain.inputs.pending import LONGEST_READ, pending
from ductape.domain.jsonvalue import JsonObject

FIND: JsonObject = {
    "method": "GET",
    "resource": "/users/:id",
    "request": {"params": {"id": {"type": "INTEGER"}}},
}


@pytest.mark.parametrize(
    "text",
    ["$Session{user}{id}", "no. $Add(1, 2)", "$Session{broken", "a $$ of one", "$$Now()"],
)
def test_what_may_become_another_text_is_pending(text: str) -> None:
    assert pending(text, resolved=False)
    assert not pending(text, resolved=True)


@pytest.mark.parametrize("text", ["$5", "${HOME}", "$price{x}", "$session{user}{id}", "a$", "5"])
def test_a_dollar_that_begins_no_reference_is_a_character(text: str) -> None:
    assert not pending(text, resolved=False)


def test_a_long_text_with_a_dollar_is_not_read_twice() -> None:
    assert pending("$5".ljust(LONGEST_READ + 1), resolved=False)


def test_a_price_is_no_integer_and_is_refused_before_anything_is_stored() -> None:
    faults = check_action(FIND, {"params": {"id": "$5"}}, resolved=False)
    assert [one["path"] for one in faults] == ["input.params.id"]
    assert not check_action(FIND, {"params": {"id": "$Session{user}{id}"}}, resolved=False)

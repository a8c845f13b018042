"""`ductape secrets`, `caches`, `vault`: what is kept closed."""

import io
import json
import sys

import pytest

from ductape.cli import reading
from tests.unit.cli.builders import PRODUCT, Terminal

VALUE = "s3cret-value-of-mine"


def test_a_secret_is_read_from_standard_input_and_never_shown(shop: Terminal) -> None:
    answers = [
        shop("secrets", "set", "api_key", stdin=f"{VALUE}\n"),
        shop("secrets", "set", "api_key", "--env", "prd", stdin=VALUE),
        shop("secrets", "list"),
        shop("secrets", "list", "--json"),
    ]
    assert all(answer.code == 0 for answer in answers)
    assert all(VALUE not in answer.out + answer.err for answer in answers)
    assert answers[3].json() == [
        {"name": "api_key", "env": None},
        {"name": "api_key", "env": "prd"},
    ]


def test_a_value_is_no_argument(shop: Terminal) -> None:
    answer = shop("secrets", "set", "api_key", VALUE)
    assert answer.code == 2


@pytest.mark.parametrize(
    ("given", "kept"), [("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), (" a ", " a ")]
)
def test_one_line_break_at_the_end_is_not_part_of_it(
    given: str, kept: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given.encode())))
    assert reading.secret_value("x") == kept


def test_an_empty_secret_is_refused(shop: Terminal) -> None:
    answer = shop("secrets", "set", "api_key", stdin="\n")
    assert answer.code == 2
    assert "value: expected" in answer.err


def test_a_secret_is_deleted_once(shop: Terminal) -> None:
    shop("secrets", "set", "api_key", stdin=VALUE)
    assert shop("secrets", "delete", "api_key", "--json").json() == {"deleted": True}
    assert shop("secrets", "delete", "api_key", "--json").json() == {"deleted": False}


def test_without_a_product_there_must_be_exactly_one(terminal: Terminal) -> None:
    none = terminal("secrets", "list")
    assert none.code == 2
    assert "--product: expected" in none.err
    for tag in ("shop", "farm"):
        terminal("apply", "-", stdin=json.dumps({**PRODUCT, "tag": tag}))
    two = terminal("secrets", "list")
    assert two.code == 2
    assert "one of `farm`, `shop`" in two.err
    assert terminal("secrets", "list", "--product", "farm").code == 0


def test_an_empty_cache_has_nothing_to_show_or_forget(shop: Terminal) -> None:
    assert shop("caches", "values", "stock", "--json").json() == []
    assert shop("caches", "clear", "stock", "--json").json() == {"count": 0}


def test_the_vault_names_its_keys_and_rotates_them(terminal: Terminal) -> None:
    before = json.loads(terminal("vault", "status", "--json").out)
    after = json.loads(terminal("vault", "rotate", "--json").out)
    assert before["source"] == "ductape.db.key"
    [old] = before["keys"]
    assert [key["seals"] for key in after["keys"]] == [True, False]
    assert after["keys"][1]["id"] == old["id"]
    assert all(key["in_ring"] and key["seen"] for key in after["keys"])


def test_what_was_sealed_before_a_rotation_still_opens(shop: Terminal) -> None:
    where = ("--env", "dev", "--tag", "user")
    pair = shop("sessions", "start", *where, "--json", "--data", '{"id": "u7"}').out
    shop("vault", "rotate")
    assert shop("sessions", "decrypt", *where, stdin=pair).json() == {"id": "u7"}


def test_keys_of_the_environment_are_not_ours_to_rotate(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = "A" * 43
    monkeypatch.setenv("DUCTAPE_KEY", key)
    answer = terminal("vault", "rotate")
    assert answer.code == 2
    assert key not in answer.err
    assert "DUCTAPE_KEY" in answer.err

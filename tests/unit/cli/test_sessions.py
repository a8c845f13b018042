"""`ductape sessions`: tokens go through standard input."""

import json
from pathlib import Path

import pytest

from tests.unit.cli.builders import Terminal

WHERE = ("--env", "dev", "--tag", "user")


@pytest.fixture
def pair(shop: Terminal) -> dict[str, str]:
    answer = shop("sessions", "start", *WHERE, "--json", stdin='{"id": "u7"}')
    assert answer.code == 0, answer.err
    return json.loads(answer.out)


def test_a_token_opens_to_its_data(shop: Terminal, pair: dict[str, str]) -> None:
    answer = shop("sessions", "decrypt", *WHERE, stdin=pair["token"] + "\n")
    assert answer.json() == {"id": "u7"}


def test_a_whole_pair_may_be_piped_on(shop: Terminal, pair: dict[str, str]) -> None:
    text = json.dumps(pair)
    assert shop("sessions", "decrypt", *WHERE, stdin=text).json() == {"id": "u7"}
    renewed = shop("sessions", "refresh", *WHERE, "--json", stdin=text).json()
    assert isinstance(renewed, dict)
    assert renewed["token"] != pair["token"]


def test_a_token_may_stand_in_a_file(shop: Terminal, pair: dict[str, str]) -> None:
    Path("token").write_text(pair["token"])
    assert shop("sessions", "decrypt", "token", *WHERE).json() == {"id": "u7"}


def test_a_revoked_session_opens_no_more(shop: Terminal, pair: dict[str, str]) -> None:
    assert shop("sessions", "revoke", *WHERE, stdin=pair["token"]).out == "revoked\n"
    answer = shop("sessions", "decrypt", *WHERE, stdin=pair["token"])
    assert answer.code == 2
    assert pair["token"] not in answer.err


def test_each_token_stands_whole_on_its_line(
    shop: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    answer = shop("sessions", "start", *WHERE, "--data", '{"id": "u7"}')
    token, refresh = answer.out.splitlines()
    assert token.startswith("token         eyJ")
    assert refresh.startswith("refreshToken  eyJ")


def test_users_are_listed_never_tokens(shop: Terminal, pair: dict[str, str]) -> None:
    answer = shop("sessions", "users", "--tag", "user")
    assert answer.out.splitlines()[1].split()[:2] == ["u7", "1"]
    assert pair["token"] not in answer.out
    found = shop("sessions", "users", "--tag", "user", "--json").json()
    assert isinstance(found, dict)
    assert found["total"] == 1


def test_data_that_does_not_fit_is_refused_at_its_path(shop: Terminal) -> None:
    answer = shop("sessions", "start", *WHERE, "--data", '{"idd": 3}')
    assert answer.code == 2
    assert "data" in answer.err


def test_a_token_of_nobody_is_refused_without_being_shown(shop: Terminal) -> None:
    answer = shop("sessions", "decrypt", *WHERE, "--token", "eyJsecret.looking.token")
    assert answer.code == 2
    assert "eyJsecret" not in answer.err


def test_no_token_is_told_as_none(shop: Terminal) -> None:
    answer = shop("sessions", "decrypt", *WHERE, stdin="\n")
    said = "token: expected a token, found nothing (give FILE, or pipe it in)"
    assert (answer.code, answer.err) == (2, f"error: {said}\n")


def test_no_data_is_told_with_how_to_give_it(shop: Terminal) -> None:
    answer = shop("sessions", "start", *WHERE)
    said = "data: expected an object, found nothing (give FILE, or pipe it in)"
    assert (answer.code, answer.err) == (2, f"error: {said}\n")


def test_what_is_no_json_is_told_with_its_option(shop: Terminal) -> None:
    answer = shop("sessions", "start", *WHERE, "--data", "{")
    assert answer.code == 2
    assert answer.err.startswith("error: --data: expected JSON, found ")


def test_a_pair_without_the_token_is_bad_input(shop: Terminal) -> None:
    answer = shop("sessions", "refresh", *WHERE, stdin='{"token": "x"}')
    assert answer.code == 2
    assert "refreshToken: expected a token" in answer.err


@pytest.mark.parametrize(("given", "found"), [("", "nothing"), ("[1]", "list"), ("5", "number")])
def test_data_that_is_no_object_is_told_in_words(shop: Terminal, given: str, found: str) -> None:
    answer = shop("sessions", "start", "--env", "dev", "--tag", "user", stdin=given)
    assert answer.code == 2
    assert answer.err.startswith("error: data: expected an object, found ")
    assert found in answer.err

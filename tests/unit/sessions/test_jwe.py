"""The envelope: it opens for its purpose, whole, and for nothing and nobody else."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwe, jws
from joserfc.jwk import OctKey

from ductape.errors import SessionInvalid
from ductape.sessions.jwe import decrypt, encrypt
from tests.unit.vault.builders import a_vault

PLAIN = b'{"email":"ada@example.org"}'


def encoded(value: object) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@given(st.binary(max_size=2_000))
def test_what_is_encrypted_opens_for_its_purpose(plain: bytes) -> None:
    vault = a_vault()
    assert decrypt(vault, "p", encrypt(vault, "p", plain)) == plain


def test_a_token_shows_neither_content_nor_anything_but_alg_enc_and_kid() -> None:
    token = encrypt(a_vault("k1"), "p", PLAIN)
    parts = token.split(".")
    header = json.loads(urlsafe_b64decode(parts[0] + "=="))
    assert header == {"alg": "dir", "enc": "A256GCM", "kid": "k1"}
    assert parts[1] == ""
    assert b"ada" not in urlsafe_b64decode(parts[3] + "==")


def test_another_purpose_does_not_open_it() -> None:
    vault = a_vault()
    with pytest.raises(SessionInvalid):
        decrypt(vault, "q", encrypt(vault, "p", PLAIN))


def test_a_change_of_any_character_is_noticed() -> None:
    vault = a_vault()
    token = encrypt(vault, "p", PLAIN)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for at, was in enumerate(token):
        for instead in (alphabet[(alphabet.find(was) + 1) % 64], ".", "=", "\n", "é"):
            if instead == was:
                continue
            with pytest.raises(SessionInvalid):
                decrypt(vault, "p", token[:at] + instead + token[at + 1 :])


def test_a_token_cut_short_or_drawn_out_does_not_open() -> None:
    vault = a_vault()
    token = encrypt(vault, "p", PLAIN)
    longer = [token + end for end in ("=", "A", ".", ".A", " ", "\n")]
    for wrong in [token[:length] for length in range(len(token))] + longer:
        with pytest.raises(SessionInvalid):
            decrypt(vault, "p", wrong)


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "dir", "enc": "A256GCM"},
        {"alg": "dir", "enc": "A256GCM", "kid": "k9"},
        {"alg": "dir", "enc": "A256GCM", "kid": ["k1"]},
        {"alg": "dir", "enc": "A128GCM", "kid": "k1"},
        {"alg": "none", "enc": "A256GCM", "kid": "k1"},
        {"alg": "A256KW", "enc": "A256GCM", "kid": "k1"},
        {"alg": "dir", "enc": "A256GCM", "kid": "k1", "zip": "DEF"},
        {"alg": "dir", "enc": "A256GCM", "kid": "k1", "crit": ["x"], "x": 1},
        ["alg", "enc", "kid"],
        7,
        None,
    ],
)
def test_a_header_that_is_not_ours_is_refused(header: object) -> None:
    vault = a_vault("k1")
    rest = encrypt(vault, "p", PLAIN).partition(".")[2]
    with pytest.raises(SessionInvalid):
        decrypt(vault, "p", f"{encoded(header)}.{rest}")


def test_another_form_under_the_right_key_is_refused() -> None:
    vault = a_vault("k1")
    _, key = vault.derive("p")
    wrapped = jwe.encrypt_compact(
        {"alg": "A256KW", "enc": "A256GCM", "kid": "k1"}, PLAIN, OctKey.import_key(key)
    )
    more = {"alg": "dir", "enc": "A256GCM", "kid": "k1", "typ": "JWT"}
    longer = jwe.encrypt_compact(more, PLAIN, OctKey.import_key(key))
    signed = jws.serialize_compact({"alg": "HS256", "kid": "k1"}, PLAIN, OctKey.import_key(key))
    for token in (wrapped, longer, signed):
        with pytest.raises(SessionInvalid):
            decrypt(vault, "p", token)


def test_an_old_key_opens_after_a_rotation_and_the_newest_encrypts() -> None:
    old = encrypt(a_vault("k1"), "p", PLAIN)
    both = a_vault("k2", "k1")
    assert decrypt(both, "p", old) == PLAIN
    new = encrypt(both, "p", PLAIN)
    assert decrypt(a_vault("k2"), "p", new) == PLAIN
    with pytest.raises(SessionInvalid):
        decrypt(a_vault("k1"), "p", new)


@given(st.text(max_size=300))
def test_no_text_does_more_than_be_refused(text: str) -> None:
    with pytest.raises(SessionInvalid):
        decrypt(a_vault(), "p", text)


def test_a_token_beyond_8_kib_is_not_even_looked_at() -> None:
    vault = a_vault()
    with pytest.raises(SessionInvalid):
        decrypt(vault, "p", encrypt(vault, "p", b"x" * 7_000))


def test_an_error_shows_neither_token_nor_content() -> None:
    vault = a_vault()
    token = encrypt(vault, "p", PLAIN)
    with pytest.raises(SessionInvalid) as caught:
        decrypt(vault, "q", token)
    shown = repr(caught.value) + str(caught.value.details) + str(caught.value.__cause__)
    assert token[-20:] not in shown
    assert "ada" not in shown

"""Reading and writing the ring of keys."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ductape.errors import ConfigError
from ductape.vault.ring import KeyRing, RingKey, fresh_key, parse_ring, rotated, write_ring
from tests.unit.vault.builders import CountedEntropy, a_key, a_ring

ENCODED = "Zm9vYmFyYmF6Zm9vYmFyYmF6Zm9vYmFyYmF6Zm9vYmE"
OTHER = "Zm9vYmFyYmF6Zm9vYmFyYmF6Zm9vYmFyYmF6Zm9vYmI"


def test_the_first_key_of_the_text_is_the_newest() -> None:
    ring = parse_ring(f"new:{ENCODED},old:{OTHER}")
    assert [key.id for key in ring.keys] == ["new", "old"]
    assert ring.newest.secret == b"foobarbaz" * 3 + b"fooba"


def test_a_bare_key_is_named_alike_wherever_it_is_read() -> None:
    first, again = parse_ring(ENCODED), parse_ring(f" {ENCODED}= \n")
    assert first == again
    assert first.newest.id != parse_ring(OTHER).newest.id


def test_a_key_may_stand_on_a_line_of_its_own() -> None:
    assert len(parse_ring(f"{ENCODED}\n{OTHER}\n").keys) == 2


keys = st.builds(
    RingKey,
    id=st.from_regex(r"[A-Za-z0-9._-]{1,64}", fullmatch=True),
    secret=st.binary(min_size=32, max_size=32),
)


@given(st.lists(keys, min_size=1, max_size=5, unique_by=lambda key: key.id))
def test_what_was_written_is_read_back(written: list[RingKey]) -> None:
    ring = KeyRing(tuple(written))
    assert parse_ring(write_ring(ring)) == ring


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "there is no key in it"),
        (" , \n", "there is no key in it"),
        ("short", "key 1 is not 32 bytes in base64url"),
        (f"{ENCODED},k2:tooshort", "key 2 is not 32 bytes in base64url"),
        (ENCODED[:-1] + "F", "key 1 is not 32 bytes in base64url"),
        (ENCODED[:-1] + "+", "key 1 is not 32 bytes in base64url"),
        (f"a b:{ENCODED}", "key 1 has an id that is not"),
        (f":{ENCODED}", "key 1 has an id that is not"),
        (f"k1:{ENCODED},k1:{OTHER}", "the id 'k1' stands twice"),
    ],
)
def test_a_ring_that_cannot_be_read_is_refused(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_ring(text)
    assert said in caught.value.message
    assert caught.value.path == "DUCTAPE_KEY"
    assert "openssl rand" in str(caught.value.hint)


def test_every_fault_is_told_at_once_and_no_key_with_it() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_ring(f"one:{ENCODED}x,two:{ENCODED}y", source="key file")
    assert "key 1" in caught.value.message
    assert "key 2" in caught.value.message
    assert ENCODED not in repr(caught.value) + str(caught.value.details)


def test_rotation_puts_a_fresh_key_in_front_and_keeps_the_others() -> None:
    ring = rotated(a_ring("k2", "k1"), CountedEntropy())
    assert ring.keys[1:] == a_ring("k2", "k1").keys
    assert len(ring.newest.secret) == 32


def test_two_fresh_keys_differ() -> None:
    entropy = CountedEntropy()
    assert fresh_key(entropy) != fresh_key(entropy)


def test_a_key_shows_its_id_alone() -> None:
    assert repr(a_key("k1")) == "RingKey(id='k1')"
    assert "secret" not in repr(a_ring("k1"))

"""Sealed values open in their place, under any key of the ring, and nowhere else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ductape.ports.vault import SealBroken
from ductape.vault.ring import KeyRing, RingKey
from ductape.vault.sealing import RingVault
from tests.unit.vault.builders import CountedEntropy, a_key, a_vault

PLAIN = b"the user's e-mail"


@given(st.binary(max_size=2_000), st.text(max_size=60))
def test_what_is_sealed_for_a_place_opens_there(plain: bytes, place: str) -> None:
    place = place.encode("utf-8", "replace").decode()
    vault = a_vault()
    assert vault.unseal(vault.seal(plain, place=place), place=place) == plain


def test_what_is_sealed_does_not_open_in_another_place() -> None:
    vault = a_vault()
    with pytest.raises(SealBroken):
        vault.unseal(vault.seal(PLAIN, place="job-1/session"), place="job-2/session")


def test_a_change_of_any_byte_is_noticed() -> None:
    vault = a_vault()
    sealed = vault.seal(PLAIN, place="here")
    for at in range(len(sealed)):
        changed = bytearray(sealed)
        changed[at] ^= 0x01
        with pytest.raises(SealBroken):
            vault.unseal(bytes(changed), place="here")


def test_a_value_cut_short_or_drawn_out_does_not_open() -> None:
    vault = a_vault()
    sealed = vault.seal(PLAIN, place="here")
    for wrong in [sealed[:length] for length in range(len(sealed))] + [sealed + b"\x00"]:
        with pytest.raises(SealBroken):
            vault.unseal(wrong, place="here")


def test_the_newest_key_seals() -> None:
    sealed = a_vault("k2", "k1").seal(PLAIN, place="here")
    assert sealed[2:4] == b"k2"
    with pytest.raises(SealBroken):
        a_vault("k1").unseal(sealed, place="here")


def test_an_old_key_still_opens_after_a_rotation() -> None:
    sealed = a_vault("k1").seal(PLAIN, place="here")
    assert a_vault("k2", "k1").unseal(sealed, place="here") == PLAIN


def test_another_key_under_the_same_id_does_not_open() -> None:
    stranger = RingVault(KeyRing((RingKey("k1", b"\x07" * 32),)), CountedEntropy())
    with pytest.raises(SealBroken):
        stranger.unseal(a_vault("k1").seal(PLAIN, place="here"), place="here")


def test_sealing_twice_gives_different_bytes() -> None:
    vault = a_vault()
    assert vault.seal(PLAIN, place="here") != vault.seal(PLAIN, place="here")


def test_each_purpose_has_a_key_of_its_own() -> None:
    vault = a_vault("k2", "k1")
    newest, key = vault.derive("tokens")
    assert newest == "k2"
    assert len(key) == 32
    others = [vault.derive("cookies")[1], vault.derive("tokens", "k1")[1], a_key("k2").secret]
    assert key not in others
    assert vault.derive("tokens") == ("k2", key)


def test_no_key_is_derived_of_an_id_outside_the_ring() -> None:
    with pytest.raises(SealBroken):
        a_vault("k1").derive("tokens", "k9")


def test_the_ring_is_listed_newest_first() -> None:
    assert a_vault("k3", "k2", "k1").key_ids() == ("k3", "k2", "k1")


def test_nothing_sealed_is_shown_by_an_error_or_a_vault() -> None:
    vault = a_vault()
    with pytest.raises(SealBroken) as caught:
        vault.unseal(vault.seal(PLAIN, place="here"), place="there")
    shown = repr(caught.value) + str(caught.value.__cause__) + repr(vault)
    assert "e-mail" not in shown
    assert a_key("k1").secret.hex() not in shown

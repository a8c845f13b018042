"""The key file beside an embedded database."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ductape.errors import ConfigError
from ductape.vault.keyfile import load_or_make, rotate
from ductape.vault.ring import KeyRing
from tests.unit.vault.builders import CountedEntropy


class TaggedEntropy:
    """Draws of one of several hosts, each host's its own."""

    def __init__(self, host: int) -> None:
        self._host = host.to_bytes(2)
        self._counted = CountedEntropy()

    def token(self, size: int) -> bytes:
        return self._host + self._counted.token(size - 2)

    def draw(self) -> float:
        return self._counted.draw()


def test_a_missing_file_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "ductape.key"
    ring, made = load_or_make(path, CountedEntropy())
    assert made
    assert len(ring.keys) == 1
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["ductape.key"]


def test_a_file_that_is_there_is_read(tmp_path: Path) -> None:
    path = tmp_path / "ductape.key"
    ring, _ = load_or_make(path, TaggedEntropy(1))
    assert load_or_make(path, TaggedEntropy(2)) == (ring, False)


def test_many_who_make_it_at_once_all_get_the_same_ring(tmp_path: Path) -> None:
    path = tmp_path / "ductape.key"

    def make(host: int) -> tuple[KeyRing, bool]:
        return load_or_make(path, TaggedEntropy(host))

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(make, range(16)))
    assert len({ring for ring, _ in answers}) == 1
    assert sum(made for _, made in answers) == 1
    assert [one.name for one in tmp_path.iterdir()] == ["ductape.key"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_a_file_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "ductape.key"
    load_or_make(path, CountedEntropy())
    path.chmod(mode)
    with pytest.raises(ConfigError, match="open to others") as caught:
        load_or_make(path, CountedEntropy())
    assert caught.value.hint == f"chmod 600 {path}"


def test_a_missing_folder_is_told_with_its_remedy(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file") as caught:
        load_or_make(tmp_path / "nowhere" / "ductape.key", CountedEntropy())
    assert "DUCTAPE_KEY" in str(caught.value.hint)


def test_a_folder_in_its_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be used"):
        load_or_make(tmp_path, CountedEntropy())


def test_a_file_without_a_ring_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "ductape.key"
    path.write_bytes(b"\xffnot a key\n")
    path.chmod(0o600)
    with pytest.raises(ConfigError, match="base64url"):
        load_or_make(path, CountedEntropy())
    assert path.read_bytes() == b"\xffnot a key\n"


def test_rotation_adds_a_key_in_front_and_keeps_the_mode(tmp_path: Path) -> None:
    path = tmp_path / "ductape.key"
    before, _ = load_or_make(path, TaggedEntropy(1))
    after = rotate(path, TaggedEntropy(2))
    assert after.keys[1:] == before.keys
    assert load_or_make(path, TaggedEntropy(3)) == (after, False)
    assert path.stat().st_mode & 0o777 == 0o600


def test_rotations_at_once_lose_no_key(tmp_path: Path) -> None:
    path = tmp_path / "ductape.key"
    load_or_make(path, TaggedEntropy(99))
    with ThreadPoolExecutor(8) as pool:
        rings = list(pool.map(lambda host: rotate(path, TaggedEntropy(host)), range(8)))
    kept, _ = load_or_make(path, CountedEntropy())
    assert len(kept.keys) == 9
    assert {ring.newest for ring in rings} <= set(kept.keys)


def test_a_file_that_is_not_there_cannot_be_rotated(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        rotate(tmp_path / "ductape.key", CountedEntropy())

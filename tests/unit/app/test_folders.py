"""Which folders definitions and callers may use, with and without `[files] roots`."""

from pathlib import Path

import pytest

from ductape.app.configuration.settings import Settings, read_settings
from ductape.app.folders import caller_roots, storage_roots
from ductape.errors import ConfigError, ProviderError
from ductape.providers.storage import Roots


def settings_of(tmp_path: Path, **given: object) -> Settings:
    """Read settings for a store in a folder of its own."""
    return read_settings({"store": f"sqlite:///{tmp_path}/data/a.db", **given}, environ={})


def refused(roots: Roots, path: str) -> bool:
    """Tell whether a path is refused."""
    try:
        roots.parts(path)
    except ProviderError as error:
        return error.code == "FORBIDDEN"
    return False


@pytest.fixture(autouse=True)
def working(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a folder, with another one for temporary files."""
    for name in ("working", "temporary", "data"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "working")
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path / "temporary"))
    return tmp_path / "working"


def test_without_roots_storages_may_use_what_is_this_processs_own(tmp_path: Path) -> None:
    roots = storage_roots(settings_of(tmp_path))
    for good in ("files", str(tmp_path / "data/files"), str(tmp_path / "temporary/x")):
        assert not refused(roots, good)
    for bad in ("/etc", str(tmp_path), str(tmp_path / "working2"), "../data", "/"):
        assert refused(roots, bad)


def test_the_whole_system_is_never_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    assert refused(storage_roots(settings_of(tmp_path)), "/etc")


def test_callers_have_no_folder_that_the_operator_does_not_name(tmp_path: Path) -> None:
    assert refused(caller_roots(settings_of(tmp_path)), "files/a")


def test_named_roots_are_all_that_counts(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, files={"roots": ["share"]})
    for roots in (storage_roots(settings), caller_roots(settings)):
        assert not refused(roots, str(tmp_path / "working/share/a"))
        assert refused(roots, "files/a")


def test_a_store_on_a_server_grants_nothing_by_itself() -> None:
    roots = storage_roots(read_settings({"store": "postgresql://db/jobs", "key": "k1:x"}))
    assert roots.allowed == ()


def test_the_environment_may_name_roots() -> None:
    settings = read_settings({}, environ={"DUCTAPE_FILES_ROOTS": "/srv/a, /srv/b"})
    assert caller_roots(settings).allowed == ("/srv/a", "/srv/b")


def test_the_stores_own_files_are_known(tmp_path: Path) -> None:
    roots = storage_roots(settings_of(tmp_path))
    assert roots.stores == (str(tmp_path / "data/a.db"), str(tmp_path / "data/a.db.key"))


def test_roots_are_a_list() -> None:
    with pytest.raises(ConfigError):
        read_settings({"files": {"roots": 5}}, environ={})

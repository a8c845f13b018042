"""Opening what the settings name: which store, which keys, and which extra is missing."""

import sys

import pytest

from ductape import Ductape, DuctapeError
from ductape.app.configuration.loading import shown_store, sqlite_path
from ductape.app.configuration.settings import Settings
from ductape.app.opening import open_store
from ductape.errors import ConfigError
from tests.builders import decide

URL = "postgresql://ada:hush@127.0.0.1:1/jobs"


async def opened(settings: Settings, *, simulated: bool = False) -> None:
    await open_store(settings, decide=decide, token="t", simulated=simulated)


async def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ductape.stores.postgres.store", None)
    with pytest.raises(ConfigError, match="needs the extra `postgres`") as caught:
        await opened(Settings(store=URL, key="k"))
    assert caught.value.hint == "pip install 'ductape-jobs[postgres]'"


async def test_a_server_s_store_must_be_given_its_keys() -> None:
    with pytest.raises(ConfigError, match="its keys must be given") as caught:
        await opened(Settings(store=URL))
    assert caught.value.path == "key"


async def test_simulated_time_needs_a_file() -> None:
    with pytest.raises(ConfigError, match="simulated time"):
        await opened(Settings(store=URL, key="k"), simulated=True)


def test_another_kind_of_store_is_refused() -> None:
    with pytest.raises(ConfigError, match="found a `mysql` URL"):
        sqlite_path("mysql://host/db")


@pytest.mark.parametrize(
    "store", ["sqlite:///a.db?timeout=5", "a\0b.db", "sqlite:///a\0.db", "caf\udce9.db"]
)
def test_a_file_is_named_whole(store: str) -> None:
    with pytest.raises(ConfigError, match="store: expected"):
        sqlite_path(store)


def test_a_plain_path_may_hold_whatever_a_path_may() -> None:
    assert sqlite_path("odd?.db") == "odd?.db"


def test_a_password_is_shown_nowhere() -> None:
    assert shown_store(URL) == "postgresql://ada@127.0.0.1:1/jobs"
    assert "hush" not in repr(Settings(store=URL))
    assert shown_store("sqlite:///a:b@c.db") == "sqlite:///a:b@c.db"


async def test_before_it_is_open_a_service_says_how_to_open_it() -> None:
    ductape = Ductape.open("sqlite:///never.db")
    with pytest.raises(DuctapeError, match="not open"):
        await ductape.jobs.list()
    assert not hasattr(ductape, "nothing_of_ours")

"""Stores and routes in the settings: named, overridden by the environment, refused with paths."""

from pathlib import Path

import pytest

from ductape import Ductape
from ductape.app.configuration.settings import read_settings
from ductape.errors import ConfigError

EU = "postgresql://ada:hush@eu/jobs"


def test_stores_come_from_the_file_and_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "ductape.toml"
    file.write_text('[stores]\neu = "eu.db"\nus = "us.db"\n[routes]\norders = "eu"\nmail = "ap"\n')
    settings = read_settings(file, {"DUCTAPE_STORES_EU": EU, "DUCTAPE_STORES_AP": "ap.db"})
    assert settings.stores == {"eu": EU, "us": "us.db", "ap": "ap.db"}
    assert settings.routes == {"orders": "eu", "mail": "ap"}
    assert [*settings.urls()] == ["default", "eu", "us", "ap"]


def test_a_product_may_be_sent_to_the_default_store_by_name() -> None:
    settings = read_settings({"routes": {"orders": "default"}}, {})
    assert settings.urls().keys() == {"default"}


def test_a_store_that_is_not_there_is_told_with_the_nearest_one() -> None:
    given = {"stores": {"europe": EU}, "routes": {"orders": "eurpe", "mail": "us"}}
    with pytest.raises(ConfigError) as caught:
        read_settings(given, {})
    assert caught.value.path == "routes.orders"
    assert "did you mean `europe`?" in caught.value.message
    assert "routes.mail: expected the name of a store, found `us`" in caught.value.message


@pytest.mark.parametrize(
    ("stores", "path"),
    [
        ({"default": "a.db"}, "stores.default"),
        ({"Eu West": "a.db"}, "stores.Eu West"),
        ({"": "a.db"}, "stores."),
        ({"eu": "mysql://eu/jobs"}, "stores.eu"),
        ({"eu": ""}, "stores.eu"),
        ({"eu": "sqlite:///./ductape.db"}, "stores.eu"),
        ({"eu": EU, "us": EU}, "stores.us"),
        ({"eu": 5}, "stores.eu"),
    ],
)
def test_a_store_that_cannot_be_is_refused(stores: dict[str, object], path: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_settings({"stores": stores}, {})
    assert caught.value.path == path
    assert "hush" not in f"{caught.value}{caught.value.details}"


async def test_a_store_given_as_an_argument_is_the_only_one(tmp_path: Path) -> None:
    config = {"stores": {"eu": f"{tmp_path}/eu.db"}, "routes": {"orders": "eu"}}
    async with Ductape.open(f"{tmp_path}/a.db", config=config, worker=False) as ductape:
        (only,) = await ductape.stores()
    assert only == {
        "name": "default",
        "url": f"{tmp_path}/a.db",
        "routes": [],
        "products": [],
        "strays": [],
    }
    assert not (tmp_path / "eu.db").exists()


async def test_where_one_store_cannot_be_opened_none_stays_open(tmp_path: Path) -> None:
    (tmp_path / "eu.db").write_text("not a database, and long enough to be told from one" * 100)
    config = {"store": f"{tmp_path}/a.db", "stores": {"eu": f"{tmp_path}/eu.db"}}
    with pytest.raises(Exception, match="no SQLite database"):
        async with Ductape.open(config=config):
            pass
    async with Ductape.open(f"{tmp_path}/a.db", worker=False) as alone:
        assert await alone.workers.list() == []


async def test_keys_of_another_store_are_refused_for_each(tmp_path: Path) -> None:
    async with Ductape.open(f"{tmp_path}/eu.db", worker=False):
        pass
    config = {"store": f"{tmp_path}/a.db", "stores": {"eu": f"{tmp_path}/eu.db"}}
    with pytest.raises(ConfigError, match="not in the ring"):
        async with Ductape.open(config=config, worker=False):
            pass

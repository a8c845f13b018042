"""The tz database that every host shares."""

from datetime import UTC, datetime, timedelta
from importlib.resources import files

import pytest

from ductape.app.zones import PackagedZones
from ductape.ports.zones import Zones

SUMMER = datetime(2026, 7, 1, tzinfo=UTC)


def some_zones() -> Zones:
    """Build the part, seen as the port it implements."""
    return PackagedZones()


def test_every_name_of_the_list_can_be_read() -> None:
    zones = some_zones()
    assert len(zones.names()) > 500
    for name in zones.names():
        assert SUMMER.astimezone(zones.get(name)).utcoffset() is not None


def test_the_list_is_the_one_of_the_package() -> None:
    listed = files("tzdata").joinpath("zones").read_text("ascii").split()
    assert some_zones().names() == set(listed)


def test_a_zone_has_its_rules() -> None:
    amsterdam = some_zones().get("Europe/Amsterdam")
    assert SUMMER.astimezone(amsterdam).utcoffset() == timedelta(hours=2)
    assert str(amsterdam) == "Europe/Amsterdam"


def test_a_zone_is_read_once() -> None:
    zones = some_zones()
    assert zones.get("Asia/Tokyo") is zones.get("Asia/Tokyo")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "europe/amsterdam",
        "Europe",
        "Europe/",
        "Europe/Atlantis",
        "posix/Europe/Amsterdam",
        "right/UTC",
        "localtime",
        "posixrules",
        "/etc/localtime",
        "../zones",
        "Europe/../UTC",
        "./UTC",
        "Europe\\Amsterdam",
        "UTC\0",
        " UTC",
        "zone.tab",
        "tzdata.zi",
        "__init__.py",
        "+02:00",
        "CEST",
    ],
)
def test_any_other_name_is_unknown(name: str) -> None:
    with pytest.raises(KeyError):
        some_zones().get(name)


def test_an_unknown_name_is_told_its_nearest() -> None:
    with pytest.raises(KeyError) as caught:
        some_zones().get("europe/amsterdm")
    assert caught.value.__notes__ == ["did you mean Europe/Amsterdam?"]


def test_the_systems_own_copy_is_never_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONTZPATH", "/nowhere")
    monkeypatch.setattr("zoneinfo.TZPATH", ())
    assert some_zones().get("Europe/Amsterdam")


def test_the_release_is_told() -> None:
    year, letter = some_zones().version()[:4], some_zones().version()[4:]
    assert int(year) >= 2026
    assert letter.isalpha()

"""The folder of wake-up sockets belongs to this user alone."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from ductape.errors import StoreError
from ductape.stores.sqlite.store import open_sqlite
from tests.builders import decide


@pytest.fixture
def place() -> Iterator[Path]:
    """Give a folder whose path is short enough for sockets beside the file."""
    with TemporaryDirectory(prefix="w") as folder:
        yield Path(folder)


async def test_a_folder_that_others_may_write_to_is_refused(place: Path) -> None:
    folder = place / "a.db.wake"
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(StoreError, match="own folder of mode 0700"):
        open_sqlite(str(place / "a.db"), decide=decide, token="t")


async def test_the_folder_is_made_for_its_owner_alone(place: Path) -> None:
    store = open_sqlite(str(place / "a.db"), decide=decide, token="t")
    assert (place / "a.db.wake").stat().st_mode & 0o777 == 0o700
    await store.aclose()

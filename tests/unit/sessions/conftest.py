"""A store on a temporary file, for every test of sessions."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ductape.stores.sqlite.file.engine import Engine
from tests.unit.sessions.builders import Desk, a_desk


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
    opened = Engine(str(tmp_path / "a.db"), inline=True)
    yield opened
    await opened.aclose()


@pytest.fixture
def desk(engine: Engine) -> Desk:
    return a_desk(engine)

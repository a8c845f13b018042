"""`ductape worker` runs on the quicker event loop where that is installed, else on Python's own."""

import asyncio

import pytest
import uvloop

from ductape.cli import loops


async def own() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


def test_the_quicker_loop_is_taken_where_it_is_installed() -> None:
    assert isinstance(loops.run(own()), uvloop.Loop)


def test_pythons_own_loop_does_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loops, "QUICKER", "not_installed_anywhere")
    assert isinstance(loops.run(own()), asyncio.SelectorEventLoop)

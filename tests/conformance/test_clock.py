"""Whose time counts, told by every kind of store; it is the right one, and never ahead."""

from ductape.app.system import SystemClock, SystemTicks
from ductape.ports.stores import Store

BEHIND_MS = 50
"""How much a server's answer may take on a machine that has other things to do."""


async def test_a_store_s_clock_is_right_and_not_ahead(store: Store) -> None:
    own = SystemClock()
    clock = await store.clock(own, SystemTicks())
    for _ in range(100):
        before_ms, told_ms, after_ms = own.now_ms(), clock.now_ms(), own.now_ms()
        assert before_ms - BEHIND_MS <= told_ms <= after_ms

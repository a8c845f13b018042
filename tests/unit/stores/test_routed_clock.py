"""The time of several stores: what is due by it is due in each of them."""

from ductape.stores.routed.clock import EarliestClock


class SetClock:
    def __init__(self, at_ms: int) -> None:
        self.at_ms = at_ms

    def now_ms(self) -> int:
        return self.at_ms


def test_it_is_the_earliest_of_the_stores_clocks() -> None:
    slow, quick = SetClock(1_000), SetClock(2_000)
    clock = EarliestClock([quick, slow])
    assert clock.now_ms() == 1_000
    slow.at_ms = 3_000
    assert clock.now_ms() == 2_000

"""The ids that one process makes: in order, and of the instant at which they were made."""

from itertools import pairwise

from ductape.domain.ids import ROOM, born_ms
from ductape.services.intake.ids import Ids
from ductape.testing.entropy import SeededEntropy

NOW_MS = 1_800_000_000_000
MANY = 200_000


def test_each_id_sorts_after_the_one_before_it_also_while_the_clock_is_set_back() -> None:
    ids = Ids(SeededEntropy(1))
    instants = [NOW_MS] * 5_000 + [NOW_MS - 3_600_000] * 5_000 + [NOW_MS + 2] * 5_000
    made = [ids.new(now_ms) for now_ms in instants]
    assert all(one < later for one, later in pairwise(made))


def test_ids_of_one_instant_run_ahead_of_it_by_no_more_than_there_are_too_many_for_it() -> None:
    ids = Ids(SeededEntropy(1))
    made = [ids.new(NOW_MS) for _ in range(MANY)]
    assert born_ms(made[ROOM - 1]) == NOW_MS
    assert born_ms(made[-1]) == NOW_MS + (MANY - 1) // ROOM


def test_ids_that_ran_ahead_wait_for_the_clock() -> None:
    ids = Ids(SeededEntropy(1))
    calls = [
        [ids.new(NOW_MS + call_ms) for _ in range(10_000)] for call_ms in range(0, 10_000, 100)
    ]
    ahead_ms = [born_ms(made[-1]) - NOW_MS - at * 100 for at, made in enumerate(calls)]
    assert set(ahead_ms) == {2}

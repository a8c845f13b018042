"""How a worker's free slots are divided: fairly, by priority, within every limit."""

from hypothesis import given
from hypothesis import strategies as st

from ductape.domain.limits.flow import (
    SEPARATOR,
    Head,
    Room,
    flow_of,
    gate_of,
    last_served,
    share_out,
)
from tests.builders import a_spec

FREE = Room({}, {})


def a_head(
    flow: str = "a", *, queue: str = "q", rank: int = 0, needs: str = "", due: int = 0
) -> Head:
    """Make the head of a group."""
    return Head(queue, rank, flow, needs, due, 3 if SEPARATOR in flow else None)


def keyed(product: str, key: str) -> str:
    """Name a flow under a concurrency key."""
    return SEPARATOR.join((product, "prd", key))


heads = st.lists(
    st.builds(
        a_head,
        flow=st.sampled_from(["a", "b", keyed("a", "k1"), keyed("a", "k2"), keyed("b", "k1")]),
        queue=st.sampled_from(["q", "r", "s"]),
        rank=st.integers(-2, 2),
        needs=st.sampled_from(["", "job:x", "job:y"]),
        due=st.integers(0, 5),
    ),
    max_size=30,
    unique_by=lambda head: (head.queue, head.rank, head.flow, head.needs),
)
turns = st.integers(0, 1_000)
slots = st.integers(1, 300)
names = st.sampled_from("abcdefghijklm")


def test_a_flow_is_the_product_or_the_key_within_product_and_env() -> None:
    assert flow_of(a_spec()) == "orders"
    assert gate_of(a_spec()) is None
    gate = gate_of(a_spec(concurrency_key="customer 7"))
    assert gate == flow_of(a_spec(concurrency_key="customer 7")) == keyed("orders", "customer 7")
    assert gate != gate_of(a_spec(concurrency_key="customer 7", env="dev"))


def test_one_group_gets_every_slot() -> None:
    [share] = share_out([a_head()], FREE, slots=200, turn=5)
    assert share.most == 200


def test_what_has_no_room_takes_no_share_from_the_rest() -> None:
    closed, gated = a_head(queue="r"), a_head(keyed("a", "k1"))
    room = Room({"r": 0}, {gated.flow: 0})
    [share] = share_out([a_head(), closed, gated], room, slots=10, turn=3)
    assert share.most == 10


@given(heads, slots, turns)
def test_every_group_of_the_most_urgent_is_offered_something(
    found: list[Head], free: int, turn: int
) -> None:
    offered = [share.head for share in share_out(found, FREE, slots=free, turn=turn)]
    for queue in {head.queue for head in found}:
        urgent = min(head.rank for head in found if head.queue == queue)
        for head in found:
            assert head in offered or head.queue != queue or head.rank > urgent


def test_what_a_share_leaves_over_does_not_go_to_the_less_urgent() -> None:
    found = [_head("a", 0), _head("b", -5), _head("b", 0)]
    shares = share_out(found, FREE, slots=10, turn=0)
    assert [(share.head.queue, share.head.rank) for share in shares] == [("a", 0), ("b", -5)]


def test_the_less_urgent_may_have_what_one_alone_could_have_had() -> None:
    shares = share_out([_head("b", -5), _head("b", 0)], FREE, slots=10, turn=0)
    assert [(share.head.rank, share.most) for share in shares] == [(-5, 10), (0, 10)]


def _head(queue: str, rank: int) -> Head:
    return Head(queue, rank, "shop", "", 0, None)


@given(heads, turns)
def test_of_one_queue_and_flow_the_higher_priority_comes_first_then_the_older(
    found: list[Head], turn: int
) -> None:
    order = [share.head for share in share_out(found, FREE, slots=9, turn=turn)]
    for queue, flow in {(head.queue, head.flow) for head in found}:
        mine = [(h.rank, h.due_at_ms) for h in order if (h.queue, h.flow) == (queue, flow)]
        assert mine == sorted(mine)


@given(heads, turns)
def test_no_queue_is_served_by_a_lower_priority_first(found: list[Head], turn: int) -> None:
    order = [share.head for share in share_out(found, FREE, slots=9, turn=turn)]
    for queue in {head.queue for head in found}:
        ranks = [head.rank for head in order if head.queue == queue]
        assert ranks == sorted(ranks)


@given(heads, slots, turns, st.integers(0, 5), st.integers(0, 5))
def test_limits_are_never_exceeded(
    found: list[Head], free: int, turn: int, of_queue: int, of_flow: int
) -> None:
    room = Room({"q": of_queue}, {keyed("a", "k1"): of_flow})
    shares = share_out(found, room, slots=free, turn=turn)
    assert sum(s.most for s in shares if s.head.queue == "q") <= of_queue
    assert sum(s.most for s in shares if s.head.flow == keyed("a", "k1")) <= of_flow


def test_a_product_with_many_keys_gets_no_more_than_one_with_none() -> None:
    flood = [a_head(keyed("a", f"k{at}")) for at in range(50)]
    shares = share_out([*flood, a_head("b")], FREE, slots=100, turn=0)
    assert next(share.most for share in shares if share.head.flow == "b") == 50


def test_one_slot_serves_every_flow_in_the_end() -> None:
    found = [
        a_head(flow, queue=queue)
        for queue in ("q", "r", "s")
        for flow in ("b", "c", keyed("a", "k1"), keyed("a", "k2"), keyed("a", "k3"))
    ]
    first = {repr(share_out(found, FREE, slots=1, turn=turn)[0].head) for turn in range(100)}
    assert first == {repr(head) for head in found}


def test_handlers_of_one_flow_take_turns_by_age() -> None:
    found = [a_head(needs="job:young", due=9), a_head(needs="job:old", due=1), a_head("z")]
    order = [share.head.needs for share in share_out(found, FREE, slots=1, turn=0)]
    assert order == ["job:old", "", "job:young"]


@given(st.sets(names, min_size=1), names, slots)
def test_who_goes_round_serves_each_queue_before_one_is_served_again(
    queues: set[str], after: str, free: int
) -> None:
    served: list[str] = []
    while len(served) < len(queues):
        left = [a_head(queue=queue) for queue in queues]
        order = [s.head.queue for s in share_out(left, FREE, slots=free, turn=0, after=after)]
        after = last_served(order, free)
        served += order[: order.index(after) + 1]
    assert set(served[: len(queues)]) == queues

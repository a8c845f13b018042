"""`ductape queues`: what waits, and holding a queue back."""

from pathlib import Path

from tests.unit.cli.builders import Terminal, scheduled

MAIL = {
    "name": "mail",
    "paused": False,
    "concurrency": None,
    "rate": None,
    "scheduled": 1,
    "queued": 0,
    "running": 0,
    "oldest_due_at": None,
}


def test_an_idle_store_says_that_there_is_nothing(shop: Terminal) -> None:
    answer = shop("queues")
    assert answer.code == 0
    assert "no queue has jobs" in answer.err


def test_queues_are_listed_with_or_without_the_word(shop: Terminal) -> None:
    scheduled(shop, queue="mail")
    assert shop("queues", "--json").json() == shop("queues", "list", "--json").json() == [MAIL]
    assert "mail" in shop("queues").out


def test_what_stands_before_the_verb_counts_for_it(shop: Terminal, tmp_path: Path) -> None:
    other = f"sqlite:///{tmp_path}/other.db"
    paused = shop("queues", "--store", other, "--json", "pause", "mail")
    assert paused.json() == MAIL | {"paused": True, "scheduled": 0}
    assert shop("queues", "list", "--json").json() == []
    assert shop("queues", "list", "--store", other, "--json").json() == [paused.json()]


def test_a_queue_is_paused_and_resumed(shop: Terminal) -> None:
    assert shop("queues", "pause", "mail").out == "mail: paused\n"
    assert shop("queues", "resume", "mail").out == "mail: open\n"


def test_limits_are_set_and_lifted(shop: Terminal) -> None:
    assert shop("queues", "set-concurrency", "mail", "5").out == "mail: open, 5 at a time\n"
    rate = shop("queues", "set-rate", "mail", "100", "--per", "60000", "--json")
    assert rate.json() == MAIL | {
        "concurrency": 5,
        "rate": {"limit": 100, "per": 60_000},
        "scheduled": 0,
    }
    assert shop("queues", "set-concurrency", "mail").out == "mail: open, 100 every 1 min\n"
    assert shop("queues", "set-rate", "mail").out == "mail: open\n"


def test_a_limit_of_nothing_is_refused(shop: Terminal) -> None:
    answer = shop("queues", "set-concurrency", "mail", "0")
    assert (answer.code, "limit: expected" in answer.err) == (2, True)
    assert "Traceback" not in answer.err
    assert shop("queues", "set-rate", "mail", "1", "--per", "0").code == 2
    assert shop("queues", "pause", "").code == 2

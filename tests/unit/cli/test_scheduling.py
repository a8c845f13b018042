"""`ductape schedule`, without a worker; what waits is tested where one works."""

import json
from pathlib import Path

import pytest

from tests.unit.cli.builders import Terminal, a_request

KEYS = {"job_id", "status", "scheduled_at", "recurring", "next_run_at", "warnings"}


def test_a_request_from_standard_input_answers_with_its_receipt(shop: Terminal) -> None:
    answer = shop("schedule", "-", "--json", stdin=a_request())
    receipt = answer.json()
    assert isinstance(receipt, dict)
    assert set(receipt) == KEYS
    assert receipt["status"] == "scheduled"
    assert "no worker is live" in answer.err


def test_a_request_may_be_yaml_in_a_file(shop: Terminal) -> None:
    Path("job.yaml").write_text(
        "product_tag: shop\nenv: dev\nevent: pack\nstart_at: 0\ninput: {}\nkey: first\n"
    )
    answer = shop("schedule", "job.yaml")
    assert answer.code == 0
    assert "queued" in answer.out
    kept = shop("jobs", "show", "--key", "first", "--product", "shop", "--env", "dev", "--json")
    assert f'"{json.loads(kept.out)["id"]}"' in kept.out


def test_an_array_is_a_batch_with_its_receipts_in_order(shop: Terminal) -> None:
    batch = f"[{a_request(key='a')}, {a_request(key='b', event='count')}]"
    receipts = shop("schedule", "-", "--json", stdin=batch).json()
    assert isinstance(receipts, list)
    events = [
        json.loads(shop("jobs", "show", one["job_id"], "--json").out)["event"] for one in receipts
    ]
    assert events == ["pack", "count"]


def test_a_batch_with_a_fault_stores_nothing(shop: Terminal) -> None:
    answer = shop("schedule", "-", stdin=f"[{a_request()}, {a_request(event='nothing')}]")
    assert answer.code == 2
    assert shop("jobs", "list", "--json").json() == []


def test_every_fault_of_a_request_is_told(shop: Terminal) -> None:
    answer = shop("schedule", "-", stdin=a_request(start_at=-1, retries=True, inpt={}))
    assert answer.code == 2
    assert "start_at: " in answer.err
    assert "retries: " in answer.err
    assert "did you mean `input`?" in answer.err


@pytest.mark.parametrize("more", [(), ("--wait",)])
def test_every_fault_of_an_array_is_told_also_where_one_is_no_request(
    shop: Terminal, more: tuple[str, ...]
) -> None:
    answer = shop("schedule", "-", *more, stdin='[{"inptu": 1}, 4]')
    assert answer.code == 2
    assert "[0].inptu: " in answer.err
    assert "[1]: expected an object, found a number" in answer.err


def test_a_time_out_without_a_wait_is_refused(shop: Terminal) -> None:
    answer = shop("schedule", "-", "--timeout", "5", stdin=a_request())
    assert answer.code == 2
    assert answer.err.startswith("error: --timeout: expected `--wait` beside it, found none")
    assert "`timeout` in the request" in answer.err
    assert shop("jobs", "list", "--json").json() == []


def test_a_warning_of_the_receipt_is_told(shop: Terminal) -> None:
    repeat = {"cron": "61 * * * *", "every": 86_400_000}
    answer = shop("schedule", "-", stdin=a_request(repeat=repeat))
    assert answer.code == 0
    assert "warning: repeat.cron" in answer.err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("3", "expected a request or an array of requests, found a number"),
        ("", "found nothing"),
        ("[3]", "expected an object, found a number"),
        ("{", "standard input: expected JSON"),
        ("a: [", "standard input: expected YAML"),
        ('{"a": 1, "a": 2}', "each key once"),
        ("a: &x 1\nb: *x", "standard input: expected"),
    ],
)
def test_what_is_no_request_is_bad_input(shop: Terminal, text: str, said: str) -> None:
    answer = shop("schedule", "-", stdin=text)
    assert answer.code == 2
    assert said in answer.err


def test_a_file_that_is_not_there_is_bad_input(shop: Terminal) -> None:
    answer = shop("schedule", "gone.json")
    assert answer.code == 2
    assert answer.err == "error: there is no file gone.json\n"


def test_bytes_that_are_no_text_are_bad_input(shop: Terminal) -> None:
    Path("job.json").write_bytes(b"\xff\xfe\x00")
    answer = shop("schedule", "job.json")
    assert answer.code == 2
    assert "job.json: expected text in UTF-8" in answer.err


def test_a_recurrence_in_a_batch_cannot_be_waited_for(shop: Terminal) -> None:
    batch = f"[{a_request()}, {a_request(repeat={'every': 1000})}]"
    answer = shop("schedule", "-", "--wait", stdin=batch)
    assert answer.code == 2
    assert "[1].repeat: expected no recurrence" in answer.err
    assert shop("jobs", "list", "--json").json() == []

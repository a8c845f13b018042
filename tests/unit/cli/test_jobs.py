"""`ductape jobs`, without a worker."""

import json
from typing import cast

import pytest

from ductape.domain.wire import JobView
from tests.unit.cli.builders import Terminal, scheduled

DAILY = {"cron": "0 9 * * *", "tz": "Europe/Amsterdam"}


def _shown(terminal: Terminal, job_id: str) -> JobView:
    return cast("JobView", terminal("jobs", "show", job_id, "--json").json())


def _ids(terminal: Terminal, *filters: str) -> list[str]:
    found = cast("list[JobView]", terminal("jobs", "list", "--json", *filters).json())
    return [job["id"] for job in found]


def test_jobs_are_listed_newest_first_with_their_whole_ids(shop: Terminal) -> None:
    first, second = scheduled(shop), scheduled(shop, event="count")
    answer = shop("jobs", "list")
    head, newer, older = answer.out.splitlines()
    assert head.split()[:3] == ["ID", "STATUS", "EVENT"]
    assert newer.split()[:3] == [second, "scheduled", "count"]
    assert older.split()[:3] == [first, "scheduled", "pack"]


@pytest.mark.parametrize(
    "filters",
    [
        ("--env", "prd"),
        ("--event", "count"),
        ("--recurring",),
        ("--queue", "slow"),
        ("--metadata", "team=blue"),
        ("-q", "my-key"),
        ("--session-tag", "user", "--session-user", "u7"),
    ],
)
def test_each_filter_finds_the_one_job(shop: Terminal, filters: tuple[str, ...]) -> None:
    pair = shop(
        "sessions", "start", "--env", "prd", "--tag", "user", "--json", "--data", '{"id": "u7"}'
    )
    token = json.loads(pair.out)["token"]
    scheduled(shop)
    wanted = scheduled(
        shop,
        env="prd",
        event="count",
        queue="slow",
        key="my-key",
        repeat=DAILY,
        metadata={"team": "blue"},
        session={"tag": "user", "token": token},
    )
    assert _ids(shop, *filters) == [wanted]
    assert _ids(shop, "--status", "completed") == []


def test_instants_bound_the_creation(shop: Terminal) -> None:
    job = scheduled(shop)
    assert _ids(shop, "--from", "2020-01-01", "--to", "2190-01-01T00:00:00Z") == [job]
    assert _ids(shop, "--to", "2020-01-01") == []


def test_a_page_tells_where_the_next_begins(shop: Terminal) -> None:
    first, second = scheduled(shop), scheduled(shop)
    answer = shop("jobs", "list", "--limit", "1", "--json")
    assert f"--cursor {second}" in answer.err
    assert _ids(shop, "--limit", "1", "--cursor", second) == [first]


def test_without_jobs_standard_output_is_empty(shop: Terminal) -> None:
    answer = shop("jobs", "list")
    assert (answer.code, answer.out) == (0, "")


def test_a_label_without_a_value_is_bad_input(shop: Terminal) -> None:
    answer = shop("jobs", "list", "--metadata", "team")
    assert answer.code == 2
    assert "--metadata: expected NAME=VALUE" in answer.err


def test_a_job_is_shown_with_its_times_and_its_input(shop: Terminal) -> None:
    job = scheduled(shop, input={"box": "\x1b[31m"}, repeat=DAILY, key="k1")
    answer = shop("jobs", "show", job)
    for part in (job, "k1", "0 9 * * * Europe/Amsterdam", "2190-01-01", "box", "(in "):
        assert part in answer.out
    assert "\x1b" not in answer.out


def test_an_unknown_job_is_not_found(shop: Terminal) -> None:
    answer = shop("jobs", "show", "nope")
    assert answer.code == 2
    assert "there is no job nope" in answer.err


def test_a_job_is_cancelled_once(shop: Terminal) -> None:
    job = scheduled(shop)
    done = shop("jobs", "cancel", job, "--reason", "too late", "--json").json()
    again = shop("jobs", "cancel", job, "--json").json()
    assert isinstance(done, dict)
    assert isinstance(again, dict)
    assert (done["status"], done["changed"]) == ("cancelled", True)
    assert (again["status"], again["changed"]) == ("cancelled", False)
    assert "too late" in shop("jobs", "history", job).out
    assert "nothing to change" in shop("jobs", "cancel", job).out


def test_several_jobs_are_cancelled_together_or_not_at_all(shop: Terminal) -> None:
    jobs = [scheduled(shop), scheduled(shop)]
    assert shop("jobs", "cancel", *jobs, "nope").code == 2
    assert {_shown(shop, job)["status"] for job in jobs} == {"scheduled"}
    assert shop("jobs", "cancel", *jobs).code == 0
    assert {_shown(shop, job)["status"] for job in jobs} == {"cancelled"}


def test_a_cancelled_job_is_retried(shop: Terminal) -> None:
    job = scheduled(shop)
    shop("jobs", "cancel", job)
    assert shop("jobs", "retry", job, "--delay", "60000").code == 0
    assert _shown(shop, job)["status"] == "scheduled"


def test_a_recurring_job_is_paused_resumed_and_run_now(shop: Terminal) -> None:
    job = scheduled(shop, repeat=DAILY)
    assert "paused" in shop("jobs", "pause", job).out
    assert _shown(shop, job)["next_run_at"] is None
    assert "scheduled" in shop("jobs", "resume", job).out
    assert "queued" in shop("jobs", "run-now", job).out


def test_a_one_off_job_is_not_paused(shop: Terminal) -> None:
    answer = shop("jobs", "pause", scheduled(shop))
    assert answer.code == 2
    assert "expected a recurring job" in answer.err


@pytest.mark.parametrize("verb", ["pause", "resume", "run-now"])
def test_a_one_off_job_among_others_leaves_all_as_they_are(shop: Terminal, verb: str) -> None:
    daily, once = scheduled(shop, repeat=DAILY), scheduled(shop)
    if verb == "resume":
        shop("jobs", "pause", daily)
    before = _shown(shop, daily)
    answer = shop("jobs", verb, daily, once)
    assert answer.code == 2
    assert "expected a recurring job" in answer.err
    assert _shown(shop, daily) == before


def test_history_has_totals_and_runs(shop: Terminal) -> None:
    job = scheduled(shop)
    assert "runs 0: 0 completed, 0 failed" in shop("jobs", "history", job).out
    shop("jobs", "cancel", job)
    found = shop("jobs", "history", job, "--json").json()
    assert isinstance(found, dict)
    assert [run["status"] for run in found["executions"]] == ["cancelled"]


def test_watching_a_job_that_is_over_ends_with_its_code(shop: Terminal) -> None:
    job = scheduled(shop)
    shop("jobs", "cancel", job)
    answer = shop("jobs", "watch", job)
    assert answer.code == 1
    [line] = answer.out.splitlines()
    assert "cancelled" in line
    watched = json.loads(shop("jobs", "watch", job, "--json").out)
    assert (watched["id"], watched["status"]) == (job, "cancelled")


def test_watching_gives_up_and_leaves_the_job_alone(shop: Terminal) -> None:
    job = scheduled(shop)
    answer = shop("jobs", "watch", job, "--timeout", "0.01")
    assert answer.code == 4
    assert f"`ductape jobs watch {job}` waits on" in answer.err
    assert _shown(shop, job)["status"] == "scheduled"

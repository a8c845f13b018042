"""`ductape demo`: its story, its checks, its exit code, and what it shows (issue 3 item 2)."""

import asyncio
import io
import re
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest
from rich.console import Console

from ductape import Ductape
from ductape.cli import demo as command
from ductape.cli.demo import showing, staging
from ductape.cli.demo.checks import Check, check_all
from ductape.cli.demo.receivers import ReceiverName, Receivers, open_receivers
from ductape.cli.demo.report import print_report
from ductape.cli.demo.staging import Audience, Outcome, perform
from ductape.cli.demo.story import Pace
from ductape.cli.demo.watching import live_table
from ductape.cli.main import execute
from ductape.domain.jsonvalue import JsonObject

FAST = Pace(later_ms=300, every_ms=100, retry_ms=20)
ROOT = Path(__file__).parents[2]
COLUMNS = 80


class Played:
    """One performance, and what its live table drew."""

    def __init__(self, store: Path) -> None:
        self.drawn = io.StringIO()
        console = Console(file=self.drawn, force_terminal=True, width=COLUMNS, color_system=None)
        with live_table(console) as look:
            audience = Audience(scene=lambda _: None, look=look)
            self.outcome = asyncio.run(perform(str(store), FAST, audience))


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    return Played(tmp_path_factory.mktemp("demo") / "demo.db")


def failed_checks(outcome: Outcome) -> list[Check]:
    return [check for check in check_all(outcome) if not check.passed]


def changed(
    outcome: Outcome, name: ReceiverName, change: Callable[[list[JsonObject]], list[JsonObject]]
) -> Outcome:
    """Return the outcome as it would be had one receiver got something else."""
    return replace(outcome, got={**outcome.got, name: change(list(outcome.got[name]))})


class Forgetful(list[JsonObject]):
    """Loses the first thing that it is given."""

    def __init__(self) -> None:
        super().__init__()
        self._lost = False

    def append(self, delivery: JsonObject, /) -> None:
        if self._lost:
            super().append(delivery)
        self._lost = True


@asynccontextmanager
async def forgetful_receivers(
    *, partner_token: str, push_token: str
) -> AsyncGenerator[Receivers, None]:
    tokens = {"partner_token": partner_token, "push_token": push_token}
    async with open_receivers(**tokens) as receivers:
        receivers.push.got = Forgetful()
        yield receivers


async def jobs_in(store: Path) -> list[str]:
    async with Ductape.open(str(store), config={}, worker=False) as ductape:
        return sorted(job["id"] for job in await ductape.jobs.list())


def test_everything_arrives_as_it_should(played: Played) -> None:
    assert failed_checks(played.outcome) == []


def test_the_acts_are_those_that_the_issue_lists(played: Played) -> None:
    ends = {
        act.title: (job["kind"], job["status"], job["execution_count"])
        for act, job in zip(played.outcome.acts, played.outcome.jobs, strict=True)
    }
    assert ends == {
        "push, every day at 10:00": ("notification", "scheduled", 0),
        "the same push, once, now": ("notification", "completed", 1),
        "order with session data": ("action", "completed", 1),
        "welcome e-mail": ("notification", "completed", 1),
        "report, delayed": ("job", "completed", 1),
        "tracking, 4 times": ("action", "completed", 4),
        "refund, always refused": ("action", "failed", 1),
        "rates, cached": ("action", "completed", 1),
        "rates, asked again": ("action", "completed", 1),
    }


def test_ten_instants_follow_one_another_at_ten_in_amsterdam(played: Played) -> None:
    there = [one.astimezone(ZoneInfo("Europe/Amsterdam")) for one in played.outcome.instants]
    assert {(moment.hour, moment.minute) for moment in there} == {(10, 0)}
    days = [moment.date() for moment in there]
    assert days == [days[0] + timedelta(days=at) for at in range(10)]


@pytest.mark.parametrize("name", ["partner", "push", "mail"])
def test_a_lost_delivery_fails_its_receivers_check_alone(
    played: Played, name: ReceiverName
) -> None:
    (check,) = failed_checks(changed(played.outcome, name, lambda got: got[1:]))
    assert check.differs[0].startswith("missing, 1 time: {")


@pytest.mark.parametrize("name", ["partner", "push", "mail"])
def test_a_delivery_too_many_fails_its_receivers_check(played: Played, name: ReceiverName) -> None:
    (check,) = failed_checks(changed(played.outcome, name, lambda got: [*got, got[0]]))
    assert check.differs[0].startswith("unexpected, 1 time: {")


def test_another_content_is_both_missing_and_unexpected(played: Played) -> None:
    other = changed(played.outcome, "push", lambda got: [{**got[0], "title": "Order Lost"}])
    (check,) = failed_checks(other)
    words = [difference.split(",")[0] for difference in check.differs]
    assert words == ["missing", "unexpected"]


def test_a_run_before_its_instant_fails_its_check(played: Played) -> None:
    histories = deepcopy(list(played.outcome.histories))
    run = histories[1]["executions"][0]
    run["started_at"] = run["scheduled_at"] - 1
    (check,) = failed_checks(replace(played.outcome, histories=histories))
    assert check.differs == (f"{histories[1]['job_id']} run 1: 1 ms early",)


def test_a_second_execution_fails_the_check_of_the_equal_pair(played: Played) -> None:
    histories = deepcopy(list(played.outcome.histories))
    first, second = (history["executions"][0] for history in histories[-2:])
    first["attempts"] = second["attempts"] = [*first["attempts"], *second["attempts"]]
    (check,) = failed_checks(replace(played.outcome, histories=histories))
    assert check.differs == ("attempts of both: expected 1, found 2",)


def test_a_job_that_ended_otherwise_fails_its_check(played: Played) -> None:
    jobs = deepcopy(list(played.outcome.jobs))
    jobs[3]["status"] = "failed"
    (check,) = failed_checks(replace(played.outcome, jobs=jobs))
    assert check.differs == ("state: expected completed, found failed",)


def test_the_live_table_cuts_nothing_at_eighty_columns(played: Played) -> None:
    drawn = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", played.drawn.getvalue())
    assert "…" not in drawn
    assert all(act.title in drawn for act in played.outcome.acts)
    # A full last line would wrap the `^C` that a terminal echoes, and spoil the next drawing.
    assert max(map(len, drawn.splitlines())) < COLUMNS - len("^C")


def test_the_report_fits_eighty_columns_and_shows_no_token(played: Played) -> None:
    out = io.StringIO()
    console = Console(file=out, width=COLUMNS, color_system=None)
    print_report(console, played.outcome, check_all(played.outcome))
    text = out.getvalue()
    assert max(map(len, text.splitlines())) <= COLUMNS
    assert all(job["id"] in text for job in played.outcome.jobs)
    assert "abcdef123456" not in text


def test_the_command_prints_one_json_object_and_keeps_the_store(tmp_path: Path) -> None:
    store = tmp_path / "kept.db"
    ductape = Path(sys.executable).with_name("ductape")
    done = subprocess.run(  # noqa: S603 (our own command)
        [ductape, "demo", "--json", "--store", store],
        capture_output=True,
        timeout=50,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    report = msgspec.json.decode(done.stdout)
    assert report["passed"] is True
    assert {name: len(got) for name, got in report["received"].items()} == {
        "partner": 9,
        "push": 1,
        "mail": 1,
    }
    assert len(report["next_instants"]) == 10
    assert b"abcdef123456" not in done.stdout
    assert asyncio.run(jobs_in(store)) == sorted(job["id"] for job in report["jobs"])


def test_a_push_service_that_drops_one_push_makes_the_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(showing, "PACE", FAST)
    monkeypatch.setattr(staging, "open_receivers", forgetful_receivers)
    assert execute(["demo", "--plain"]) == 1
    out = capsys.readouterr().out
    assert "✗ the push service got exactly its 1 push" in out
    assert "missing, 1 time" in out
    assert out.rstrip().splitlines()[-1].startswith("1 check failed")


def test_plain_lines_tell_each_change_without_steering_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(showing, "PACE", FAST)
    assert execute(["demo", "--plain"]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    assert "\x1b" not in captured.out
    assert re.search(r"\d\.\d s  welcome e-mail +completed", captured.out)


def test_a_store_that_exists_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = tmp_path / "mine.db"
    store.touch()
    assert execute(["demo", "--store", str(store)]) == 2
    assert "exists already" in capsys.readouterr().err


def test_a_missing_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "find_spec", lambda _: None)
    assert execute(["demo"]) == 2
    assert "ductape-jobs[demo]" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["product.yaml", "handlers.py"])
def test_the_example_is_what_the_demo_ships(name: str) -> None:
    example = ROOT / "examples/orders" / name
    shipped = ROOT / "src/ductape/cli/demo/orders" / name
    assert example.read_text("utf-8") == shipped.read_text("utf-8")

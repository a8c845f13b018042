"""What a person reads before and after the demo: the scene, the receivers, the runs, the checks.

Lines are made to fit 80 columns; whatever is longer is left to the terminal, never cut. Times of
day are UTC; spans are milliseconds.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

import msgspec
from rich.console import Console
from rich.text import Text

from ductape.cli.demo.checks import NAMES, Check, counted, masked
from ductape.cli.demo.receivers import ReceiverName
from ductape.cli.demo.staging import Outcome, Scene
from ductape.cli.demo.story import Act
from ductape.cli.demo.watching import STYLES, local
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.wire import AttemptView, ExecutionView, HistoryView, JobView

TITLE = "Ductape demo: an order service on this machine; nothing leaves it"


def print_scene(console: Console, scene: Scene, *, kept: bool) -> None:
    """Print what stands before the first job is scheduled."""
    ports = scene.ports
    where = f"{scene.store}" if kept else "in a temporary folder, removed at the end"
    console.print(Text(TITLE, "bold"))
    console.print()
    _fact(console, "store", where)
    if scene.new_key is not None:
        _fact(console, "key", "made beside the store" + (f": {scene.new_key}" if kept else ""))
    _fact(console, "product", f"{scene.product}, version {scene.version}")
    _fact(console, "receivers", f"partner API http://127.0.0.1:{ports['partner']}")
    _fact(console, "", f"push service http://127.0.0.1:{ports['push']}")
    _fact(console, "", f"mail server 127.0.0.1:{ports['mail']}")
    console.print()


def print_report(console: Console, outcome: Outcome, checks: Sequence[Check]) -> None:
    """Print what happened, and whether it should have."""
    _heading(console, "What each receiver got")
    for name in NAMES:
        _receiver(console, name, outcome.got[name])
    _heading(console, "Each run with its attempts", "due (UTC), how late it started, how it ended")
    for act, job, history in zip(outcome.acts, outcome.jobs, outcome.histories, strict=True):
        _job(console, act, job, history)
    daily = outcome.jobs[0]
    _heading(console, f"The next ten instants of {daily['cron']} in {daily['tz']}")
    for at, instant in enumerate(outcome.instants, 1):
        _instant(console, at, instant, daily["tz"] or "UTC")
    _heading(console, "Checks")
    for check in checks:
        _check(console, check)
    _verdict(console, outcome, checks)


def _heading(console: Console, words: str, explained: str = "") -> None:
    console.print()
    _line(console, (words, "bold"), (f"  {explained}" if explained else "", "dim"))


def _fact(console: Console, name: str, words: str) -> None:
    console.print(Text.assemble((f"  {name:<11}", "dim"), words), soft_wrap=True)


def _line(console: Console, *parts: str | tuple[str, str]) -> None:
    console.print(Text.assemble(*parts), soft_wrap=True)


def _receiver(console: Console, name: ReceiverName, got: Sequence[JsonObject]) -> None:
    who, noun = NAMES[name]
    _line(console, "  ", (who, "cyan"), f": {counted(len(got), noun)}")
    for text, number in Counter(_as_text(masked(one)) for one in got).items():
        times = f", {counted(number, 'time')}" if number > 1 else ""
        _SHOWN[name](console, times, msgspec.json.decode(text))


def _request(console: Console, times: str, request: JsonObject) -> None:
    asked = f"    {request['method']} {request['path']}"
    _line(console, asked, (f"  answered {request['status']}{times}", "dim"))
    if request["body"] is not None:
        _line(console, (f"      {_as_text(request['body'])}", "dim"))


def _push(console: Console, times: str, push: JsonObject) -> None:
    _line(console, f"    {push['title']}", (times, "dim"))
    _line(console, f"      {push['body']}")
    _line(console, (f"      data {_as_text(push['data'])}  to {push['to']}", "dim"))


def _mail(console: Console, times: str, mail: JsonObject) -> None:
    to = mail["to"]
    recipients = ", ".join(str(one) for one in to) if isinstance(to, list) else str(to)
    _line(console, f"    {mail['subject']}", (f"  to {recipients}{times}", "dim"))
    for kind in ("text", "html"):
        for at, line in enumerate(str(mail[kind] or "-").splitlines()):
            _line(console, (f"      {kind if at == 0 else '':<5} {line}", "dim"))


_SHOWN: Mapping[ReceiverName, Callable[[Console, str, JsonObject], None]] = {
    "partner": _request,
    "push": _push,
    "mail": _mail,
}


def _job(console: Console, act: Act, job: JobView, history: HistoryView) -> None:
    _line(console, f"  {act.title:<26}", (job["id"], "dim"))
    for run in reversed(history["executions"]):
        _run(console, run)
    if job["status"] == "scheduled" and job["next_run_at"] is not None:
        due = local(job["next_run_at"], job["tz"] or "UTC")
        _line(console, ("    scheduled", STYLES["scheduled"]), f"  for {due:%a %d %b %Y %H:%M %Z}")


def _run(console: Console, run: ExecutionView) -> None:
    attempts = run["attempts"]
    status = (f"{run['status']:<9}", STYLES[run["status"]])
    due = f"due {_clock(run['scheduled_at'])}  {_late(run):>6}"
    _line(console, f"    run {run['number']}      {due}  ", status, f"  {_came_to(run)}")
    if len(attempts) > 1:
        for attempt in attempts:
            _attempt(console, attempt)


def _attempt(console: Console, attempt: AttemptView) -> None:
    status = (f"{attempt['status']:<9}", "red" if attempt["error"] else "green")
    began = f"at {_clock(attempt['started_at'])}"
    name = f"attempt {attempt['number']}"
    _line(console, f"    {name}   {began}          ", status, f"  {_took(attempt)}")


def _late(run: ExecutionView) -> str:
    started = run["started_at"]
    return "" if started is None else f"+{started - run['scheduled_at']} ms"


def _came_to(run: ExecutionView) -> str:
    attempts = run["attempts"]
    if run["cached"]:
        return "by the equal one's result"
    return _took(attempts[0]) if len(attempts) == 1 else counted(len(attempts), "attempt")


def _took(attempt: AttemptView) -> str:
    ended, error = attempt["completed_at"], attempt["error"]
    took = f"{(ended or attempt['started_at']) - attempt['started_at']} ms"
    return took if error is None else f"{took}  {error['code']}"


def _instant(console: Console, at: int, instant: datetime, zone: str) -> None:
    there = local(round(instant.timestamp() * 1_000), zone)
    utc = f"{instant:%Y-%m-%dT%H:%M:%SZ}"
    _line(console, f"  {at:>2}  {there:%a %d %b %Y  %H:%M %Z}    ", (utc, "dim"))


def _check(console: Console, check: Check) -> None:
    mark = ("✓", "green") if check.passed else ("✗", "bold red")
    _line(console, "  ", mark, f" {check.says}")
    for difference in check.differs:
        _line(console, (f"      {difference}", "red"))


def _verdict(console: Console, outcome: Outcome, checks: Sequence[Check]) -> None:
    failed = sum(not check.passed for check in checks)
    took = f"{len(outcome.jobs)} jobs in {outcome.took_ms / 1_000:.1f} s"
    console.print()
    if failed:
        console.print(Text(f"{counted(failed, 'check')} failed; {took}", "bold red"))
    else:
        console.print(Text(f"Everything arrived exactly as it should: {took}", "bold green"))


def _clock(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1_000, UTC):%H:%M:%S.%f}"[:-3]


def _as_text(value: JsonValue | Mapping[str, JsonValue]) -> str:
    return msgspec.json.encode(value).decode()

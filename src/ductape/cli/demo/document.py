"""The demo's report for machines: one JSON object, with neither tokens nor secrets in it."""

from collections.abc import Sequence

from ductape.cli.demo.checks import Check, masked
from ductape.cli.demo.staging import Outcome
from ductape.cli.demo.story import Act
from ductape.cli.demo.watching import local
from ductape.domain.wire import HistoryView, JobView


def report_document(outcome: Outcome, checks: Sequence[Check]) -> dict[str, object]:
    """Return `{passed, took_ms, checks, received, jobs, next_instants}`."""
    zone = outcome.jobs[0]["tz"] or "UTC"
    return {
        "passed": all(check.passed for check in checks),
        "took_ms": outcome.took_ms,
        "checks": [
            {"passed": check.passed, "says": check.says, "differs": check.differs}
            for check in checks
        ],
        "received": {name: [masked(one) for one in got] for name, got in outcome.got.items()},
        "jobs": [
            _job(act, job, history)
            for act, job, history in zip(outcome.acts, outcome.jobs, outcome.histories, strict=True)
        ],
        "next_instants": [
            {
                "utc": f"{instant:%Y-%m-%dT%H:%M:%SZ}",
                "local": local(round(instant.timestamp() * 1_000), zone).isoformat(),
            }
            for instant in outcome.instants
        ],
    }


def _job(act: Act, job: JobView, history: HistoryView) -> dict[str, object]:
    return {
        "id": job["id"],
        "title": act.title,
        "event": job["event"],
        "kind": job["kind"],
        "status": job["status"],
        "next_run_at": job["next_run_at"],
        "runs": list(reversed(history["executions"])),
    }

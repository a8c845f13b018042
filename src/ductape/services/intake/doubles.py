"""Keys that a request cannot have: another job has them, or another of its own batch (SPEC 1)."""

from collections.abc import Sequence

from ductape.errors import Conflict
from ductape.ports.stores.intake import Added
from ductape.services.intake.building import Built


def refuse_doubles(built: Sequence[Built]) -> None:
    """Refuse a batch that gives one key to two recurrences: neither comes after the other."""
    first: dict[tuple[str, str, str | None], bytes] = {}
    for at, job in enumerate(one.job for one in built):
        if job.spec.key is None or job.schedule is None:
            continue
        named = job.spec.product, job.spec.env, job.spec.key
        if first.setdefault(named, job.digest) != job.digest:
            raise Conflict(
                f"[{at}].key: `{job.spec.key}` cannot be used: another recurring job of this batch"
                " has it, with other values",
                path=f"[{at}].key",
            )


def refuse_conflicts(built: Sequence[Built], answers: Sequence[Added]) -> None:
    """Refuse what cannot be the job that has its key."""
    for at, (one, answer) in enumerate(zip(built, answers, strict=True)):
        if answer.verdict == "conflict":
            path = "key" if len(built) == 1 else f"[{at}].key"
            raise Conflict(
                f"{path}: `{one.job.spec.key}` cannot be used: {answer.reason}",
                path=path,
                job_id=answer.job_id,
            )

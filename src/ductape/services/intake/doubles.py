"""Keys that a request cannot have: another job has them, or another of its own batch (SPEC 1)."""

from collections.abc import Sequence

from ductape.errors import Conflict
from ductape.ports.stores.intake import Added
from ductape.services.intake.building import Built


def refuse_doubles(built: Sequence[Built]) -> None:
    """Refuse a batch that gives one key to two recurrences: neither comes after the other."""
    first: dict[tuple[str, str, str | None], int] = {}
    for at, job in enumerate(one.job for one in built):
        if job.spec.key is None or job.schedule is None:
            continue
        before = first.setdefault((job.spec.product, job.spec.env, job.spec.key), at)
        if built[before].job.digest != job.digest:
            raise _double(built, at, before)


def refuse_conflicts(built: Sequence[Built], answers: Sequence[Added]) -> None:
    """Refuse what cannot be the job that has its key."""
    for at, (one, answer) in enumerate(zip(built, answers, strict=True)):
        if answer.verdict != "conflict":
            continue
        before = _place_of(answer.job_id, answers)
        if before is not None:
            raise _double(built, at, before)
        path = "key" if len(built) == 1 else f"[{at}].key"
        raise Conflict(
            f"{path}: `{one.job.spec.key}` cannot be used: {answer.reason}",
            path=path,
            job_id=answer.job_id,
        )


def _place_of(job_id: str, answers: Sequence[Added]) -> int | None:
    """Return which of a batch would have become a job; none for one that was there before."""
    added = (at for at, one in enumerate(answers) if one.verdict == "added")
    return next((at for at in added if answers[at].job_id == job_id), None)


def _double(built: Sequence[Built], at: int, before: int) -> Conflict:
    """Make the error of a key that two of a batch have: neither is stored, so none has an id."""
    key = built[at].job.spec.key
    return Conflict(
        f"[{at}].key: `{key}` cannot be used: [{before}].key has it, in a request that differs",
        path=f"[{at}].key",
        hint="use another key for one of the two; equal requests are one job",
    )

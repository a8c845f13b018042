"""Subscriptions without an end: runs that live for months (SPEC 9).

Three losses in a row are a poison pill, but not three deploys gone wrong, weeks apart: what such a
run has noted since it began its present attempt shows that it works, and the count begins anew.
Nor is it a suspect any longer then, which would keep its worker from taking another one.
"""

from ductape.domain.job import JobSpec, Run
from ductape.domain.parsing.scalars import SPAN_MAX_MS
from ductape.domain.request import JobEventTypes

ATTEMPT = "attempt"
"""The member of a subscription's checkpoint that tells which attempt wrote it."""


def is_standing(spec: JobSpec) -> bool:
    """Tell whether a run goes on until somebody ends it: no attempt of it has a time-out.

    Its input cannot be asked: it may be sealed.
    """
    return spec.kind is JobEventTypes.SUBSCRIBE and spec.timeout_ms == SPAN_MAX_MS


def losses_in_a_row(run: Run) -> int:
    """Count the losses of a run that nothing good has come between."""
    if not run.losses or not is_standing(run.spec):
        return run.losses
    noted = run.checkpoint
    works = isinstance(noted, dict) and noted.get(ATTEMPT) == len(run.attempts) + 1
    return 0 if works else run.losses

"""The extra occurrences that this program has asked for and not waited for yet.

An extra occurrence may have ended before anybody can ask for its result: the run that is under way
then is the recurrence's next one, perhaps in a week. So the first `wait` after `run_now` is told
which run was meant.
"""

from ductape.domain.change import Settlement
from ductape.domain.record import JobRecord
from ductape.services.settling import Plan

MOST = 10_000
"""How many are remembered; the oldest is forgotten first."""


class Extras:
    """Numbers of runs, by job."""

    def __init__(self) -> None:
        """Begin with none."""
        self._numbers: dict[str, int] = {}

    def noting(self, job_id: str, plan: Plan) -> Plan:
        """Return the plan of a verb, which then also remembers the occurrence that it adds."""

        def noted(record: JobRecord, now_ms: int) -> Settlement | None:
            planned = plan(record, now_ms)
            number = _number(record, planned)
            if number is not None:
                self._numbers[job_id] = number
                if len(self._numbers) > MOST:
                    del self._numbers[next(iter(self._numbers))]
            return planned

        return noted

    def take(self, job_id: str) -> int | None:
        """Return the run that was asked for, once."""
        return self._numbers.pop(job_id, None)


def _number(record: JobRecord, planned: Settlement | None) -> int | None:
    """Return the number that an extra occurrence of a recurring job will have; none without one."""
    if planned is None or record.schedule is None:
        return None
    if planned.next_run is not None:
        return planned.next_run.number
    return None if record.live is None else record.live.number + 1

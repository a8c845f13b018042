"""All that is known of one job at one moment: what lives of it, and how it last ended."""

from msgspec import Struct

from ductape.domain.job import Finished, JobSpec, Run, Schedule
from ductape.domain.lifecycle import JobStatus, job_status_of


class JobRecord(Struct, frozen=True):
    """One job: at least one of `live`, `schedule` and `last` is there."""

    job_id: str
    live: Run | None
    """The run that waits or is being executed."""
    schedule: Schedule | None
    """The recurrence, if it is a recurring job."""
    last: Finished | None
    """The latest finished run."""
    updated_at_ms: int = 0

    @property
    def spec(self) -> JobSpec:
        """The definition in force."""
        for part in (self.schedule, self.live, self.last):
            if part is not None:
                return part.spec
        msg = "a job record without any part"
        raise ValueError(msg)

    @property
    def status(self) -> JobStatus:
        """What the store has last written of it."""
        if self.schedule is not None and self.schedule.state != "active":
            return self._ended_status(self.schedule.state)
        if self.live is not None:
            return job_status_of(self.live.state)
        if self.schedule is not None:
            return "scheduled"
        return self.last.outcome if self.last is not None else "scheduled"

    def status_at(self, now_ms: int) -> JobStatus:
        """Tell what a caller sees (SPEC 2): an instant passes also where no worker looks."""
        status = self.status
        if status == "scheduled" and self.live is not None and self.live.due_at_ms <= now_ms:
            return "queued"
        return status

    def _ended_status(self, state: JobStatus) -> JobStatus:
        """Show an extra run of an ended recurrence; show a pause at once."""
        if self.live is not None and state != "paused":
            return job_status_of(self.live.state)
        return state

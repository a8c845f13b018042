"""Finding one job by its id, whoever asks for it."""

from ductape.domain.found import shortened
from ductape.domain.record import JobRecord
from ductape.errors import NotFound
from ductape.ports.stores import Store
from ductape.services.jobs.filtering import read_word


async def found_job(store: Store, job_id: str, path: str = "id") -> JobRecord:
    """Return a job; raises `NotFound`, and `ValidationError` at `path` for what can be no id."""
    record = await store.reading.get(read_word(job_id, path))
    if record is None:
        raise NotFound(f"there is no job {shortened(job_id)}", path="job_id", job_id=job_id)
    return record

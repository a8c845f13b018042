"""First runs as rows, by place: most of all that is stored, so only what they have to tell is sent.

Half the columns of a run say what became of it; those of a run that nobody has touched are left to
the table's defaults.
"""

from ductape.domain.job import Run, attempt_ms
from ductape.domain.limits.flow import flow_of
from ductape.stores.postgres.rows.searching import searchable_metadata
from ductape.stores.postgres.rows.values import INSERTED, Cell, encode

_NAMES = (
    "job_id number state product env event kind queue rank flow needs concurrency "
    "recurring scheduled_at due_at timeout_ms job_key session_tag session_user_id metadata "
    "spec expires_at updated_at"
)
FRESH = {name: INSERTED[name] for name in _NAMES.split()}
"""The columns of a run that nobody has touched and their types, in the order of `fresh_row`."""
Fresh = tuple[Cell, ...]
"""One value for each of `FRESH`."""


def fresh_row(run: Run, now_ms: int) -> Fresh:
    """Return `FRESH` of a run that nobody has touched."""
    spec = run.spec
    session = spec.session
    return (
        run.job_id,
        run.number,
        run.state,
        spec.product,
        spec.env,
        spec.event,
        str(spec.kind),
        spec.queue,
        -spec.priority,
        flow_of(spec),
        spec.needs or "",
        None if spec.concurrency_key is None else spec.concurrency_limit,
        spec.repeat is not None,
        run.scheduled_at_ms,
        run.due_at_ms,
        attempt_ms(spec),
        spec.key,
        None if session is None else session.tag,
        None if session is None else session.user,
        searchable_metadata(spec.metadata),
        encode(spec),
        spec.expires_at_ms,
        now_ms,
    )

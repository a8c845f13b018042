"""Making a `JobRequest` of what a caller gave: every fault at once, each at its path (SPEC 1).

`job` reads the whole and is what callers use; `options` and `repeat` read its objects, `scalars`
single values, and `reading` knows how an object is gone through.
"""

from ductape.domain.parsing.job import parse_job_request
from ductape.domain.parsing.repeat import parse_repeat

__all__ = ["parse_job_request", "parse_repeat"]

-- oldest: 1
-- Who leads a cache key is found at once, however many wait behind it; so is the first of them.

DROP INDEX ductape.runs_cache;
CREATE INDEX runs_cache ON ductape.runs (cache_key, state, due_at, job_id) WHERE cache_key IS NOT NULL;

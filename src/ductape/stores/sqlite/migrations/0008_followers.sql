-- oldest: 1
-- Who leads a cache key is found at once, however many wait behind it; so is the first of them.

DROP INDEX runs_cache;
CREATE INDEX runs_cache ON runs (cache_key, state, due_at) WHERE cache_key IS NOT NULL;

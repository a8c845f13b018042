-- oldest: 1
-- Finished runs by product, since each may be kept for its own time. Under the same name: older programs ask
-- for it by name, and find by it what they look for, if more slowly.

DROP INDEX history_age;
CREATE INDEX history_age ON history (outcome, product, completed_at);

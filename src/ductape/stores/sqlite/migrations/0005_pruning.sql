-- oldest: 1
-- Files that hold results too large for the store: they go when their runs have gone.

CREATE TABLE result_files (
    job_id  TEXT    NOT NULL,
    number  INTEGER NOT NULL,
    product TEXT    NOT NULL,
    env     TEXT    NOT NULL,
    storage TEXT    NOT NULL,
    name    TEXT    NOT NULL,
    lingers INTEGER NOT NULL,  -- how much longer than its run a cache may point at it
    tries   INTEGER NOT NULL,
    due_at  INTEGER,           -- null while there is a run
    PRIMARY KEY (job_id, number)
) WITHOUT ROWID;

CREATE INDEX result_files_due ON result_files (due_at) WHERE due_at IS NOT NULL;

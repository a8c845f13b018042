-- oldest: 1
-- What the steps of features have come to, and the signals that wait for theirs.

CREATE TABLE steps (
    job_id       TEXT    NOT NULL,
    number       INTEGER NOT NULL,
    path         TEXT    NOT NULL,  -- empty for the run itself
    position     INTEGER NOT NULL,
    kind         TEXT    NOT NULL,
    state        TEXT    NOT NULL CHECK (state IN ('running', 'sleeping', 'waiting', 'retrying', 'completed', 'failed', 'allowed', 'unwinding')),
    started_at   INTEGER NOT NULL,
    failures     INTEGER NOT NULL,
    due_at       INTEGER,
    awaits       TEXT,
    completed_at INTEGER,
    result       BLOB,
    error        BLOB,
    PRIMARY KEY (job_id, number, path)
) WITHOUT ROWID;

CREATE TABLE signals (
    job_id  TEXT    NOT NULL,
    number  INTEGER NOT NULL,
    name    TEXT    NOT NULL,  -- empty where the run is to be undone and to end
    place   INTEGER NOT NULL,  -- among those of its name
    data    BLOB    NOT NULL,
    sent_at INTEGER NOT NULL,
    PRIMARY KEY (job_id, number, name, place)
) WITHOUT ROWID;

-- oldest: 1
-- Jobs, runs and all that goes with them. Instants and spans are milliseconds; JSON is UTF-8 text in
-- BLOB columns. `runs` holds only what waits or runs, so that it stays small whatever the history.

CREATE TABLE runs (
    job_id           TEXT    NOT NULL,
    number           INTEGER NOT NULL,
    state            TEXT    NOT NULL CHECK (state IN ('scheduled', 'queued', 'parked', 'blocked', 'running')),
    fence            INTEGER NOT NULL DEFAULT 0,
    product          TEXT    NOT NULL,
    env              TEXT    NOT NULL,
    event            TEXT    NOT NULL,
    kind             TEXT    NOT NULL,
    queue            TEXT    NOT NULL,
    rank             INTEGER NOT NULL,  -- minus the priority: the lowest comes first
    flow             TEXT    NOT NULL,  -- what shares the queue fairly: product, or product, env and key
    needs            TEXT    NOT NULL,  -- the handler that a worker must have; empty for none
    concurrency      INTEGER,           -- how many runs of the flow may run at a time; null for no limit
    recurring        INTEGER NOT NULL,
    extra            INTEGER NOT NULL DEFAULT 0,
    scheduled_at     INTEGER NOT NULL,
    due_at           INTEGER NOT NULL,
    timeout_ms       INTEGER NOT NULL,
    failures         INTEGER NOT NULL DEFAULT 0,
    losses           INTEGER NOT NULL DEFAULT 0,
    worker           TEXT,
    started_at       INTEGER,
    first_started_at INTEGER,
    deadline_at      INTEGER,
    cache_key        BLOB,
    stop_reason      TEXT,
    job_key          TEXT,
    session_tag      TEXT,
    session_user     TEXT,
    metadata         TEXT,
    spec             BLOB    NOT NULL,
    attempts         BLOB,
    checkpoint       BLOB,
    progress         BLOB,
    updated_at       INTEGER NOT NULL,
    PRIMARY KEY (job_id, number)
) WITHOUT ROWID;

-- What a claim reads: only runs that may start now and were never lost.
CREATE INDEX runs_claim ON runs (queue, rank, flow, needs, due_at) WHERE state = 'queued' AND losses = 0;
-- Runs that were lost before: a worker takes one at a time.
CREATE INDEX runs_suspect ON runs (queue, rank, due_at) WHERE state = 'queued' AND losses > 0;
-- Runs due later, kept out of the way of claims.
CREATE INDEX runs_later ON runs (due_at) WHERE state = 'scheduled';
CREATE INDEX runs_held ON runs (worker, queue) WHERE state = 'running';
-- Runs that hold a place in their flow's gate, and those that wait before it.
CREATE INDEX runs_gate ON runs (flow, concurrency) WHERE state = 'running' AND concurrency IS NOT NULL;
CREATE INDEX runs_blocked ON runs (flow, rank, due_at) WHERE state = 'blocked';
CREATE INDEX runs_cache ON runs (cache_key, due_at) WHERE cache_key IS NOT NULL;
CREATE INDEX runs_session ON runs (session_tag, session_user) WHERE session_tag IS NOT NULL;

CREATE TABLE history (
    job_id       TEXT    NOT NULL,
    number       INTEGER NOT NULL,
    outcome      TEXT    NOT NULL CHECK (outcome IN ('completed', 'failed', 'cancelled')),
    head         INTEGER NOT NULL,  -- this row speaks for its one-off job
    product      TEXT    NOT NULL,
    env          TEXT    NOT NULL,
    event        TEXT    NOT NULL,
    kind         TEXT    NOT NULL,
    queue        TEXT    NOT NULL,
    extra        INTEGER NOT NULL,
    cached       INTEGER NOT NULL,
    scheduled_at INTEGER NOT NULL,
    started_at   INTEGER,
    completed_at INTEGER NOT NULL,
    failures     INTEGER NOT NULL,
    job_key      TEXT,
    session_tag  TEXT,
    session_user TEXT,
    metadata     TEXT,
    spec         BLOB    NOT NULL,
    attempts     BLOB    NOT NULL,
    result       BLOB,
    error        BLOB,
    progress     BLOB,
    PRIMARY KEY (job_id, number)
) WITHOUT ROWID;

CREATE INDEX history_age ON history (outcome, completed_at);
CREATE INDEX history_session ON history (session_tag, session_user) WHERE session_tag IS NOT NULL;

CREATE TABLE schedules (
    job_id       TEXT    PRIMARY KEY,
    state        TEXT    NOT NULL CHECK (state IN ('active', 'paused', 'completed', 'failed', 'cancelled')),
    version      INTEGER NOT NULL,
    product      TEXT    NOT NULL,
    env          TEXT    NOT NULL,
    event        TEXT    NOT NULL,
    kind         TEXT    NOT NULL,
    queue        TEXT    NOT NULL,
    anchor_at    INTEGER NOT NULL,
    watermark    INTEGER,
    next_number  INTEGER NOT NULL,
    occurrences  INTEGER NOT NULL,
    executions   INTEGER NOT NULL,
    failed       INTEGER NOT NULL,
    extras       INTEGER NOT NULL,
    fault        TEXT,
    twin         BLOB,
    job_key      TEXT,
    session_tag  TEXT,
    session_user TEXT,
    metadata     TEXT,
    spec         BLOB    NOT NULL,
    updated_at   INTEGER NOT NULL
) WITHOUT ROWID;

CREATE UNIQUE INDEX schedules_twin ON schedules (twin) WHERE twin IS NOT NULL AND state IN ('active', 'paused');
CREATE INDEX schedules_live ON schedules (job_id) WHERE state = 'active' AND fault IS NULL;
CREATE INDEX schedules_faulty ON schedules (job_id) WHERE fault IS NOT NULL;
CREATE INDEX schedules_ended ON schedules (updated_at) WHERE state IN ('completed', 'failed', 'cancelled');
CREATE INDEX schedules_session ON schedules (session_tag, session_user) WHERE session_tag IS NOT NULL;

CREATE TABLE job_keys (
    product   TEXT    NOT NULL,
    env       TEXT    NOT NULL,
    key       TEXT    NOT NULL,
    job_id    TEXT    NOT NULL,
    digest    BLOB    NOT NULL,
    event     TEXT    NOT NULL,
    recurring INTEGER NOT NULL,
    PRIMARY KEY (product, env, key)
) WITHOUT ROWID;

CREATE INDEX job_keys_job ON job_keys (job_id);

CREATE TABLE workers (
    id          TEXT    PRIMARY KEY,
    host        TEXT    NOT NULL,
    pid         INTEGER NOT NULL,
    queues      TEXT    NOT NULL,
    concurrency INTEGER NOT NULL,
    started_at  INTEGER NOT NULL,
    knows       INTEGER NOT NULL,  -- the newest migration that its program knows
    lease_until INTEGER NOT NULL
) WITHOUT ROWID;

-- Handler tags, kept after their worker is gone: a tag once announced is known.
CREATE TABLE handlers (
    tag    TEXT NOT NULL,
    worker TEXT NOT NULL,
    PRIMARY KEY (tag, worker)
) WITHOUT ROWID;

-- Queues that somebody has paused or limited; every other queue has no row.
CREATE TABLE queues (
    name        TEXT    PRIMARY KEY,
    paused      INTEGER NOT NULL DEFAULT 0,
    concurrency INTEGER,  -- how many of its runs may run at a time
    rate_limit  INTEGER,  -- how many may start ...
    rate_ms     INTEGER,  -- ... in any span so long
    starts      BLOB      -- the latest ones (domain.rate)
) WITHOUT ROWID;

CREATE TABLE duties (
    duty        TEXT    PRIMARY KEY,
    worker      TEXT    NOT NULL,
    lease_until INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE cache_entries (
    key        BLOB    PRIMARY KEY,
    product    TEXT    NOT NULL,
    tag        TEXT    NOT NULL,
    event      TEXT    NOT NULL,
    kind       TEXT    NOT NULL,
    result     BLOB    NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX cache_entries_tag ON cache_entries (product, tag);
CREATE INDEX cache_entries_age ON cache_entries (expires_at);

CREATE TABLE products (
    tag        TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    document   BLOB    NOT NULL,
    digest     BLOB    NOT NULL,
    applied_at INTEGER NOT NULL,
    PRIMARY KEY (tag, version)
) WITHOUT ROWID;

CREATE TABLE sessions (
    session_id TEXT    PRIMARY KEY,
    product    TEXT    NOT NULL,
    env        TEXT    NOT NULL,
    tag        TEXT    NOT NULL,
    user       TEXT,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    revoked    INTEGER NOT NULL DEFAULT 0,
    generation INTEGER NOT NULL,
    rotated_at INTEGER,
    sealed     BLOB    NOT NULL
) WITHOUT ROWID;

CREATE INDEX sessions_age ON sessions (expires_at);

CREATE TABLE session_users (
    product    TEXT    NOT NULL,
    env        TEXT    NOT NULL,
    tag        TEXT    NOT NULL,
    identifier TEXT    NOT NULL,
    first_seen INTEGER NOT NULL,
    last_seen  INTEGER NOT NULL,
    count      INTEGER NOT NULL,
    PRIMARY KEY (product, env, tag, identifier)
) WITHOUT ROWID;

CREATE TABLE secrets (
    product    TEXT    NOT NULL,
    env        TEXT    NOT NULL,  -- empty: for every env of the product
    name       TEXT    NOT NULL,
    sealed     BLOB    NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (product, env, name)
) WITHOUT ROWID;

CREATE TABLE key_checks (
    number     INTEGER PRIMARY KEY,  -- the newest is the greatest, whatever the clock did
    key_id     TEXT    NOT NULL UNIQUE,
    sealed     BLOB    NOT NULL,
    first_seen INTEGER NOT NULL
);

-- A row here says that the rest is a copy of another store that did not get to its end.
CREATE TABLE unfinished_copy (
    one        INTEGER PRIMARY KEY CHECK (one = 1),
    origin     TEXT    NOT NULL,
    started_at INTEGER NOT NULL
);

-- oldest: 1
-- Jobs, runs and all that goes with them. Instants and spans are milliseconds; JSON that only we read is
-- UTF-8 text in bytea columns. `runs` holds only what waits or runs: it stays small whatever the history.
-- Ids and names compare byte by byte (COLLATE "C"), so that ids sort by their instants on every server.

CREATE TABLE ductape.runs (
    job_id           text COLLATE "C" NOT NULL,
    number           integer NOT NULL,
    state            text    NOT NULL CHECK (state IN ('scheduled', 'queued', 'parked', 'blocked', 'running')),
    fence            integer NOT NULL DEFAULT 0,
    product          text    NOT NULL,
    env              text    NOT NULL,
    event            text    NOT NULL,
    kind             text    NOT NULL,
    queue            text COLLATE "C" NOT NULL,
    rank             integer NOT NULL,  -- minus the priority: the lowest comes first
    flow             text COLLATE "C" NOT NULL,  -- what shares the queue: product, or product, env and key
    needs            text COLLATE "C" NOT NULL,  -- the handler that a worker must have; empty for none
    concurrency      integer,  -- how many runs of the flow may run at a time; null for no limit
    recurring        boolean NOT NULL,
    extra            boolean NOT NULL DEFAULT false,
    scheduled_at     bigint  NOT NULL,
    due_at           bigint  NOT NULL,
    timeout_ms       bigint  NOT NULL,
    failures         integer NOT NULL DEFAULT 0,
    losses           integer NOT NULL DEFAULT 0,
    worker           text,
    started_at       bigint,
    first_started_at bigint,
    deadline_at      bigint,
    cache_key        bytea,
    stop_reason      text,
    job_key          text,
    session_tag      text,
    session_user_id  text,
    metadata         text,
    spec             bytea   NOT NULL,
    attempts         bytea,
    checkpoint       bytea,
    progress         bytea,
    updated_at       bigint  NOT NULL,
    PRIMARY KEY (job_id, number)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000);

-- What a claim reads: only runs that may start now and were never lost.
CREATE INDEX runs_claim ON ductape.runs (queue, rank, flow, needs, due_at)
    WHERE state = 'queued' AND losses = 0;
-- Runs that were lost before: a worker takes one at a time.
CREATE INDEX runs_suspect ON ductape.runs (queue, rank, due_at) WHERE state = 'queued' AND losses > 0;
-- Runs due later, kept out of the way of claims.
CREATE INDEX runs_later ON ductape.runs (due_at) WHERE state = 'scheduled';
CREATE INDEX runs_held ON ductape.runs (worker) WHERE state = 'running';
-- Runs that hold a place in their flow's gate, and those that wait before it.
CREATE INDEX runs_gate ON ductape.runs (flow) WHERE state = 'running' AND concurrency IS NOT NULL;
CREATE INDEX runs_blocked ON ductape.runs (flow, rank, due_at) WHERE state = 'blocked';
CREATE INDEX runs_cache ON ductape.runs (cache_key, due_at) WHERE cache_key IS NOT NULL;

-- Finished runs: apart by how long they are kept, then by the UTC day on which they ended, so that what is
-- old is dropped by the day. Days are made ahead; what ends on a day that is not there goes to the rest.
CREATE TABLE ductape.history (
    job_id          text COLLATE "C" NOT NULL,
    number          integer NOT NULL,
    outcome         text    NOT NULL CHECK (outcome IN ('completed', 'failed', 'cancelled')),
    head            boolean NOT NULL,  -- this row speaks for its one-off job
    product         text    NOT NULL,
    env             text    NOT NULL,
    event           text    NOT NULL,
    kind            text    NOT NULL,
    queue           text    NOT NULL,
    extra           boolean NOT NULL,
    cached          boolean NOT NULL,
    scheduled_at    bigint  NOT NULL,
    started_at      bigint,
    completed_at    bigint  NOT NULL,
    failures        integer NOT NULL,
    job_key         text,
    session_tag     text,
    session_user_id text,
    metadata        text,
    spec            bytea   NOT NULL,
    attempts        bytea   NOT NULL,
    result          bytea,
    error           bytea,
    progress        bytea,
    PRIMARY KEY (job_id, number, completed_at, outcome)
) PARTITION BY LIST (outcome);

CREATE TABLE ductape.history_completed PARTITION OF ductape.history FOR VALUES IN ('completed')
    PARTITION BY RANGE (completed_at);
CREATE TABLE ductape.history_failed PARTITION OF ductape.history FOR VALUES IN ('failed', 'cancelled')
    PARTITION BY RANGE (completed_at);
CREATE TABLE ductape.history_completed_rest PARTITION OF ductape.history_completed DEFAULT;
CREATE TABLE ductape.history_failed_rest PARTITION OF ductape.history_failed DEFAULT;
CREATE INDEX history_completed_rest_age ON ductape.history_completed_rest (completed_at);
CREATE INDEX history_failed_rest_age ON ductape.history_failed_rest (completed_at);

CREATE TABLE ductape.schedules (
    job_id          text COLLATE "C" PRIMARY KEY,
    state           text    NOT NULL CHECK (state IN ('active', 'paused', 'completed', 'failed', 'cancelled')),
    version         integer NOT NULL,
    product         text    NOT NULL,
    env             text    NOT NULL,
    event           text    NOT NULL,
    kind            text    NOT NULL,
    queue           text    NOT NULL,
    anchor_at       bigint  NOT NULL,
    watermark       bigint,
    next_number     integer NOT NULL,
    occurrences     integer NOT NULL,
    executions      integer NOT NULL,
    failed          integer NOT NULL,
    extras          integer NOT NULL,
    fault           text,
    twin            bytea,
    job_key         text,
    session_tag     text,
    session_user_id text,
    metadata        text,
    spec            bytea   NOT NULL,
    updated_at      bigint  NOT NULL
);

CREATE UNIQUE INDEX schedules_twin ON ductape.schedules (twin)
    WHERE twin IS NOT NULL AND state IN ('active', 'paused');
CREATE INDEX schedules_live ON ductape.schedules (job_id) WHERE state = 'active' AND fault IS NULL;
CREATE INDEX schedules_faulty ON ductape.schedules (job_id) WHERE fault IS NOT NULL;
CREATE INDEX schedules_ended ON ductape.schedules (updated_at)
    WHERE state IN ('completed', 'failed', 'cancelled');

CREATE TABLE ductape.job_keys (
    product   text    NOT NULL,
    env       text    NOT NULL,
    key       text    NOT NULL,
    job_id    text COLLATE "C" NOT NULL,
    digest    bytea   NOT NULL,
    event     text    NOT NULL,
    recurring boolean NOT NULL,
    PRIMARY KEY (product, env, key)
);

CREATE INDEX job_keys_job ON ductape.job_keys (job_id);

CREATE TABLE ductape.workers (
    id          text    PRIMARY KEY,
    host        text    NOT NULL,
    pid         integer NOT NULL,
    queues      text[]  NOT NULL,
    concurrency integer NOT NULL,
    started_at  bigint  NOT NULL,
    knows       integer NOT NULL,  -- the newest migration that its program knows
    lease_until bigint  NOT NULL
) WITH (fillfactor = 50);

-- Handler tags, kept after their worker is gone: a tag once announced is known.
CREATE TABLE ductape.handlers (
    tag    text COLLATE "C" NOT NULL,
    worker text NOT NULL,
    PRIMARY KEY (tag, worker)
);

-- Queues that somebody has paused or limited; every other queue has no row.
CREATE TABLE ductape.queues (
    name        text COLLATE "C" PRIMARY KEY,
    paused      boolean NOT NULL DEFAULT false,
    concurrency integer,  -- how many of its runs may run at a time
    rate_limit  integer,  -- how many may start ...
    rate_ms     bigint,   -- ... in any span so long
    starts      bytea     -- the latest ones (domain.rate)
) WITH (fillfactor = 50);

-- Who counts the runs under a concurrency key, or makes room there, holds its row.
CREATE TABLE ductape.gates (
    flow    text COLLATE "C" PRIMARY KEY,
    used_at bigint NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE ductape.duties (
    duty        text   PRIMARY KEY,
    worker      text   NOT NULL,
    lease_until bigint NOT NULL
);

CREATE TABLE ductape.cache_entries (
    key        bytea  PRIMARY KEY,
    product    text   NOT NULL,
    tag        text   NOT NULL,
    event      text   NOT NULL,
    kind       text   NOT NULL,
    result     bytea  NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL
);

CREATE INDEX cache_entries_tag ON ductape.cache_entries (product, tag);
CREATE INDEX cache_entries_age ON ductape.cache_entries (expires_at);

-- Who asks about, answers or leaves a cache key holds its row: one at a time, as equal runs need it.
CREATE TABLE ductape.cache_locks (
    key     bytea  PRIMARY KEY,
    used_at bigint NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE ductape.products (
    tag        text COLLATE "C" NOT NULL,
    version    integer NOT NULL,
    document   bytea   NOT NULL,
    digest     bytea   NOT NULL,
    applied_at bigint  NOT NULL,
    PRIMARY KEY (tag, version)
);

CREATE TABLE ductape.sessions (
    session_id text    PRIMARY KEY,
    product    text    NOT NULL,
    env        text    NOT NULL,
    tag        text    NOT NULL,
    user_id    text,
    created_at bigint  NOT NULL,
    expires_at bigint  NOT NULL,
    revoked    boolean NOT NULL DEFAULT false,
    generation integer NOT NULL,
    rotated_at bigint,
    sealed     bytea   NOT NULL
);

CREATE INDEX sessions_age ON ductape.sessions (expires_at);

CREATE TABLE ductape.session_users (
    product    text NOT NULL,
    env        text NOT NULL,
    tag        text NOT NULL,
    identifier text COLLATE "C" NOT NULL,
    first_seen bigint  NOT NULL,
    last_seen  bigint  NOT NULL,
    count      integer NOT NULL,
    PRIMARY KEY (product, env, tag, identifier)
);

CREATE TABLE ductape.secrets (
    product    text   NOT NULL,
    env        text COLLATE "C" NOT NULL,  -- empty: for every env of the product
    name       text COLLATE "C" NOT NULL,
    sealed     bytea  NOT NULL,
    updated_at bigint NOT NULL,
    PRIMARY KEY (product, env, name)
);

CREATE TABLE ductape.key_checks (
    number     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,  -- the newest is the greatest
    key_id     text   NOT NULL UNIQUE,
    sealed     bytea  NOT NULL,
    first_seen bigint NOT NULL
);

-- A row here says that the rest is a copy of another store that did not get to its end.
CREATE TABLE ductape.unfinished_copy (
    one        integer PRIMARY KEY CHECK (one = 1),
    origin     text    NOT NULL,
    started_at bigint  NOT NULL
);

CREATE SCHEMA kept;
CREATE TABLE kept.breakers (
    product text NOT NULL,
    env text NOT NULL,
    owner text NOT NULL,
    provider text NOT NULL,
    state text NOT NULL,
    failures integer NOT NULL,
    until_at bigint NOT NULL,
    changed_at bigint NOT NULL,
    CONSTRAINT breakers_state_check CHECK ((state = ANY (ARRAY['closed'::text, 'open'::text, 'half_open'::text])))
)
WITH (fillfactor='50');
CREATE TABLE kept.cache_entries (
    key bytea NOT NULL,
    product text NOT NULL,
    tag text NOT NULL,
    event text NOT NULL,
    kind text NOT NULL,
    result bytea NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL
);
CREATE TABLE kept.cache_locks (
    key bytea NOT NULL,
    used_at bigint NOT NULL
)
WITH (fillfactor='50');
CREATE TABLE kept.duties (
    duty text NOT NULL,
    worker text NOT NULL,
    lease_until bigint NOT NULL
);
CREATE TABLE kept.gates (
    flow text NOT NULL COLLATE pg_catalog."C",
    used_at bigint NOT NULL
)
WITH (fillfactor='50');
CREATE TABLE kept.handlers (
    tag text NOT NULL COLLATE pg_catalog."C",
    worker text NOT NULL
);
CREATE TABLE kept.history (
    job_id text NOT NULL COLLATE pg_catalog."C",
    number integer NOT NULL,
    outcome text NOT NULL,
    head boolean NOT NULL,
    product text NOT NULL,
    env text NOT NULL,
    event text NOT NULL,
    kind text NOT NULL,
    queue text NOT NULL,
    extra boolean NOT NULL,
    cached boolean NOT NULL,
    scheduled_at bigint NOT NULL,
    started_at bigint,
    completed_at bigint NOT NULL,
    failures integer NOT NULL,
    job_key text,
    session_tag text,
    session_user_id text,
    metadata text,
    spec bytea NOT NULL,
    attempts bytea NOT NULL,
    result bytea,
    error bytea,
    progress bytea,
    CONSTRAINT history_outcome_check CHECK ((outcome = ANY (ARRAY['completed'::text, 'failed'::text, 'cancelled'::text])))
)
PARTITION BY LIST (outcome);
CREATE TABLE kept.history_completed (
    job_id text CONSTRAINT history_job_id_not_null NOT NULL COLLATE pg_catalog."C",
    number integer CONSTRAINT history_number_not_null NOT NULL,
    outcome text CONSTRAINT history_outcome_not_null NOT NULL,
    head boolean CONSTRAINT history_head_not_null NOT NULL,
    product text CONSTRAINT history_product_not_null NOT NULL,
    env text CONSTRAINT history_env_not_null NOT NULL,
    event text CONSTRAINT history_event_not_null NOT NULL,
    kind text CONSTRAINT history_kind_not_null NOT NULL,
    queue text CONSTRAINT history_queue_not_null NOT NULL,
    extra boolean CONSTRAINT history_extra_not_null NOT NULL,
    cached boolean CONSTRAINT history_cached_not_null NOT NULL,
    scheduled_at bigint CONSTRAINT history_scheduled_at_not_null NOT NULL,
    started_at bigint,
    completed_at bigint CONSTRAINT history_completed_at_not_null NOT NULL,
    failures integer CONSTRAINT history_failures_not_null NOT NULL,
    job_key text,
    session_tag text,
    session_user_id text,
    metadata text,
    spec bytea CONSTRAINT history_spec_not_null NOT NULL,
    attempts bytea CONSTRAINT history_attempts_not_null NOT NULL,
    result bytea,
    error bytea,
    progress bytea,
    CONSTRAINT history_outcome_check CHECK ((outcome = ANY (ARRAY['completed'::text, 'failed'::text, 'cancelled'::text])))
)
PARTITION BY RANGE (completed_at);
CREATE TABLE kept.history_completed_20261130 (
    job_id text CONSTRAINT history_job_id_not_null NOT NULL COLLATE pg_catalog."C",
    number integer CONSTRAINT history_number_not_null NOT NULL,
    outcome text CONSTRAINT history_outcome_not_null NOT NULL,
    head boolean CONSTRAINT history_head_not_null NOT NULL,
    product text CONSTRAINT history_product_not_null NOT NULL,
    env text CONSTRAINT history_env_not_null NOT NULL,
    event text CONSTRAINT history_event_not_null NOT NULL,
    kind text CONSTRAINT history_kind_not_null NOT NULL,
    queue text CONSTRAINT history_queue_not_null NOT NULL,
    extra boolean CONSTRAINT history_extra_not_null NOT NULL,
    cached boolean CONSTRAINT history_cached_not_null NOT NULL,
    scheduled_at bigint CONSTRAINT history_scheduled_at_not_null NOT NULL,
    started_at bigint,
    completed_at bigint CONSTRAINT history_completed_at_not_null NOT NULL,
    failures integer CONSTRAINT history_failures_not_null NOT NULL,
    job_key text,
    session_tag text,
    session_user_id text,
    metadata text,
    spec bytea CONSTRAINT history_spec_not_null NOT NULL,
    attempts bytea CONSTRAINT history_attempts_not_null NOT NULL,
    result bytea,
    error bytea,
    progress bytea,
    CONSTRAINT history_outcome_check CHECK ((outcome = ANY (ARRAY['completed'::text, 'failed'::text, 'cancelled'::text])))
);
CREATE TABLE kept.history_completed_20261201 (
    job_id text CONSTRAINT history_job_id_not_null NOT NULL COLLATE pg_catalog."C",
    number integer CONSTRAINT history_number_not_null NOT NULL,
    outcome text CONSTRAINT history_outcome_not_null NOT NULL,
    head boolean CONSTRAINT history_head_not_null NOT NULL,
    product text CONSTRAINT history_product_not_null NOT NULL,
    env text CONSTRAINT history_env_not_null NOT NULL,
    event text CONSTRAINT history_event_not_null NOT NULL,
    kind text CONSTRAINT history_kind_not_null NOT NULL,
    queue text CONSTRAINT history_queue_not_null NOT NULL,
    extra boolean CONSTRAINT history_extra_not_null NOT NULL,
    cached boolean CONSTRAINT history_cached_not_null NOT NULL,
    scheduled_at bigint CONSTRAINT history_scheduled_at_not_null NOT NULL,
    started_at bigint,
    completed_at bigint CONSTRAINT history_completed_at_not_null NOT NULL,
    failures integer CONSTRAINT history_failures_not_null NOT NULL,
    job_key text,
    session_tag text,
    session_user_id text,
    metadata text,
    spec bytea CONSTRAINT history_spec_not_null NOT NULL,
    attempts bytea CONSTRAINT history_attempts_not_null NOT NULL,
    result bytea,
    error bytea,
    progress bytea,
    CONSTRAINT history_outcome_check CHECK ((outcome = ANY (ARRAY['completed'::text, 'failed'::text, 'cancelled'::text])))
);
CREATE TABLE kept.history_completed_rest (
    job_id text CONSTRAINT history_job_id_not_null NOT NULL COLLATE pg_catalog."C",
    number integer CONSTRAINT history_number_not_null NOT NULL,
    outcome text CONSTRAINT history_outcome_not_null NOT NULL,
    head boolean CONSTRAINT history_head_not_null NOT NULL,
    product text CONSTRAINT history_product_not_null NOT NULL,
    env text CONSTRAINT history_env_not_null NOT NULL,
    event text CONSTRAINT history_event_not_null NOT NULL,
    kind text CONSTRAINT history_kind_not_null NOT NULL,
    queue text CONSTRAINT history_queue_not_null NOT NULL,
    extra boolean CONSTRAINT history_extra_not_null NOT NULL,
    cached boolean CONSTRAINT history_cached_not_null NOT NULL,
    scheduled_at bigint CONSTRAINT history_scheduled_at_not_null NOT NULL,
    started_at bigint,
    completed_at bigint CONSTRAINT history_completed_at_not_null NOT NULL,
    failures integer CONSTRAINT history_failures_not_null NOT NULL,
    job_key text,
    session_tag text,
    session_user_id text,
    metadata text,
    spec bytea CONSTRAINT history_spec_not_null NOT NULL,
    attempts bytea CONSTRAINT history_attempts_not_null NOT NULL,
    result bytea,
    error bytea,
    progress bytea,
    CONSTRAINT history_outcome_check CHECK ((outcome = ANY (ARRAY['completed'::text, 'failed'::text, 'cancelled'::text])))
);
CREATE TABLE kept.history_failed (
    job_id text CONSTRAINT history_job_id_not_null NOT NULL COLLATE pg_catalog."C",
    number integer CONSTRAINT history_number_not_null NOT NULL,
    outcome text CONSTRAINT history_outcome_not_null NOT NULL,
    head boolean CONSTRAINT history_head_not_null NOT NULL,
    product text CONSTRAINT history_product_not_null NOT NULL,
    env text CONSTRAINT history_env_not_null NOT NULL,
    event text CONSTRAINT history_event_not_null NOT NULL,
    kind text CONSTRAINT history_kind_not_null NOT NULL,
    queue text CONSTRAINT history_queue_not_null NOT NULL,
    extra boolean CONSTRAINT history_extra_not_null NOT NULL,
    cached boolean CONSTRAINT history_cached_not_null NOT NULL,
    scheduled_at bigint CONSTRAINT history_scheduled_at_not_null NOT NULL,
    started_at bigint,
    completed_at bigint CONSTRAINT history_completed_at_not_null NOT NULL,
    failures integer CONSTRAINT history_failures_not_null NOT NULL,
    job_key text,
    session_tag text,
    session_user_id text,
    metadata text,
    spec bytea CONSTRAINT history_spec_not_null NOT NULL,
    attempts bytea CONSTRAINT history_attempts_not_null NOT NULL,
    result bytea,
    error bytea,
    progress bytea,
    CONSTRAINT history_outcome_check CHECK ((outcome = ANY (ARRAY['completed'::text, 'failed'::text, 'cancelled'::text])))
)
PARTITION BY RANGE (completed_at);
CREATE TABLE kept.history_failed_20261130 (
    job_id text CONSTRAINT history_job_id_not_null NOT NULL COLLATE pg_catalog."C",
    number integer CONSTRAINT history_number_not_null NOT NULL,
    outcome text CONSTRAINT history_outcome_not_null NOT NULL,
    head boolean CONSTRAINT history_head_not_null NOT NULL,
    product text CONSTRAINT history_product_not_null NOT NULL,
    env text CONSTRAINT history_env_not_null NOT NULL,
    event text CONSTRAINT history_event_not_null NOT NULL,
    kind text CONSTRAINT history_kind_not_null NOT NULL,
    queue text CONSTRAINT history_queue_not_null NOT NULL,
    extra boolean CONSTRAINT history_extra_not_null NOT NULL,
    cached boolean CONSTRAINT history_cached_not_null NOT NULL,
    scheduled_at bigint CONSTRAINT history_scheduled_at_not_null NOT NULL,
    started_at bigint,
    completed_at bigint CONSTRAINT history_completed_at_not_null NOT NULL,
    failures integer CONSTRAINT history_failures_not_null NOT NULL,
    job_key text,
    session_tag text,
    session_user_id text,
    metadata text,
    spec bytea CONSTRAINT history_spec_not_null NOT NULL,
    attempts bytea CONSTRAINT history_attempts_not_null NOT NULL,
    result bytea,
    error bytea,
    progress bytea,
    CONSTRAINT history_outcome_check CHECK ((outcome = ANY (ARRAY['completed'::text, 'failed'::text, 'cancelled'::text])))
);
CREATE TABLE kept.history_failed_20261201 (
    job_id text CONSTRAINT history_job_id_not_null NOT NULL COLLATE pg_catalog."C",
    number integer CONSTRAINT history_number_not_null NOT NULL,
    outcome text CONSTRAINT history_outcome_not_null NOT NULL,
    head boolean CONSTRAINT history_head_not_null NOT NULL,
    product text CONSTRAINT history_product_not_null NOT NULL,
    env text CONSTRAINT history_env_not_null NOT NULL,
    event text CONSTRAINT history_event_not_null NOT NULL,
    kind text CONSTRAINT history_kind_not_null NOT NULL,
    queue text CONSTRAINT history_queue_not_null NOT NULL,
    extra boolean CONSTRAINT history_extra_not_null NOT NULL,
    cached boolean CONSTRAINT history_cached_not_null NOT NULL,
    scheduled_at bigint CONSTRAINT history_scheduled_at_not_null NOT NULL,
    started_at bigint,
    completed_at bigint CONSTRAINT history_completed_at_not_null NOT NULL,
    failures integer CONSTRAINT history_failures_not_null NOT NULL,
    job_key text,
    session_tag text,
    session_user_id text,
    metadata text,
    spec bytea CONSTRAINT history_spec_not_null NOT NULL,
    attempts bytea CONSTRAINT history_attempts_not_null NOT NULL,
    result bytea,
    error bytea,
    progress bytea,
    CONSTRAINT history_outcome_check CHECK ((outcome = ANY (ARRAY['completed'::text, 'failed'::text, 'cancelled'::text])))
);
CREATE TABLE kept.history_failed_rest (
    job_id text CONSTRAINT history_job_id_not_null NOT NULL COLLATE pg_catalog."C",
    number integer CONSTRAINT history_number_not_null NOT NULL,
    outcome text CONSTRAINT history_outcome_not_null NOT NULL,
    head boolean CONSTRAINT history_head_not_null NOT NULL,
    product text CONSTRAINT history_product_not_null NOT NULL,
    env text CONSTRAINT history_env_not_null NOT NULL,
    event text CONSTRAINT history_event_not_null NOT NULL,
    kind text CONSTRAINT history_kind_not_null NOT NULL,
    queue text CONSTRAINT history_queue_not_null NOT NULL,
    extra boolean CONSTRAINT history_extra_not_null NOT NULL,
    cached boolean CONSTRAINT history_cached_not_null NOT NULL,
    scheduled_at bigint CONSTRAINT history_scheduled_at_not_null NOT NULL,
    started_at bigint,
    completed_at bigint CONSTRAINT history_completed_at_not_null NOT NULL,
    failures integer CONSTRAINT history_failures_not_null NOT NULL,
    job_key text,
    session_tag text,
    session_user_id text,
    metadata text,
    spec bytea CONSTRAINT history_spec_not_null NOT NULL,
    attempts bytea CONSTRAINT history_attempts_not_null NOT NULL,
    result bytea,
    error bytea,
    progress bytea,
    CONSTRAINT history_outcome_check CHECK ((outcome = ANY (ARRAY['completed'::text, 'failed'::text, 'cancelled'::text])))
);
CREATE TABLE kept.history_swept (
    day text NOT NULL COLLATE pg_catalog."C",
    rule text NOT NULL,
    after_job text COLLATE pg_catalog."C",
    after_number integer
)
WITH (fillfactor='50');
CREATE TABLE kept.job_keys (
    product text NOT NULL,
    env text NOT NULL,
    key text NOT NULL,
    job_id text NOT NULL COLLATE pg_catalog."C",
    digest bytea NOT NULL,
    event text NOT NULL,
    recurring boolean NOT NULL
);
CREATE TABLE kept.key_checks (
    number bigint NOT NULL,
    key_id text NOT NULL,
    sealed bytea NOT NULL,
    first_seen bigint NOT NULL
);
ALTER TABLE kept.key_checks ALTER COLUMN number ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME kept.key_checks_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE kept.migrations (
    number integer NOT NULL,
    name text NOT NULL,
    checksum text NOT NULL,
    oldest integer NOT NULL
);
CREATE TABLE kept.products (
    tag text NOT NULL COLLATE pg_catalog."C",
    version integer NOT NULL,
    document bytea NOT NULL,
    digest bytea NOT NULL,
    applied_at bigint NOT NULL
);
CREATE TABLE kept.queues (
    name text NOT NULL COLLATE pg_catalog."C",
    paused boolean DEFAULT false NOT NULL,
    concurrency integer,
    rate_limit integer,
    rate_ms bigint,
    starts bytea
)
WITH (fillfactor='50');
CREATE TABLE kept.quota_windows (
    product text NOT NULL,
    env text NOT NULL,
    quota text NOT NULL,
    subject bytea NOT NULL,
    uses bytea NOT NULL,
    expires_at bigint NOT NULL
)
WITH (fillfactor='50');
CREATE TABLE kept.result_files (
    job_id text NOT NULL COLLATE pg_catalog."C",
    number integer NOT NULL,
    product text NOT NULL,
    env text NOT NULL,
    storage text NOT NULL,
    name text NOT NULL,
    lingers bigint NOT NULL,
    tries integer NOT NULL,
    due_at bigint
);
CREATE TABLE kept.runs (
    job_id text NOT NULL COLLATE pg_catalog."C",
    number integer NOT NULL,
    state text NOT NULL,
    fence integer DEFAULT 0 NOT NULL,
    product text NOT NULL,
    env text NOT NULL,
    event text NOT NULL,
    kind text NOT NULL,
    queue text NOT NULL COLLATE pg_catalog."C",
    rank integer NOT NULL,
    flow text NOT NULL COLLATE pg_catalog."C",
    needs text NOT NULL COLLATE pg_catalog."C",
    concurrency integer,
    recurring boolean NOT NULL,
    extra boolean DEFAULT false NOT NULL,
    scheduled_at bigint NOT NULL,
    due_at bigint NOT NULL,
    timeout_ms bigint NOT NULL,
    failures integer DEFAULT 0 NOT NULL,
    losses integer DEFAULT 0 NOT NULL,
    worker text,
    started_at bigint,
    first_started_at bigint,
    deadline_at bigint,
    cache_key bytea,
    stop_reason text,
    job_key text,
    session_tag text,
    session_user_id text,
    metadata text,
    spec bytea NOT NULL,
    attempts bytea,
    checkpoint bytea,
    progress bytea,
    updated_at bigint NOT NULL,
    expires_at bigint,
    CONSTRAINT runs_state_check CHECK ((state = ANY (ARRAY['scheduled'::text, 'queued'::text, 'parked'::text, 'blocked'::text, 'running'::text])))
)
WITH (autovacuum_vacuum_scale_factor='0.02', autovacuum_vacuum_threshold='2000');
CREATE TABLE kept.schedules (
    job_id text NOT NULL COLLATE pg_catalog."C",
    state text NOT NULL,
    version integer NOT NULL,
    product text NOT NULL,
    env text NOT NULL,
    event text NOT NULL,
    kind text NOT NULL,
    queue text NOT NULL,
    anchor_at bigint NOT NULL,
    watermark bigint,
    next_number integer NOT NULL,
    occurrences integer NOT NULL,
    executions integer NOT NULL,
    failed integer NOT NULL,
    extras integer NOT NULL,
    fault text,
    twin bytea,
    job_key text,
    session_tag text,
    session_user_id text,
    metadata text,
    spec bytea NOT NULL,
    updated_at bigint NOT NULL,
    reason text,
    CONSTRAINT schedules_state_check CHECK ((state = ANY (ARRAY['active'::text, 'paused'::text, 'completed'::text, 'failed'::text, 'cancelled'::text])))
);
CREATE TABLE kept.secrets (
    product text NOT NULL,
    env text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    sealed bytea NOT NULL,
    updated_at bigint NOT NULL
);
CREATE TABLE kept.session_users (
    product text NOT NULL,
    env text NOT NULL,
    tag text NOT NULL,
    identifier text NOT NULL COLLATE pg_catalog."C",
    first_seen bigint NOT NULL,
    last_seen bigint NOT NULL,
    count integer NOT NULL
);
CREATE TABLE kept.sessions (
    session_id text NOT NULL,
    product text NOT NULL,
    env text NOT NULL,
    tag text NOT NULL,
    user_id text,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    revoked boolean DEFAULT false NOT NULL,
    generation integer NOT NULL,
    rotated_at bigint,
    sealed bytea NOT NULL
);
CREATE TABLE kept.signals (
    job_id text NOT NULL COLLATE pg_catalog."C",
    number integer NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    place integer NOT NULL,
    data bytea NOT NULL,
    sent_at bigint NOT NULL
);
CREATE TABLE kept.steps (
    job_id text NOT NULL COLLATE pg_catalog."C",
    number integer NOT NULL,
    path text NOT NULL COLLATE pg_catalog."C",
    "position" integer NOT NULL,
    kind text NOT NULL,
    state text NOT NULL,
    started_at bigint NOT NULL,
    failures integer NOT NULL,
    due_at bigint,
    awaits text,
    completed_at bigint,
    result bytea,
    error bytea,
    CONSTRAINT steps_state_check CHECK ((state = ANY (ARRAY['running'::text, 'sleeping'::text, 'waiting'::text, 'retrying'::text, 'completed'::text, 'failed'::text, 'allowed'::text, 'unwinding'::text])))
);
CREATE TABLE kept.unfinished_copy (
    one integer NOT NULL,
    origin text NOT NULL,
    started_at bigint NOT NULL,
    CONSTRAINT unfinished_copy_one_check CHECK ((one = 1))
);
CREATE TABLE kept.workers (
    id text NOT NULL,
    host text NOT NULL,
    pid integer NOT NULL,
    queues text[] NOT NULL,
    concurrency integer NOT NULL,
    started_at bigint NOT NULL,
    knows integer NOT NULL,
    lease_until bigint NOT NULL
)
WITH (fillfactor='50');
ALTER TABLE ONLY kept.history ATTACH PARTITION kept.history_completed FOR VALUES IN ('completed');
ALTER TABLE ONLY kept.history_completed ATTACH PARTITION kept.history_completed_20261130 FOR VALUES FROM ('1795996800000') TO ('1796083200000');
ALTER TABLE ONLY kept.history_completed ATTACH PARTITION kept.history_completed_20261201 FOR VALUES FROM ('1796083200000') TO ('1796169600000');
ALTER TABLE ONLY kept.history_completed ATTACH PARTITION kept.history_completed_rest DEFAULT;
ALTER TABLE ONLY kept.history ATTACH PARTITION kept.history_failed FOR VALUES IN ('failed', 'cancelled');
ALTER TABLE ONLY kept.history_failed ATTACH PARTITION kept.history_failed_20261130 FOR VALUES FROM ('1795996800000') TO ('1796083200000');
ALTER TABLE ONLY kept.history_failed ATTACH PARTITION kept.history_failed_20261201 FOR VALUES FROM ('1796083200000') TO ('1796169600000');
ALTER TABLE ONLY kept.history_failed ATTACH PARTITION kept.history_failed_rest DEFAULT;
INSERT INTO kept.handlers VALUES ('job:count', 'vm:20875:e119b41f');
INSERT INTO kept.handlers VALUES ('job:hold', 'vm:20875:e119b41f');
INSERT INTO kept.history_completed_20261130 VALUES ('01a22e44-fac0-7000-9ef6-3a78b6c0f2a3', 1, 'completed', true, 'shop', 'dev', 'count', 'job', 'default', false, false, 1796072602304, 1796072602315, 1796072602327, 0, 'done', NULL, NULL, '{"who":"ada"}', '\x7b2270726f64756374223a2273686f70222c22656e76223a22646576222c226576656e74223a22636f756e74222c226b696e64223a226a6f62222c22696e707574223a7b226e223a317d2c2272657472696573223a302c22637265617465645f61745f6d73223a313739363037323630323330342c226e65656473223a226a6f623a636f756e74222c226b6579223a22646f6e65222c227265747279223a7b7d2c2274696d656f75745f6d73223a36303030302c226d65746164617461223a7b2277686f223a22616461227d7d', '\x5b7b226e756d626572223a312c22737461727465645f61745f6d73223a313739363037323630323331352c22636f6d706c657465645f61745f6d73223a313739363037323630323332372c22737461747573223a22636f6d706c65746564222c22776f726b6572223a22766d3a32303837353a6531313962343166227d5d', '\x32', NULL, NULL);
INSERT INTO kept.history_failed_20261130 VALUES ('01a22e44-faf0-7000-89b0-027f0858c572', 1, 'failed', true, 'shop', 'dev', 'hold', 'job', 'default', false, false, 1796072602352, 1796072602359, 1796072602370, 1, 'failed', NULL, NULL, NULL, '\x7b2270726f64756374223a2273686f70222c22656e76223a22646576222c226576656e74223a22686f6c64222c226b696e64223a226a6f62222c22696e707574223a7b7d2c2272657472696573223a302c22637265617465645f61745f6d73223a313739363037323630323335322c226e65656473223a226a6f623a686f6c64222c226b6579223a226661696c6564222c227265747279223a7b7d2c2274696d656f75745f6d73223a36303030302c226d65746164617461223a7b7d7d', '\x5b7b226e756d626572223a312c22737461727465645f61745f6d73223a313739363037323630323335392c22636f6d706c657465645f61745f6d73223a313739363037323630323337302c22737461747573223a226661696c6564222c22776f726b6572223a22766d3a32303837353a6531313962343166222c226572726f72223a7b22636f6465223a2248414e444c45525f4552524f52222c226d657373616765223a2274686973206f6e65206661696c73222c2274797065223a2252756e74696d654572726f72222c226174223a313739363037323630323336392c2274726163656261636b223a2254726163656261636b20286d6f737420726563656e742063616c6c206c617374293a5c6e202046696c65205c222f746d702f772f63616368656473706565642f7372632f647563746170652f776f726b65722f617474656d70742f72756e6e696e672e70795c222c206c696e652038352c20696e20657865637574655c6e2020202072657475726e2061776169742073656c662e5f617474656d70742868656c642c206c6f67295c6e20202020202020202020205e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5c6e202046696c65205c222f746d702f772f63616368656473706565642f7372632f647563746170652f776f726b65722f617474656d70742f72756e6e696e672e70795c222c206c696e65203131392c20696e205f617474656d70745c6e20202020726573756c74203d2061776169742073656c662e5f66697474696e672868656c642c20696e766f636174696f6e295c6e202020202020202020202020205e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5c6e202046696c65205c222f746d702f772f63616368656473706565642f7372632f647563746170652f776f726b65722f617474656d70742f72756e6e696e672e70795c222c206c696e65203137342c20696e205f66697474696e675c6e20202020726573756c74203d2061776169742068616e646c657228696e766f636174696f6e295c6e202020202020202020202020205e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5c6e202046696c65205c222f746d702f772f63616368656473706565642f7372632f647563746170652f68616e646c6572732f706f696e74696e672e70795c222c206c696e652034352c20696e205f5f63616c6c5f5f5c6e2020202072657475726e2061776169742073656c662e5f7265676973746572656428696e766f636174696f6e295c6e20202020202020202020205e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5c6e202046696c65205c222f746d702f772f63616368656473706565642f7372632f647563746170652f68616e646c6572732f707974686f6e2f63616c6c696e672e70795c222c206c696e652035332c20696e205f5f63616c6c5f5f5c6e20202020726573756c74203d2061776169742073656c662e5f63616c6c656428726567697374657265642c2074797065642c20696e766f636174696f6e2e636f6e74657874295c6e202020202020202020202020205e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5c6e202046696c65205c222f746d702f772f63616368656473706565642f7372632f647563746170652f68616e646c6572732f707974686f6e2f63616c6c696e672e70795c222c206c696e652036392c20696e205f63616c6c65645c6e2020202072657475726e2061776169742073656c662e5f746872656164732e72756e286c616d6264613a20726567697374657265642e63616c6c28676976656e2c20636f6e7465787429295c6e20202020202020202020205e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5c6e202046696c65205c222f746d702f772f63616368656473706565642f7372632f647563746170652f776f726b65722f746872656164732e70795c222c206c696e652033332c20696e2072756e5c6e202020206177616974206173796e63696f2e736869656c6428667574757265295c6e202046696c65205c222f746d702f772f63616368656473706565642f7372632f647563746170652f776f726b65722f746872656164732e70795c222c206c696e652035342c20696e205f5f63616c6c5f5f5c6e20202020726573756c74203d2073656c662e5f66756e6374696f6e28295c6e202020202020202020202020205e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5c6e202046696c65205c222f746d702f772f63616368656473706565642f7372632f647563746170652f68616e646c6572732f707974686f6e2f63616c6c696e672e70795c222c206c696e652036392c20696e203c6c616d6264613e5c6e2020202072657475726e2061776169742073656c662e5f746872656164732e72756e286c616d6264613a20726567697374657265642e63616c6c28676976656e2c20636f6e7465787429295c6e202020202020202020202020202020202020202020202020202020202020202020202020202020202020205e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5c6e202046696c65205c222f746d702f772f63616368656473706565642f7372632f647563746170652f68616e646c6572732f707974686f6e2f72656769737472792e70795c222c206c696e652037382c20696e2063616c6c5c6e2020202072657475726e2073656c662e66756e6374696f6e282a76616c756573295c6e20202020202020202020205e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5c6e202046696c65205c222f746d702f772f63616368656473706565642f74657374732f6d6967726174696f6e2f6b656570696e672e70795c222c206c696e652033382c20696e20686f6c645c6e2020202072616973652052756e74696d654572726f72285c2274686973206f6e65206661696c735c22295c6e52756e74696d654572726f723a2074686973206f6e65206661696c735c6e227d7d5d', NULL, '\x7b22636f6465223a2248414e444c45525f4552524f52222c226d657373616765223a2274686973206f6e65206661696c73222c2274797065223a2252756e74696d654572726f72222c226174223a313739363037323630323336392c2274726163656261636b223a2254726163656261636b20286d6f737420726563656e742063616c6c206c617374293a5c6e202046696c65205c222f746d702f772f63616368656473706565642f7372632f647563746170652f776f726b65722f617474656d70742f72756e6e696e672e70795c222c206c696e652038352c20696e20657865637574655c6e2020202072657475726e2061776169742073656c662e5f617474656d70742868656c642c206c6f67295c6e20202020202020202020205e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5c6e202046696c65205c222f746d702f772f63616368656473706565642f7372632f647563746170652f776f726b65722f617474656d70742f72756e6e696e672e70795c222c206c696e65203131392c20696e205f617474656d70745c6e20202020726573756c74203d2061776169742073656c662e5f66697474696e672868656c642c20696e766f636174696f6e295c6e202020202020202020202020205e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5c6e202046696c65205c222f746d702f772f63616368656473706565642f7372632f647563746170652f776f726b65722f617474656d70742f72756e6e696e672e70795c222c206c696e65203137342c20696e205f66697474696e675c6e20202020726573756c74203d2061776169742068616e646c657228696e766f636174696f6e295c6e202020202020202020202020205e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5c6e202046696c65205c222f746d702f772f63616368656473706565642f7372632f647563746170652f68616e646c6572732f706f696e74696e672e70795c222c206c696e652034352c20696e205f5f63616c6c5f5f5c6e2020202072657475726e2061776169742073656c662e5f7265676973746572656428696e766f636174696f6e295c6e20202020202020202020205e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5c6e202046696c65205c222f746d702f772f63616368656473706565642f7372632f647563746170652f68616e646c6572732f707974686f6e2f63616c6c696e672e70795c222c206c696e652035332c20696e205f5f63616c6c5f5f5c6e20202020726573756c74203d2061776169742073656c662e5f63616c6c656428726567697374657265642c2074797065642c20696e766f636174696f6e2e636f6e74657874295c6e202020202020202020202020205e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5c6e202046696c65205c222f746d702f772f63616368656473706565642f7372632f647563746170652f68616e646c6572732f707974686f6e2f63616c6c696e672e70795c222c206c696e652036392c20696e205f63616c6c65645c6e2020202072657475726e2061776169742073656c662e5f746872656164732e72756e286c616d6264613a20726567697374657265642e63616c6c28676976656e2c20636f6e7465787429295c6e20202020202020202020205e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5c6e202046696c65205c222f746d702f772f63616368656473706565642f7372632f647563746170652f776f726b65722f746872656164732e70795c222c206c696e652033332c20696e2072756e5c6e202020206177616974206173796e63696f2e736869656c6428667574757265295c6e202046696c65205c222f746d702f772f63616368656473706565642f7372632f647563746170652f776f726b65722f746872656164732e70795c222c206c696e652035342c20696e205f5f63616c6c5f5f5c6e20202020726573756c74203d2073656c662e5f66756e6374696f6e28295c6e202020202020202020202020205e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5c6e202046696c65205c222f746d702f772f63616368656473706565642f7372632f647563746170652f68616e646c6572732f707974686f6e2f63616c6c696e672e70795c222c206c696e652036392c20696e203c6c616d6264613e5c6e2020202072657475726e2061776169742073656c662e5f746872656164732e72756e286c616d6264613a20726567697374657265642e63616c6c28676976656e2c20636f6e7465787429295c6e202020202020202020202020202020202020202020202020202020202020202020202020202020202020205e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5c6e202046696c65205c222f746d702f772f63616368656473706565642f7372632f647563746170652f68616e646c6572732f707974686f6e2f72656769737472792e70795c222c206c696e652037382c20696e2063616c6c5c6e2020202072657475726e2073656c662e66756e6374696f6e282a76616c756573295c6e20202020202020202020205e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5c6e202046696c65205c222f746d702f772f63616368656473706565642f74657374732f6d6967726174696f6e2f6b656570696e672e70795c222c206c696e652033382c20696e20686f6c645c6e2020202072616973652052756e74696d654572726f72285c2274686973206f6e65206661696c735c22295c6e52756e74696d654572726f723a2074686973206f6e65206661696c735c6e227d', NULL);
INSERT INTO kept.job_keys VALUES ('shop', 'dev', 'done', '01a22e44-fac0-7000-9ef6-3a78b6c0f2a3', '\x98944164e2b3c0710f86b2aaa917b7c4c21aa9250edf9329cb8fbc25826baaa1', 'count', false);
INSERT INTO kept.job_keys VALUES ('shop', 'dev', 'failed', '01a22e44-faf0-7000-89b0-027f0858c572', '\x180c79472dbc62178ad21c4c3a1581ddd95ce6ea75d5b52d16f4c318aacf3dc6', 'hold', false);
INSERT INTO kept.job_keys VALUES ('shop', 'dev', 'later', '01a22e44-fb10-7000-9d76-d9435bdb8cf5', '\xf6958bcd9852670d2cc2645d9b9ab8a051ae7056d7f0180ba3dd7bff4dadf0e0', 'count', false);
INSERT INTO kept.job_keys VALUES ('shop', 'dev', 'recurs', '01a22e44-fb13-7000-831c-465d36f3a785', '\xb09e31de9b7c93ba3eae998a036f9b4c485b507c0e804f53417cb5054674a7db', 'count', true);
INSERT INTO kept.key_checks OVERRIDING SYSTEM VALUE VALUES (1, 'k1', '\x01026b31dcb09357bc9384a5a056d6d54d76a38d5ff6416c51ff9f7f7a1df6a2b97cec5bf08c6e', 1796072602278);
INSERT INTO kept.migrations VALUES (1, 'jobs', '26f0aa328c20ad32063bb236dfec6cda3b2dd71d651a026e34edff4490df000c', 1);
INSERT INTO kept.migrations VALUES (2, 'quotas', '90913ecf9f71571144662c86f5d379e2cb9cefe0edacf077533c99bd94e61f14', 1);
INSERT INTO kept.migrations VALUES (3, 'steps', 'f6c97306f5b4cc4e72b9f7a88f1fa799edc398b8dbec71002d4936e15bd20a98', 1);
INSERT INTO kept.migrations VALUES (4, 'retention', '056bfa735d6d6d0c418cfcc5071c14f00ce07b61a2bd4b72f2f6fa766fac73c3', 1);
INSERT INTO kept.migrations VALUES (5, 'pruning', '30bc7923b15b46e7b7d0dc460f36b7c02ed1f7d68e00a3b27d358e8510c7004c', 1);
INSERT INTO kept.migrations VALUES (6, 'expiring', 'b0b8b2964b6cd7bc2188473f7c5f8d41a63204ddde8ed4d7a1e0575f49f78b7e', 1);
INSERT INTO kept.migrations VALUES (7, 'reasons', 'e9e3d99ce59cde082133bf62690bf0eea355ac152490de3d257a5769861ba419', 1);
INSERT INTO kept.migrations VALUES (8, 'followers', '8a62646b43829923632a4ca62c2f04f74acb1ab8eae0686b3cb68d879c05bdd3', 1);
INSERT INTO kept.products VALUES ('shop', 1, '\x7b22746167223a2273686f70222c22656e7673223a5b7b22736c7567223a22646576227d5d2c226a6f6273223a5b7b22746167223a22636f756e74222c2268616e646c6572223a22707974686f6e227d2c7b22746167223a22686f6c64222c2268616e646c6572223a22707974686f6e227d5d7d', '\x40c1d1e40a40393d8d6f807d649be8569a0ff1166feed92e62531af9d86f4f12', 1796072602299);
INSERT INTO kept.runs VALUES ('01a22e44-fb10-7000-9d76-d9435bdb8cf5', 1, 'scheduled', 0, 'shop', 'dev', 'count', 'job', 'default', 0, 'shop', 'job:count', NULL, false, false, 4000000000000, 4000000000000, 60000, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, 'later', NULL, NULL, NULL, '\x7b2270726f64756374223a2273686f70222c22656e76223a22646576222c226576656e74223a22636f756e74222c226b696e64223a226a6f62222c22696e707574223a7b226e223a327d2c2272657472696573223a302c22637265617465645f61745f6d73223a313739363037323630323338342c226e65656473223a226a6f623a636f756e74222c226b6579223a226c61746572222c227265747279223a7b7d2c2274696d656f75745f6d73223a36303030302c226d65746164617461223a7b7d7d', NULL, NULL, NULL, 1796072602384, NULL);
INSERT INTO kept.runs VALUES ('01a22e44-fb13-7000-831c-465d36f3a785', 1, 'scheduled', 0, 'shop', 'dev', 'count', 'job', 'default', 0, 'shop', 'job:count', NULL, true, false, 4000000000000, 4000000000000, 60000, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, 'recurs', NULL, NULL, NULL, '\x7b2270726f64756374223a2273686f70222c22656e76223a22646576222c226576656e74223a22636f756e74222c226b696e64223a226a6f62222c22696e707574223a7b226e223a337d2c2272657472696573223a302c22637265617465645f61745f6d73223a313739363037323630323338372c226e65656473223a226a6f623a636f756e74222c22726570656174223a7b2265766572795f6d73223a38363430303030307d2c226b6579223a22726563757273222c227265747279223a7b7d2c2274696d656f75745f6d73223a36303030302c226d65746164617461223a7b7d7d', NULL, NULL, NULL, 1796072602387, NULL);
INSERT INTO kept.schedules VALUES ('01a22e44-fb13-7000-831c-465d36f3a785', 'active', 1, 'shop', 'dev', 'count', 'job', 'default', 4000000000000, NULL, 2, 0, 0, 0, 0, NULL, NULL, 'recurs', NULL, NULL, NULL, '\x7b2270726f64756374223a2273686f70222c22656e76223a22646576222c226576656e74223a22636f756e74222c226b696e64223a226a6f62222c22696e707574223a7b226e223a337d2c2272657472696573223a302c22637265617465645f61745f6d73223a313739363037323630323338372c226e65656473223a226a6f623a636f756e74222c22726570656174223a7b2265766572795f6d73223a38363430303030307d2c226b6579223a22726563757273222c227265747279223a7b7d2c2274696d656f75745f6d73223a36303030302c226d65746164617461223a7b7d7d', 1796072602387, NULL);
INSERT INTO kept.secrets VALUES ('shop', '', 'token', '\x01026b31e203e3ff43ab31328747cdcc84800633ad26cb43aeb4ad441c2adb8e3dc8110f', 1796072602303);
SELECT pg_catalog.setval('kept.key_checks_number_seq', 1, true);
ALTER TABLE ONLY kept.breakers
    ADD CONSTRAINT breakers_pkey PRIMARY KEY (product, env, owner, provider);
ALTER TABLE ONLY kept.cache_entries
    ADD CONSTRAINT cache_entries_pkey PRIMARY KEY (key);
ALTER TABLE ONLY kept.cache_locks
    ADD CONSTRAINT cache_locks_pkey PRIMARY KEY (key);
ALTER TABLE ONLY kept.duties
    ADD CONSTRAINT duties_pkey PRIMARY KEY (duty);
ALTER TABLE ONLY kept.gates
    ADD CONSTRAINT gates_pkey PRIMARY KEY (flow);
ALTER TABLE ONLY kept.handlers
    ADD CONSTRAINT handlers_pkey PRIMARY KEY (tag, worker);
ALTER TABLE ONLY kept.history
    ADD CONSTRAINT history_pkey PRIMARY KEY (job_id, number, completed_at, outcome);
ALTER TABLE ONLY kept.history_completed
    ADD CONSTRAINT history_completed_pkey PRIMARY KEY (job_id, number, completed_at, outcome);
ALTER TABLE ONLY kept.history_completed_20261130
    ADD CONSTRAINT history_completed_20261130_pkey PRIMARY KEY (job_id, number, completed_at, outcome);
ALTER TABLE ONLY kept.history_completed_20261201
    ADD CONSTRAINT history_completed_20261201_pkey PRIMARY KEY (job_id, number, completed_at, outcome);
ALTER TABLE ONLY kept.history_completed_rest
    ADD CONSTRAINT history_completed_rest_pkey PRIMARY KEY (job_id, number, completed_at, outcome);
ALTER TABLE ONLY kept.history_failed
    ADD CONSTRAINT history_failed_pkey PRIMARY KEY (job_id, number, completed_at, outcome);
ALTER TABLE ONLY kept.history_failed_20261130
    ADD CONSTRAINT history_failed_20261130_pkey PRIMARY KEY (job_id, number, completed_at, outcome);
ALTER TABLE ONLY kept.history_failed_20261201
    ADD CONSTRAINT history_failed_20261201_pkey PRIMARY KEY (job_id, number, completed_at, outcome);
ALTER TABLE ONLY kept.history_failed_rest
    ADD CONSTRAINT history_failed_rest_pkey PRIMARY KEY (job_id, number, completed_at, outcome);
ALTER TABLE ONLY kept.history_swept
    ADD CONSTRAINT history_swept_pkey PRIMARY KEY (day);
ALTER TABLE ONLY kept.job_keys
    ADD CONSTRAINT job_keys_pkey PRIMARY KEY (product, env, key);
ALTER TABLE ONLY kept.key_checks
    ADD CONSTRAINT key_checks_key_id_key UNIQUE (key_id);
ALTER TABLE ONLY kept.key_checks
    ADD CONSTRAINT key_checks_pkey PRIMARY KEY (number);
ALTER TABLE ONLY kept.migrations
    ADD CONSTRAINT migrations_pkey PRIMARY KEY (number);
ALTER TABLE ONLY kept.products
    ADD CONSTRAINT products_pkey PRIMARY KEY (tag, version);
ALTER TABLE ONLY kept.queues
    ADD CONSTRAINT queues_pkey PRIMARY KEY (name);
ALTER TABLE ONLY kept.quota_windows
    ADD CONSTRAINT quota_windows_pkey PRIMARY KEY (product, env, quota, subject);
ALTER TABLE ONLY kept.result_files
    ADD CONSTRAINT result_files_pkey PRIMARY KEY (job_id, number);
ALTER TABLE ONLY kept.runs
    ADD CONSTRAINT runs_pkey PRIMARY KEY (job_id, number);
ALTER TABLE ONLY kept.schedules
    ADD CONSTRAINT schedules_pkey PRIMARY KEY (job_id);
ALTER TABLE ONLY kept.secrets
    ADD CONSTRAINT secrets_pkey PRIMARY KEY (product, env, name);
ALTER TABLE ONLY kept.session_users
    ADD CONSTRAINT session_users_pkey PRIMARY KEY (product, env, tag, identifier);
ALTER TABLE ONLY kept.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (session_id);
ALTER TABLE ONLY kept.signals
    ADD CONSTRAINT signals_pkey PRIMARY KEY (job_id, number, name, place);
ALTER TABLE ONLY kept.steps
    ADD CONSTRAINT steps_pkey PRIMARY KEY (job_id, number, path);
ALTER TABLE ONLY kept.unfinished_copy
    ADD CONSTRAINT unfinished_copy_pkey PRIMARY KEY (one);
ALTER TABLE ONLY kept.workers
    ADD CONSTRAINT workers_pkey PRIMARY KEY (id);
CREATE INDEX breakers_age ON kept.breakers USING btree (changed_at);
CREATE INDEX cache_entries_age ON kept.cache_entries USING btree (expires_at);
CREATE INDEX cache_entries_tag ON kept.cache_entries USING btree (product, tag);
CREATE INDEX history_completed_rest_age ON kept.history_completed_rest USING btree (completed_at);
CREATE INDEX history_completed_rest_product ON kept.history_completed_rest USING btree (product, completed_at);
CREATE INDEX history_failed_rest_age ON kept.history_failed_rest USING btree (completed_at);
CREATE INDEX history_failed_rest_product ON kept.history_failed_rest USING btree (product, completed_at);
CREATE INDEX job_keys_job ON kept.job_keys USING btree (job_id);
CREATE INDEX quota_windows_age ON kept.quota_windows USING btree (expires_at);
CREATE INDEX result_files_due ON kept.result_files USING btree (due_at) WHERE (due_at IS NOT NULL);
CREATE INDEX runs_blocked ON kept.runs USING btree (flow, rank, due_at) WHERE (state = 'blocked'::text);
CREATE INDEX runs_cache ON kept.runs USING btree (cache_key, state, due_at, job_id) WHERE (cache_key IS NOT NULL);
CREATE INDEX runs_claim ON kept.runs USING btree (queue, rank, flow, needs, due_at) WHERE ((state = 'queued'::text) AND (losses = 0));
CREATE INDEX runs_expiring ON kept.runs USING btree (expires_at) WHERE ((expires_at IS NOT NULL) AND (state <> 'running'::text));
CREATE INDEX runs_gate ON kept.runs USING btree (flow) WHERE ((state = 'running'::text) AND (concurrency IS NOT NULL));
CREATE INDEX runs_held ON kept.runs USING btree (worker) WHERE (state = 'running'::text);
CREATE INDEX runs_later ON kept.runs USING btree (due_at) WHERE (state = 'scheduled'::text);
CREATE INDEX runs_session ON kept.runs USING btree (session_tag, session_user_id) WHERE (session_tag IS NOT NULL);
CREATE INDEX runs_suspect ON kept.runs USING btree (queue, rank, due_at) WHERE ((state = 'queued'::text) AND (losses > 0));
CREATE INDEX schedules_ended ON kept.schedules USING btree (updated_at) WHERE (state = ANY (ARRAY['completed'::text, 'failed'::text, 'cancelled'::text]));
CREATE INDEX schedules_faulty ON kept.schedules USING btree (job_id) WHERE (fault IS NOT NULL);
CREATE INDEX schedules_live ON kept.schedules USING btree (job_id) WHERE ((state = 'active'::text) AND (fault IS NULL));
CREATE INDEX schedules_session ON kept.schedules USING btree (session_tag, session_user_id) WHERE (session_tag IS NOT NULL);
CREATE UNIQUE INDEX schedules_twin ON kept.schedules USING btree (twin) WHERE ((twin IS NOT NULL) AND (state = ANY (ARRAY['active'::text, 'paused'::text])));
CREATE INDEX sessions_age ON kept.sessions USING btree (expires_at);
ALTER INDEX kept.history_completed_pkey ATTACH PARTITION kept.history_completed_20261130_pkey;
ALTER INDEX kept.history_completed_pkey ATTACH PARTITION kept.history_completed_20261201_pkey;
ALTER INDEX kept.history_pkey ATTACH PARTITION kept.history_completed_pkey;
ALTER INDEX kept.history_completed_pkey ATTACH PARTITION kept.history_completed_rest_pkey;
ALTER INDEX kept.history_failed_pkey ATTACH PARTITION kept.history_failed_20261130_pkey;
ALTER INDEX kept.history_failed_pkey ATTACH PARTITION kept.history_failed_20261201_pkey;
ALTER INDEX kept.history_pkey ATTACH PARTITION kept.history_failed_pkey;
ALTER INDEX kept.history_failed_pkey ATTACH PARTITION kept.history_failed_rest_pkey;

-- oldest: 1
-- What the steps of features have come to, and the signals that wait for theirs.

CREATE TABLE ductape.steps (
    job_id       text COLLATE "C" NOT NULL,
    number       integer NOT NULL,
    path         text COLLATE "C" NOT NULL,  -- empty for the run itself
    position     integer NOT NULL,
    kind         text    NOT NULL,
    state        text    NOT NULL CHECK (state IN ('running', 'sleeping', 'waiting', 'retrying', 'completed', 'failed', 'allowed', 'unwinding')),
    started_at   bigint  NOT NULL,
    failures     integer NOT NULL,
    due_at       bigint,
    awaits       text,
    completed_at bigint,
    result       bytea,
    error        bytea,
    PRIMARY KEY (job_id, number, path)
);

CREATE TABLE ductape.signals (
    job_id  text COLLATE "C" NOT NULL,
    number  integer NOT NULL,
    name    text COLLATE "C" NOT NULL,  -- empty where the run is to be undone and to end
    place   integer NOT NULL,  -- among those of its name
    data    bytea   NOT NULL,
    sent_at bigint  NOT NULL,
    PRIMARY KEY (job_id, number, name, place)
);

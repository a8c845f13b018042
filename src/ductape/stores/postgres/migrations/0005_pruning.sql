-- oldest: 1
-- Files that hold results too large for the store: they go when their runs have gone.

CREATE TABLE ductape.result_files (
    job_id  text COLLATE "C" NOT NULL,
    number  integer NOT NULL,
    product text    NOT NULL,
    env     text    NOT NULL,
    storage text    NOT NULL,
    name    text    NOT NULL,
    lingers bigint  NOT NULL,  -- how much longer than its run a cache may point at it
    tries   integer NOT NULL,
    due_at  bigint,            -- null while there is a run
    PRIMARY KEY (job_id, number)
);

CREATE INDEX result_files_due ON ductape.result_files (due_at) WHERE due_at IS NOT NULL;

-- A revoked session is kept as long as a job of its user may still come to it.
CREATE INDEX runs_session ON ductape.runs (session_tag, session_user_id) WHERE session_tag IS NOT NULL;
CREATE INDEX schedules_session ON ductape.schedules (session_tag, session_user_id) WHERE session_tag IS NOT NULL;

-- oldest: 1
-- What was used of quotas, and which providers keep failing.

CREATE TABLE ductape.quota_windows (
    product    text   NOT NULL,
    env        text   NOT NULL,
    quota      text   NOT NULL,
    subject    bytea  NOT NULL,  -- a keyed hash
    uses       bytea  NOT NULL,  -- JSON: [[instant, amount], …]
    expires_at bigint NOT NULL,
    PRIMARY KEY (product, env, quota, subject)
) WITH (fillfactor = 50);

CREATE INDEX quota_windows_age ON ductape.quota_windows (expires_at);

CREATE TABLE ductape.breakers (
    product    text    NOT NULL,
    env        text    NOT NULL,
    owner      text    NOT NULL,
    provider   text    NOT NULL,
    state      text    NOT NULL CHECK (state IN ('closed', 'open', 'half_open')),
    failures   integer NOT NULL,
    until_at   bigint  NOT NULL,
    changed_at bigint  NOT NULL,
    PRIMARY KEY (product, env, owner, provider)
) WITH (fillfactor = 50);

CREATE INDEX breakers_age ON ductape.breakers (changed_at);

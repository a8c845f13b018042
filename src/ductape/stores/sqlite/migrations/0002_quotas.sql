-- oldest: 1
-- What was used of quotas, and which providers keep failing.

CREATE TABLE quota_windows (
    product    TEXT    NOT NULL,
    env        TEXT    NOT NULL,
    quota      TEXT    NOT NULL,
    subject    BLOB    NOT NULL,  -- a keyed hash
    uses       BLOB    NOT NULL,  -- JSON: [[instant, amount], …]
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (product, env, quota, subject)
) WITHOUT ROWID;

CREATE INDEX quota_windows_age ON quota_windows (expires_at);

CREATE TABLE breakers (
    product    TEXT    NOT NULL,
    env        TEXT    NOT NULL,
    owner      TEXT    NOT NULL,
    provider   TEXT    NOT NULL,
    state      TEXT    NOT NULL CHECK (state IN ('closed', 'open', 'half_open')),
    failures   INTEGER NOT NULL,
    until_at   INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (product, env, owner, provider)
) WITHOUT ROWID;

CREATE INDEX breakers_age ON breakers (changed_at);

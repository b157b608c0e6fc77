-- Schema 1 on PostgreSQL: what SQLite has after its first six. The tables and their meaning are those
-- of `sqlite/0001_tasks.sql` and further; told here is only what differs.
--
-- Ids are ordered by their bytes, as everywhere else, whatever the database's own order is.

CREATE TABLE task (
    number      BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id          TEXT COLLATE "C" NOT NULL UNIQUE,
    owner       TEXT COLLATE "C" NOT NULL,
    agent       TEXT COLLATE "C" NOT NULL,
    context_id  TEXT COLLATE "C" NOT NULL,
    state       TEXT COLLATE "C" NOT NULL,
    status_ms   BIGINT NOT NULL,
    seq         BIGINT NOT NULL,       -- whoever changes it has the row locked
    asks        BYTEA,
    trace       BYTEA,
    snapshot    BYTEA,
    pushes      BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX task_by_status ON task (owner, agent, state, status_ms DESC, id DESC);
CREATE INDEX task_by_context ON task (context_id);

CREATE TABLE event (
    task     BIGINT NOT NULL,
    seq      BIGINT NOT NULL,
    event_id TEXT COLLATE "C" NOT NULL,
    state    TEXT COLLATE "C" NOT NULL,
    body     BYTEA NOT NULL,
    message  BYTEA,
    artifact TEXT COLLATE "C",
    append   BOOLEAN NOT NULL,
    last     BOOLEAN NOT NULL,
    PRIMARY KEY (task, seq),
    UNIQUE (task, event_id)
);

CREATE TABLE message (
    owner      TEXT COLLATE "C" NOT NULL,
    agent      TEXT COLLATE "C" NOT NULL,
    message_id TEXT COLLATE "C" NOT NULL,
    task       BIGINT NOT NULL,
    PRIMARY KEY (owner, agent, message_id)
);

CREATE TABLE reply (
    owner      TEXT COLLATE "C" NOT NULL,
    agent      TEXT COLLATE "C" NOT NULL,
    message_id TEXT COLLATE "C" NOT NULL,
    body       BYTEA NOT NULL,
    PRIMARY KEY (owner, agent, message_id)
);

CREATE TABLE run (
    task    BIGINT PRIMARY KEY,
    agent   TEXT COLLATE "C" NOT NULL,
    state   TEXT COLLATE "C" NOT NULL,
    attempt BIGINT NOT NULL,
    worker  TEXT COLLATE "C",
    token   BIGINT NOT NULL DEFAULT 0,
    wake_ms BIGINT
);
CREATE INDEX run_free ON run (task) WHERE worker IS NULL AND state = 'active';
CREATE INDEX run_due ON run (wake_ms) WHERE wake_ms IS NOT NULL;

CREATE TABLE worker (                  -- the processes that work on runs and post
    name    TEXT COLLATE "C" PRIMARY KEY,
    beat_ms BIGINT NOT NULL
);

CREATE TABLE step (
    task   BIGINT NOT NULL,
    key    TEXT COLLATE "C" NOT NULL,
    result BYTEA NOT NULL,
    PRIMARY KEY (task, key)
);

CREATE TABLE signal (
    task  BIGINT NOT NULL,
    key   TEXT COLLATE "C" NOT NULL,
    value BYTEA NOT NULL,
    PRIMARY KEY (task, key)
);

CREATE TABLE call (
    task  BIGINT NOT NULL,
    key   TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    body  BYTEA NOT NULL,
    PRIMARY KEY (task, key)
);

CREATE TABLE push (
    task     BIGINT NOT NULL,
    id       TEXT COLLATE "C" NOT NULL,
    host     TEXT COLLATE "C" NOT NULL,
    body     BYTEA NOT NULL,
    done     BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    due_ms   BIGINT,
    stopped  TEXT NOT NULL,
    worker   TEXT COLLATE "C",
    PRIMARY KEY (task, id)
);
CREATE INDEX push_by_due ON push (due_ms) WHERE due_ms IS NOT NULL;
CREATE INDEX push_free ON push (task) WHERE worker IS NULL AND due_ms IS NOT NULL;

CREATE TABLE undelivered (
    task   BIGINT NOT NULL,
    push   TEXT COLLATE "C" NOT NULL,
    seq    BIGINT NOT NULL,
    at_ms  BIGINT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (task, push, seq)
);

-- A process that counts a task holds the row until its commit; so each process has rows of its own,
-- and how many tasks there are is their sum. A row may be negative: the task began elsewhere.
CREATE TABLE tally (
    owner TEXT COLLATE "C" NOT NULL,
    agent TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    slot  INTEGER NOT NULL DEFAULT coalesce(current_setting('interloom.slot', true), '0')::integer,
    tasks BIGINT NOT NULL,
    PRIMARY KEY (owner, agent, state, slot)
);

CREATE TABLE writer (                  -- the processes that write, so that each knows
    name    TEXT COLLATE "C" PRIMARY KEY,
    commits BIGINT NOT NULL,           -- the last of its commits that took place
    at_ms   BIGINT NOT NULL
);

CREATE FUNCTION now_ms() RETURNS BIGINT LANGUAGE sql VOLATILE AS
    $$ SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint $$;

CREATE FUNCTION me() RETURNS TEXT LANGUAGE sql STABLE AS -- the worker this connection is of, or NULL
    $$ SELECT nullif(current_setting('interloom.worker', true), '') $$;

-- Schema 1: tasks, their events, their runs. Times are milliseconds since the epoch; JSON is UTF-8 in
-- BLOBs, stored as it goes out.
--
-- Rows belong to a task by its number: what many tasks write at once then lies side by side, on a few
-- pages, where their random ids would spread it over as many pages as there are tasks. Rows that
-- hold JSON are in tables with a rowid, since one without it puts whatever is over a quarter of a
-- page onto a page of its own.

CREATE TABLE task (
    number      INTEGER PRIMARY KEY,   -- 1, 2, 3 … as they began
    id          TEXT    NOT NULL UNIQUE,
    owner       TEXT    NOT NULL,
    agent       TEXT    NOT NULL,
    context_id  TEXT    NOT NULL,
    state       TEXT    NOT NULL,
    status_ms   INTEGER NOT NULL,
    seq         INTEGER NOT NULL,      -- last event; the guard of every change
    asks        BLOB,                  -- open questions, NULL when there are none
    trace       BLOB,                  -- W3C trace context, NULL when there is none
    snapshot    BLOB                   -- the A2A Task as of seq, NULL while it moves
);
CREATE INDEX task_by_status ON task (owner, status_ms DESC, id DESC);

CREATE TABLE event (
    task     INTEGER NOT NULL,
    seq      INTEGER NOT NULL,         -- 1, 2, 3 … without gaps
    event_id TEXT    NOT NULL,         -- from the step that caused it: cannot be appended twice
    state    TEXT    NOT NULL,
    body     BLOB    NOT NULL,         -- the status, or the artifact, written once
    message  BLOB,                     -- the caller's message that caused it
    artifact TEXT,                     -- which artifact; NULL for a change of status
    append   INTEGER NOT NULL,         -- 1: adds to what the artifact has
    last     INTEGER NOT NULL,         -- 1: its last chunk
    PRIMARY KEY (task, seq),
    UNIQUE (task, event_id)
);

CREATE TABLE message (
    owner      TEXT    NOT NULL,
    agent      TEXT    NOT NULL,
    message_id TEXT    NOT NULL,
    task       INTEGER NOT NULL,
    PRIMARY KEY (owner, agent, message_id)
) WITHOUT ROWID;

CREATE TABLE run (                     -- unfinished tasks only
    task    INTEGER PRIMARY KEY,
    agent   TEXT    NOT NULL,
    state   TEXT    NOT NULL,          -- active, parked
    attempt INTEGER NOT NULL
);

CREATE TABLE step (
    task   INTEGER NOT NULL,
    key    TEXT    NOT NULL,
    result BLOB    NOT NULL,
    PRIMARY KEY (task, key)
);

CREATE TABLE signal (
    task  INTEGER NOT NULL,
    key   TEXT    NOT NULL,
    value BLOB    NOT NULL,
    PRIMARY KEY (task, key)
);

CREATE TABLE call (
    task  INTEGER NOT NULL,
    key   TEXT    NOT NULL,
    state TEXT    NOT NULL,            -- a CallState: intended, postponed …
    body  BLOB    NOT NULL,
    PRIMARY KEY (task, key)
);

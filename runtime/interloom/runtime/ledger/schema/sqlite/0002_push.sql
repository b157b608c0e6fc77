-- Schema 2: where the events of a task are posted, and how far the posting has come.
--
-- The outbox holds no events: they are in `event`, and a config says which of them it has had. So an
-- event is stored once, however many places it is posted to, and what is to be posted is decided by
-- the transaction that stores the event.

ALTER TABLE task ADD COLUMN pushes INTEGER NOT NULL DEFAULT 0; -- its rows in `push`

CREATE TABLE push (
    task     INTEGER NOT NULL,
    id       TEXT    NOT NULL,
    host     TEXT    NOT NULL,         -- of its URL: posts are spread over hosts
    body     BLOB    NOT NULL,         -- the TaskPushNotificationConfig, its secrets included
    done     INTEGER NOT NULL,         -- last event that needs no posting any more
    attempts INTEGER NOT NULL,         -- failed ones at the event after it
    due_ms   INTEGER,                  -- when that event is to be posted, NULL when there is none
    stopped  TEXT    NOT NULL,         -- why nothing is posted any more; empty while it is
    PRIMARY KEY (task, id)
);
CREATE INDEX push_by_due ON push (due_ms) WHERE due_ms IS NOT NULL;

CREATE TABLE undelivered (             -- dead letters: events that a config never got
    task   INTEGER NOT NULL,
    push   TEXT    NOT NULL,
    seq    INTEGER NOT NULL,
    at_ms  INTEGER NOT NULL,
    reason TEXT    NOT NULL,
    PRIMARY KEY (task, push, seq)
);

-- Schema 7: what it takes to delete what is over.

CREATE INDEX message_by_task ON message (task);

ALTER TABLE reply ADD COLUMN at_ms INTEGER NOT NULL DEFAULT 0;
UPDATE reply SET at_ms = CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER);
CREATE INDEX reply_by_age ON reply (at_ms);

CREATE TABLE chore (                   -- what one process at a time does for all
    name    TEXT    PRIMARY KEY,
    next_ms INTEGER NOT NULL           -- whose turn it is from then on is nobody's
) WITHOUT ROWID;

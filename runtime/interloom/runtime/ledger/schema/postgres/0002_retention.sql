-- Schema 2: what it takes to delete what is over.

CREATE INDEX message_by_task ON message (task);

ALTER TABLE reply ADD COLUMN at_ms BIGINT NOT NULL DEFAULT 0;
UPDATE reply SET at_ms = now_ms();
CREATE INDEX reply_by_age ON reply (at_ms);

CREATE TABLE chore (                   -- what one process at a time does for all
    name    TEXT COLLATE "C" PRIMARY KEY,
    next_ms BIGINT NOT NULL            -- whose turn it is from then on is nobody's
);

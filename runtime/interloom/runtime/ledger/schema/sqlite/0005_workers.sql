-- Schema 5: which process works on a run, and since when it has said so.

CREATE TABLE worker (
    name    TEXT    PRIMARY KEY,       -- no two processes ever have the same
    host    TEXT    NOT NULL,          -- since when its kernel runs: locks of others say nothing here
    slot    INTEGER NOT NULL,          -- the lock file it holds; the kernel lets go when it dies
    beat_ms INTEGER NOT NULL           -- when it last said that it is alive
) WITHOUT ROWID;

ALTER TABLE run ADD COLUMN worker  TEXT;                       -- who works on it, NULL for nobody
ALTER TABLE run ADD COLUMN token   INTEGER NOT NULL DEFAULT 0; -- how often it was taken
ALTER TABLE run ADD COLUMN wake_ms INTEGER;                    -- when a parked one is to be woken

-- What is to be claimed; a run at work is in neither.
CREATE INDEX run_free ON run (task) WHERE worker IS NULL AND state = 'active';
CREATE INDEX run_due ON run (wake_ms) WHERE wake_ms IS NOT NULL;

-- Schema 3 on PostgreSQL: each run is a task of Absurd's, which says who works on it.

ALTER TABLE worker ADD COLUMN host TEXT NOT NULL DEFAULT ''; -- where it runs, for people to read

ALTER TABLE run
    ADD COLUMN queue       TEXT NOT NULL, -- Absurd's, one for each agent
    ADD COLUMN absurd_task UUID NOT NULL,
    ADD COLUMN absurd_run  UUID NOT NULL; -- the attempt that is at work, or waits
CREATE INDEX run_held ON run (worker) WHERE worker IS NOT NULL;

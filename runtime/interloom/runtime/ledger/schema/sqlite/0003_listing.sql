-- Schema 3: pages of tasks; see `pages.py`.

DROP INDEX task_by_status;
CREATE INDEX task_by_status ON task (owner, agent, state, status_ms DESC, id DESC);
CREATE INDEX task_by_context ON task (context_id);

CREATE TABLE tally (                   -- how many tasks there are in a state
    owner TEXT    NOT NULL,
    agent TEXT    NOT NULL,
    state TEXT    NOT NULL,
    tasks INTEGER NOT NULL,
    PRIMARY KEY (owner, agent, state)
) WITHOUT ROWID;
INSERT INTO tally SELECT owner, agent, state, count(*) FROM task GROUP BY owner, agent, state;

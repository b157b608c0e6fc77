-- Schema 6: which process posts for a push config.

ALTER TABLE push ADD COLUMN worker TEXT;   -- who posts what is due, NULL for nobody

CREATE INDEX push_free ON push (task) WHERE worker IS NULL AND due_ms IS NOT NULL;

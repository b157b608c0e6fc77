-- Schema 9: results of tool servers, kept for as long as they allow it.

CREATE TABLE kept (
    key        TEXT    PRIMARY KEY,
    kind       TEXT    NOT NULL,       -- what is forgotten together
    item       TEXT    NOT NULL,       -- what can be forgotten alone
    body       BLOB    NOT NULL,
    expires_ms INTEGER NOT NULL
);

CREATE INDEX kept_by_kind ON kept (kind, item);
CREATE INDEX kept_by_end ON kept (expires_ms);

CREATE TABLE forgotten (               -- what was asked for before is not kept
    kind  TEXT    PRIMARY KEY,
    at_ms INTEGER NOT NULL
) WITHOUT ROWID;

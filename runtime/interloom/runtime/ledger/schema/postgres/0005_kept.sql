-- Schema 5: results of tool servers, kept for as long as they allow it.

CREATE TABLE kept (
    key        TEXT COLLATE "C" PRIMARY KEY,
    kind       TEXT COLLATE "C" NOT NULL,   -- what is forgotten together
    item       TEXT COLLATE "C" NOT NULL,   -- what can be forgotten alone
    body       BYTEA NOT NULL,
    expires_ms BIGINT NOT NULL
);

CREATE INDEX kept_by_kind ON kept (kind, item);
CREATE INDEX kept_by_end ON kept (expires_ms);

CREATE TABLE forgotten (               -- what was asked for before is not kept
    kind  TEXT COLLATE "C" PRIMARY KEY,
    at_ms BIGINT NOT NULL
);

-- Schema 4: large values; see `blobs.py`.

CREATE TABLE blob (                    -- values of more than 256 KiB, each once
    key   BYTEA NOT NULL,                -- NUL and the SHA-256 of the body; stands in its place
    body  BYTEA NOT NULL,
    bytes BIGINT NOT NULL,
    PRIMARY KEY (key)
);

CREATE TABLE blob_use (                -- which tasks need it
    task BIGINT NOT NULL,
    key  BYTEA NOT NULL,
    PRIMARY KEY (task, key)
);
CREATE INDEX blob_use_by_key ON blob_use (key);

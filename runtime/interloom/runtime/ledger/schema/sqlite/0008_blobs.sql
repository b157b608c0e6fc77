-- Schema 8: large values; see `blobs.py`.

CREATE TABLE blob (                    -- values of more than 256 KiB, each once
    key   BLOB NOT NULL,                -- NUL and the SHA-256 of the body; stands in its place
    body  BLOB NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (key)
);

CREATE TABLE blob_use (                -- which tasks need it
    task INTEGER NOT NULL,
    key  BLOB NOT NULL,
    PRIMARY KEY (task, key)
) WITHOUT ROWID;
CREATE INDEX blob_use_by_key ON blob_use (key);

-- Schema 4: messages that were answered at once; in `message` their task is 0, which no task is.

CREATE TABLE reply (
    owner      TEXT NOT NULL,
    agent      TEXT NOT NULL,
    message_id TEXT NOT NULL,
    body       BLOB NOT NULL,          -- the answer, an A2A Message
    PRIMARY KEY (owner, agent, message_id)
);

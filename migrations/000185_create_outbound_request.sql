-- +goose Up

-- What left the server for an online model: never the content, only how much, its
-- hash, and where it went.
CREATE TABLE outbound_request (
    id          bigint      PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    sent_at     timestamptz NOT NULL,
    purpose     text        NOT NULL CHECK (purpose <> ''),
    host        text        NOT NULL,
    model       text        NOT NULL,
    bytes       int         NOT NULL CHECK (bytes >= 0),
    sha256      text        NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    status      int         NOT NULL, -- of the reply, 0 for none
    tokens      int         NOT NULL CHECK (tokens >= 0),
    duration_ms int         NOT NULL CHECK (duration_ms >= 0)
);

CREATE INDEX outbound_request_sent_at ON outbound_request (sent_at);

-- +goose Up

-- Tokens of CDS clients that have been used, until they expire: none is accepted twice,
-- whichever replica it comes to. It holds an hour's worth at most and may be lost.
CREATE TABLE token_replay (
    issuer     text        NOT NULL,
    nonce      text        NOT NULL, -- jti
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (issuer, nonce)
);

CREATE INDEX token_replay_expires_at ON token_replay (expires_at);

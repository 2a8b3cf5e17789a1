-- +goose Up

-- Who did what, when, and to whose data: one row per event, written with what it
-- attests. Rows are added and never changed (see 000095). A patient is told by a
-- pseudonym (000091); names and values have no place here. What is searched has a
-- column; the rest is the text of a JSON object, kept as it was written, since every
-- byte of a row goes into the chain (000092).
CREATE TABLE audit_event (
    seq      bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id       uuid        NOT NULL UNIQUE, -- of the AuditEvent; sent twice is written once
    recorded timestamptz NOT NULL,
    kind     text        NOT NULL CHECK (kind <> ''),
    action   text        NOT NULL CHECK (action IN ('C', 'R', 'U', 'D', 'E')),
    outcome  smallint    NOT NULL CHECK (outcome IN (0, 4, 8, 12)),
    patient  uuid,                        -- pseudonym; NULL: of nobody
    agent    text        NOT NULL,        -- the person, '' when nobody is known
    client   text        NOT NULL,        -- the software that asked, '' when not known
    data     text        NOT NULL,        -- what it was done to, as "Type/id"; '' for advice
    detail   text        NOT NULL
);

-- "Who saw patient X", "what did user Y do", and a stretch of time.
CREATE INDEX audit_event_patient ON audit_event (patient, recorded) WHERE patient IS NOT NULL;
CREATE INDEX audit_event_agent ON audit_event (agent, recorded) WHERE agent <> '';
CREATE INDEX audit_event_client ON audit_event (client, recorded) WHERE client <> '';
CREATE INDEX audit_event_recorded ON audit_event (recorded);
-- "What became of artifact Z": its versions begin with its name.
CREATE INDEX audit_event_data ON audit_event (data text_pattern_ops) WHERE data <> '';
-- What was deleted after its time; few, and the last one is asked for.
CREATE INDEX audit_event_retention ON audit_event (seq) WHERE kind = 'retention';

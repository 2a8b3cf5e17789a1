-- +goose Up

-- The pseudonyms of patients. What is looked up is a keyed hash of the patient's id
-- (HMAC-SHA-256), what stands in audit_event is a random uuid that nothing else gives.
-- Deleting a row here makes the events of that patient nobody's, for ever, and leaves
-- the chain as it is: that is how a patient is erased.
CREATE TABLE audit_subject (
    lookup    bytea PRIMARY KEY CHECK (octet_length(lookup) = 32),
    pseudonym uuid  NOT NULL UNIQUE DEFAULT gen_random_uuid()
);

-- The pseudonym of a patient, made when there is none. A loop, since another
-- transaction may add it between the look and the insertion; each statement of a
-- volatile function sees what was committed before it.
-- +goose StatementBegin
CREATE FUNCTION audit_pseudonym(wanted bytea) RETURNS uuid LANGUAGE plpgsql VOLATILE STRICT AS $$
DECLARE found uuid;
BEGIN
    LOOP
        SELECT s.pseudonym INTO found FROM audit_subject s WHERE s.lookup = wanted;
        IF found IS NOT NULL THEN RETURN found; END IF;
        INSERT INTO audit_subject (lookup) VALUES (wanted) ON CONFLICT DO NOTHING RETURNING pseudonym INTO found;
        IF found IS NOT NULL THEN RETURN found; END IF;
    END LOOP;
END
$$;
-- +goose StatementEnd

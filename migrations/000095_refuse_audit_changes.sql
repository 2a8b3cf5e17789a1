-- +goose Up

-- The trail is append-only for whoever speaks SQL, the owner of the tables included.
-- Only events older than a year can be deleted, since nobody may keep them for ever;
-- the retention job does so, and writes down what it did. The triggers hold in
-- sessions of a replica too.
-- +goose StatementBegin
CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit trail is append-only: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END
$$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION refuse_early_audit_deletion() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.recorded < now() - interval '1 year' THEN RETURN OLD; END IF;
    RAISE EXCEPTION 'the audit trail is append-only: event % is younger than a year', OLD.id
        USING ERRCODE = 'insufficient_privilege';
END
$$;
-- +goose StatementEnd

CREATE TRIGGER refuse_change BEFORE UPDATE OR TRUNCATE ON audit_event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();
CREATE TRIGGER refuse_deletion BEFORE DELETE ON audit_event
    FOR EACH ROW EXECUTE FUNCTION refuse_early_audit_deletion();
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_chain
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_head
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();
CREATE TRIGGER refuse_change BEFORE UPDATE OR TRUNCATE ON audit_subject
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();

ALTER TABLE audit_event ENABLE ALWAYS TRIGGER refuse_change;
ALTER TABLE audit_event ENABLE ALWAYS TRIGGER refuse_deletion;
ALTER TABLE audit_chain ENABLE ALWAYS TRIGGER refuse_change;
ALTER TABLE audit_head ENABLE ALWAYS TRIGGER refuse_change;
ALTER TABLE audit_subject ENABLE ALWAYS TRIGGER refuse_change;

-- An owner can grant himself what he lacks, but not by mistake. A role of the program
-- that owns nothing needs SELECT and INSERT on these tables, DELETE on audit_pending
-- and audit_subject, UPDATE on audit_key, and EXECUTE on audit_prune.
REVOKE UPDATE, TRUNCATE ON audit_event, audit_subject FROM PUBLIC, CURRENT_USER;
REVOKE UPDATE, DELETE, TRUNCATE ON audit_chain, audit_head FROM PUBLIC, CURRENT_USER;

-- Deletes the events of links from..through that were recorded before cutoff. It runs
-- with the rights of the owner, so that the program's role needs none to delete; the
-- trigger above has the last word.
-- +goose StatementBegin
CREATE FUNCTION audit_prune(first bigint, last bigint, cutoff timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE removed bigint;
BEGIN
    DELETE FROM audit_event e USING audit_chain c
    WHERE c.position BETWEEN first AND last AND e.seq = c.event AND e.recorded < cutoff;
    GET DIAGNOSTICS removed = ROW_COUNT;
    RETURN removed;
END
$$;
-- +goose StatementEnd

REVOKE ALL ON FUNCTION audit_prune FROM PUBLIC;

-- +goose Up

-- A released url|version never changes, whoever speaks SQL: a further FHIR version of it
-- may differ in meta and status alone, and what is stored of it is not touched again.
-- The code CD001 is this program's own.
-- +goose StatementBegin
CREATE FUNCTION keep_release() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE released text;
BEGIN
    SELECT v.body INTO released
    FROM resource r
    JOIN artifact_release a ON a.type = r.type AND a.id = r.id
    JOIN resource_version v ON v.resource = r.key AND v.version = a.resource_version
    WHERE r.key = CASE WHEN TG_OP = 'INSERT' THEN NEW.resource ELSE OLD.resource END;
    IF NOT FOUND THEN
        RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
    END IF;
    IF TG_OP = 'INSERT' AND NEW.body IS NOT NULL
        AND (NEW.body::jsonb - 'meta' - 'status') = (released::jsonb - 'meta' - 'status') THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a released version never changes: % is refused', TG_OP USING ERRCODE = 'CD001';
END
$$;
-- +goose StatementEnd

CREATE TRIGGER keep_release BEFORE INSERT ON resource_version
    FOR EACH ROW WHEN (NEW.type IN ('PlanDefinition', 'ActivityDefinition', 'Library', 'Questionnaire')) EXECUTE FUNCTION keep_release();
CREATE TRIGGER keep_release_unchanged BEFORE UPDATE OR DELETE ON resource_version
    FOR EACH ROW WHEN (OLD.type IN ('PlanDefinition', 'ActivityDefinition', 'Library', 'Questionnaire')) EXECUTE FUNCTION keep_release();
ALTER TABLE resource_version ENABLE ALWAYS TRIGGER keep_release;
ALTER TABLE resource_version ENABLE ALWAYS TRIGGER keep_release_unchanged;

-- +goose StatementBegin
CREATE FUNCTION refuse_release_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what was released, and by whom, is kept: % on % is refused', TG_OP, TG_TABLE_NAME USING ERRCODE = 'CD001';
END
$$;
-- +goose StatementEnd

CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON artifact_release
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_release_change();
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON artifact_step
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_release_change();
ALTER TABLE artifact_release ENABLE ALWAYS TRIGGER refuse_change;
ALTER TABLE artifact_step ENABLE ALWAYS TRIGGER refuse_change;

-- +goose Up

-- Every process keeps the knowledge in memory. A change is announced by the database
-- itself, so that also one made by hand is heard.
-- +goose StatementBegin
CREATE FUNCTION announce_knowledge() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('cdss_knowledge', '');
    RETURN NULL;
END
$$;
-- +goose StatementEnd

CREATE TRIGGER announce AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON artifact_in_force
    FOR EACH STATEMENT EXECUTE FUNCTION announce_knowledge();
CREATE TRIGGER announce AFTER INSERT ON artifact_release
    FOR EACH STATEMENT EXECUTE FUNCTION announce_knowledge();
CREATE TRIGGER announce AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON knowledge_overlay
    FOR EACH STATEMENT EXECUTE FUNCTION announce_knowledge();
CREATE TRIGGER announce AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON knowledge_setting
    FOR EACH STATEMENT EXECUTE FUNCTION announce_knowledge();
CREATE TRIGGER announce_edit AFTER UPDATE OR DELETE OR TRUNCATE ON resource_version
    FOR EACH STATEMENT EXECUTE FUNCTION announce_knowledge();

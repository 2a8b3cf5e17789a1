-- +goose Up

-- Every process keeps the registrations in memory. A change is announced by the database
-- itself, so that also one made by hand, such as switching a client off, is heard.
-- +goose StatementBegin
CREATE FUNCTION announce_registrations() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('cdss_access', '');
    RETURN NULL;
END
$$;
-- +goose StatementEnd

CREATE TRIGGER announce AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON fhir_server
    FOR EACH STATEMENT EXECUTE FUNCTION announce_registrations();
CREATE TRIGGER announce AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON cds_client
    FOR EACH STATEMENT EXECUTE FUNCTION announce_registrations();
CREATE TRIGGER announce AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON cds_client_server
    FOR EACH STATEMENT EXECUTE FUNCTION announce_registrations();

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"cdss/fhir/access"
)

// data tells whether decisions can wait on disk while the database is away.
func (d *examination) data(cfg config) {
	err := os.MkdirAll(cfg.DataDir, 0o755)
	if err == nil {
		var probe *os.File
		if probe, err = os.CreateTemp(cfg.DataDir, "doctor"); err == nil {
			probe.Close()
			err = os.Remove(probe.Name())
		}
	}
	d.check("data directory", err, "")
}

// reachable tells whether somebody listens at an address that the configuration names.
// Nothing is sent.
func (d *examination) reachable(ctx context.Context, what, address string) {
	if address == "" {
		return
	}
	u, err := url.Parse(address)
	if err == nil {
		port := u.Port()
		if port == "" {
			port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
		}
		var c net.Conn
		if c, err = (&net.Dialer{Timeout: 3 * time.Second}).DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port)); err == nil {
			c.Close()
		}
	}
	d.check(what, err, "")
}

// questions to the database, each with what is wrong when it has an answer.
var questions = []struct{ what, wrong, query string }{
	{"database takes changes", "it is a standby or read-only", `SELECT 'read-only' WHERE pg_is_in_recovery() OR current_setting('default_transaction_read_only')::bool`},
	{"encoding", "it must be UTF8", `SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = current_database() AND pg_encoding_to_char(encoding) <> 'UTF8'`},
	{"connections", "fewer than ten are left", `SELECT count(*)::text FROM pg_stat_activity HAVING count(*) > current_setting('max_connections')::int - 10`},
	{"indexes", "an index is not valid; REINDEX it", `SELECT string_agg(indexrelid::regclass::text, ', ') FROM pg_index WHERE NOT indisvalid HAVING count(*) > 0`},
	{"audit trail", "a trigger that refuses changes is off", `SELECT string_agg(tgname, ', ') FROM pg_trigger WHERE NOT tgisinternal AND tgenabled = 'D' HAVING count(*) > 0`},
	{"audit chain", "events wait for their place for more than ten minutes", `SELECT count(*)::text FROM audit_pending p JOIN audit_event e ON e.seq = p.event
	  WHERE e.recorded < now() - interval '10 minutes' HAVING count(*) > 0`},
	{"background work", "tasks failed for good; see /admin", `SELECT count(*)::text FROM task WHERE state = 'failed' HAVING count(*) > 0`},
	{"background work goes on", "a task waits for more than an hour", `SELECT count(*)::text FROM task WHERE state = 'queued' AND run_at < now() - interval '1 hour' HAVING count(*) > 0`},
}

// kept looks at what the database holds.
func (d *examination) kept(ctx context.Context, h *house, dsn string) {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return // told already
	}
	defer conn.Close(ctx)
	var migrated bool
	if err := conn.QueryRow(ctx, `SELECT to_regclass('artifact_release') IS NOT NULL AND to_regclass('audit_chain') IS NOT NULL`).Scan(&migrated); err != nil || !migrated {
		return // what is not there cannot be wrong
	}
	for _, f := range questions {
		var found *string
		err := conn.QueryRow(ctx, f.query).Scan(&found)
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			err = nil
		case err == nil && found != nil:
			err = fmt.Errorf("%s (%s)", f.wrong, *found)
		}
		d.check(f.what, err, "")
	}
	pool, err := openPool(ctx, dsn)
	if err != nil {
		return
	}
	defer pool.Close()
	d.people(ctx, h, conn)
	vault, err := access.ParseVault(h.cfg.SecretKey)
	if err == nil {
		_, err = access.NewStore(pool, vault).Servers(ctx)
	}
	var sealed int
	if err == nil {
		err = conn.QueryRow(ctx, `SELECT count(*) FROM fhir_server WHERE secret IS NOT NULL`).Scan(&sealed)
	}
	if err == nil && sealed > 0 && h.cfg.SecretKey == "" {
		err = fmt.Errorf("%d secrets are stored, and CDSS_SECRET_KEY is not set", sealed)
	}
	d.check("stored secrets", err, "")
	h.pool.Store(pool)
	h.fhir.store.Attach(pool)
	if d.check("knowledge of this site", h.refreshKnowledge(ctx), "") {
		for _, r := range h.knowledge.Load().Refused() {
			d.check(r.Artifact, errors.New(r.Message), "")
		}
	}
}

// people tells whether anybody can log in where that is required.
func (d *examination) people(ctx context.Context, h *house, conn *pgx.Conn) {
	if h.cfg.Auth != "required" || h.cfg.Demo {
		return
	}
	var people int
	err := conn.QueryRow(ctx, `SELECT count(*) FROM person WHERE NOT disabled`).Scan(&people)
	if err == nil && people == 0 && h.cfg.OIDCIssuer == "" && h.cfg.AdminPassphrase == "" {
		err = errors.New("nobody can log in: there are no people; cdss user add, CDSS_ADMIN_PASSPHRASE or CDSS_OIDC_ISSUER change that")
	}
	d.check("people", err, "")
	if h.cfg.PublicURL == "" {
		d.check("public URL", errors.New("CDSS_PUBLIC_URL is not set: tokens of clients have no audience"), "")
	} else if strings.HasPrefix(h.cfg.PublicURL, "http://") {
		fmt.Fprintln(d.env.out, "  note   CDSS_PUBLIC_URL is without TLS")
	}
}

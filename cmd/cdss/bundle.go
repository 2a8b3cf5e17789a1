package main

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"cdss/cmd/cdss/observe"
)

// parts of a support bundle that the database tells: counts, states and settings. None
// reads a column that a person or a client filled with words.
var bundleQueries = []struct{ file, query string }{
	{"database/server.txt", `SELECT version() UNION ALL SELECT 'pgvector ' || extversion FROM pg_extension WHERE extname = 'vector'`},
	{"database/settings.txt", `SELECT name || ' = ' || setting FROM pg_settings WHERE name IN ('max_connections', 'shared_buffers', 'work_mem', 'jit', 'TimeZone', 'server_encoding',
	  'statement_timeout', 'lock_timeout', 'default_transaction_read_only', 'plan_cache_mode', 'log_parameter_max_length') ORDER BY name`},
	{"database/migrations.txt", `SELECT version_id || ' ' || tstamp FROM goose_db_version ORDER BY id`},
	{"database/tables.txt", `SELECT format('%s rows about %s, %s, dead %s', relname, n_live_tup, pg_size_pretty(pg_total_relation_size(relid)), n_dead_tup) FROM pg_stat_user_tables ORDER BY relname`},
	{"database/sessions.txt", `SELECT format('%s %s %s', coalesce(state, '-'), coalesce(wait_event_type, '-'), count(*)) FROM pg_stat_activity WHERE datname = current_database() GROUP BY state, wait_event_type`},
	{"database/indexes-not-valid.txt", `SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid`},
	{"tasks.txt", `SELECT format('%s %s %s, %s attempts at the most, oldest %s', kind, state, count(*), max(attempts), min(created_at)) FROM task GROUP BY kind, state ORDER BY 1`},
	{"decisions-by-day.txt", `SELECT format('%s %s: %s decisions, %s degraded, %s ms at the most', created_at::date, service, count(*), count(*) FILTER (WHERE degraded), max(duration_ms)) FROM decision
	  WHERE created_at > now() - interval '14 days' GROUP BY created_at::date, service ORDER BY 1`},
	{"not-checked.txt", `SELECT format('%s: %s', n->>'reason', count(*)) FROM decision, jsonb_array_elements(checks_skipped) n WHERE created_at > now() - interval '14 days' GROUP BY n->>'reason' ORDER BY count(*) DESC`},
	{"knowledge-in-force.txt", `SELECT url || '|' || version || ' since ' || since FROM artifact_in_force ORDER BY url`},
	{"audit.txt", `SELECT format('%s events, %s in the chain, %s waiting', (SELECT count(*) FROM audit_event), (SELECT count(*) FROM audit_chain), (SELECT count(*) FROM audit_pending))`},
}

// supportBundle collects what helps somebody elsewhere to find a fault. There is no
// patient in it, no text that a person wrote, and no secret; logs stay where they are,
// for the operator to look at before he sends any.
func supportBundle(ctx context.Context, args []string, env environment) error {
	set := flags("support-bundle", env)
	if err := parse(set, args, 1, 1); err != nil {
		return err
	}
	cfg, err := readConfig(env.vars)
	if err != nil {
		return err
	}
	log := observe.NewLogger(io.Discard, cfg.LogLevel, false)
	dsn, cluster, err := openServer(ctx, cfg, log)
	if err == nil {
		defer stopServer(cluster, log)
	}
	var examined bytes.Buffer
	// What is in the way is part of the bundle.
	if failed := doctor(ctx, nil, environment{vars: env.vars, out: &examined, err: io.Discard}); failed != nil {
		fmt.Fprintln(&examined, failed)
	}
	files := map[string][]byte{
		"version.txt":       []byte("cdss " + programVersion() + "\n" + time.Now().UTC().Format(time.RFC3339) + "\n"),
		"configuration.txt": []byte(strings.Join(cfg.lines(), "\n") + "\n"),
		"doctor.txt":        examined.Bytes(),
		"metrics.txt":       metricsPage(ctx, cfg.MetricsAddr),
	}
	order := []string{"version.txt", "configuration.txt", "doctor.txt", "metrics.txt"}
	if err == nil {
		for _, q := range bundleQueries {
			files[q.file] = rowsOf(ctx, dsn, q.query)
			order = append(order, q.file)
		}
	}
	out, err := os.OpenFile(set.Arg(0), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("write the bundle: %w", err)
	}
	w := zip.NewWriter(out)
	for _, name := range order {
		var f io.Writer
		if f, err = w.Create(name); err == nil {
			_, err = f.Write(files[name])
		}
		if err != nil {
			break
		}
	}
	if err = errors.Join(err, w.Close(), out.Close()); err != nil {
		return fmt.Errorf("write the bundle: %w", err)
	}
	fmt.Fprintf(env.out, "%s holds %d files and no patient data: %s\n", set.Arg(0), len(order), strings.Join(order, ", "))
	return nil
}

// rowsOf gives the rows of a query, or why there are none.
func rowsOf(ctx context.Context, dsn, query string) []byte {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return []byte("the database cannot be reached\n")
	}
	defer conn.Close(context.WithoutCancel(ctx))
	rows, err := conn.Query(ctx, query)
	if err != nil {
		return []byte("cannot be read\n")
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return []byte("cannot be read\n")
	}
	return []byte(strings.Join(append(lines, ""), "\n"))
}

// metricsPage gives the metrics of a server that runs on this machine.
func metricsPage(ctx context.Context, address string) []byte {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/metrics", nil)
	if err != nil {
		return nil
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return []byte("no server runs here that has metrics\n")
	}
	defer res.Body.Close()
	page, _ := io.ReadAll(io.LimitReader(res.Body, 4<<20))
	return page
}

package main

import (
	"archive/zip"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"cdss/migrations/dbtest"
)

func execute(t *testing.T, dsn string, statements ...string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	for _, s := range statements {
		if _, err := conn.Exec(t.Context(), s); err != nil {
			t.Fatal(s, err)
		}
	}
}

// TestDoctorFindsPlantedFaults: each fault is named, and what is not wrong is not.
func TestDoctorFindsPlantedFaults(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	const away = "http://127.0.0.1:1"
	for _, tc := range []struct {
		name  string
		vars  []string
		plant []string // statements
		want  string
	}{
		{"an unknown setting", []string{"CDSS_ADRR=x"}, nil, "wrong  configuration"},
		{"an unreadable setting", []string{"LOG_LEVEL=loud"}, nil, "wrong  configuration"},
		{"open to everybody", []string{"CDSS_ADDR=0.0.0.0:0", "CDSS_AUTH=open"}, nil, "wrong  configuration"},
		{"no place on disk", []string{"CDSS_DATA_DIR=" + file + "/x"}, nil, "wrong  data directory"},
		{"no database", []string{"DATABASE_URL=postgres://nobody@127.0.0.1:1/none?connect_timeout=1"}, nil, "wrong  database"},
		{"no language model", []string{"CDSS_LLM_BASE_URL=" + away, "CDSS_LLM_MODEL=x"}, nil, "wrong  language model"},
		{"no identity provider", []string{"CDSS_AUTH=required", "CDSS_PUBLIC_URL=https://cdss.example", "CDSS_OIDC_ISSUER=" + away, "CDSS_OIDC_CLIENT_ID=x", "CDSS_OIDC_CLIENT_SECRET=x"}, nil, "wrong  login of people"},
		{"nobody can log in", []string{"CDSS_AUTH=required", "CDSS_PUBLIC_URL=https://cdss.example"}, nil, "wrong  people"},
		{"no public address", []string{"CDSS_AUTH=required"}, nil, "wrong  public URL"},
		{"the trail can be changed", nil, []string{`ALTER TABLE audit_event DISABLE TRIGGER ALL`}, "wrong  audit trail"},
		{"work that failed for good", nil, []string{`INSERT INTO task (kind, key, state) VALUES ('read', 'x', 'failed')`}, "wrong  background work:"},
		{"work that nobody does", nil, []string{`INSERT INTO task (kind, key, run_at) VALUES ('read', 'x', now() - interval '2 hours')`}, "wrong  background work goes on"},
		{"an index that is not valid", nil, []string{`UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'passage_guideline'::regclass`}, "wrong  indexes"},
		{"read-only", nil, []string{`DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database()); END $$`}, "wrong  database takes changes"},
		{"nothing", nil, nil, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dsn := dbtest.DSN(t)
			execute(t, dsn, tc.plant...)
			var out bytes.Buffer
			vars := append([]string{"DATABASE_URL=" + dsn, "CDSS_ADDR=127.0.0.1:0", "CDSS_DATA_DIR=" + t.TempDir(), "LOG_LEVEL=error"}, tc.vars...)
			err := run(t.Context(), []string{"doctor"}, environment{vars: vars, out: &out, err: io.Discard})
			// The private cluster of the tests may have a pgvector that is refused in production.
			wrong := 0
			for line := range strings.Lines(out.String()) {
				if strings.HasPrefix(line, "  wrong  ") && !strings.HasPrefix(line, "  wrong  pgvector") {
					wrong++
				}
			}
			if tc.want == "" {
				if wrong > 0 {
					t.Errorf("finds %d faults where there are none:\n%s", wrong, out.String())
				}
				return
			}
			if err == nil || wrong == 0 || !strings.Contains(out.String(), "  "+tc.want) {
				t.Errorf("does not say %q:\n%s", tc.want, out.String()[strings.Index(out.String(), "Examination"):])
			}
		})
	}
}

// TestSupportBundleHoldsNobody: whatever came in, nothing of it is in the bundle.
func TestSupportBundleHoldsNobody(t *testing.T) {
	t.Parallel()
	dsn, dir := dbtest.DSN(t), t.TempDir()
	const secret = "Kanarienvogel4711"
	p := start(t, true, "DATABASE_URL="+dsn, "CDSS_DATA_DIR="+dir, "CDSS_DEMO=1")
	patient := `{"resourceType":"Patient","id":"` + secret + `","name":[{"family":"` + secret + `"}],"birthDate":"1948-03-03","identifier":[{"value":"` + secret + `"}]}`
	_, _, body := p.ask("POST", "/cds-services/abs-patient-view", `{"hook":"patient-view","hookInstance":"d1577c69-dfbe-44ad-ba6d-3e05e953b2ea","context":{"userId":"Practitioner/`+secret+`","patientId":"`+secret+`"},"prefetch":{"patient":`+patient+`}}`)
	card := aUUID.FindString(body)
	p.ask("POST", "/cds-services/abs-patient-view/feedback", `{"feedback":[{"card":"`+card+`","outcome":"overridden","overrideReason":{"userComment":"`+secret+`"},"outcomeTimestamp":"2026-01-15T10:05:31Z"}]}`)
	execute(t, dsn,
		`INSERT INTO task (kind, key, state, error) VALUES ('read', '`+secret+`', 'failed', '`+secret+`')`,
		`INSERT INTO saved_case (title, language, recommendation, delete_after) VALUES ('`+secret+`', 'de', '{"x":"`+secret+`"}', now() + interval '1 day')`,
		`INSERT INTO guideline (identifier) VALUES ('`+secret+`')`)
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "bundle.zip")
	var out bytes.Buffer
	vars := []string{"DATABASE_URL=" + dsn, "CDSS_DATA_DIR=" + dir, "CDSS_ADDR=127.0.0.1:0", "CDSS_LLM_BASE_URL=http://127.0.0.1:1", "CDSS_LLM_MODEL=x", "CDSS_LLM_API_KEY=" + secret, "LOG_LEVEL=error"}
	if err := run(t.Context(), []string{"support-bundle", file}, environment{vars: vars, out: &out, err: io.Discard}); err != nil {
		t.Fatal(err)
	}
	r, err := zip.OpenReader(file)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	found := map[string]string{}
	for _, f := range r.File {
		c, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(c)
		if err != nil {
			t.Fatal(err)
		}
		found[f.Name] = string(raw)
		if strings.Contains(string(raw), secret) || strings.Contains(string(raw), "1948-03-03") {
			t.Errorf("%s holds what came in: %s", f.Name, raw)
		}
	}
	for name, want := range map[string]string{
		"doctor.txt": "wrong  language model", "configuration.txt": "key set", "tasks.txt": "read failed 1", "decisions-by-day.txt": "abs-patient-view: 1 decisions",
		"database/tables.txt": "audit_event", "database/migrations.txt": "1 ", "audit.txt": "events", "metrics.txt": "",
	} {
		if text, ok := found[name]; !ok || !strings.Contains(text, want) {
			t.Errorf("%s does not say %q: %q", name, want, text)
		}
	}
	if err := run(t.Context(), []string{"support-bundle", file}, environment{vars: vars, out: &out, err: io.Discard}); err == nil {
		t.Error("it writes over a file that is there")
	}
}

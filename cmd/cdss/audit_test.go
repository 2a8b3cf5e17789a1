package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"cdss/migrations/dbtest"
)

// everything gives the text of every row of every table, and of the files below dir.
func everything(t *testing.T, dsn, dir string) map[string]string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	rows, err := conn.Query(t.Context(), `SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'`)
	if err != nil {
		t.Fatal(err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(names) < 10 {
		t.Fatal(names, err)
	}
	all := map[string]string{}
	for _, name := range names {
		var text *string
		if err := conn.QueryRow(t.Context(), `SELECT string_agg(x::text, ' ') FROM `+pgx.Identifier{name}.Sanitize()+` x`).Scan(&text); err != nil {
			t.Fatal(name, err)
		}
		if text != nil {
			all["table "+name] = *text
		}
	}
	err = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		all["file "+path] = string(raw)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// A hook call leaves an event that tells who saw whose data, and nothing else of what
// it sent; the trail can be asked over FHIR and on the command line, and verified.
func TestHookCallIsAudited(t *testing.T) {
	dsn, dir := dbtest.DSN(t), t.TempDir()
	p := start(t, true, "DATABASE_URL="+dsn, "CDSS_DATA_DIR="+dir)
	const secret = "canary-4711"
	patient := `{"resourceType":"Patient","id":"` + secret + `","name":[{"family":"` + secret + `","_family":{"extension":[{"url":"u","valueString":"` + secret + `"}]}}],
		"birthDate":"1948-03-03","gender":"female","identifier":[{"value":"` + secret + `"}],"telecom":[{"value":"` + secret + `"}]}`
	allergies := `{"resourceType":"Bundle","type":"searchset","entry":[{"resource":{"resourceType":"AllergyIntolerance","id":"a",
		"patient":{"reference":"Patient/` + secret + `","display":"` + secret + `"},"code":{"text":"Penicillin"},"note":[{"text":"` + secret + `"}]}}]}`
	call := `{"hook":"patient-view","hookInstance":"d1577c69-dfbe-44ad-ba6d-3e05e953b2ea","context":{"userId":"Practitioner/7","patientId":"` + secret + `"},
		"prefetch":{"patient":` + patient + `,"allergies":` + allergies + `}}`
	status, _, body := p.ask("POST", "/cds-services/abs-patient-view", call, "X-Request-Id", "request-0123456789")
	if status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	p.ask("POST", "/cds-services/abs-patient-view", `{"hook":"patient-view","context":{"patientId":"`+secret+`"},"prefetch":{"patient":`+patient)
	p.ask("POST", "/api/recommendations", `{"bundle":{"resourceType":"Bundle","type":"collection","entry":[{"resource":`+patient+`}]},"language":"de"}`)
	var answer struct{ Cards []struct{ UUID string } }
	if err := json.Unmarshal([]byte(body), &answer); err != nil || len(answer.Cards) == 0 {
		t.Fatal(body, err)
	}
	var found struct {
		Total int
		Entry []struct{ Resource json.RawMessage }
	}
	p.until(func() bool {
		status, _, body := p.ask("POST", "/fhir/AuditEvent/_search", "patient="+secret+"&subtype=advice&_sort=date", "Content-Type", "application/x-www-form-urlencoded")
		if status != 200 {
			t.Fatalf("%d %s", status, body)
		}
		if err := json.Unmarshal([]byte(body), &found); err != nil {
			t.Fatal(err)
		}
		return found.Total == 2
	}, "both answers are in the trail")
	first := string(found.Entry[0].Resource)
	for _, want := range []string{answer.Cards[0].UUID, "Practitioner/7", "127.0.0.1", "request-0123456789", "IHE.BasicAudit.PatientQuery", "PlanDefinition"} {
		if !strings.Contains(first, want) {
			t.Errorf("%s is not in %s", want, first)
		}
	}
	if status, _, body := p.ask("GET", "/fhir/AuditEvent?agent=Practitioner/7&patient="+secret, ""); status != 200 || !strings.Contains(body, `"total":1`) {
		t.Errorf("by person and patient: %d %s", status, body)
	}
	for _, method := range []string{"PUT", "DELETE"} {
		if status, _, _ := p.ask(method, "/fhir/AuditEvent/00000000-0000-0000-0000-000000000000", ""); status != 405 {
			t.Errorf("%s: %d, want 405", method, status)
		}
	}
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
	for name, text := range everything(t, dsn, dir) {
		if strings.Contains(text, secret) || strings.Contains(text, "1948-03-03") {
			t.Errorf("%s holds what the call sent", name)
		}
	}

	if text := mustRun(t, dsn, "audit", "saw", secret); !strings.Contains(text, "Practitioner/7") || !strings.Contains(text, "advice") {
		t.Errorf("who saw: %s", text)
	}
	if text := mustRun(t, dsn, "audit", "did", "--from", "1999-01-01", "Practitioner/7"); !strings.Contains(text, "advice") {
		t.Errorf("who did: %s", text)
	}
	if text := mustRun(t, dsn, "audit", "export", "--patient", secret); strings.Count(text, "\n") < 4 || strings.Contains(text, secret) || !strings.Contains(text, `"code":"export"`) {
		t.Errorf("export: %s", text)
	}
	head := filepath.Join(dir, "head.json")
	if err := os.WriteFile(head, []byte(mustRun(t, dsn, "audit", "head")), 0o600); err != nil {
		t.Fatal(err)
	}
	if text := mustRun(t, dsn, "audit", "verify", "--head", head); !strings.Contains(text, "2 signatures hold") && !strings.Contains(text, "3 signatures hold") {
		t.Errorf("verify: %s", text)
	}
	if text := mustRun(t, dsn, "retention", "saved_case", "30"); !strings.Contains(strings.Join(strings.Fields(text), " "), "saved_case 30 90") {
		t.Errorf("retention: %s", text)
	}
	for args, want := range map[string]int{"retention saved_case": 2, "retention saved_case x": 2, "retention saved_case 0": 1, "audit verify --from x": 2, "audit verify --head nowhere": 2, "audit saw": 2} {
		if text, code := operate(t, dsn, strings.Fields(args)...); code != want {
			t.Errorf("cdss %s: %d %s, want %d", args, code, text, want)
		}
	}
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	for _, q := range []string{
		`ALTER TABLE audit_event DISABLE TRIGGER ALL`,
		`UPDATE audit_event SET detail = replace(detail, 'patient-view', 'patient-vieW') WHERE kind = 'advice'`,
	} {
		if _, err := conn.Exec(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	if text, code := operate(t, dsn, "audit", "verify"); code != 1 || !strings.Contains(text, "the event was changed") || !strings.Contains(text, "AuditEvent/") {
		t.Errorf("a changed byte: %d %s", code, text)
	}
}

// An outage from the start on: answers are given, wait on disk, and are in the trail
// when the next server finds a database.
func TestAnswersWithoutADatabaseAreAuditedLater(t *testing.T) {
	dir := t.TempDir()
	p := start(t, false, "DATABASE_URL=postgres://nobody@127.0.0.1:1/none?connect_timeout=1", "CDSS_DATA_DIR="+dir, "CDSS_DEMO=1")
	_, _, call := p.ask("GET", "/api/examples/cap-penicillin-anaphylaxis/hook", "")
	if status, _, body := p.ask("POST", "/cds-services/abs-patient-view", call); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
	next := start(t, true, "DATABASE_URL="+dbtest.DSN(t), "CDSS_DATA_DIR="+dir)
	next.until(func() bool {
		status, _, body := next.ask("GET", "/fhir/AuditEvent?subtype=advice", "")
		return status == 200 && strings.Contains(body, `"total":1`)
	}, "the answer is in the trail")
}

package ordeal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

// KillReport is what a series of kills left behind.
type KillReport struct {
	Seed                      uint64
	Kills, Rounds             int
	Repeated                  int // steps that were sent again, since no answer had come
	Rows                      int // of the comparison
	Feedback                  int // acknowledged, and each in the database once
	Shown, Unkept             int // hook answers that came, and those of them whose decision was lost with the process
	Different                 []string
	LongestStart              time.Duration
	UndisturbedRun, KilledRun time.Duration
}

// String says it in words.
func (k KillReport) String() string {
	return fmt.Sprintf("seed %d: %d kills -9 during %d rounds of ingestion, release and feedback (%d steps repeated): %d differences in %d rows to an undisturbed run; "+
		"%d acknowledged feedbacks are there once each; %d of %d shown decisions were lost with a process; longest start to ready %s",
		k.Seed, k.Kills, k.Rounds, k.Repeated, len(k.Different), k.Rows, k.Feedback, k.Unkept, k.Shown, k.LongestStart.Round(10*time.Millisecond))
}

// Kills lets a person upload guidelines, release rules and send feedback, while the
// process is killed again and again at moments nobody chose, each step being repeated
// until it is acknowledged. Then the same is done without kills on another database, and
// the two are compared.
func Kills(ctx context.Context, program, dir string, seed uint64, times int) (KillReport, error) {
	report := KillReport{Seed: seed}
	database, err := StartDatabase(ctx, dir)
	if err != nil {
		return report, err
	}
	defer database.Stop()
	undisturbed, err := otherDatabase(ctx, database, "undisturbed")
	if err != nil {
		return report, err
	}
	replica, err := NewReplica(program, dir, "killed", "DATABASE_URL="+database.Direct(), "CDSS_DEMO=1")
	if err != nil {
		return report, err
	}
	defer replica.Kill()
	if err := replica.Start(); err != nil {
		return report, err
	}
	if err := replica.Ready(ctx, 2*time.Minute); err != nil {
		return report, err
	}
	began := time.Now()
	p := &person{replica: replica, lease: func() error { return endLease(ctx, database.Direct()) }}
	killing, enough := context.WithCancel(ctx)
	killed := make(chan error, 1)
	var kills atomic.Int64
	go func() { killed <- killer(killing, replica, seed, times, &kills, &report.LongestStart) }()
	for ; int(kills.Load()) < times; report.Rounds++ {
		if err := p.round(ctx, report.Rounds); err != nil {
			enough()
			return report, errors.Join(fmt.Errorf("seed %d, round %d: %w", seed, report.Rounds, err), <-killed)
		}
	}
	if err := <-killed; err != nil {
		enough()
		return report, err
	}
	enough()
	report.Kills, report.Repeated, report.Shown, report.KilledRun = int(kills.Load()), p.repeated, len(p.shown), time.Since(began)
	if _, err := replica.Stop(40 * time.Second); err != nil {
		return report, err
	}
	if err := replica.Command(ctx, "audit", "verify"); err != nil {
		return report, err
	}

	calm, err := NewReplica(program, dir, "calm", "DATABASE_URL="+undisturbed, "CDSS_DEMO=1")
	if err != nil {
		return report, err
	}
	defer calm.Kill()
	if err := calm.Start(); err != nil {
		return report, err
	}
	if err := calm.Ready(ctx, 2*time.Minute); err != nil {
		return report, err
	}
	began = time.Now()
	q := &person{replica: calm, lease: func() error { return nil }}
	for i := range report.Rounds {
		if err := q.round(ctx, i); err != nil {
			return report, fmt.Errorf("undisturbed, round %d: %w", i, err)
		}
	}
	report.UndisturbedRun = time.Since(began)
	if _, err := calm.Stop(40 * time.Second); err != nil {
		return report, err
	}
	if err := report.compare(ctx, database.Direct(), undisturbed, p.shown); err != nil {
		return report, err
	}
	if len(report.Different) > 0 {
		return report, fmt.Errorf("seed %d: the database differs from that of an undisturbed run: %s", seed, strings.Join(report.Different[:min(5, len(report.Different))], "; "))
	}
	if report.Feedback != report.Rounds {
		return report, fmt.Errorf("seed %d: %d feedbacks are kept of %d acknowledged", seed, report.Feedback, report.Rounds)
	}
	return report, nil
}

// killer kills at random moments after a start, the first of them while it starts.
func killer(ctx context.Context, replica *Replica, seed uint64, times int, kills *atomic.Int64, longest *time.Duration) error {
	r := rand.New(rand.NewPCG(seed, 9))
	for range times {
		pause(ctx, time.Duration(r.IntN(900))*time.Millisecond)
		if ctx.Err() != nil {
			return nil
		}
		replica.Kill()
		if err := replica.Start(); err != nil {
			return err
		}
		if r.IntN(5) > 0 { // else it is killed before it is ready
			began := time.Now()
			if err := replica.Ready(ctx, time.Minute); err != nil && ctx.Err() == nil {
				return err
			}
			*longest = max(*longest, time.Since(began))
		}
		kills.Add(1)
	}
	return nil
}

// endLease lets the lease of a worker that was killed run out at once. That it does so by
// itself, after a minute, is tried in fhir/task.
func endLease(ctx context.Context, dsn string) error {
	_, err := query(ctx, dsn, `UPDATE task SET locked_until = now() WHERE state = 'running' RETURNING ''`)
	return err
}

// person does the work of a curator, an approver and a clinician by turns.
type person struct {
	replica           *Replica
	curator, approver string // cookies
	repeated          int
	shown             []string // decisions are found by their cards
	lease             func() error
	lastPID           int
}

// until repeats a step until it is acknowledged.
func (p *person) until(ctx context.Context, what, cookie, method, path string, body []byte, header map[string]string, done func(status int, answer []byte) bool) error {
	tries := 0
	err := until(ctx, time.Minute, func() (bool, error) {
		if pid := p.replica.PID(); pid != p.lastPID {
			p.lastPID = pid
			if err := p.lease(); err != nil {
				return false, err
			}
		}
		if tries++; tries > 1 && method != http.MethodGet {
			p.repeated++
		}
		all := map[string]string{"Cookie": cookie, "Content-Type": "application/json"}
		for k, v := range header {
			all[k] = v
		}
		status, _, answer := send(ctx, method, p.replica.Base+path, body, 10*time.Second, all)
		return done(status, answer), fmt.Errorf("%s: %d %.400s", what, status, answer)
	})
	return err
}

// acknowledged is a step that was done, now or by the try before.
func acknowledged(status int, _ []byte) bool {
	return status >= 200 && status < 300 || status == http.StatusConflict
}

func (p *person) round(ctx context.Context, i int) error {
	if p.curator == "" {
		for name, cookie := range map[string]*string{"curator": &p.curator, "approver": &p.approver} {
			if err := until(ctx, time.Minute, func() (bool, error) {
				status, header, body := Post(ctx, p.replica.Base+"/api/session", []byte(`{"person":"`+name+`"}`), 10*time.Second)
				for _, c := range (&http.Response{Header: header}).Cookies() {
					*cookie = c.Name + "=" + c.Value
				}
				return status == http.StatusOK, fmt.Errorf("log in: %d %.200s", status, body)
			}); err != nil {
				return err
			}
		}
	}
	return errors.Join(p.ingest(ctx, i), p.release(ctx, i), p.feedback(ctx, i))
}

// ingest uploads a guideline, waits until it is read, and approves it.
func (p *person) ingest(ctx context.Context, i int) error {
	var text strings.Builder
	fmt.Fprintf(&text, "# Hausregel %d\n", i)
	for n := range 40 {
		fmt.Fprintf(&text, "\n## Abschnitt %d\n\nBei Lage %d der Regel %d wird die Behandlung %d nach %d Tagen geprüft.\n", n, n, i, n*7, n%9+1)
	}
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	for k, v := range map[string]string{"identifier": fmt.Sprintf("house-%d", i), "title": fmt.Sprintf("Hausregel %d", i), "version": "1", "language": "de"} {
		if err := w.WriteField(k, v); err != nil {
			return err
		}
	}
	file, err := w.CreateFormFile("file", "regel.md")
	if err != nil {
		return err
	}
	if _, err := file.Write([]byte(text.String())); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	var g struct {
		ID, Status string
		Complete   bool
	}
	read := func(status int, answer []byte) bool {
		return status >= 200 && status < 300 && json.Unmarshal(answer, &g) == nil && g.ID != ""
	}
	if err := p.until(ctx, "upload", p.curator, "POST", "/api/guidelines", form.Bytes(), map[string]string{"Content-Type": w.FormDataContentType()}, read); err != nil {
		return err
	}
	if err := p.until(ctx, "read", p.curator, "GET", "/api/guidelines/"+g.ID, nil, nil, func(status int, answer []byte) bool {
		return read(status, answer) && g.Complete
	}); err != nil {
		return err
	}
	return p.until(ctx, "approve", p.approver, "POST", "/api/guidelines/"+g.ID+"/approve", nil, nil, acknowledged)
}

// release leads a rule and what it orders from the draft to the release, by two people.
func (p *person) release(ctx context.Context, i int) error {
	order := fmt.Sprintf(`{"resource":{"resourceType":"ActivityDefinition","id":"creatinine-%[1]d","url":"https://site.example/ActivityDefinition/creatinine-%[1]d","version":"1.0.0","name":"Creatinine%[1]d","status":"draft",
	 "kind":"ServiceRequest","intent":"proposal","code":{"coding":[{"system":"http://loinc.org","code":"2160-0","display":"Creatinine"}]}}}`, i)
	plan := fmt.Sprintf(`{"resource":{"resourceType":"PlanDefinition","id":"renal-%[1]d","url":"https://site.example/PlanDefinition/renal-%[1]d","version":"1.0.0","name":"Renal%[1]d","title":"Kidney check %[1]d",
	 "status":"draft","type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/plan-definition-type","code":"eca-rule"}]},
	 "action":[{"id":"check","title":"Check the kidney","description":"Renal function may have changed.","priority":"urgent",
	  "trigger":[{"type":"named-event","name":"patient-view","data":[{"type":"Observation","codeFilter":[{"path":"code","code":[{"system":"http://loinc.org","code":"2160-0"}]}]}]}],
	  "condition":[{"kind":"applicability","expression":{"language":"text/fhirpath","expression":"%%age >= 65"}}],
	  "documentation":[{"type":"citation","label":"House rule 7","url":"https://site.example/rules#7"}],
	  "action":[{"id":"order","title":"Order creatinine","definitionCanonical":"https://site.example/ActivityDefinition/creatinine-%[1]d"}]}]}}`, i)
	for _, body := range []string{order, plan} {
		// A second draft of the same url and version is refused.
		if err := p.until(ctx, "draft", p.curator, "POST", "/api/authoring/rules", []byte(body), nil, acknowledged); err != nil {
			return err
		}
	}
	at := fmt.Sprintf("/api/authoring/rules/PlanDefinition/renal-%d-v1.0.0/steps", i)
	for _, s := range []struct{ step, cookie string }{{"submit", p.curator}, {"approve", p.approver}, {"release", p.approver}} {
		if err := p.until(ctx, s.step, s.cookie, "POST", at, []byte(`{"step":"`+s.step+`"}`), nil, acknowledged); err != nil {
			return err
		}
	}
	return nil
}

var cardUUID = regexp.MustCompile(`"uuid":"([0-9a-f-]{36})"`)

// feedback asks as an EHR does, and says what became of the first card.
func (p *person) feedback(ctx context.Context, i int) error {
	var call []byte
	if err := p.until(ctx, "example", "", "GET", "/api/examples/cap-penicillin-anaphylaxis/hook", nil, nil, func(status int, answer []byte) bool {
		call = answer
		return status == http.StatusOK
	}); err != nil {
		return err
	}
	var card string
	if err := p.until(ctx, "hook", "", "POST", "/cds-services/abs-patient-view", call, nil, func(status int, answer []byte) bool {
		m := cardUUID.FindSubmatch(answer)
		if status != http.StatusOK || m == nil {
			return false
		}
		card = string(m[1])
		p.shown = append(p.shown, card)
		return true
	}); err != nil {
		return err
	}
	at := time.Date(2026, 1, 15, 10, 0, i%60, 0, time.UTC).Format(time.RFC3339)
	body := fmt.Sprintf(`{"feedback":[{"card":%q,"outcome":"overridden","outcomeTimestamp":%q}]}`, card, at)
	return p.until(ctx, "feedback", "", "POST", "/cds-services/abs-patient-view/feedback", []byte(body), nil, func(status int, _ []byte) bool { return status == http.StatusOK })
}

// states say what is in the database, without ids and times that differ from run to run.
var states = []string{
	`SELECT concat_ws('|', 'guideline', g.identifier, v.version, v.title, v.status, v.sha256, v.expired) FROM guideline g JOIN guideline_version v ON v.guideline_id = g.id`,
	`SELECT concat_ws('|', 'passage', g.identifier, v.version, p.ord, p.status, p.page, p.section, p.sha256, md5(p.indexed)) FROM passage p JOIN guideline_version v ON v.id = p.version_id JOIN guideline g ON g.id = v.guideline_id`,
	`SELECT concat_ws('|', 'page', g.identifier, v.version, x.ord, x.label, md5(x.text)) FROM guideline_page x JOIN guideline_version v ON v.id = x.version_id JOIN guideline g ON g.id = v.guideline_id`,
	`SELECT concat_ws('|', 'embedding', g.identifier, p.ord, s.kind, e.status, md5(e.emb::text)) FROM passage_embedding e JOIN embedding_space s ON s.id = e.space_id JOIN passage p ON p.id = e.passage_id JOIN guideline g ON g.id = e.guideline_id`,
	`SELECT concat_ws('|', 'step', type, id, url, version, step, person, count(*)) FROM artifact_step GROUP BY type, id, url, version, step, person`,
	`SELECT concat_ws('|', 'release', url, version, sha256, approved_by, released_by) FROM artifact_release`,
	`SELECT concat_ws('|', 'in force', url, version) FROM artifact_in_force`,
	`SELECT concat_ws('|', 'artifact', r.type, r.id, v.version, v.method, v.body::jsonb - 'meta' - 'date' - 'lastReviewDate') FROM resource r JOIN resource_version v ON v.resource = r.key
	  WHERE r.type IN ('PlanDefinition', 'ActivityDefinition')`,
	`SELECT concat_ws('|', 'unfinished task', kind, state) FROM task WHERE state NOT IN ('done', 'completed')`,
	`SELECT concat_ws('|', 'feedback', outcome, outcome_at, count(*)) FROM feedback GROUP BY outcome, outcome_at`,
}

func (k *KillReport) compare(ctx context.Context, killed, calm string, shown []string) error {
	for _, state := range states {
		a, err := query(ctx, killed, state)
		if err != nil {
			return err
		}
		b, err := query(ctx, calm, state)
		if err != nil {
			return err
		}
		slices.Sort(a)
		slices.Sort(b)
		k.Rows += len(b)
		for _, row := range a {
			if !slices.Contains(b, row) {
				k.Different = append(k.Different, "only after kills: "+row)
			}
		}
		for _, row := range b {
			if !slices.Contains(a, row) {
				k.Different = append(k.Different, "only undisturbed: "+row)
			}
		}
		if len(a) != len(b) {
			k.Different = append(k.Different, fmt.Sprintf("%d rows, undisturbed %d: %.60s", len(a), len(b), state))
		}
	}
	rows, err := query(ctx, killed, `SELECT card::text FROM feedback`)
	if err != nil {
		return err
	}
	k.Feedback = len(rows)
	kept, err := query(ctx, killed, `SELECT c->>'uuid' FROM decision, jsonb_array_elements(cards) c`)
	if err != nil {
		return err
	}
	for _, card := range shown {
		if !slices.Contains(kept, card) {
			k.Unkept++
		}
	}
	return nil
}

func query(ctx context.Context, dsn, q string) ([]string, error) {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return nil, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	rows, err := conn.Query(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("%.60s: %w", q, err)
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// otherDatabase makes a further database in the cluster.
func otherDatabase(ctx context.Context, d *Database, name string) (string, error) {
	conn, err := pgx.Connect(ctx, d.Direct())
	if err != nil {
		return "", err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize()); err != nil {
		return "", err
	}
	return d.cluster.DSN(name), nil
}

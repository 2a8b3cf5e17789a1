package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"cdss/migrations/dbtest"
)

// form logs a person in as a person does: over the page of the demonstration's provider.
func (p *program) overThePage(id string) *http.Client {
	p.t.Helper()
	c := p.person("")
	follow := func(method, address, body string, header ...string) string {
		p.t.Helper()
		u, err := url.Parse(address)
		if err != nil {
			p.t.Fatal(err)
		}
		req, err := http.NewRequestWithContext(p.t.Context(), method, p.base+u.RequestURI(), strings.NewReader(body))
		if err != nil {
			p.t.Fatal(err)
		}
		for i := 0; i+1 < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		res, err := c.Do(req)
		if err != nil {
			p.t.Fatal(err)
		}
		defer res.Body.Close()
		return res.Header.Get("Location")
	}
	page := follow("GET", "/api/session/oidc?return=/admin/", "")
	status, html := p.as(c, "GET", page, "", "Accept-Language", "de")
	if status != 200 || !strings.Contains(html, "Wer möchten Sie sein?") || strings.Count(html, "<button") != 6 {
		p.t.Fatalf("the page is %d %s", status, html)
	}
	back := follow("POST", page, "person="+id, "Content-Type", "application/x-www-form-urlencoded")
	if to := follow("GET", back, ""); to != "/admin/" {
		p.t.Fatalf("%s is sent to %q", id, to)
	}
	return c
}

// TestSixPeople: with access required, six people of six roles log in over the page of
// the provider, each does what belongs to the role, and the trail tells of each.
func TestSixPeople(t *testing.T) {
	p := demo(t, "CDSS_AUTH=required")
	if !strings.Contains(p.out.String(), "log in") || strings.Contains(p.out.String(), "cds-services/abs-patient-view") {
		t.Errorf("the start tells\n%s", p.out.String())
	}
	status, body := p.as(p.person(""), "GET", "/api/session", "")
	if status != 200 || !strings.Contains(body, `"person":null`) || !strings.Contains(body, `"kind":"oidc"`) {
		t.Fatalf("%d %s", status, body)
	}
	bundle := `{"patient":"Patient/none","language":"de"}`
	for id, deeds := range map[string][3]string{
		"viewer":    {"GET /api/indications", "", "200"},
		"clinician": {"POST /api/recommendations", bundle, ""},
		"curator":   {"DELETE /api/guidelines/01890000-0000-7000-8000-000000000000", "", "404"},
		"approver":  {"POST /api/guidelines/01890000-0000-7000-8000-000000000000/approve", "", "404"},
		"admin":     {"GET /api/system/people", "", "200"},
		"auditor":   {"POST /api/system/audit/search", `{"person":"clinician"}`, "200"},
	} {
		c := p.overThePage(id)
		status, body := p.as(c, "GET", "/api/session", "")
		if status != 200 || !strings.Contains(body, `"id":"`+id+`"`) || !strings.Contains(body, `"roles":["`+id+`"]`) {
			t.Errorf("%s is told %s", id, body)
		}
		method, path, _ := strings.Cut(deeds[0], " ")
		if status, body := p.as(c, method, path, deeds[1]); status == 401 || status == 403 || deeds[2] != "" && fmt.Sprint(status) != deeds[2] {
			t.Errorf("%s: %s gives %d %s", id, deeds[0], status, body)
		}
		if id != "admin" {
			if status, _ := p.as(c, "POST", "/api/system/people", `{"name":"x","display":"x","roles":[]}`); status != 403 {
				t.Errorf("%s registers people: %d", id, status)
			}
		}
	}
	_, body = p.as(p.person("auditor"), "POST", "/api/system/audit/search", `{"person":"curator"}`)
	if !strings.Contains(body, `"kind":"login"`) || !strings.Contains(body, `"roles":["curator"]`) {
		t.Errorf("the trail tells of the curator: %s", body)
	}
}

// TestForeignPages: what a page of another origin has a browser send changes nothing.
func TestForeignPages(t *testing.T) {
	p := demo(t, "CDSS_AUTH=required")
	c := p.person("admin")
	for _, tc := range []struct {
		name   string
		want   int
		header []string
	}{
		{"the app itself", 204, []string{"Sec-Fetch-Site", "same-origin"}},
		{"no browser", 204, nil},
		{"cross-site", 403, []string{"Sec-Fetch-Site", "cross-site"}},
		{"same site, other host", 403, []string{"Sec-Fetch-Site", "same-site"}},
		{"an old browser, another origin", 403, []string{"Origin", "https://evil.example"}},
		{"Origin: null", 403, []string{"Origin", "null"}},
		{"text/plain", 415, []string{"Content-Type", "text/plain"}},
		{"a form", 415, []string{"Content-Type", "application/x-www-form-urlencoded"}},
		{"a form with files", 415, []string{"Content-Type", "multipart/form-data; boundary=x"}},
		{"nothing said", 415, []string{"Content-Type", ""}},
	} {
		name := strings.ToLower(strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
				return r
			}
			return -1
		}, tc.name))
		body := `{"name":"` + name + `","display":"x","roles":["viewer"]}`
		if status, answer := p.as(c, "POST", "/api/system/people", body, tc.header...); status != tc.want {
			t.Errorf("%s gives %d %s", tc.name, status, answer)
		}
		_, people := p.as(c, "GET", "/api/system/people", "")
		if there := strings.Contains(people, `"id":"`+name+`"`); there != (tc.want == 204) {
			t.Errorf("%s: registered is %v", tc.name, there)
		}
	}
	for _, header := range [][]string{{"Origin", "null"}, {"Sec-Fetch-Site", "cross-site"}} {
		if status, _ := p.as(p.person(""), "POST", "/api/session", `{"person":"admin"}`, header...); status != 403 {
			t.Errorf("a login by %v gives %d", header, status)
		}
		if status, _ := p.as(p.person("curator"), "PUT", "/fhir/Library/x", `{"resourceType":"Library","id":"x"}`, header...); status != 403 {
			t.Errorf("FHIR by %v gives %d", header, status)
		}
	}
	// The token of a CDS client opens the CDS services and nothing else, and no cookie opens these.
	if status, _ := p.as(p.person(""), "GET", "/api/indications", "", "Authorization", "Bearer x.y.z"); status != 401 {
		t.Errorf("a token at /api gives %d", status)
	}
	if status, _ := p.as(c, "POST", "/cds-services/abs-patient-view", `{}`); status != 401 {
		t.Errorf("a cookie at /cds-services gives %d", status)
	}
}

// TestSavedCases: a case belongs to who saved it.
func TestSavedCases(t *testing.T) {
	dsn := dbtest.DSN(t)
	p := start(t, true, "DATABASE_URL="+dsn, "CDSS_DEMO=1", "CDSS_AUTH=required")
	clara, kurt := p.person("clinician"), p.person("curator")
	body := `{"title":"Bed 7","request":{"patient":"Patient/p-4711","language":"de"},
		"recommendation":{"id":"01890000-0000-7000-8000-00000000000a","language":"de","indication":{"code":"CAP"},"options":[]}}`
	status, answer := p.as(clara, "POST", "/api/cases", body)
	var saved struct{ ID string }
	if err := json.Unmarshal([]byte(answer), &saved); status != 201 || err != nil || saved.ID == "" {
		t.Fatalf("%d %s", status, answer)
	}
	if _, list := p.as(clara, "GET", "/api/cases", ""); !strings.Contains(list, saved.ID) || strings.Contains(list, "4711") {
		t.Errorf("the own list is %s", list)
	}
	if status, full := p.as(clara, "GET", "/api/cases/"+saved.ID, ""); status != 200 || !strings.Contains(full, "p-4711") {
		t.Errorf("%d %s", status, full)
	}
	if _, list := p.as(kurt, "GET", "/api/cases", ""); strings.Contains(list, saved.ID) {
		t.Errorf("somebody else sees %s", list)
	}
	other := "01890000-0000-7000-8000-000000000000"
	for _, method := range []string{"GET", "DELETE"} {
		foreignStatus, foreign := p.as(kurt, method, "/api/cases/"+saved.ID, "")
		missingStatus, missing := p.as(kurt, method, "/api/cases/"+other, "")
		if foreignStatus != 404 || missingStatus != 404 || strings.ReplaceAll(foreign, saved.ID, other) != missing {
			t.Errorf("%s of somebody else's: %d %s, of none: %d %s", method, foreignStatus, foreign, missingStatus, missing)
		}
	}
	for name, bad := range map[string]string{
		"no title": strings.Replace(body, "Bed 7", "  ", 1), "no recommendation": `{"title":"x","recommendation":{}}`,
		"a null character": strings.Replace(body, `"CAP"`, `"\u0000"`, 1), "past": strings.Replace(body, `"title"`, `"deleteAfter":"2020-01-01T00:00:00Z","title"`, 1),
	} {
		if status, answer := p.as(clara, "POST", "/api/cases", bad); status != 422 && !(name == "a null character" && status == 400) {
			t.Errorf("%s: %d %s", name, status, answer)
		}
	}
	// Who used the patient's data: asked by the auditor, without an address that tells whom.
	if status, saw := p.as(p.person("auditor"), "POST", "/api/system/audit/saw", `{"patient":"Patient/p-4711"}`); status != 200 || strings.Count(saw, `"clinician"`) != 2 {
		t.Errorf("%d %s", status, saw)
	}
	// After its time it goes, and the trail proves it.
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), `UPDATE saved_case SET created_at = now() - interval '8 days'`); err != nil {
		t.Fatal(err)
	}
	admin := p.person("admin")
	if status, answer := p.as(admin, "PUT", "/api/system/retention/saved_case", `{"days":7}`); status != 204 {
		t.Fatalf("%d %s", status, answer)
	}
	if status, _ := p.as(admin, "PUT", "/api/system/retention/saved_case", `{"days":36500}`); status != 422 {
		t.Errorf("a hundred years: %d", status)
	}
	if status, answer := p.as(admin, "POST", "/api/system/retention/run", ""); status != 202 {
		t.Fatalf("%d %s", status, answer)
	}
	p.until(func() bool {
		status, _ := p.as(clara, "GET", "/api/cases/"+saved.ID, "")
		return status == 404
	}, "the case is deleted after its time")
	p.until(func() bool {
		_, settings := p.as(admin, "GET", "/api/system/retention", "")
		var out struct {
			Settings []struct {
				Records string
				Days    int
				Deleted int
			}
		}
		if err := json.Unmarshal([]byte(settings), &out); err != nil {
			t.Fatal(err)
		}
		for _, s := range out.Settings {
			if s.Records == "saved_case" {
				return s.Days == 7 && s.Deleted == 1
			}
		}
		return false
	}, "the settings tell of the deletion")
}

// TestFlippedByte: the trail names the event that was changed, to the auditor too.
func TestFlippedByte(t *testing.T) {
	dsn := dbtest.DSN(t)
	p := start(t, true, "DATABASE_URL="+dsn, "CDSS_DEMO=1", "CDSS_AUTH=required")
	auditor := p.person("auditor")
	var report struct {
		OK      bool
		Events  int
		Waiting int
		Faults  []struct{ Event, Problem string }
	}
	verify := func() {
		t.Helper()
		status, body := p.as(auditor, "POST", "/api/system/audit/verify", "")
		report.Faults = nil
		if err := json.Unmarshal([]byte(body), &report); status != 200 || err != nil {
			t.Fatalf("%d %s", status, body)
		}
	}
	p.until(func() bool { verify(); return report.OK && report.Events > 3 }, "the events are chained")
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), `UPDATE audit_event SET agent = 'nobody'`); err == nil {
		t.Error("the database lets events be changed")
	}
	var id string
	if _, err := conn.Exec(t.Context(), `ALTER TABLE audit_event DISABLE TRIGGER ALL`); err != nil {
		t.Fatal(err)
	}
	p.until(func() bool {
		var chained bool
		err := conn.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM audit_chain WHERE event = (SELECT min(seq) FROM audit_event WHERE agent = 'auditor'))`).Scan(&chained)
		return err == nil && chained
	}, "the event has its place in the chain")
	if err := conn.QueryRow(t.Context(), `UPDATE audit_event SET agent = 'buditor' WHERE seq = (SELECT min(seq) FROM audit_event WHERE agent = 'auditor') RETURNING id::text`).Scan(&id); err != nil {
		t.Fatal(err)
	}
	verify()
	if report.OK || len(report.Faults) == 0 || report.Faults[0].Event != id {
		t.Errorf("the changed event is %s, and the report %+v", id, report)
	}
	status, export := p.as(auditor, "POST", "/api/system/audit/export", `{"person":"auditor"}`)
	lines := strings.Split(strings.TrimSpace(export), "\n")
	if status != 200 || len(lines) < 2 || !strings.Contains(lines[0], `"resourceType":"AuditEvent"`) {
		t.Errorf("%d %s", status, export)
	}
	if _, found := p.as(auditor, "POST", "/api/system/audit/search", `{"person":"auditor"}`); !strings.Contains(found, `"kind":"export"`) {
		t.Errorf("the export does not stand in the trail: %s", found)
	}
}

// TestUserCommands: the first person is the administrator, a second one is refused, and
// the passphrase of the environment is heeded once.
func TestUserCommands(t *testing.T) {
	dsn, dir := dbtest.DSN(t), t.TempDir()
	secret := filepath.Join(dir, "passphrase")
	if err := os.WriteFile(secret, []byte("correct horse battery staple\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	do := func(args ...string) (string, error) {
		var out, errs buffer
		err := run(t.Context(), args, environment{vars: []string{"DATABASE_URL=" + dsn, "USER=op"}, out: &out, err: &errs})
		return out.String(), err
	}
	if _, err := do("user", "add", "root", "--roles", "viewer", "--passphrase-file", secret); err == nil {
		t.Error("the first person is a viewer")
	}
	if out, err := do("user", "add", "root", "--passphrase-file", secret); err != nil || strings.Contains(out, "correct") {
		t.Fatal(out, err)
	}
	for _, args := range [][]string{
		{"user", "add", "second", "--roles", "admin", "--passphrase-file", secret},
		{"user", "add", "root", "--roles", "viewer", "--passphrase-file", secret},
		{"user", "add", "Bad Name", "--roles", "viewer", "--passphrase-file", secret},
		{"user", "add", "x", "--roles", "king", "--passphrase-file", secret},
		{"user", "disable", "root"},
		{"user", "disable", "nobody"},
		{"user", "passphrase", "nobody", "--passphrase-file", secret},
	} {
		if out, err := do(args...); err == nil {
			t.Errorf("%v: %s", args, out)
		}
	}
	out, err := do("user", "add", "anna", "--roles", "clinician,curator", "--display", "Anna A.")
	if err != nil || !strings.Contains(out, "passphrase: ") {
		t.Fatal(out, err)
	}
	made := strings.Fields(strings.SplitAfter(out, "passphrase: ")[1])[0]
	if out, err := do("user", "add", "glass", "--roles", "admin", "--break-glass", "--passphrase-file", secret); err != nil {
		t.Error(out, err)
	}
	out, err = do("user", "list")
	if err != nil || !strings.Contains(out, "Anna A.") || !strings.Contains(out, "clinician curator") {
		t.Error(out, err)
	}
	p := start(t, true, "DATABASE_URL="+dsn, "CDSS_AUTH=required", "CDSS_ADMIN_PASSPHRASE=some other long passphrase")
	if !strings.Contains(p.log.String(), "CDSS_ADMIN_PASSPHRASE is not heeded") {
		t.Error("a second bootstrap is passed over without a word")
	}
	c := p.person("")
	if status, body := p.as(c, "POST", "/api/session", `{"name":"admin","passphrase":"some other long passphrase"}`); status != 401 {
		t.Errorf("the second bootstrap logs in: %d %s", status, body)
	}
	if status, _ := p.as(c, "POST", "/api/session", `{"person":"admin"}`); status != 403 {
		t.Errorf("without a demonstration people are chosen: %d", status)
	}
	if status, body := p.as(c, "POST", "/api/session", `{"name":"anna","passphrase":"`+made+`"}`); status != 200 || !strings.Contains(body, `"mustChange":true`) {
		t.Fatalf("%d %s", status, body)
	}
	if status, _ := p.as(c, "GET", "/api/indications", ""); status != 403 {
		t.Errorf("before the passphrase is changed: %d", status)
	}
	if status, body := p.as(c, "POST", "/api/session/passphrase", `{"old":"`+made+`","new":"her own long passphrase"}`); status != 200 {
		t.Errorf("%d %s", status, body)
	}
	if status, body := p.as(c, "GET", "/api/indications", ""); status != 200 {
		t.Errorf("after that: %d %s", status, body)
	}
	if out, err := do("user", "disable", "anna"); err != nil {
		t.Error(out, err)
	}
	if status, _ := p.as(c, "GET", "/api/indications", ""); status != 401 {
		t.Errorf("disabled, at the next request: %d", status)
	}
	out, err = do("audit", "did", "op")
	if err != nil || !strings.Contains(out, "account") {
		t.Error(out, err)
	}
}

// TestFirstAdminOfTheEnvironment: on an empty database the passphrase makes the
// administrator.
func TestFirstAdminOfTheEnvironment(t *testing.T) {
	p := start(t, true, "DATABASE_URL="+dbtest.DSN(t), "CDSS_AUTH=required", "CDSS_ADMIN_PASSPHRASE=some other long passphrase", "CDSS_PUBLIC_URL=https://cds.example")
	c := p.person("")
	req, err := http.NewRequestWithContext(t.Context(), "POST", p.base+"/api/session", strings.NewReader(`{"name":"admin","passphrase":"some other long passphrase"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "cds.example"
	req.Header.Set("Content-Type", "application/json")
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	cookie := res.Header.Get("Set-Cookie")
	if res.StatusCode != 200 || !strings.HasPrefix(cookie, "__Host-cdss=") || !strings.Contains(cookie, "Secure") || !strings.Contains(cookie, "HttpOnly") {
		t.Errorf("%d %s", res.StatusCode, cookie)
	}
	if strings.Contains(p.log.String(), "some other long") {
		t.Error("the log tells the passphrase")
	}
}

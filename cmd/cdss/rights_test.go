package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"

	"cdss/fhir/smart"
)

func quietHouse(t *testing.T, vars ...string) *house {
	t.Helper()
	cfg, err := readConfig(append([]string{"CDSS_DATA_DIR=" + t.TempDir()}, vars...))
	if err != nil {
		t.Fatal(err)
	}
	h, err := newHouse(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// fill puts values for the names of a route.
func fill(route string) string {
	return strings.NewReplacer("{knowledge}", "PlanDefinition", "{type}", "Patient", "{version}", "1", "{schema}", "x.json",
		"{id}", "01890000-0000-7000-8000-000000000000", "/*", "/nothing").Replace(strings.NewReplacer("{name}", "nobody", "{records}", "nothing").Replace(route))
}

// TestEveryRouteHasItsRight walks all routes there are: one that nobody thought of in
// rights.csv is refused to everybody, and this tells so before a user does.
func TestEveryRouteHasItsRight(t *testing.T) {
	h := quietHouse(t, "CDSS_DEMO=1")
	seen := map[string]bool{}
	has := func(method, route string) {
		t.Helper()
		e, ok := h.rights.find(method, fill(route))
		if !ok {
			t.Errorf("%s %s has no line in rights.csv", method, route)
		}
		seen[e.method+" "+e.route] = true
	}
	walk := func(prefix string, r chi.Routes) {
		t.Helper()
		err := chi.Walk(r, func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
			if prefix == "" && (strings.HasPrefix(route, "/api/") || strings.HasPrefix(route, "/fhir/") || strings.HasPrefix(route, "/cds-services/")) {
				return nil // mounts of doors, which are walked or asked themselves
			}
			if !slices.Contains([]string{"CONNECT", "TRACE", "QUERY"}, method) {
				has(method, prefix+route)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	walk("", h.routes().(chi.Routes))
	api, description, err := h.buildAPI(nil)
	if err != nil {
		t.Fatal(err)
	}
	walk("/api", api.(chi.Routes))
	for path, item := range description.OpenAPI().Paths {
		for method, operation := range map[string]any{"GET": item.Get, "POST": item.Post, "PUT": item.Put, "PATCH": item.Patch, "DELETE": item.Delete} {
			if fmt.Sprint(operation) != "<nil>" {
				has(method, "/api"+path)
			}
		}
	}
	for _, route := range fhirRoutes(t, h) {
		method, path, _ := strings.Cut(route, " ")
		has(method, path)
	}
	for _, route := range []string{"GET /cds-services", "POST /cds-services/{id}", "POST /cds-services/{id}/feedback"} {
		method, path, _ := strings.Cut(route, " ")
		has(method, path)
	}
	// What nothing answers should not stand in the table.
	for _, e := range h.rights.entries {
		if e.method != anyMethod && e.method != http.MethodOptions && !strings.HasPrefix(e.route, "/fhir") && !seen[e.method+" "+e.route] {
			t.Errorf("%s %s stands in rights.csv, and nothing is there", e.method, e.route)
		}
	}
}

// fhirRoutes lists what the FHIR door says it can do.
func fhirRoutes(t *testing.T, h *house) []string {
	t.Helper()
	w := httptest.NewRecorder()
	h.fhir.door.ServeHTTP(w, httptest.NewRequest("GET", "/fhir/metadata", nil))
	type named struct{ Name, Code string }
	var statement struct {
		Rest []struct {
			Interaction, Operation []named
			Resource               []struct {
				Type                   string
				Interaction, Operation []named
			}
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &statement); err != nil || len(statement.Rest) != 1 || len(statement.Rest[0].Resource) < 100 {
		t.Fatal(err, w.Body.String()[:200])
	}
	routes := []string{"GET /fhir/metadata", "OPTIONS /fhir/metadata"}
	at := map[string][]string{
		"transaction": {"POST /fhir"}, "batch": {"POST /fhir"}, "history-system": {"GET /fhir/_history"},
		"read": {"GET /fhir/T/{id}"}, "vread": {"GET /fhir/T/{id}/_history/1"}, "history-instance": {"GET /fhir/T/{id}/_history"},
		"history-type": {"GET /fhir/T/_history"}, "search-type": {"GET /fhir/T", "POST /fhir/T/_search"}, "create": {"POST /fhir/T"},
		"update": {"PUT /fhir/T/{id}", "PUT /fhir/T"}, "delete": {"DELETE /fhir/T/{id}", "DELETE /fhir/T"},
	}
	add := func(typ, code string) {
		list, ok := at[code]
		if !ok {
			t.Errorf("interaction %s is not known to this test", code)
		}
		for _, route := range list {
			routes = append(routes, strings.Replace(route, "/T", "/"+typ, 1))
		}
	}
	r := statement.Rest[0]
	for _, i := range r.Interaction {
		add("", i.Code)
	}
	for _, o := range r.Operation {
		routes = append(routes, "POST /fhir/$"+o.Name)
	}
	for _, x := range r.Resource {
		for _, i := range x.Interaction {
			add(x.Type, i.Code)
		}
		for _, o := range x.Operation {
			routes = append(routes, "POST /fhir/"+x.Type+"/$"+o.Name, "POST /fhir/"+x.Type+"/{id}/$"+o.Name)
		}
	}
	return routes
}

// TestRightsOfEachRole says in words what the columns of the table must add up to.
func TestRightsOfEachRole(t *testing.T) {
	table, err := readRights(rightsTable)
	if err != nil {
		t.Fatal(err)
	}
	of := func(r smart.Role) []string { return table.of([]smart.Role{r}) }
	within := func(a, b smart.Role) {
		for _, right := range of(a) {
			if !slices.Contains(of(b), right) && !strings.HasPrefix(right, "patients:") {
				t.Errorf("%s has %s, and %s, who builds on it, has not", a, right, b)
			}
		}
	}
	within(smart.Viewer, smart.Clinician)
	within(smart.Clinician, smart.Curator)
	within(smart.Clinician, smart.Approver)
	within(smart.Viewer, smart.Admin)
	within(smart.Viewer, smart.Auditor)
	for role, never := range map[smart.Role][]string{
		smart.Admin:    {"rules:write", "rules:step", "rules:release", "rules:try", "overlay:", "recommendations:", "patients:", "cases:", "evidence:write", "evidence:release", "audit:"},
		smart.Auditor:  {"rules:step", "rules:try", "recommendations:", "patients:", "cases:", ":write", ":release"},
		smart.Viewer:   {":write", ":release", "recommendations:", "patients:", "people:", "audit:"},
		smart.Curator:  {":release", "people:", "audit:", "registrations:", "settings:", "patients:"},
		smart.Approver: {"rules:write", "people:", "audit:", "registrations:", "settings:", "patients:"},
	} {
		for _, right := range of(role) {
			for _, part := range never {
				if strings.Contains(right, part) {
					t.Errorf("%s has %s", role, right)
				}
			}
		}
	}
}

// person is a browser in which one of the six is logged in; "" is nobody.
func (p *program) person(id string) *http.Client {
	p.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		p.t.Fatal(err)
	}
	c := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	if id != "" {
		if status, body := p.as(c, "POST", "/api/session", `{"person":"`+id+`"}`); status != 200 {
			p.t.Fatalf("%s cannot log in: %d %s", id, status, body)
		}
	}
	return c
}

// as calls the server in somebody's browser.
func (p *program) as(c *http.Client, method, path, body string, header ...string) (int, string) {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), method, p.base+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := c.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return res.StatusCode, string(raw)
}

// TestMatrix tries every line of the table as each of the six, as nobody, and with the
// token of a CDS client: what the table gives gets through the gate, everything else is
// refused there.
func TestMatrix(t *testing.T) {
	p := demo(t, "CDSS_AUTH=required")
	table, err := readRights(rightsTable)
	if err != nil {
		t.Fatal(err)
	}
	who := []string{"", "client"}
	browsers := map[string]*http.Client{"": p.person(""), "client": p.person("")}
	for _, r := range smart.Roles() {
		who = append(who, string(r))
		browsers[string(r)] = p.person(string(r))
	}
	tried := 0
	for _, e := range table.entries {
		if e.method == anyMethod || e.right == "session:use" || e.route == "/fhir/" || e.route == "/api/system/retention/run" {
			continue // pages for everybody; the session is tested on its own; what would do a day's work
		}
		for _, id := range who {
			var header []string
			if id == "client" {
				header = []string{"Authorization", "Bearer eyJhbGciOiJub25lIn0.e30."}
			}
			body := ""
			if e.method == "POST" || e.method == "PUT" {
				body = `{"resourceType":"Parameters"}`
			}
			if strings.HasSuffix(e.route, "_search") {
				body, header = "_count=1", append(header, "Content-Type", "application/x-www-form-urlencoded")
			}
			status, answer := p.as(browsers[id], e.method, fill(e.route), body, header...)
			tried++
			named := slices.Contains(smart.Roles(), smart.Role(id))
			switch {
			case e.client && e.right != "hooks:call":
				if status == 401 || status == 403 {
					t.Errorf("%s %s as %q: %d", e.method, e.route, id, status)
				}
			case e.right == "hooks:call":
				if status != 401 { // no cookie helps, and this token is none
					t.Errorf("%s %s as %q: %d", e.method, e.route, id, status)
				}
			case e.nobody || named && e.permits([]smart.Role{smart.Role(id)}):
				// A door may know better, and says so in its own words: who wrote a rule cannot approve it.
				if status == 401 || status == 403 && strings.Contains(answer, "this needs the right") || status == 405 || strings.Contains(answer, "must be sent as application/json") || strings.Contains(answer, "nothing is at this address\"") {
					t.Errorf("%s %s as %q is refused: %d %s", e.method, e.route, id, status, answer)
				}
			case named:
				if status != 403 || !strings.Contains(answer, e.right) {
					t.Errorf("%s %s as %s gives %d %s, want 403 for %s", e.method, e.route, id, status, answer, e.right)
				}
			default:
				if status != 401 || strings.Contains(answer, "right") {
					t.Errorf("%s %s as %q gives %d, want 401", e.method, e.route, id, status)
				}
			}
		}
	}
	if tried < 800 {
		t.Errorf("only %d were tried", tried)
	}
	// What stands in no line is at no address, and nobody learns whether it is.
	for path, method := range map[string]string{
		"/api/nothing": "GET", "/api/guidelines/1/nothing": "POST", "/fhir/PlanDefinition/x/$nothing": "POST", "/fhir/a/b/c/d/e": "GET", "/fhir/$nothing": "POST", "/fhir/_search": "POST",
		"/fhir/PlanDefinition%2Fx/$approve": "POST", "/fhir/%50lanDefinition/x": "DELETE", "/fhir//PlanDefinition/x": "DELETE",
	} {
		if status, _ := p.as(browsers[""], method, path, ""); status != 401 {
			t.Errorf("%s %s as nobody gives %d", method, path, status)
		}
		if status, _ := p.as(browsers["viewer"], method, path, ""); status != 404 && status != 403 {
			t.Errorf("%s %s as a viewer gives %d", method, path, status)
		}
	}
}

// TestBatchIsNoWayRound: an entry of a batch needs what it would need alone.
func TestBatchIsNoWayRound(t *testing.T) {
	p := demo(t, "CDSS_AUTH=required")
	entry := func(method, url string) string {
		return `{"request":{"method":"` + method + `","url":"` + url + `"},"resource":{"resourceType":"Library","id":"mine","status":"draft","type":{"text":"x"}}}`
	}
	for _, tc := range []struct{ who, kind, method, url, want string }{
		{"viewer", "batch", "PUT", "Library/mine", "403"},
		{"viewer", "batch", "PUT", "%4cibrary/mine", "403"},
		{"viewer", "batch", "GET", "AuditEvent", "403"},
		{"viewer", "batch", "GET", "Patient", "403"},
		{"viewer", "transaction", "PUT", "Library/mine", "403"},
		{"viewer", "batch", "GET", "Library", "200"},
		{"auditor", "batch", "GET", "AuditEvent", "200"},
		{"admin", "transaction", "DELETE", "Library/mine", "403"},
	} {
		status, body := p.as(p.person(tc.who), "POST", "/fhir", `{"resourceType":"Bundle","type":"`+tc.kind+`","entry":[`+entry(tc.method, tc.url)+`]}`)
		if !strings.Contains(body, `"status":"`+tc.want) && fmt.Sprint(status) != tc.want {
			t.Errorf("%s %s %s %s gives %d %s", tc.who, tc.kind, tc.method, tc.url, status, body)
		}
	}
}

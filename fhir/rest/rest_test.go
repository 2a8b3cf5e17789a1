package rest_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cdss/fhir"
	"cdss/fhir/rest"
	"cdss/fhir/store"
	"cdss/migrations/dbtest"
)

const base = "http://cds.example/fhir"

var now = time.Date(2025, 1, 1, 12, 0, 0, 0, time.UTC)

// door is the FHIR door over a store of its own.
type door struct {
	http.Handler
	t     testing.TB
	store *store.Store
}

func open(t testing.TB, change ...func(*rest.Config)) door {
	t.Helper()
	s := store.New(store.Config{PatientData: true, Base: base})
	s.Attach(dbtest.New(t))
	cfg := rest.Config{
		Reader: s, Writer: s, Types: s.Types(), Base: base, Version: "1.2.3", Now: func() time.Time { return now },
		Origins: func(origin string) bool { return origin == "https://sandbox.example" },
	}
	for _, c := range change {
		c(&cfg)
	}
	return door{rest.New(cfg).Handler(), t, s}
}

// reply is what came back.
type reply struct {
	t testing.TB
	*http.Response
	body []byte
}

// send sends a request; headers are name and value in turn.
func (d door) send(method, path, body string, headers ...string) reply {
	d.t.Helper()
	r := httptest.NewRequest(method, "http://cds.example/fhir"+path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/fhir+json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	return reply{d.t, w.Result(), w.Body.Bytes()}
}

// ok fails the test unless the status is the one.
func (r reply) ok(status int) reply {
	r.t.Helper()
	if r.StatusCode != status {
		r.t.Fatalf("%d, want %d: %s", r.StatusCode, status, r.body)
	}
	return r
}

func (r reply) root() *fhir.Node {
	r.t.Helper()
	n, err := fhir.ParseJSON(r.body, fhir.Limits{})
	if err != nil {
		r.t.Fatalf("%v in %q", err, r.body)
	}
	return n
}

// get follows names, a number being a place in a list.
func (r reply) get(path string) string {
	r.t.Helper()
	n := r.root()
	for name := range strings.SplitSeq(path, ".") {
		name, at, _ := strings.Cut(name, ":")
		list := n.Children(name)
		i := 0
		if at != "" {
			i = int(at[0] - '0')
		}
		if i >= len(list) {
			return ""
		}
		n = list[i]
	}
	return n.String()
}

// says checks that it is an OperationOutcome that names the kind and the text.
func (r reply) says(status int, code, text string) {
	r.t.Helper()
	if r.StatusCode != status || r.get("resourceType") != "OperationOutcome" || r.get("issue.code") != code || !strings.Contains(r.get("issue.diagnostics"), text) {
		r.t.Errorf("got %d %s, want %d, %s and %q", r.StatusCode, r.body, status, code, text)
	}
	if got := r.Header.Get("Content-Type"); !strings.HasPrefix(got, "application/fhir+json") {
		r.t.Errorf("Content-Type %q", got)
	}
}

const plan = `{"resourceType":"PlanDefinition","url":"http://x/PlanDefinition/p","status":"draft","title":"Pneumonie"}`

// A client that knows nothing of us: it creates, finds, updates, reads the history
// and deletes.
func TestLifeOfAPlan(t *testing.T) {
	d := open(t)
	created := d.send("POST", "/PlanDefinition", plan).ok(201)
	id := created.get("id")
	location := base + "/PlanDefinition/" + id
	if diff := cmp.Diff([]string{location + "/_history/1", `W/"1"`, "1"},
		[]string{created.Header.Get("Location"), created.Header.Get("ETag"), created.get("meta.versionId")}); diff != "" {
		t.Errorf("created (-want +got):\n%s", diff)
	}
	if _, err := http.ParseTime(created.Header.Get("Last-Modified")); err != nil {
		t.Error(err)
	}

	read := d.send("GET", "/PlanDefinition/"+id, "").ok(200)
	if !bytes.Equal(read.body, created.body) {
		t.Errorf("read %s", read.body)
	}
	d.send("GET", "/PlanDefinition/"+id, "", "If-None-Match", `W/"1"`).ok(304)
	d.send("GET", "/PlanDefinition/"+id, "", "If-None-Match", `W/"2"`).ok(200)
	d.send("GET", "/PlanDefinition/"+id, "", "If-Modified-Since", read.Header.Get("Last-Modified")).ok(304)

	found := d.send("GET", "/PlanDefinition?url=http://x/PlanDefinition/p", "").ok(200)
	if found.get("total") != "1" || found.get("entry.fullUrl") != location || found.get("entry.search.mode") != "match" {
		t.Errorf("found %s", found.body)
	}

	next := strings.Replace(string(read.body), `"draft"`, `"active"`, 1)
	updated := d.send("PUT", "/PlanDefinition/"+id, next, "If-Match", `W/"1"`).ok(200)
	if updated.Header.Get("ETag") != `W/"2"` || updated.get("status") != "active" {
		t.Errorf("updated %s", updated.body)
	}
	d.send("PUT", "/PlanDefinition/"+id, next, "If-Match", `W/"1"`).says(412, "conflict", "version 1 is not the current one, which is 2")
	d.send("PUT", "/PlanDefinition/"+id, next, "If-Match", `W/"abc"`).says(412, "conflict", "names no version")

	if old := d.send("GET", "/PlanDefinition/"+id+"/_history/1", "").ok(200); old.get("status") != "draft" || old.Header.Get("ETag") != `W/"1"` {
		t.Errorf("version 1 is %s", old.body)
	}
	d.send("GET", "/PlanDefinition/"+id+"/_history/3", "").says(404, "not-found", "no such resource")
	d.send("GET", "/PlanDefinition/"+id+"/_history/x", "").says(404, "not-found", "no version")

	if gone := d.send("DELETE", "/PlanDefinition/"+id, "").ok(204); len(gone.body) > 0 || gone.Header.Get("ETag") != `W/"3"` {
		t.Errorf("deletion says %q with %s", gone.body, gone.Header.Get("ETag"))
	}
	d.send("GET", "/PlanDefinition/"+id, "").says(410, "deleted", "it was deleted")
	d.send("DELETE", "/PlanDefinition/"+id, "").ok(204)
	d.send("DELETE", "/PlanDefinition/never", "").says(404, "not-found", "no such resource")

	history := d.send("GET", "/PlanDefinition/"+id+"/_history", "").ok(200)
	var methods []string
	for _, e := range history.root().Children("entry") {
		methods = append(methods, e.Get("request", "method").String()+" "+e.Get("response", "status").String()+" "+e.Get("resource", "status").String())
	}
	if diff := cmp.Diff([]string{"DELETE 204 No Content ", "PUT 200 OK active", "POST 201 Created draft"}, methods); diff != "" || history.get("type") != "history" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	if back := d.send("PUT", "/PlanDefinition/"+id, next).ok(201); back.Header.Get("Location") != location+"/_history/4" {
		t.Errorf("brought back at %s", back.Header.Get("Location"))
	}
}

func TestRefusals(t *testing.T) {
	d := open(t, func(c *rest.Config) { c.ReadOnly = []string{"AuditEvent"} })
	d.send("PUT", "/PlanDefinition/p", strings.Replace(plan, `"url"`, `"id":"p","url"`, 1)).ok(201)
	deep := `{"resourceType":"PlanDefinition","status":"draft","action":` + strings.Repeat(`[{"action":`, 2000) + `[]` + strings.Repeat(`}]`, 2000) + `}`
	tests := []struct {
		name, method, path, body string
		headers                  []string
		status                   int
		code, text               string
	}{
		{"unknown type", "GET", "/Plan/p", "", nil, 404, "not-supported", "no resource type"},
		{"type that is not kept", "GET", "/Parameters/p", "", nil, 404, "not-supported", "keeps no Parameters"},
		{"unknown id", "GET", "/PlanDefinition/nobody", "", nil, 404, "not-found", "no such resource"},
		{"id that is none", "GET", "/PlanDefinition/a_b", "", nil, 404, "not-found", "64 letters"},
		{"path out of the base", "GET", "/PlanDefinition/..%2F..%2Fetc", "", nil, 404, "not-found", "64 letters"},
		{"unknown address", "GET", "/PlanDefinition/p/nothing", "", nil, 404, "not-found", "nothing is at this address"},
		{"compartment", "GET", "/Patient/p/Observation", "", nil, 404, "not-supported", "compartments"},
		{"base", "GET", "/", "", nil, 404, "not-supported", "metadata"},
		{"patch", "PATCH", "/PlanDefinition/p", "[]", nil, 405, "not-supported", "only GET, HEAD, PUT, DELETE"},
		{"deleting a type", "DELETE", "/PlanDefinition", "", nil, 400, "required", "needs an id"},
		{"post to an id", "POST", "/PlanDefinition/p", plan, nil, 405, "not-supported", "only"},
		{"read only", "POST", "/AuditEvent", `{"resourceType":"AuditEvent"}`, nil, 405, "not-supported", "only GET, HEAD"},
		{"unknown operation", "POST", "/$explode", "{}", []string{"Content-Type", "application/json"}, 400, "invalid", "resourceType"},
		{"no such operation", "POST", "/$explode", "", nil, 404, "not-supported", "no operation $explode"},
		{"operation elsewhere", "POST", "/PlanDefinition/$fhirpath", "", nil, 404, "not-supported", "not offered"},

		{"unknown parameter", "GET", "/PlanDefinition?colour=red", "", nil, 400, "not-supported", `"colour": is not known`},
		{"strict on request", "GET", "/PlanDefinition?colour=red", "", []string{"Prefer", "handling=strict"}, 400, "not-supported", `"colour"`},
		{"endless page", "GET", "/PlanDefinition?_count=1000000", "", nil, 400, "not-supported", "at most 1000"},
		{"endless history", "GET", "/PlanDefinition/p/_history?_count=1000000", "", nil, 400, "not-supported", "at most 1000"},
		{"broken history", "GET", "/PlanDefinition/p/_history?_since=yesterday", "", nil, 400, "invalid", "_since"},
		{"broken date", "GET", "/PlanDefinition?date=2024-13", "", nil, 400, "invalid", "is no date"},
		{"broken escape", "GET", "/PlanDefinition?title=%zz", "", nil, 400, "invalid", "encoded"},
		{"reading with a criterion", "GET", "/PlanDefinition/p?status=draft", "", nil, 400, "invalid", "takes only"},

		{"no body", "POST", "/PlanDefinition", "", nil, 400, "required", "no PlanDefinition in the body"},
		{"no JSON", "POST", "/PlanDefinition", "<xml/>", nil, 400, "structure", "line 1"},
		{"half a body", "POST", "/PlanDefinition", plan[:40], nil, 400, "structure", "line 1"},
		{"two bodies", "POST", "/PlanDefinition", plan + plan, nil, 400, "structure", "behind"},
		{"duplicate member", "POST", "/PlanDefinition", `{"resourceType":"PlanDefinition","status":"draft","status":"active"}`, nil, 400, "structure", "stands twice"},
		{"NUL", "POST", "/PlanDefinition", `{"resourceType":"PlanDefinition","title":"a\u0000"}`, nil, 400, "structure", "NUL"},
		{"another resource", "POST", "/PlanDefinition", `{"resourceType":"Library"}`, nil, 400, "invalid", "address is that of PlanDefinition"},
		{"another id", "PUT", "/PlanDefinition/q", `{"resourceType":"PlanDefinition","id":"p"}`, nil, 400, "invalid", "must be that of the address"},
		{"no id", "PUT", "/PlanDefinition/q", plan, nil, 400, "invalid", "must be that of the address"},
		{"4,000 deep", "POST", "/PlanDefinition", deep, nil, 400, "structure", "nested deeper than 64"},
		{"too large", "POST", "/PlanDefinition", `{"resourceType":"PlanDefinition","title":"` + strings.Repeat("a", 6<<20) + `"}`, nil, 413, "too-long", "larger than 5242880"},
		{"form to a type", "POST", "/PlanDefinition", "status=draft", []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, "not-supported", "application/fhir+json"},
		{"XML", "POST", "/PlanDefinition", "<PlanDefinition/>", []string{"Content-Type", "application/fhir+xml"}, 415, "not-supported", "application/fhir+json"},
		{"other characters", "POST", "/PlanDefinition", plan, []string{"Content-Type", "application/fhir+json; charset=latin1"}, 415, "not-supported", "UTF-8"},
		{"JSON to a search", "POST", "/PlanDefinition/_search", "{}", nil, 415, "not-supported", "x-www-form-urlencoded"},
		{"endless search", "POST", "/PlanDefinition/_search", "title=" + strings.Repeat("a", 70_000), []string{"Content-Type", "application/x-www-form-urlencoded"}, 413, "too-long", "larger than 65536"},
		{"only XML accepted", "GET", "/PlanDefinition/p", "", []string{"Accept", "application/fhir+xml"}, 406, "not-supported", "only application/fhir+json"},
		{"XML by parameter", "GET", "/PlanDefinition/p?_format=xml", "", nil, 406, "not-supported", "only application/fhir+json"},
		{"condition that several match", "POST", "/PlanDefinition", plan, []string{"If-None-Exist", "colour=red"}, 400, "not-supported", `"colour"`},
		{"version of nothing", "PUT", "/PlanDefinition/new", `{"resourceType":"PlanDefinition","id":"new"}`, []string{"If-Match", `W/"1"`}, 412, "not-found", "no version 1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d.t = t
			d.send(tt.method, tt.path, tt.body, tt.headers...).says(tt.status, tt.code, tt.text)
		})
	}
}

func TestMethodNotAllowedNamesThose(t *testing.T) {
	d := open(t)
	if got := d.send("PATCH", "/PlanDefinition/p", "{}").ok(405).Header.Get("Allow"); got != "GET, HEAD, PUT, DELETE" {
		t.Errorf("Allow %q", got)
	}
	if got := d.send("DELETE", "/metadata", "").ok(405).Header.Get("Allow"); got != "GET, HEAD" {
		t.Errorf("Allow %q", got)
	}
}

func TestAccept(t *testing.T) {
	d := open(t)
	for _, accept := range []string{
		"", "*/*", "application/fhir+json", "application/json+fhir", "application/json", "application/fhir+json, */*; q=0.1",
		"application/fhir+json;fhirVersion=4.0", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "nonsense", "application/fhir+xml, application/json;q=0.5",
	} {
		r := d.send("GET", "/metadata", "", "Accept", accept).ok(200)
		if got := r.Header.Get("Content-Type"); got != "application/fhir+json; charset=utf-8" {
			t.Errorf("Accept %q gives %q", accept, got)
		}
	}
	for _, query := range []string{"json", "application/fhir+json", "application%2Fjson%2Bfhir"} {
		d.send("GET", "/metadata?_format="+query, "", "Accept", "application/xml").ok(200)
	}
	for _, media := range []string{"application/fhir+json", "application/json+fhir; charset=UTF-8", "application/json"} {
		d.send("POST", "/PlanDefinition", plan, "Content-Type", media).ok(201)
	}
	if body := d.send("GET", "/PlanDefinition?_pretty=true", "").ok(200).body; !bytes.Contains(body, []byte("\n  \"type\"")) {
		t.Errorf("not pretty: %s", body)
	}
}

func TestPrefer(t *testing.T) {
	d := open(t)
	if r := d.send("POST", "/PlanDefinition", plan, "Prefer", "return=minimal").ok(201); len(r.body) > 0 || r.Header.Get("Location") == "" {
		t.Errorf("minimal gives %s", r.body)
	}
	r := d.send("POST", "/PlanDefinition", plan, "Prefer", "handling=strict, return=OperationOutcome").ok(201)
	if r.get("resourceType") != "OperationOutcome" || r.get("issue.severity") != "information" {
		t.Errorf("an outcome is %s", r.body)
	}
	if r := d.send("POST", "/PlanDefinition", plan, "Prefer", "return=representation").ok(201); r.get("title") != "Pneumonie" {
		t.Errorf("a representation is %s", r.body)
	}
	lenient := d.send("GET", "/PlanDefinition?colour=red&status=draft&_count=2", "", "Prefer", "handling=lenient").ok(200)
	entries := lenient.root().Children("entry")
	last := entries[len(entries)-1]
	if len(entries) != 3 || last.Get("search", "mode").String() != "outcome" || last.Get("resource", "issue", "severity").String() != "warning" ||
		!strings.Contains(last.Get("resource", "issue", "diagnostics").String(), "colour") {
		t.Errorf("lenient gives %s", lenient.body)
	}
	if self := lenient.get("link.url"); strings.Contains(self, "colour") || !strings.Contains(self, "status=draft") {
		t.Errorf("self says %s", self)
	}
}

func TestConditional(t *testing.T) {
	d := open(t)
	const once = "url=http://x/PlanDefinition/p"
	first := d.send("POST", "/PlanDefinition", plan, "If-None-Exist", once).ok(201)
	again := d.send("POST", "/PlanDefinition", plan, "If-None-Exist", base+"/PlanDefinition?"+once).ok(200)
	if first.get("id") != again.get("id") || again.Header.Get("Location") == "" {
		t.Errorf("created %s, then %s", first.body, again.body)
	}
	if r := d.send("PUT", "/PlanDefinition?"+once, plan).ok(200); r.get("id") != first.get("id") || r.get("meta.versionId") != "2" {
		t.Errorf("updated %s", r.body)
	}
	d.send("POST", "/PlanDefinition", plan).ok(201)
	d.send("POST", "/PlanDefinition", plan, "If-None-Exist", once).says(412, "multiple-matches", "more than one")
	d.send("DELETE", "/PlanDefinition?"+once, "").says(412, "multiple-matches", "more than one")
	d.send("DELETE", "/PlanDefinition?url=http://nothing", "").ok(204)
}

func TestCORS(t *testing.T) {
	d := open(t)
	r := d.send("OPTIONS", "/Patient/_search", "", "Origin", "https://sandbox.example", "Access-Control-Request-Method", "POST").ok(204)
	for header, part := range map[string]string{
		"Access-Control-Allow-Origin": "https://sandbox.example", "Access-Control-Allow-Methods": "PUT, PATCH", "Access-Control-Allow-Headers": "If-None-Exist", "Vary": "Origin",
	} {
		if !strings.Contains(r.Header.Get(header), part) {
			t.Errorf("%s: %q", header, r.Header.Get(header))
		}
	}
	for _, path := range []string{"/metadata", "/Nothing", "/PlanDefinition?colour=red"} {
		r := d.send("GET", path, "", "Origin", "https://sandbox.example")
		if r.Header.Get("Access-Control-Allow-Origin") == "" || !strings.Contains(r.Header.Get("Access-Control-Expose-Headers"), "ETag") {
			t.Errorf("%s: %v", path, r.Header)
		}
		if got := r.Header.Get("Access-Control-Allow-Credentials"); got != "true" {
			t.Errorf("%s: a page that calls with credentials cannot read the answer: %q", path, got)
		}
	}
	other := d.send("GET", "/metadata", "", "Origin", "https://evil.example")
	for _, header := range []string{"Access-Control-Allow-Origin", "Access-Control-Allow-Credentials"} {
		if got := other.Header.Get(header); got != "" {
			t.Errorf("another origin is let in: %s: %s", header, got)
		}
	}
}

func TestHead(t *testing.T) {
	d := open(t)
	id := d.send("POST", "/PlanDefinition", plan).ok(201).get("id")
	if r := d.send("HEAD", "/PlanDefinition/"+id, "").ok(200); r.Header.Get("ETag") != `W/"1"` {
		t.Errorf("headers %v", r.Header)
	}
}

// The base follows the request where none is configured, and no header can put
// anything else there.
func TestBaseOfTheRequest(t *testing.T) {
	d := open(t, func(c *rest.Config) { c.Base = "" })
	d.send("POST", "/PlanDefinition", plan).ok(201)
	ask := func(host string) string {
		r := httptest.NewRequest("GET", "http://cds.example/fhir/PlanDefinition", nil)
		r.Host = host
		w := httptest.NewRecorder()
		d.ServeHTTP(w, r)
		return reply{t, w.Result(), w.Body.Bytes()}.ok(200).get("link.url")
	}
	if got := ask("127.0.0.1:8180"); got != "http://127.0.0.1:8180/fhir/PlanDefinition" {
		t.Errorf("self is %s", got)
	}
	if got := ask(`evil"><script>`); got != "http://localhost/fhir/PlanDefinition" {
		t.Errorf("self is %s", got)
	}
}

func TestWritesAreChecked(t *testing.T) {
	d := open(t, func(c *rest.Config) { c.OnWrite = refuseUntitled; c.Validate = refuseUntitled })
	d.send("POST", "/PlanDefinition", `{"resourceType":"PlanDefinition"}`).says(422, "required", "a title")
	d.send("POST", "/", `{"resourceType":"Bundle","type":"transaction","entry":[{"resource":`+plan+`,"request":{"method":"POST","url":"PlanDefinition"}},
		{"resource":{"resourceType":"PlanDefinition"},"request":{"method":"POST","url":"PlanDefinition"}}]}`).says(422, "required", "a title")
	if got := d.send("GET", "/PlanDefinition?_summary=count", "").ok(200).get("total"); got != "0" {
		t.Errorf("%s plans were stored", got)
	}
	d.send("POST", "/PlanDefinition", plan).ok(201)

	ask := func(path, body string) reply { return d.send("POST", path, body).ok(200) }
	if r := ask("/PlanDefinition/$validate", `{"resourceType":"PlanDefinition"}`); r.get("issue.severity") != "error" {
		t.Errorf("validate says %s", r.body)
	}
	if r := ask("/$validate", `{"resourceType":"Parameters","parameter":[{"name":"resource","resource":`+plan+`}]}`); r.get("issue.severity") != "information" {
		t.Errorf("validate says %s", r.body)
	}
	if r := ask("/Library/$validate", plan); r.get("issue.code") != "invalid" {
		t.Errorf("validate says %s", r.body)
	}
	if r := ask("/$validate", `{"resourceType":"Task","title":"x","for":{"reference":"Patient/nobody"},"focus":{"reference":"PlanDefinition?x"}}`); r.get("issue.code") != "not-found" ||
		r.get("issue.expression") != "Task.for.reference" || r.get("issue.severity") != "warning" {
		t.Errorf("validate says %s", r.body)
	}
	d.send("POST", "/$validate", "").says(400, "required", "no resource")
}

func TestMetadataTellsTheTruth(t *testing.T) {
	d := open(t, func(c *rest.Config) { c.ReadOnly = []string{"AuditEvent"} })
	m := d.send("GET", "/metadata", "").ok(200)
	if m.get("fhirVersion") != "4.0.1" || m.get("software.version") != "1.2.3" || m.get("implementation.url") != base {
		t.Errorf("metadata begins %s", m.body[:300])
	}
	server := m.root().Child("rest")
	// Every parameter and include of a knowledge type is asked for.
	values := map[string]string{"number": "1", "date": "2024", "string": "a", "token": "a", "reference": "Library/a", "quantity": "1", "uri": "http://x"}
	for _, r := range server.Children("resource") {
		typ := r.Child("type").String()
		if typ != "PlanDefinition" && typ != "ValueSet" && typ != "Observation" && typ != "AuditEvent" {
			continue
		}
		for _, p := range r.Children("searchParam") {
			value := values[p.Child("type").String()]
			if p.Child("type").String() == "reference" {
				value = "a"
			}
			d.send("GET", "/"+typ+"?"+p.Child("name").String()+"="+value+"&_sort="+p.Child("name").String(), "").ok(200)
		}
		for _, include := range append(r.Strings("searchInclude"), "*") {
			d.send("GET", "/"+typ+"?_include="+include, "").ok(200)
		}
		for _, include := range r.Strings("searchRevInclude") {
			d.send("GET", "/"+typ+"?_revinclude="+include, "").ok(200)
		}
		var interactions []string
		for _, i := range r.Children("interaction") {
			interactions = append(interactions, i.Child("code").String())
		}
		writes := strings.Contains(strings.Join(interactions, ","), "create")
		if writes == (typ == "AuditEvent") {
			t.Errorf("%s: %v", typ, interactions)
		}
	}
	for _, o := range server.Children("operation") {
		if r := d.send("POST", "/$"+o.Child("name").String(), ""); r.StatusCode == 404 || r.StatusCode == 405 {
			t.Errorf("$%s is not there: %s", o.Child("name").String(), r.body)
		}
	}
	d.send("GET", "/metadata?mode=terminology", "").says(400, "not-supported", "only full")
}

// The example instance of the CDS Hooks sandbox: it asks by form first, and for a
// media type of DSTU2.
func TestSandboxAsDataSource(t *testing.T) {
	d := open(t)
	d.send("PUT", "/Patient/p", `{"resourceType":"Patient","id":"p","name":[{"family":"Test"}]}`).ok(201)
	d.send("PUT", "/Condition/c", `{"resourceType":"Condition","id":"c","subject":{"reference":"Patient/p"},"code":{"text":"Pneumonie"}}`).ok(201)
	ask := func(method, path, body string) reply {
		return d.send(method, path, body, "Accept", "application/json+fhir", "Origin", "https://sandbox.example", "Content-Type", "application/x-www-form-urlencoded")
	}
	if r := ask("POST", "/Condition/_search", "patient=p").ok(200); r.get("total") != "1" || r.get("entry.resource.id") != "c" {
		t.Errorf("POST _search gives %s", r.body)
	}
	for _, path := range []string{"/metadata", "/Patient", "/Patient/p", "/Condition?patient=p"} {
		ask("GET", path, "").ok(200)
	}
	// A user token that was not resolved is asked for as it is.
	if r := ask("GET", "/Practitioner?_id=%7B%7Bcontext.userId%7D%7D", "").ok(200); r.get("total") != "0" {
		t.Errorf("an unresolved token finds %s", r.body)
	}
}

func encode(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

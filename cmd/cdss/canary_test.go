package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"cdss/cds"
	"cdss/migrations/dbtest"
)

// canaries marks a patient's data: each place that could name a person gets a word of
// its own, so that a word found elsewhere tells where it came from.
type canaries struct{ places []string }

const canaryWord = "Kanarie"

func (c *canaries) at(place string) string {
	c.places = append(c.places, place)
	return fmt.Sprintf("%s%04dx", canaryWord, len(c.places))
}

// mark puts canaries into a resource.
func (c *canaries) mark(r map[string]any) {
	typ, _ := r["resourceType"].(string)
	at := func(place string) string { return c.at(typ + "." + place) }
	r["text"] = map[string]any{"status": "generated", "div": `<div xmlns="http://www.w3.org/1999/xhtml">` + at("text") + `</div>`}
	r["extension"] = []any{map[string]any{"url": "http://example.org/x", "valueString": at("extension")}, map[string]any{"url": "http://example.org/y", "valueHumanName": map[string]any{"text": at("extension.name")}}}
	r["contained"] = []any{map[string]any{"resourceType": "RelatedPerson", "id": "contained", "patient": map[string]any{"display": at("contained.patient")}, "name": []any{map[string]any{"family": at("contained.name")}}}}
	r["identifier"] = []any{map[string]any{"system": "http://example.org/mrn", "value": at("identifier"), "assigner": map[string]any{"display": at("identifier.assigner")}}}
	r["meta"] = map[string]any{"tag": []any{map[string]any{"system": "http://example.org/tag", "code": "t", "display": at("meta.tag")}}, "source": "http://example.org/" + at("meta.source")}
	switch typ {
	case "Patient":
		r["name"] = []any{map[string]any{"text": at("name.text"), "family": at("name.family"), "given": []any{at("name.given"), at("name.given")}, "prefix": []any{at("name.prefix")}, "suffix": []any{at("name.suffix")},
			"_family": map[string]any{"extension": []any{map[string]any{"url": "http://hl7.org/fhir/StructureDefinition/humanname-own-name", "valueString": at("name._family")}}}}}
		r["telecom"] = []any{map[string]any{"system": "phone", "value": at("telecom")}, map[string]any{"system": "email", "value": at("telecom") + "@example.org"}}
		r["address"] = []any{map[string]any{"text": at("address.text"), "line": []any{at("address.line")}, "city": at("address.city"), "district": at("address.district"), "postalCode": at("address.postalCode")}}
		r["contact"] = []any{map[string]any{"name": map[string]any{"family": at("contact.name")}, "telecom": []any{map[string]any{"system": "phone", "value": at("contact.telecom")}}, "address": map[string]any{"text": at("contact.address")}}}
		r["generalPractitioner"] = []any{map[string]any{"display": at("generalPractitioner")}}
		r["managingOrganization"] = map[string]any{"display": at("managingOrganization")}
		r["maritalStatus"] = map[string]any{"text": at("maritalStatus")}
		r["photo"] = []any{map[string]any{"contentType": "image/png", "title": at("photo")}}
	default:
		r["note"] = []any{map[string]any{"text": at("note"), "authorString": at("note.author")}}
		r["encounter"] = map[string]any{"display": at("encounter")}
		for _, who := range []string{"recorder", "performer", "asserter", "requester"} {
			if typ == "Observation" && who == "performer" {
				r[who] = []any{map[string]any{"display": at(who)}}
			} else if typ != "Observation" && who != "performer" {
				r[who] = map[string]any{"display": at(who)}
			}
		}
		for _, subject := range []string{"subject", "patient"} {
			if ref, ok := r[subject].(map[string]any); ok {
				ref["display"] = at(subject)
			}
		}
	}
}

// marked gives a hook call of an example patient with canaries in all its resources.
func (c *canaries) marked(t *testing.T, call map[string]json.RawMessage) (string, []any) {
	t.Helper()
	var all map[string]any
	if err := json.Unmarshal([]byte(with(call)), &all); err != nil {
		t.Fatal(err)
	}
	var resources []any
	var walk func(v any)
	walk = func(v any) {
		m, ok := v.(map[string]any)
		if !ok {
			return
		}
		if m["resourceType"] == "Bundle" {
			for _, e := range asList(m["entry"]) {
				entry, _ := e.(map[string]any)
				walk(entry["resource"])
			}
			return
		}
		c.mark(m)
		resources = append(resources, m)
	}
	prefetch, _ := all["prefetch"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(prefetch)) {
		walk(prefetch[name])
	}
	if about, ok := all["context"].(map[string]any); ok {
		walk(about["draftOrders"])
	}
	raw, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw), resources
}

func asList(v any) []any {
	l, _ := v.([]any)
	return l
}

// ownTables may hold what people sent to be kept: FHIR resources with what is searched
// of them, saved cases, comments of feedback, and guidelines. What a launch or a
// handover keeps is sealed, and found in clear nowhere.
var ownTables = []string{
	"resource", "resource_version", "resource_string", "resource_token", "resource_reference", "resource_uri", "resource_date", "resource_number",
	"saved_case", "feedback", "guideline", "guideline_version", "guideline_source", "guideline_page", "passage",
}

// TestCanaries sends two hundred words, each at another place of a patient's data, through
// every door, well and ill, and looks for them where nothing of a patient may be.
func TestCanaries(t *testing.T) {
	dsn := dbtest.DSN(t)
	provider := newObedient(t)
	c := &canaries{}
	// A FHIR server whose errors name the patient.
	talking := newRecords(t, nil, func(w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("Content-Type", "application/fhir+json")
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = w.Write([]byte(`{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"exception","diagnostics":"` + canaryWord + `9001x"}]}`))
		return true
	})
	mustRun(t, dsn, "server", "add", "talking", talking.URL+"/fhir", "--plain-http", "--allow", "127.0.0.1/32")
	vars := append(provider.vars(), "CDSS_METRICS_ADDR=127.0.0.1:0")
	p, built := inside(t, nil, append(vars, "DATABASE_URL="+dsn)...)
	var held atomic.Pointer[house]
	without := startWith(t, time.Minute, false, func(h *house) { held.Store(h) }, append(vars, "DATABASE_URL=postgres://nobody@127.0.0.1:1/none?connect_timeout=1")...)

	answered := map[string]bool{}
	for _, hook := range []string{"patient-view", "order-sign", "order-select"} {
		call, _ := p.example("cap-penicillin-anaphylaxis", hook)
		given, resources := c.marked(t, call)
		entries := []any{}
		for _, r := range resources {
			entries = append(entries, map[string]any{"resource": r})
		}
		bundle, _ := json.Marshal(map[string]any{"resourceType": "Bundle", "type": "collection", "entry": entries})
		word := canaryWord + "9002x"
		patient, _ := json.Marshal(resources[slices.IndexFunc(resources, func(r any) bool { return r.(map[string]any)["resourceType"] == "Patient" })])
		ask := `{"bundle":` + string(bundle) + `,"language":"de","request":{"freeText":"` + word + `","pathogens":["` + word + `"]}}`
		parameters := `{"resourceType":"Parameters","parameter":[{"name":"subject","valueString":"Patient/` + word + `"},{"name":"data","resource":` + string(bundle) + `},{"name":"resource","resource":` + string(patient) + `},{"name":"expression","valueString":"'` + word + `' + name.family"}]}`
		for _, s := range []*program{p, without} {
			try := func(method, path, body string, header ...string) (int, string) {
				t.Helper()
				status, _, answer := s.ask(method, path, body, header...)
				answered[fmt.Sprint(status)] = true
				return status, answer
			}
			// Hooks: good, cut, with what nobody knows, for nobody, with a server that fails, and given up by the caller.
			_, cards := try("POST", "/cds-services/abs-"+hook, given)
			for _, cut := range []int{1, 100, len(given) / 2} {
				try("POST", "/cds-services/abs-"+hook, given[:len(given)-cut])
			}
			try("POST", "/cds-services/abs-"+hook, strings.Replace(given, `"resourceType":"Patient"`, `"resourceType":"`+word+`"`, 1))
			try("POST", "/cds-services/"+word, given)
			try("POST", "/cds-services/abs-patient-view", `{"hook":"patient-view","hookInstance":"d1577c69-dfbe-44ad-ba6d-3e05e953b2ea","context":{"userId":"Practitioner/x","patientId":"`+word+`"},"prefetch":{"patient":`+string(patient)+`}}`)
			try("POST", "/cds-services/abs-patient-view", `{"hook":"patient-view","hookInstance":"d1577c69-dfbe-44ad-ba6d-3e05e953b2ea","context":{"userId":"Practitioner/x","patientId":"`+word+`"},"fhirServer":"`+talking.URL+`/fhir","fhirAuthorization":{"access_token":"`+word+`","token_type":"Bearer","expires_in":300,"scope":"patient/*.read","subject":"us"}}`)
			short, cancel := context.WithTimeout(t.Context(), 3*time.Millisecond)
			if req, err := http.NewRequestWithContext(short, "POST", s.base+"/cds-services/abs-"+hook, strings.NewReader(given)); err == nil {
				if res, err := http.DefaultClient.Do(req); err == nil {
					_ = res.Body.Close()
				}
			}
			cancel()
			var got cds.Response
			if json.Unmarshal([]byte(cards), &got) == nil && len(got.Cards) > 0 {
				try("POST", "/cds-services/abs-"+hook+"/feedback", `{"feedback":[{"card":"`+got.Cards[0].UUID+`","outcome":"overridden","overrideReason":{"userComment":"`+word+`"},"outcomeTimestamp":"2026-01-15T10:05:31Z"}]}`)
			}
			// The API, as JSON and as a stream.
			_, rec := try("POST", "/api/recommendations", ask)
			try("POST", "/api/recommendations", ask, "Accept", "text/event-stream")
			try("POST", "/api/recommendations", ask[:len(ask)-9])
			try("POST", "/api/recommendations", strings.Replace(ask, `"language":"de"`, `"language":"`+word+`"`, 1))
			try("POST", "/api/recommendations", `{"server":"talking","patient":"Patient/`+word+`","language":"de"}`)
			try("POST", "/api/recommendations", `{"server":"`+word+`","patient":"Patient/`+word+`","`+word+`":1}`)
			try("POST", "/api/patients/search", `{"server":"talking","name":"`+word+`"}`)
			try("POST", "/api/search", `{"query":"`+word+`"}`)
			try("POST", "/api/answers", `{"question":"`+word+` Pneumonie?","language":"de"}`)
			try("POST", "/api/authoring/trace", `{"bundle":`+string(bundle)+`,"plan":"`+word+`"}`)
			if id := regexp.MustCompile(`^\{"id":"([^"]+)"`).FindStringSubmatch(rec); id != nil {
				try("POST", "/api/recommendations/"+id[1]+"/feedback", `{"outcome":"overridden","comment":"`+word+`"}`)
				try("POST", "/api/cases", `{"title":"`+word+`","request":{"bundle":`+string(bundle)+`},"recommendation":`+rec+`}`)
			}
			try("GET", "/api/cases/"+word, "")
			try("POST", "/api/system/audit/search", `{"patient":"`+word+`"}`)
			try("POST", "/api/system/audit/saw", `{"patient":"`+word+`"}`)
			try("POST", "/handover", `{"bundle":`+string(bundle)+`,"language":"de"}`)
			// FHIR.
			try("PUT", "/fhir/Patient/canary", regexp.MustCompile(`"id":"[^"]*","identifier"`).ReplaceAllString(string(patient), `"id":"canary","identifier"`))
			try("POST", "/fhir/Patient", string(patient))
			try("POST", "/fhir/Patient", string(patient)[:len(patient)/2])
			try("POST", "/fhir", `{"resourceType":"Bundle","type":"transaction","entry":[{"resource":`+string(patient)+`,"request":{"method":"POST","url":"`+word+`"}}]}`)
			try("GET", "/fhir/Patient?family="+word+"&_sort="+word, "")
			try("GET", "/fhir/Patient/"+word, "")
			try("POST", "/fhir/Patient/_search", "family="+word+"&"+word+"=1", "Content-Type", "application/x-www-form-urlencoded")
			for _, op := range []string{"$fhirpath", "$cql", "Patient/$validate", "PlanDefinition/$apply", "Library/$evaluate", word + "/$" + word} {
				try("POST", "/fhir/"+op, parameters)
			}
			// Addresses.
			for _, path := range []string{"/" + word + "?x=" + word, "/case/" + word, "/smart/launch?iss=https://x.example&launch=" + word, "/smart/callback?code=" + word + "&state=" + word, "/api/session/oidc/callback?code=" + word + "&state=" + word,
				"/api/guidelines?q=" + word, "/api/guidelines/" + word, "/api/examples/" + word, "/fhir/" + word + "?" + word} {
				try("GET", path, "", "Referer", "https://ehr.example/"+word, "User-Agent", word)
			}
			try("GET", "/api/status", "", "Cookie", "cdss="+word, "Authorization", "Bearer "+word, "Origin", "https://"+word+".example")
			upload(t, s, word+".md", "# Pneumonie\n\nBei Pneumonie.\n")
		}
	}
	// A person's name where an id belongs.
	for _, s := range []*program{p, without} {
		s.ask("POST", "/cds-services/abs-patient-view", `{"hook":"patient-view","hookInstance":"`+canaryWord+` 9003x","context":{"userId":"`+canaryWord+` 9004x, Dr.","patientId":"p"}}`, "X-Request-Id", canaryWord+" 9005x")
	}
	metrics, metricsWithout := built.metricsPage(), held.Load().metricsPage()
	if !strings.Contains(metrics, "cds_hook_requests_total{") || !strings.Contains(metricsWithout, "cds_hook_requests_total{") {
		t.Fatal("no metrics to look at")
	}
	if len(c.places) < 200 {
		t.Fatalf("only %d places hold a canary", len(c.places))
	}
	for _, status := range []string{"200", "400", "404", "503"} {
		if !answered[status] {
			t.Errorf("nothing was answered with %s: the paths of errors were not tried (%v)", status, answered)
		}
	}
	p.until(func() bool { return inDatabase(t, dsn)["saved_case"] > 0 }, "what was sent to be kept is kept")
	if err := p.stop(); err != nil { // which writes what waits
		t.Fatal(err)
	}
	_ = without.stop()
	places := func(text string) (list []string) {
		for _, m := range regexp.MustCompile(canaryWord+`(\d{4})x`).FindAllStringSubmatch(text, -1) {
			var n int
			_, _ = fmt.Sscan(m[1], &n)
			place := "what was typed"
			if n <= len(c.places) {
				place = c.places[n-1]
			}
			list = append(list, place)
		}
		return slices.Compact(slices.Sorted(slices.Values(list)))
	}
	for name, text := range map[string]string{"log": p.log.String(), "log without a database": without.log.String(), "metrics": metrics, "metrics without a database": metricsWithout,
		"traffic to the model": provider.sent(), "standard output": p.out.String() + without.out.String()} {
		if strings.Contains(strings.ToLower(text), strings.ToLower(canaryWord)) {
			t.Errorf("%s holds %q", name, places(text))
			for line := range strings.Lines(text) {
				if strings.Contains(strings.ToLower(line), strings.ToLower(canaryWord)) {
					t.Log(clipped(line))
					break
				}
			}
		}
	}
	for _, uri := range talking.asked {
		// A read names the id of the patient in its address; nothing else of him may stand in one.
		if strings.Contains(uri, canaryWord) && !strings.Contains(uri, canaryWord+"9002x") {
			t.Errorf("the FHIR server is asked for %s", uri)
		}
	}
	kept := inDatabase(t, dsn)
	for table, rows := range kept {
		if rows > 0 && !slices.Contains(ownTables, table) {
			t.Errorf("%d rows of table %s hold a canary, such as %s", rows, table, aRow(t, dsn, table))
		}
	}
	t.Logf("%d places, answers %v, kept in %v", len(c.places), slices.Sorted(maps.Keys(answered)), kept)
}

// inDatabase counts the rows of each table that hold a canary, in clear or as bytes.
func inDatabase(t *testing.T, dsn string) map[string]int {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	rows, _ := conn.Query(t.Context(), `SELECT table_name::text FROM information_schema.tables WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'`)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(tables) < 30 {
		t.Fatalf("%d tables, %v", len(tables), err)
	}
	count := map[string]int{}
	for _, table := range tables {
		var n int
		query := `SELECT count(*) FROM ` + pgx.Identifier{table}.Sanitize() + ` x WHERE x::text ILIKE $1 OR x::text ILIKE $2`
		if err := conn.QueryRow(t.Context(), query, "%"+canaryWord+"%", fmt.Sprintf("%%%x%%", canaryWord)).Scan(&n); err != nil {
			t.Fatalf("%s: %v", table, err)
		}
		if n > 0 {
			count[table] = n
		}
	}
	return count
}

// aRow gives one of them.
func aRow(t *testing.T, dsn, table string) (row string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	_ = conn.QueryRow(t.Context(), `SELECT x::text FROM `+pgx.Identifier{table}.Sanitize()+` x WHERE x::text ILIKE $1`, "%"+canaryWord+"%").Scan(&row)
	return clipped(row)
}

// upload sends a guideline as a form does.
func upload(t *testing.T, p *program, name, text string) {
	t.Helper()
	var body strings.Builder
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", name)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(part, text)
	_ = form.WriteField("title", "Pneumonie")
	_ = form.WriteField("identifier", "house-pneumonia") // else the file gives its name to it, and that to the trail
	_ = form.Close()
	status, _, answer := p.ask("POST", "/api/guidelines?"+url.Values{"x": {name}}.Encode(), body.String(), "Content-Type", form.FormDataContentType())
	if status >= 500 && status != 503 {
		t.Errorf("upload: %d %s", status, answer)
	}
}

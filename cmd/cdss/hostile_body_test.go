package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"

	"cdss/cds/conformance"
	"cdss/fhir"
)

// oddValues are values that readers of JSON and of numbers stumble over.
var oddValues = []string{
	`null`, `true`, `""`, `" "`, `[]`, `{}`, `[[]]`, `[null]`, `{"":""}`, `0`, `-0`, `-1`, `1e-400`, `1e400`, `9007199254740993`, `1234567890123456789012345678901234567890`, `0.1e1`, `1e999999`, `"é"`, `"\u202e"`, `"9999-99-99"`, `"0000-00-00"`, `"2026-02-30T25:61:61Z"`, `"-0001-01-01"`, `"../../x"`, `"Patient/"`, `"#"`, `"urn:uuid:x"`, `"http://evil.example/x"`,
	`{"resourceType":"Bundle"}`, `{"resourceType":"Nothing"}`, `{"resourceType":["Patient"]}`, `{"reference":{"reference":{}}}`, `"` + strings.Repeat("x", 3000) + `"`,
}

// noValues are pieces that are no value.
var noValues = []string{
	`01`, `.5`, `+1`, `NaN`, `Infinity`, `"\u0000"`, `"\ud800"`, `"\udc00\ud800"`, `"\x"`, strings.Repeat("[", 70) + strings.Repeat("]", 70),
	"\x00", "\xff\xfe", "\ufeff", "/*x*/", ",", ":", "}", "]", `"`, `'x'`,
}

// aValue is a string, number or word of JSON, with the colon behind it if it is a name.
var aValue = regexp.MustCompile(`"(?:[^"\\]|\\.)*"\s*:?|-?[0-9][0-9.eE+-]*|true|false|null`)

// seed is a good body, and where its values stand.
type seed struct {
	method, path, body string
	values             [][]int
}

// mutate changes the body at one place.
func (s seed) mutate(r *rand.Rand) string {
	body, at := s.body, r.IntN(len(s.body))
	end := min(len(body), at+1+r.IntN(200))
	value := s.values[r.IntN(len(s.values))]
	switch r.IntN(12) {
	case 0:
		return body[:at] + string([]byte{byte(r.IntN(256))}) + body[at+1:]
	case 1:
		return body[:at] + body[end:]
	case 2:
		return body[:end] + body[at:]
	case 3:
		return body[:at]
	case 4:
		return body[:at] + noValues[r.IntN(len(noValues))] + body[at:]
	case 5:
		return body[:value[0]] + noValues[r.IntN(len(noValues))] + body[value[1]:]
	}
	// More often: what is most like a client's own fault.
	return body[:value[0]] + oddValues[r.IntN(len(oddValues))] + body[value[1]:]
}

// TestHostileBodies: two thousand bodies that were good before a byte, a span or a value
// was changed. None makes the server fail, and what is no JSON gets no card and no option.
func TestHostileBodies(t *testing.T) {
	p := demo(t)
	view, prefetch := p.example("cap-penicillin-anaphylaxis", "patient-view")
	sign, _ := p.example("cap-penicillin-anaphylaxis", "order-sign")
	_, _, bundle := p.ask("GET", "/api/examples/cap-moderate", "")
	_, _, plan := p.ask("GET", "/api/plandefinitions", "")
	if len(prefetch) == 0 || plan == "" {
		t.Fatal("no examples")
	}
	patient := string(prefetch["patient"])
	seeds := []seed{
		{method: "POST", path: "/cds-services/abs-patient-view", body: with(view)},
		{method: "POST", path: "/cds-services/abs-order-sign", body: with(sign)},
		{method: "POST", path: "/api/recommendations", body: `{"bundle":` + bundle + `,"language":"de","request":{"severity":"severe","freeText":"x","pathogens":["E. coli"],"maxOptions":3}}`},
		{method: "POST", path: "/cds-services/abs-patient-view/feedback", body: `{"feedback":[{"card":"0190a1b2-0000-7000-8000-000000000001","outcome":"overridden","overrideReason":{"reason":{"code":"c","system":"http://x","display":"d"},"userComment":"x"},"outcomeTimestamp":"2026-01-15T10:05:31Z"}]}`},
		{method: "POST", path: "/api/search", body: `{"query":"Pneumonie Moxifloxacin","limit":5}`},
		{method: "POST", path: "/api/answers", body: `{"question":"Wann Umstellung auf oral?","language":"de"}`},
		{method: "POST", path: "/api/cases", body: `{"title":"Bed 7","request":{"patient":"Patient/p-4711","language":"de"},"recommendation":{"id":"01890000-0000-7000-8000-00000000000a","language":"de","options":[]}}`},
		{method: "POST", path: "/api/recommendations/0190a1b2-0000-7000-8000-000000000001/feedback", body: `{"outcome":"overridden","comment":"x","reason":{"code":"c","system":"http://x"}}`},
		{method: "POST", path: "/fhir", body: `{"resourceType":"Bundle","type":"transaction","entry":[{"fullUrl":"urn:uuid:0190a1b2-0000-7000-8000-000000000001","resource":` + patient + `,"request":{"method":"POST","url":"Patient","ifNoneExist":"identifier=http://x|y"}}]}`},
		{method: "PUT", path: "/fhir/Patient/mutated", body: strings.Replace(patient, `"id"`, `"language":"de","id"`, 1)},
		{method: "POST", path: "/fhir/$fhirpath", body: `{"resourceType":"Parameters","parameter":[{"name":"expression","valueString":"name.given.first() | birthDate"},{"name":"resource","resource":` + patient + `}]}`},
		{method: "POST", path: "/fhir/Patient/$validate", body: `{"resourceType":"Parameters","parameter":[{"name":"resource","resource":` + patient + `},{"name":"mode","valueCode":"create"}]}`},
		{method: "POST", path: "/fhir/$cql", body: `{"resourceType":"Parameters","parameter":[{"name":"expression","valueString":"1 + 2"}]}`},
		{method: "POST", path: "/fhir/ValueSet/$expand", body: `{"resourceType":"Parameters","parameter":[{"name":"url","valueUri":"http://hl7.org/fhir/ValueSet/administrative-gender"},{"name":"count","valueInteger":3}]}`},
		{method: "POST", path: "/api/query-sets", body: `{"name":"x","queries":[{"text":"Pneumonie","relevant":[]}]}`},
		{method: "POST", path: "/api/authoring/trace", body: `{"plan":"x","bundle":` + bundle + `}`},
		{method: "POST", path: "/api/authoring/import", body: `{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Library","id":"x","status":"draft","type":{"text":"x"}}}]}`},
		{method: "POST", path: "/api/patients/search", body: `{"server":"x","name":"x","birthDate":"1950-01-01"}`},
		{method: "POST", path: "/api/system/clients", body: `{"name":"m","issuer":"https://m.example","algorithm":"ES384","jwksUrl":"https://m.example/keys","allow":["10.0.0.0/8"],"deadline":400}`},
		{method: "POST", path: "/api/system/audit/search", body: `{"patient":"x","from":"2026-01-01T00:00:00Z","cursor":"x"}`},
		{method: "POST", path: "/handover", body: `{"bundle":{"resourceType":"Bundle","type":"collection","entry":[{"resource":` + patient + `}]},"language":"de"}`},
	}
	for i := range seeds {
		seeds[i].values = slices.DeleteFunc(aValue.FindAllStringIndex(seeds[i].body, -1), func(m []int) bool { return seeds[i].body[m[1]-1] == ':' })
	}
	r := rand.New(rand.NewPCG(20260115, 11))
	const tries = 2100
	torn := 0
	begun := time.Now()
	for i := range tries {
		seed := seeds[i%len(seeds)]
		body := seed.mutate(r)
		status, _, answer := p.ask(seed.method, seed.path, body)
		if status >= 500 {
			t.Errorf("try %d, %s %s: %d %s\n%s", i, seed.method, seed.path, status, answer, clipped(body))
		}
		if fhir.Scan([]byte(body), fhir.Limits{}) != nil {
			torn++
			if status < 400 && strings.HasPrefix(seed.path, "/cds-services") || strings.Contains(answer, `"cards"`) || strings.Contains(answer, `"options"`) {
				t.Errorf("try %d, %s: no JSON, and %d %s\n%s", i, seed.path, status, clipped(answer), clipped(body))
			}
		}
	}
	t.Logf("%d bodies, %d of them no JSON, %v", tries, torn, time.Since(begun).Round(time.Millisecond))

	deep := func(n int) string {
		return `{"hook":"patient-view","x":` + strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) + "}"
	}
	member := func(extra string) string { return strings.Replace(with(view), `{`, `{`+extra+`,`, 1) }
	gzip := []string{"Content-Encoding", "gzip"}
	for name, tc := range map[string]struct {
		body   string
		header []string
		want   []int
	}{
		"depth 65":                     {deep(65), nil, []int{400, 413, 422}},
		"depth 1000":                   {deep(1000), nil, []int{400, 413, 422}},
		"depth 4000":                   {deep(4000), nil, []int{400, 413, 422}},
		"depth 10001":                  {deep(10001), nil, []int{400, 413, 422}},
		"open brackets":                {strings.Repeat("[", 100_000), nil, []int{400, 413, 422}},
		"a million empty objects":      {`{"x":[` + strings.Repeat("{},", 600_000) + `{}]}`, nil, []int{400, 413}},
		"2 MiB and one":                {`{"x":"` + strings.Repeat("x", 2<<20) + `"}`, nil, []int{413}},
		"a member twice":               {member(`"hook":"order-sign"`), nil, []int{400}},
		"something behind":             {with(view) + "x", nil, []int{400}},
		"two documents":                {with(view) + with(view), nil, []int{400}},
		"NUL":                          {member(`"x":"\u0000"`), nil, []int{400}},
		"half a surrogate":             {member(`"x":"\ud800"`), nil, []int{400}},
		"no UTF-8":                     {member("\"x\":\"\xff\""), nil, []int{400}},
		"a byte order mark":            {"\ufeff" + with(view), nil, []int{200, 400}},
		"nothing":                      {" ", nil, []int{400}},
		"null":                         {"null", nil, []int{400}},
		"a list":                       {"[" + with(view) + "]", nil, []int{400}},
		"gzip":                         {with(view), gzip, []int{415}},
		"twice gzip":                   {with(view), []string{"Content-Encoding", "gzip, gzip"}, []int{415}},
		"zstd":                         {with(view), []string{"Content-Encoding", "zstd"}, []int{415}},
		"another patient's data":       {with(view, "context", `{"userId":"Practitioner/x","patientId":"somebody-else"}`), nil, []int{200, 400, 412}},
		"a dose of forty digits":       {with(view, "context", `{"userId":"Practitioner/x","patientId":"p","x":{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"MedicationRequest","id":"m","status":"draft","intent":"order","subject":{"reference":"Patient/p"},"medicationCodeableConcept":{"text":"Amoxicillin"},"dosageInstruction":[{"doseAndRate":[{"doseQuantity":{"value":1234567890123456789012345678901234567890,"unit":"mg"}}]}]}}]}}`), nil, []int{200, 412}},
		"what contains itself":         {with(view, "prefetch", `{"patient":{"resourceType":"Patient","id":"p","contained":[{"resourceType":"Patient","id":"a","managingOrganization":{"reference":"#a"}}],"managingOrganization":{"reference":"#a"}}}`), nil, []int{200, 400, 412}},
		"Bundle in Bundle in Bundle":   {with(view, "prefetch", `{"patient":{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Bundle","entry":[]}}]}}]}}`), nil, []int{200, 400, 412}},
		"a template nobody asked for":  {with(view, "prefetch", `{"__proto__":{"x":1},"constructor":{}}`), nil, []int{200, 400, 412}},
		"another kind of content":      {with(view), []string{"Content-Type", "text/plain"}, []int{200, 400, 415}},
		"content of no kind":           {with(view), []string{"Content-Type", "x/y; charset=\xff"}, []int{200, 400, 415}},
		"a schema that names a file":   {`{"$schema":"file:///etc/passwd","$ref":"file:///etc/passwd","hook":"patient-view"}`, nil, []int{400}},
		"1001 entries under one key":   {with(view, "prefetch", `{"patient":{"resourceType":"Bundle","entry":[`+strings.TrimSuffix(strings.Repeat(`{"resource":{"resourceType":"Patient","id":"p"}},`, 1001), ",")+`]}}`), nil, []int{400, 413}},
		"a name of a member of 2000":   {member(`"` + strings.Repeat("n", 2000) + `":1`), nil, []int{200, 400}},
		"a hook of another service":    {with(view, "hook", `"order-sign"`), nil, []int{400, 422}},
		"an instance that is no uuid":  {with(view, "hookInstance", `"x"`), nil, []int{200, 400}},
		"an instance that is a number": {with(view, "hookInstance", `7`), nil, []int{200, 400}},
	} {
		begun := time.Now()
		status, _, answer := p.ask("POST", "/cds-services/abs-patient-view", tc.body, tc.header...)
		if !slices.Contains(tc.want, status) || strings.Contains(answer, "root:") {
			t.Errorf("%s: %d, want one of %v: %s", name, status, tc.want, clipped(answer))
		}
		if took := time.Since(begun); took > 10*time.Second {
			t.Errorf("%s takes %v", name, took)
		}
	}
	// A length that is a lie, and a body that never ends, hold nobody up.
	for name, head := range map[string]string{
		"a length that is a lie": "Content-Length: 1000000", "two lengths": "Content-Length: 1\r\nContent-Length: 2", "a negative length": "Content-Length: -1", "chunks that are none": "Transfer-Encoding: chunked\r\nContent-Length: 4",
	} {
		c, err := net.Dial("tcp", strings.TrimPrefix(p.base, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = fmt.Fprintf(c, "POST /cds-services/abs-patient-view HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n%s\r\n\r\n{}xx", head)
		_ = c.(*net.TCPConn).CloseWrite()
		_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
		answer, err := io.ReadAll(c)
		if err != nil || strings.Contains(string(answer), `"cards"`) || strings.Contains(string(answer), "HTTP/1.1 5") {
			t.Errorf("%s: %v %s", name, err, clipped(string(answer)))
		}
		_ = c.Close()
	}
	if strings.Contains(p.log.String(), "panic") {
		t.Error("something panicked")
	}
	if status, _, _ := p.ask("POST", "/cds-services/abs-patient-view", with(view)); status != 200 {
		t.Errorf("and a good call afterwards: %d", status)
	}
}

func clipped(s string) string {
	if len(s) > 600 {
		return s[:300] + " … " + s[len(s)-300:]
	}
	return s
}

// aText is a text that people wrote, in data of a patient.
var aText = regexp.MustCompile(`"(text|display)":\s?"(?:[^"\\]|\\.)*"`)

// TestHostileTexts: what stands in any text of a patient's data stays text on the cards:
// no link, picture or markup is made of it, and no character of it is hidden.
func TestHostileTexts(t *testing.T) {
	p := demo(t)
	md := goldmark.New(goldmark.WithExtensions(extension.GFM))
	marks := []string{"<a ", "<img", "<code", "<em>", "<strong>", "<del", "<table", "<h1", "<h2", "<h3", "<ol", "<blockquote", "<hr", "<input", "raw HTML omitted", "<pre"}
	calls := map[string]string{}
	for _, hook := range []string{"patient-view", "order-sign"} {
		call, _ := p.example("cap-penicillin-anaphylaxis", hook)
		calls[hook] = with(call)
	}
	marked := func(hook, text string) (string, map[string]int) {
		t.Helper()
		quoted, _ := json.Marshal(text)
		body := aText.ReplaceAllString(calls[hook], `"$1":`+strings.ReplaceAll(string(quoted), "$", "$$"))
		status, _, answer := p.ask("POST", "/cds-services/abs-"+hook, body)
		if status != 200 {
			t.Errorf("%s %q: %d %s", hook, clipped(text), status, clipped(answer))
			return "", nil
		}
		for _, v := range conformance.Response([]byte(answer), nil) {
			t.Errorf("%s %q: %v", hook, clipped(text), v)
		}
		var got struct {
			Cards []struct {
				Summary, Detail string
				Source          struct{ Label string }
				Suggestions     []struct{ Label string }
			}
		}
		if err := json.Unmarshal([]byte(answer), &got); err != nil || len(got.Cards) == 0 {
			t.Errorf("%s %q: no cards %v", hook, clipped(text), err)
			return "", nil
		}
		var all, page strings.Builder
		for _, c := range got.Cards {
			if c.Summary == "" || utf8.RuneCountInString(c.Summary) >= 140 || strings.ContainsAny(c.Summary, "\r\n\t") {
				t.Errorf("%s %q: summary %q", hook, clipped(text), c.Summary)
			}
			all.WriteString(c.Summary + c.Detail + c.Source.Label)
			for _, s := range c.Suggestions {
				all.WriteString(s.Label)
			}
			if err := md.Convert([]byte(c.Detail), &page); err != nil {
				t.Fatal(err)
			}
		}
		count := map[string]int{}
		for _, m := range marks {
			count[m] = strings.Count(page.String(), m)
		}
		return all.String(), count
	}
	base := map[string]map[string]int{}
	for hook := range calls {
		_, base[hook] = marked(hook, "Freitext")
	}
	list := hostile[string](t, "texts.jsonl", 100)
	for _, text := range list {
		for hook := range calls {
			shown, count := marked(hook, text)
			if strings.ContainsAny(shown, "\u202e\u202c\u200b\u2066\u2069\ufeff\u00ad\u2028\u2029\U000e0041\U000e0042") {
				t.Errorf("%s %q: a hidden character is shown", hook, text)
			}
			for m, n := range count {
				if n > base[hook][m] {
					t.Errorf("%s %q makes %s", hook, text, m)
				}
			}
		}
	}
	t.Logf("%d texts on %d services", len(list), len(calls))
}

// TestHostileRequests: methods nobody offers, addresses nobody has, cookies nobody gave,
// and origins nobody registered.
func TestHostileRequests(t *testing.T) {
	p := demo(t, "CDSS_AUTH=required")
	browser := p.person("")
	do := func(method, path string, header ...string) (int, http.Header, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, p.base+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.URL.Opaque = strings.TrimPrefix(p.base, "http:") + path // as it stands, not cleaned
		for i := 0; i+1 < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		res, err := browser.Do(req)
		if err != nil {
			t.Fatalf("%s %s: %v", method, clipped(path), err)
		}
		defer res.Body.Close()
		raw, _ := io.ReadAll(res.Body)
		return res.StatusCode, res.Header, string(raw)
	}
	for _, m := range hostile[struct{ Method, Path string }](t, "methods.jsonl", 100) {
		status, _, body := do(m.Method, m.Path)
		if m.Method == "DELETE" && m.Path == "/api/session" {
			continue // offered: a logout
		}
		if status < 400 || status >= 500 {
			t.Errorf("%s %s: %d %s", m.Method, m.Path, status, clipped(body))
		}
	}
	for _, path := range hostile[string](t, "paths.jsonl", 45) {
		status, header, body := do("GET", path)
		if status >= 500 && status != 503 || strings.Contains(body, "root:") || strings.Contains(body, "goroutine") || strings.Contains(body, "DATABASE_URL") || strings.Contains(body, "go_gc_") {
			t.Errorf("%s: %d %s", clipped(path), status, clipped(body))
		}
		if to := header.Get("Location"); strings.HasPrefix(to, "//") || strings.HasPrefix(to, `/\`) || strings.Contains(to, "evil.example/") {
			t.Errorf("%s leads to %s", clipped(path), to)
		}
		if header.Get("X") != "" {
			t.Errorf("%s writes a header", clipped(path))
		}
	}
	for _, cookie := range hostile[string](t, "cookies.jsonl", 40) {
		status, _, body := do("GET", "/api/session", "Cookie", cookie)
		if status != 200 || !strings.Contains(body, `"person":null`) {
			t.Errorf("cookie %q: %d %s", clipped(cookie), status, clipped(body))
		}
		if status, _, _ := do("GET", "/api/cases", "Cookie", cookie); status != 401 {
			t.Errorf("cookie %q opens cases: %d", clipped(cookie), status)
		}
	}
	for _, origin := range hostile[string](t, "origins.jsonl", 40) {
		for _, path := range []string{"/cds-services", "/cds-services/abs-patient-view", "/fhir/metadata", "/api/status", "/api/session"} {
			for _, method := range []string{"OPTIONS", "GET"} {
				_, header, _ := do(method, path, "Origin", origin, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization")
				if got := header.Get("Access-Control-Allow-Origin"); got != "" {
					t.Errorf("%s %s: origin %q is let in as %q", method, path, origin, got)
				}
			}
		}
	}
	if strings.Contains(p.log.String(), "panic") {
		t.Error("something panicked")
	}
}

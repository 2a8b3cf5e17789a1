package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Target is the CDS service that is held against the checklist.
type Target struct {
	Base string // the address before /cds-services
	// Token gives the Authorization of a call of an address; nil: none is sent. Each
	// call needs a token of its own.
	Token  func(address string) (string, error)
	Origin string       // of a browser that may call; "" leaves the checks of browsers out
	Client *http.Client // nil: one that follows no redirect and waits ten seconds
}

// State is what came of a check.
type State string

// The states. Advice is a SHOULD that is not followed.
const (
	Passed  State = "pass"
	Failed  State = "FAIL"
	Advised State = "advice"
	Skipped State = "skip"
)

// Result is one line of the table.
type Result struct {
	Service string // id, "" for what is about all
	Rule    string // section of CDS Hooks 2.0.1, or what else asks for it
	Check   string
	State   State
	Detail  string // what was found
}

// kit runs the checks.
type kit struct {
	ctx     context.Context
	target  Target
	service string
	results []Result
}

// Run holds a service against the checklist. The error is that it could not be
// reached at all.
func Run(ctx context.Context, target Target) ([]Result, error) {
	target.Base = strings.TrimSuffix(target.Base, "/")
	target.Base = strings.TrimSuffix(target.Base, "/cds-services")
	if target.Client == nil {
		target.Client = &http.Client{
			Timeout:       10 * time.Second,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	k := &kit{ctx: ctx, target: target}
	services, err := k.discovery()
	if err != nil {
		return nil, err
	}
	for _, s := range services {
		k.service = s.ID
		k.invocation(s)
		k.prefetch(s)
		k.badInput(s)
		k.feedback(s)
		k.browsers(s)
	}
	k.service = ""
	k.unknown()
	return k.results, nil
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
	took   time.Duration
}

// longest is how long the kit waits when a service wants it to come later.
const longest = 10 * time.Second

// send makes a request, again when the service says that there were too many and when
// to come: the kit calls faster than any client does. An answer that never came has
// status 0.
func (k *kit) send(method, path string, body []byte, header ...string) answer {
	for tries := 0; ; tries++ {
		a := k.sendOnce(method, path, body, header...)
		wait, err := strconv.Atoi(a.header.Get("Retry-After"))
		if after := time.Duration(wait) * time.Second; a.status != http.StatusTooManyRequests || err != nil || after > longest || tries == 3 {
			return a
		} else if !sleep(k.ctx, after) {
			return a
		}
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

func (k *kit) sendOnce(method, path string, body []byte, header ...string) answer {
	address := k.target.Base + "/cds-services" + path
	r, err := http.NewRequestWithContext(k.ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return answer{body: []byte(err.Error())}
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("Accept", "application/json")
	if k.target.Token != nil && method != http.MethodOptions {
		token, err := k.target.Token(address)
		if err != nil {
			return answer{body: []byte(err.Error())}
		}
		r.Header.Set("Authorization", token)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Del(header[i])
		if header[i+1] != "" {
			r.Header.Set(header[i], header[i+1])
		}
	}
	begin := time.Now()
	res, err := k.target.Client.Do(r)
	if err != nil {
		return answer{body: []byte(err.Error())}
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, 16<<20))
	if err != nil {
		return answer{body: []byte(err.Error())}
	}
	return answer{status: res.StatusCode, header: res.Header, body: raw, took: time.Since(begin)}
}

func (a answer) String() string {
	text := strings.Join(strings.Fields(string(a.body)), " ")
	if len(text) > 160 {
		text = strings.ToValidUTF8(text[:160], "") + "…"
	}
	return strings.TrimSpace(fmt.Sprintf("%d %s", a.status, text))
}

func (k *kit) add(rule, check string, state State, detail string) {
	k.results = append(k.results, Result{Service: k.service, Rule: rule, Check: check, State: state, Detail: detail})
}

// must notes a check that has to hold, should one that ought to.
func (k *kit) must(rule, check string, ok bool, detail string) bool {
	return k.note(rule, check, ok, Failed, detail)
}

func (k *kit) should(rule, check string, ok bool, detail string) bool {
	return k.note(rule, check, ok, Advised, detail)
}

func (k *kit) note(rule, check string, ok bool, otherwise State, detail string) bool {
	if ok {
		k.add(rule, check, Passed, "")
	} else {
		k.add(rule, check, otherwise, detail)
	}
	return ok
}

// service is what discovery says of one service.
type service struct {
	ID       string            `json:"id"`
	Hook     string            `json:"hook"`
	Title    string            `json:"title"`
	Prefetch map[string]string `json:"prefetch"`
}

func (k *kit) discovery() ([]service, error) {
	a := k.send(http.MethodGet, "", nil)
	if a.status == 0 {
		return nil, fmt.Errorf("reach %s/cds-services: %s", k.target.Base, a.body)
	}
	if !k.must("Discovery", "GET /cds-services is answered 200", a.status == 200, a.String()) {
		return nil, nil
	}
	k.must("Discovery", "the answer is JSON by its type", isJSON(a), a.header.Get("Content-Type"))
	k.violations("Discovery", "the answer keeps to the specification", Discovery(a.body))
	k.should("Discovery", "it is answered within 500 ms", a.took < fast, a.took.String())
	k.must("Trusting CDS Clients", "an Authorization that nobody asked for is tolerated",
		k.send(http.MethodGet, "", nil, "Authorization", "Bearer of.no.use").status == 200, "")
	var d struct{ Services []service }
	if err := json.Unmarshal(a.body, &d); err != nil {
		return nil, nil // told above
	}
	if len(d.Services) == 0 {
		k.add("Discovery", "there are services to call", Skipped, "none is offered")
	}
	for _, s := range d.Services {
		k.service = s.ID
		k.should("Discovery", "it has a title", s.Title != "", "")
	}
	k.service = ""
	return d.Services, nil
}

// fast is what the specification asks of an answer: "on the order of 500 ms".
const fast = 500 * time.Millisecond

func isJSON(a answer) bool {
	return strings.HasPrefix(a.header.Get("Content-Type"), "application/json")
}

func (k *kit) violations(rule, check string, list []Violation) {
	var texts []string
	for _, v := range list {
		texts = append(texts, v.String())
	}
	k.must(rule, check, len(list) == 0, strings.Join(texts, "; "))
}

// legal notes whether an answer to a call is one that the specification knows: cards,
// or 412 where data that the service cannot do without are missing.
func (k *kit) legal(rule, check string, c call, a answer) {
	switch a.status {
	case 200:
		k.violations(rule, check, Response(a.body, c.orders()))
	case 412:
		k.must(rule, check, true, "")
		k.outcome(check, a)
	default:
		k.must(rule, check, false, a.String())
	}
}

// outcome notes whether an error says what is wrong as FHIR does.
func (k *kit) outcome(check string, a answer) {
	var o struct {
		ResourceType string
		Issue        []struct{ Severity, Code string }
	}
	ok := json.Unmarshal(a.body, &o) == nil && o.ResourceType == "OperationOutcome" && len(o.Issue) > 0
	k.should("Errors", check+": the error is an OperationOutcome", ok, a.String())
}

func (k *kit) invocation(s service) {
	c, known := newCall(s)
	if !known {
		k.add("Hooks", "it is called", Skipped, "hook "+s.Hook+" is not one of the published table")
		return
	}
	path := "/" + url.PathEscape(s.ID)
	a := k.send(http.MethodPost, path, c.body())
	if a.status == 401 || a.status == 403 {
		k.add("Calling a CDS Service", "a call is answered", Skipped, "this client is not trusted; give --issuer and --private-key")
		return
	}
	k.legal("CDS Service Response", "a call with all prefetch is answered", c, a)
	if a.status == 200 {
		k.must("CDS Service Response", "the answer is JSON by its type", isJSON(a), a.header.Get("Content-Type"))
	}
	k.should("CDS Service Response", "it is answered within 500 ms", a.took < fast, a.took.String())
	if orders := c.orders(); orders != nil {
		// Most likely to be objected to, with suggestions that change the order.
		allergic := c.with(map[string]any{"prefetch": c.allergic(s)})
		k.legal("Suggestion", "a patient allergic to what is ordered", c, k.send(http.MethodPost, path, allergic.body()))
	}
	k.legal("Extensions", "members of later versions and extensions are ignored", c, k.send(http.MethodPost, path, c.with(map[string]any{
		"extension": map[string]any{"org.example.x": map[string]any{"y": 1}}, "laterMember": []any{1},
	}).body()))
	k.legal("HTTP Request", "a fhirServer that nobody knows is tolerated", c, k.send(http.MethodPost, path, c.with(map[string]any{"fhirServer": "https://nowhere.invalid/fhir"}).body()))
	k.legal("Habits of clients", "Patient/… as patientId is understood", c, k.send(http.MethodPost, path, c.inContext("patientId", "Patient/"+patientID).body()))
}

func (k *kit) prefetch(s service) {
	c, known := newCall(s)
	if !known {
		return
	}
	path := "/" + url.PathEscape(s.ID)
	try := func(check string, values map[string]any) answer {
		a := k.send(http.MethodPost, path, c.with(map[string]any{"prefetch": values}).body())
		if a.status != 401 && a.status != 403 {
			k.legal("Prefetch", check, c, a)
		}
		return a
	}
	all := func(value any) map[string]any {
		out := map[string]any{}
		for key := range s.Prefetch {
			out[key] = value
		}
		return out
	}
	try("no prefetch at all", nil)
	try("every key null", all(nil))
	failed := map[string]any{"resourceType": "OperationOutcome", "issue": []any{map[string]any{"severity": "error", "code": "exception"}}}
	a := try("every key an OperationOutcome", all(failed))
	if a.status == 200 && len(s.Prefetch) > 0 {
		k.should("Prefetch", "what could not be fetched is said", !bytes.Contains(a.body, []byte(`"cards":[]`)), "no card says that data are missing")
	}
	page := map[string]any{"resourceType": "Bundle", "type": "searchset", "link": []any{map[string]any{"relation": "next", "url": "https://nowhere.invalid/fhir?page=2"}}}
	try("every key a first page of several", all(page))
	try("values of no resource type", all(map[string]any{"response": map[string]any{"status": "404"}}))
	try("a key of the client's own", map[string]any{"something": map[string]any{"resourceType": "Bundle", "type": "collection"}})
	stranger := c.prefetch()
	for key, value := range stranger {
		if r, _ := value.(map[string]any); r["resourceType"] == "Patient" {
			stranger[key] = map[string]any{"resourceType": "Patient", "id": "conformance-stranger"}
		}
	}
	try("another patient's data", stranger)
}

func (k *kit) badInput(s service) {
	c, known := newCall(s)
	if !known {
		return
	}
	path := "/" + url.PathEscape(s.ID)
	refused := func(check string, a answer, most ...int) {
		if a.status == 401 {
			return
		}
		ok := a.status >= 400 && a.status < 500
		if len(most) > 0 {
			ok = slices.Contains(most, a.status)
		}
		k.must("Bad input", check+" is refused as the client's mistake", ok, a.String())
		if ok {
			k.outcome(check, a)
		}
	}
	post := func(body string, header ...string) answer {
		return k.send(http.MethodPost, path, []byte(body), header...)
	}
	whole := string(c.body())
	refused("JSON that ends too early", post(whole[:len(whole)/2]))
	refused("an array", post(`[]`))
	refused("a body without hook", post(`{"hookInstance":"d1577c69-dfbe-44ad-ba6d-3e05e953b2ea","context":{"patientId":"p"}}`))
	refused("a body without context", post(`{"hook":"`+s.Hook+`","hookInstance":"d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"}`))
	refused("a call of another hook", post(string(c.with(map[string]any{"hook": "org.example.another-hook"}).body())))
	refused("XML", post(`<hook/>`, "Content-Type", "application/xml"))
	refused("a body nested a thousand deep", post(`{"hook":"`+s.Hook+`","context":{"patientId":"p","x":`+strings.Repeat("[", 1000)+strings.Repeat("]", 1000)+`}}`))
	a := k.send(http.MethodGet, path, nil)
	k.must("Bad input", "GET of a service is refused", a.status == 405 || a.status == 404, a.String())
}

func (k *kit) unknown() {
	a := k.send(http.MethodPost, "/no-service-has-this-id", []byte(`{"hook":"patient-view","hookInstance":"d1577c69-dfbe-44ad-ba6d-3e05e953b2ea","context":{"patientId":"p"}}`))
	if a.status == 401 {
		return
	}
	if k.must("Bad input", "an unknown service is 404", a.status == 404, a.String()) {
		k.outcome("an unknown service", a)
	}
}

func (k *kit) feedback(s service) {
	const rule = "Feedback"
	path := "/" + url.PathEscape(s.ID) + "/feedback"
	const card, suggestion = "4e0a3a1e-3283-4575-ab82-028d55fe2719", "e56e1945-20b3-4393-8503-a1a20fd73152"
	entry := func(more string) string {
		return `{"card":"` + card + `",` + more + `,"outcomeTimestamp":"2026-01-15T10:05:31Z"}`
	}
	accepted := entry(`"outcome":"accepted","acceptedSuggestions":[{"id":"` + suggestion + `"}]`)
	overridden := entry(`"outcome":"overridden","overrideReason":{"reason":{"code":"x","system":"https://example.org/reasons"},"userComment":"c"}`)
	a := k.send(http.MethodPost, path, []byte(`{"feedback":[`+accepted+`]}`))
	switch a.status {
	case 401, 403, 404, 405, 501:
		k.add(rule, "it is taken", Skipped, a.String())
		return
	}
	good := func(a answer) bool { return a.status == 200 || a.status == 204 }
	k.must(rule, "an accepted card", good(a), a.String())
	again := k.send(http.MethodPost, path, []byte(`{"feedback":[`+accepted+`]}`))
	k.must(rule, "the same again", good(again), again.String())
	several := k.send(http.MethodPost, path, []byte(`{"feedback":[`+overridden+`,`+accepted+`]}`))
	k.must(rule, "several at once, one overridden", good(several), several.String())
	for check, body := range map[string]string{
		"no list": `{}`, "an outcome nobody knows": `{"feedback":[` + strings.Replace(overridden, "overridden", "ignored", 1) + `]}`, "no JSON": `{"feedback"`,
	} {
		a := k.send(http.MethodPost, path, []byte(body))
		k.must(rule, check+" is refused as the client's mistake", a.status >= 400 && a.status < 500, a.String())
	}
}

func (k *kit) browsers(s service) {
	const rule = "Cross-Origin Resource Sharing"
	if k.target.Origin == "" {
		return
	}
	path := "/" + url.PathEscape(s.ID)
	for _, p := range []string{"", path, path + "/feedback"} {
		a := k.send(http.MethodOptions, p, nil, "Origin", k.target.Origin, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization, content-type")
		allowed := a.header.Get("Access-Control-Allow-Origin")
		headers := strings.ToLower(a.header.Get("Access-Control-Allow-Headers"))
		k.must(rule, "preflight of /cds-services"+strings.Replace(p, path, "/{id}", 1),
			a.status >= 200 && a.status < 300 && (allowed == k.target.Origin || allowed == "*") && strings.Contains(headers, "authorization") && strings.Contains(headers, "content-type"),
			fmt.Sprintf("%d, origin %q, headers %q", a.status, allowed, headers))
		k.must(rule, "no wildcard with credentials", allowed != "*" || a.header.Get("Access-Control-Allow-Credentials") != "true", "")
	}
	a := k.send(http.MethodPost, path, []byte(`{`), "Origin", k.target.Origin)
	k.must(rule, "an error can be read by a browser", a.header.Get("Access-Control-Allow-Origin") != "", a.String())
}

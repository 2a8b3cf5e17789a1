package hooks_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"cdss/cds"
	"cdss/cds/conformance"
	"cdss/cds/hooks"
	"cdss/fhir/issue"
	"cdss/fhir/smart"
)

// decider keeps the last request it was given.
type decider struct {
	mu  sync.Mutex
	got *cds.Request
	err error

	cards []cds.Card // to answer with
}

func (d *decider) Hook(_ context.Context, req cds.Request) (cds.Response, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.got = &req
	return cds.Response{Cards: slices.Clone(d.cards)}, d.err
}

type keeper struct {
	got []cds.Feedback
	err error
}

func (k *keeper) KeepFeedback(_ context.Context, list []cds.Feedback) error {
	k.got = append(k.got, list...)
	return k.err
}

const made = "00000000-0000-4000-8000-000000000000"

func door(t *testing.T, d hooks.Decider, k hooks.FeedbackKeeper) http.Handler {
	t.Helper()
	s, err := hooks.New(hooks.Config{
		Services: hooks.BuiltIn(), Decider: d, Feedback: k,
		Origins: func(o string) bool { return o == "https://ehr.example" },
		NewUUID: func() string { return made },
	})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/cds-services", http.StripPrefix("/cds-services", s))
	mux.Handle("/cds-services/", http.StripPrefix("/cds-services", s))
	return mux
}

func send(h http.Handler, method, path, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// outcome reads an OperationOutcome and gives its issues as "code at expression".
func outcome(t *testing.T, w *httptest.ResponseRecorder) []string {
	t.Helper()
	var o struct {
		ResourceType string
		Issue        []struct {
			Code, Diagnostics string
			Expression        []string
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &o); err != nil || o.ResourceType != "OperationOutcome" || len(o.Issue) == 0 {
		t.Fatalf("no OperationOutcome: %v %s", err, w.Body)
	}
	if ct := w.Header().Get("Content-Type"); !strings.HasPrefix(ct, "application/fhir+json") {
		t.Errorf("an OperationOutcome as %q", ct)
	}
	var list []string
	for _, i := range o.Issue {
		if i.Diagnostics == "" {
			t.Error("an issue without a word on what is wrong")
		}
		list = append(list, strings.TrimSuffix(i.Code+" "+strings.Join(i.Expression, ","), " "))
	}
	return list
}

func TestDiscovery(t *testing.T) {
	h := door(t, &decider{}, nil)
	bodies := map[string]string{}
	for _, lang := range []string{"de", "en"} {
		w := send(h, "GET", "/cds-services", "", "Accept-Language", lang, "Authorization", "Bearer whatever")
		if w.Code != 200 || w.Header().Get("Content-Type") != "application/json" {
			t.Fatalf("%d %s", w.Code, w.Header())
		}
		if v := conformance.Discovery(w.Body.Bytes()); len(v) > 0 {
			t.Error(v)
		}
		bodies[lang] = w.Body.String()
	}
	if bodies["de"] == bodies["en"] {
		t.Error("discovery speaks one language only")
	}
	var d struct{ Services []struct{ ID, Hook string } }
	if err := json.Unmarshal([]byte(bodies["en"]), &d); err != nil {
		t.Fatal(err)
	}
	var hookNames []string
	for _, s := range d.Services {
		if s.ID != "abs-"+s.Hook {
			t.Errorf("hook %s is answered by %s", s.Hook, s.ID)
		}
		hookNames = append(hookNames, s.Hook)
	}
	want := []string{
		"patient-view", "order-select", "order-sign", "order-dispatch", "encounter-start", "encounter-discharge", "appointment-book",
		"problem-list-item-create", "allergyintolerance-create", "medication-refill", "medication-verify",
	}
	if diff := cmp.Diff(want, hookNames); diff != "" {
		t.Error(diff)
	}
}

// TestEveryHook: each hook of the published table is understood by the service that
// answers it, and refused by the others.
func TestEveryHook(t *testing.T) {
	order := `{"resourceType":"MedicationRequest","id":"m"}`
	bundle := `{"resourceType":"Bundle","entry":[{"resource":` + order + `}]}`
	for _, tc := range []struct {
		hook, service, context string
		question               cds.Question
		drafts, added          int
		dispatched             []string
	}{
		{"patient-view", "patient-view", ``, cds.AskOptions, 0, 0, nil},
		{"order-select", "order-select", `,"selections":["MedicationRequest/m"],"draftOrders":` + bundle, cds.AskOrders, 1, 0, nil},
		{"order-sign", "order-sign", `,"draftOrders":` + bundle, cds.AskOrders, 1, 0, nil},
		{"order-dispatch", "order-dispatch", `,"dispatchedOrders":["MedicationRequest/m","ServiceRequest/s"],"performer":"Organization/o"`, cds.AskOrders, 0, 0, []string{"MedicationRequest/m", "ServiceRequest/s"}},
		{"order-dispatch", "order-dispatch", `,"order":"MedicationRequest/m","task":{}`, cds.AskOrders, 0, 0, []string{"MedicationRequest/m"}},
		{"encounter-start", "encounter-start", `,"encounterId":"e"`, cds.AskOptions, 0, 0, nil},
		{"encounter-discharge", "encounter-discharge", `,"encounterId":"e"`, cds.AskTherapy, 0, 0, nil},
		{"appointment-book", "appointment-book", `,"appointments":{"resourceType":"Bundle"}`, cds.AskTherapy, 0, 0, nil},
		{"problem-list-item-create", "problem-list-item-create", `,"conditions":{"entry":[{"resource":{"resourceType":"Condition"}}]}`, cds.AskOptions, 0, 1, nil},
		{"allergyintolerance-create", "allergyintolerance-create", `,"allergyIntolerance":{"resourceType":"AllergyIntolerance"}`, cds.AskTherapy, 0, 1, nil},
		{"medication-refill", "medication-refill", `,"medications":` + bundle, cds.AskOrders, 1, 0, nil},
		{"medication-verify", "medication-verify", `,"medication":` + order, cds.AskOrders, 1, 0, nil},
		{"medication-prescribe", "order-select", `,"medications":` + bundle, cds.AskOrders, 1, 0, nil},
		{"order-review", "order-sign", `,"orders":` + bundle, cds.AskOrders, 1, 0, nil},
	} {
		t.Run(tc.hook, func(t *testing.T) {
			body := `{"hook":"` + tc.hook + `","context":{"patientId":"p"` + tc.context + `}}`
			for _, s := range hooks.BuiltIn() {
				d := &decider{}
				w := send(door(t, d, nil), "POST", "/cds-services/"+s.ID, body)
				if s.Hook != tc.service {
					if w.Code != 400 || outcome(t, w)[0] != "invalid hook" {
						t.Errorf("%s answers %d", s.ID, w.Code)
					}
					continue
				}
				if w.Code != 200 {
					t.Fatalf("%d: %s", w.Code, w.Body)
				}
				got := *d.got
				if got.Question != tc.question || len(got.DraftOrders) != tc.drafts || len(got.Context) != tc.added || got.Unreadable != 0 || got.Hook != tc.hook {
					t.Errorf("understood as %+v", got)
				}
				if diff := cmp.Diff(tc.dispatched, got.Dispatched); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
	for hook, context := range map[string]string{
		"order-dispatch": `{"patientId":"p"}`, "problem-list-item-create": `{"patientId":"p"}`, "allergyintolerance-create": `{"patientId":"p"}`,
		"medication-refill": `{"patientId":"p","medications":"x"}`, "medication-verify": `{"patientId":"p"}`, "encounter-start": `{}`,
	} {
		if w := send(door(t, &decider{}, nil), "POST", "/cds-services/abs-"+hook, `{"hook":"`+hook+`","context":`+context+`}`); w.Code != 400 {
			t.Errorf("%s without what it is about: %d", hook, w.Code)
		}
	}
}

// TestProfileOfAClient: who calls is in the context; what it is registered with
// decides language and version.
func TestProfileOfAClient(t *testing.T) {
	profiles := map[string]cds.Profile{
		"":    {},
		"ehr": {Language: cds.EN, Version3: true, MaxCards: 2},
		"kis": {},
	}
	d := &decider{}
	k := &keeper{}
	s, err := hooks.New(hooks.Config{
		Services: hooks.BuiltIn(), Decider: d, Feedback: k, NewUUID: func() string { return made },
		Profiles: func(client string) cds.Profile { return profiles[client] },
	})
	if err != nil {
		t.Fatal(err)
	}
	as := func(client, method, path, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Accept-Language", "de")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r.WithContext(smart.With(r.Context(), smart.Principal{Client: client, Tenant: "ward"})))
		return w
	}
	plain, later := as("kis", "GET", "/", "").Body.String(), as("ehr", "GET", "/", "").Body.String()
	if strings.Contains(plain, "ersion") || !strings.Contains(later, `"version":"3.0.0","hookVersion":"1.1"`) || !strings.Contains(later, "Antibiotic therapy: options") {
		t.Errorf("discovery of 2.0.1: %s\nof 3.0: %s", plain, later)
	}
	for _, token := range []string{"{{today() - 2 days}}", "{{context.userId}}"} {
		if strings.Contains(plain, token) || !strings.Contains(later, token) {
			t.Errorf("the token %s in discovery of 2.0.1: %v, of 3.0: %v", token, strings.Contains(plain, token), strings.Contains(later, token))
		}
	}
	speaks := func(id, tag string) string {
		return `,"who":{"resourceType":"Practitioner","id":"` + id + `","communication":[{"coding":[{"system":"urn:ietf:bcp:47","code":"` + tag + `"}]}]}`
	}
	for _, tc := range []struct {
		name, client, prefetch string
		want                   cds.Lang
	}{
		{"the client's comes first", "ehr", speaks("1", "de"), cds.EN},
		{"then the user's", "kis", speaks("1", "en-US"), cds.EN},
		{"another person's is nobody's", "kis", speaks("2", "en"), cds.DE},
		{"then that of the call", "kis", "", cds.DE},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := as(tc.client, "POST", "/abs-patient-view", `{"hook":"patient-view","fhirServer":"https://ehr.example/fhir",
				"fhirAuthorization":{"access_token":"secret","token_type":"Bearer","expires_in":300,"scope":"patient/*.read","subject":"us","patient":"p"},
				"context":{"userId":"Practitioner/1","patientId":"p"},"prefetch":{"patient":null`+tc.prefetch+`}}`)
			if w.Code != 200 {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			got := *d.got
			if got.Language != tc.want || got.Client != tc.client || got.Tenant != "ward" || got.Profile.MaxCards != profiles[tc.client].MaxCards {
				t.Errorf("understood as %+v", got)
			}
			if got.Access.Token.Reveal() != "secret" || got.Access.Patient != "p" || got.Received.IsZero() {
				t.Errorf("the access token is understood as %+v", got.Access)
			}
		})
	}
	t.Run("an access token that cannot be used costs no answer", func(t *testing.T) {
		if w := as("kis", "POST", "/abs-patient-view", `{"hook":"patient-view","fhirAuthorization":{"access_token":7},"context":{"patientId":"p"}}`); w.Code != 200 || !d.got.Access.Token.IsZero() {
			t.Errorf("%d %+v", w.Code, d.got.Access)
		}
	})
	as("ehr", "POST", "/abs-patient-view/feedback", `{"feedback":[{"card":"`+card+`","outcome":"overridden","outcomeTimestamp":"2026-01-15T10:05:31Z",
		"overrideReason":{"reason":{"code":"patient-refuses","system":"http://terminology.hl7.org/CodeSystem/non-adherence-reason-codes"}}}]}`)
	if len(k.got) != 1 || k.got[0].Client != "ehr" || k.got[0].Reason.Display != "Patient refuses" {
		t.Errorf("feedback is kept as %+v", k.got)
	}
}

const pv, sel, sign = "/cds-services/abs-patient-view", "/cds-services/abs-order-select", "/cds-services/abs-order-sign"

func TestWhatIsRefused(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 70) + "1" + strings.Repeat("}", 70)
	for _, tc := range []struct {
		name, method, path, body string
		header                   []string
		status                   int
		want                     string // first issue
	}{
		{"unknown service", "POST", "/cds-services/nobody", `{}`, nil, 404, "not-found"},
		{"unknown path", "POST", pv + "/x/y", `{}`, nil, 404, "not-found"},
		{"GET of a service", "GET", pv, "", nil, 405, "not-supported"},
		{"DELETE of discovery", "DELETE", "/cds-services", "", nil, 405, "not-supported"},
		{"media type", "POST", pv, `{}`, []string{"Content-Type", "text/plain"}, 415, "not-supported"},
		{"charset", "POST", pv, `{}`, []string{"Content-Type", "application/json; charset=latin1"}, 415, "not-supported"},
		{"compressed", "POST", pv, `{}`, []string{"Content-Encoding", "gzip"}, 415, "not-supported"},
		{"too large", "POST", pv, `{"a":"` + strings.Repeat("x", hooks.MaxBody) + `"}`, nil, 413, "too-long"},
		{"too deep", "POST", pv, deep, nil, 400, "structure"},
		{"no JSON", "POST", pv, `{"hook":`, nil, 400, "structure"},
		{"empty", "POST", pv, ``, []string{"Content-Type", "application/json"}, 400, "structure"},
		{"an array", "POST", pv, `[]`, nil, 400, "structure"},
		{"duplicate member", "POST", pv, `{"hook":"patient-view","context":{"patientId":"a","patientId":"b"}}`, nil, 400, "structure"},
		{"NUL", "POST", pv, `{"hook":"patient-view\u0000"}`, nil, 400, "structure"},
		{"bytes behind", "POST", pv, `{"hook":"patient-view","context":{"patientId":"a"}} {}`, nil, 400, "structure"},
		{"no hook", "POST", pv, `{"context":{"patientId":"p"}}`, nil, 400, "required hook"},
		{"another hook", "POST", pv, `{"hook":"order-sign","context":{"patientId":"p"}}`, nil, 400, "invalid hook"},
		{"hook is no string", "POST", pv, `{"hook":1,"context":{"patientId":"p"}}`, nil, 400, "structure hook"},
		{"no context", "POST", pv, `{"hook":"patient-view"}`, nil, 400, "required context"},
		{"no patientId", "POST", pv, `{"hook":"patient-view","context":{}}`, nil, 400, "invalid context"},
		{"patientId is a number", "POST", pv, `{"hook":"patient-view","context":{"patientId":7}}`, nil, 400, "invalid context.patientId"},
		{"patientId names a Group", "POST", pv, `{"hook":"patient-view","context":{"patientId":"Group/7"}}`, nil, 400, "value context.patientId"},
		{"no draftOrders", "POST", sign, `{"hook":"order-sign","context":{"patientId":"p"}}`, nil, 400, "invalid context"},
		{"a selection that is no string", "POST", sel, `{"hook":"order-select","context":{"patientId":"p","draftOrders":{},"selections":["a",{}]}}`, nil, 400, "invalid context.selections[1]"},
		{"prefetch is an array", "POST", pv, `{"hook":"patient-view","context":{"patientId":"p"},"prefetch":[1]}`, nil, 400, "structure prefetch"},
		{"a prefetch value is an array", "POST", pv, `{"hook":"patient-view","context":{"patientId":"p"},"prefetch":{"patient":[1]}}`, nil, 400, "structure prefetch.patient"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := &decider{}
			w := send(door(t, d, &keeper{}), tc.method, tc.path, tc.body, append(tc.header, "Origin", "https://ehr.example")...)
			if w.Code != tc.status {
				t.Fatalf("%d, want %d: %s", w.Code, tc.status, w.Body)
			}
			if got := outcome(t, w); got[0] != tc.want {
				t.Errorf("issues %q, want %q first", got, tc.want)
			}
			if d.got != nil {
				t.Error("it was decided all the same")
			}
			if w.Header().Get("Access-Control-Allow-Origin") != "https://ehr.example" {
				t.Error("a browser cannot read why")
			}
			if tc.status == 405 && w.Header().Get("Allow") == "" {
				t.Error("405 without Allow")
			}
		})
	}
}

func TestWhatIsUnderstood(t *testing.T) {
	order := `{"resourceType":"MedicationRequest","id":"m"}`
	for _, tc := range []struct {
		name, path, body string
		want             cds.Request
		drafts           int
		keys             []string
	}{
		{
			name: "as specified", path: pv,
			body: `{"hook":"patient-view","hookInstance":"d1577c69-dfbe-44ad-ba6d-3e05e953b2ea","fhirServer":"https://ehr.example/fhir",
				"context":{"userId":"Practitioner/1","patientId":"p","encounterId":"e"},"prefetch":{"patient":{"resourceType":"Patient","id":"p"},"allergies":null}}`,
			want: cds.Request{HookInstance: "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea", FHIRServer: "https://ehr.example/fhir", Patient: "p", Encounter: "e", User: "Practitioner/1"},
			keys: []string{"allergies", "patient"},
		},
		{
			name: "typed ids, no user, no instance", path: pv,
			body: `{"hook":"patient-view","context":{"patientId":"Patient/p","encounterId":"Encounter/e"}}`,
			want: cds.Request{HookInstance: made, Patient: "p", Encounter: "e"},
		},
		{
			name: "a whole url as id, unknown members", path: pv,
			body: `{"hook":"patient-view","hookInstance":"not-a-uuid","extension":{"x":1},"later":[],"context":{"patientId":"https://ehr.example/fhir/Patient/p","more":{}},"prefetch":null}`,
			want: cds.Request{HookInstance: "not-a-uuid", Patient: "p"},
		},
		{
			name: "draftOrders without type and fullUrl", path: sign,
			body: `{"hook":"order-sign","context":{"patientId":"p","draftOrders":{"resourceType":"Bundle","entry":[{"resource":` + order + `}]}}}`,
			want: cds.Request{HookInstance: made, Patient: "p"}, drafts: 1,
		},
		{
			name: "draftOrders as an array of resources", path: sign,
			body: `{"hook":"order-sign","context":{"patientId":"p","draftOrders":[` + order + `,{"resource":` + order + `}]}}`,
			want: cds.Request{HookInstance: made, Patient: "p"}, drafts: 2,
		},
		{
			name: "one order instead of a Bundle", path: sign,
			body: `{"hook":"order-sign","context":{"patientId":"p","draftOrders":` + order + `}}`,
			want: cds.Request{HookInstance: made, Patient: "p"}, drafts: 1,
		},
		{
			name: "a Bundle within the Bundle", path: sign,
			body: `{"hook":"order-sign","context":{"patientId":"p","draftOrders":{"entry":[{"resource":{"resourceType":"Bundle","entry":[{"resource":` + order + `}]}}]}}}`,
			want: cds.Request{HookInstance: made, Patient: "p"}, drafts: 1,
		},
		{
			name: "Bundles without end", path: sign,
			body: `{"hook":"order-sign","context":{"patientId":"p","draftOrders":` + strings.Repeat(`{"resourceType":"Bundle","entry":[{"resource":`, 9) + order + strings.Repeat(`}]}`, 9) + `}}`,
			want: cds.Request{HookInstance: made, Patient: "p", Unreadable: 1},
		},
		{
			name: "half-empty drafts", path: sel,
			body: `{"hook":"order-select","context":{"patientId":"p","selections":["MedicationRequest/m","nowhere"],"draftOrders":{"entry":[{"resource":{"resourceType":"MedicationRequest"}},{},{"resource":{"id":"x"}}]}}}`,
			want: cds.Request{HookInstance: made, Patient: "p", Selections: []string{"MedicationRequest/m", "nowhere"}, Unreadable: 2}, drafts: 1,
		},
		{
			name: "nothing drafted yet", path: sel,
			body: `{"hook":"order-select","context":{"patientId":"p","selections":null,"draftOrders":{}}}`,
			want: cds.Request{HookInstance: made, Patient: "p"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := &decider{}
			w := send(door(t, d, nil), "POST", tc.path, tc.body, "Accept-Language", "en-GB")
			if w.Code != 200 {
				t.Fatalf("%d: %s", w.Code, w.Body)
			}
			if v := conformance.Response(w.Body.Bytes(), nil); len(v) > 0 {
				t.Error(v)
			}
			got := *d.got
			if len(got.DraftOrders) != tc.drafts {
				t.Errorf("%d drafts, want %d", len(got.DraftOrders), tc.drafts)
			}
			var keys []string
			for _, key := range []string{"allergies", "patient"} {
				if _, ok := got.Prefetch[key]; ok {
					keys = append(keys, key)
				}
			}
			if diff := cmp.Diff(tc.keys, keys); diff != "" {
				t.Error(diff)
			}
			tc.want.Language, tc.want.LanguageOpen = cds.EN, tc.want.User != ""
			tc.want.Service, tc.want.Hook, tc.want.Question = got.Service, got.Hook, got.Question
			got.DraftOrders, got.Prefetch, got.Received = nil, nil, time.Time{}
			if diff := cmp.Diff(tc.want, got, cmpopts.IgnoreUnexported(smart.Token{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestErrorsOfTheDecision(t *testing.T) {
	call := `{"hook":"patient-view","context":{"patientId":"p"}}`
	for _, tc := range []struct {
		name   string
		err    error
		status int
		want   string
	}{
		{"data missing", issue.New(issue.Required, "needs patient").WithStatus(412).At("prefetch.patient"), 412, "required prefetch.patient"},
		{"overloaded", issue.New(issue.Transient, "busy"), 503, "transient"},
		{"unexpected", errors.New("a fault of this program"), 500, "exception"},
		{"the database is away", io.ErrUnexpectedEOF, 503, "transient"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := send(door(t, &decider{err: tc.err}, nil), "POST", pv, call)
			if got := outcome(t, w); w.Code != tc.status || got[0] != tc.want {
				t.Errorf("%d %q, want %d %q", w.Code, got, tc.status, tc.want)
			}
			if strings.Contains(w.Body.String(), "EOF") {
				t.Error("the inner error leaks")
			}
			if w.Code == 503 && w.Header().Get("Retry-After") == "" {
				t.Error("503 without Retry-After")
			}
		})
	}
}

func TestCORS(t *testing.T) {
	h := door(t, &decider{}, nil)
	for _, path := range []string{"/cds-services", pv, pv + "/feedback"} {
		w := send(h, "OPTIONS", path, "", "Origin", "https://ehr.example", "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization,content-type")
		allowed := strings.ToLower(w.Header().Get("Access-Control-Allow-Headers"))
		if w.Code != 204 || w.Header().Get("Access-Control-Allow-Origin") != "https://ehr.example" ||
			!strings.Contains(allowed, "authorization") || !strings.Contains(allowed, "content-type") ||
			w.Header().Get("Access-Control-Allow-Credentials") != "true" {
			t.Errorf("%s: %d %v", path, w.Code, w.Header())
		}
		if w := send(h, "OPTIONS", path, "", "Origin", "https://evil.example"); w.Header().Get("Access-Control-Allow-Origin") != "" ||
			w.Header().Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s is open to every origin", path)
		}
	}
}

const card = "4e0a3a1e-3283-4575-ab82-028d55fe2719"

func TestFeedback(t *testing.T) {
	k := &keeper{}
	h := door(t, &decider{}, k)
	body := `{"feedback":[
		{"card":"` + card + `","outcome":"accepted","acceptedSuggestions":[{"id":"e56e1945-20b3-4393-8503-a1a20fd73152"}],"outcomeTimestamp":"2026-01-15T10:05:31Z"},
		{"card":"` + card + `","outcome":"overridden","overrideReason":{"reason":{"code":"patient-refuses","system":"http://terminology.hl7.org/CodeSystem/non-adherence-reason-codes"}},"outcomeTimestamp":"2026-01-15T11:05:31+01:00"},
		{"card":"` + card + `","outcome":"overridden","outcomeTimestamp":"2026-01-15T12:05:31.1234567Z"}]}`
	w := send(h, "POST", sign+"/feedback", body, "Accept-Language", "de")
	if w.Code != 200 || w.Body.Len() != 0 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if len(k.got) != 3 || k.got[0].Service != "abs-order-sign" || k.got[0].Suggestions[0] != "e56e1945-20b3-4393-8503-a1a20fd73152" {
		t.Fatalf("kept %+v", k.got)
	}
	if k.got[1].Reason.Display != "Patient lehnt ab" || !k.got[1].At.Equal(k.got[0].At) {
		t.Errorf("the display of our own reason, or the zone, is lost: %+v", k.got[1])
	}
	if ns := k.got[2].At.Nanosecond(); ns != 123456000 {
		t.Errorf("%d ns cannot be the same in the database", ns)
	}
}

func TestFeedbackRefused(t *testing.T) {
	sound := `{"card":"` + card + `","outcome":"overridden","outcomeTimestamp":"2026-01-15T10:05:31Z"}`
	for _, tc := range []struct{ name, body, want string }{
		{"no list", `{}`, "required feedback"},
		{"an object", `{"feedback":` + sound + `}`, "required feedback"},
		{"empty list", `{"feedback":[]}`, "required feedback"},
		{"no card", `{"feedback":[` + sound + `,{"outcome":"accepted"}]}`, "value feedback[1].card"},
		{"card is no uuid", strings.Replace(`{"feedback":[`+sound+`]}`, card, "1", 1), "value feedback[0].card"},
		{"outcome", strings.Replace(`{"feedback":[`+sound+`]}`, "overridden", "ignored", 1), "code-invalid feedback[0].outcome"},
		{"accepted what", strings.Replace(`{"feedback":[`+sound+`]}`, "overridden", "accepted", 1), "required feedback[0].acceptedSuggestions"},
		{"when", strings.Replace(`{"feedback":[`+sound+`]}`, "T10:05:31Z", "", 1), "value feedback[0].outcomeTimestamp"},
		{"a reason without code", strings.Replace(`{"feedback":[`+sound+`]}`, `,"outcomeTimestamp"`, `,"overrideReason":{"reason":{"display":"x"}},"outcomeTimestamp"`, 1), "required feedback[0].overrideReason.reason"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			k := &keeper{}
			w := send(door(t, &decider{}, k), "POST", pv+"/feedback", tc.body)
			if w.Code != 400 || len(k.got) > 0 {
				t.Errorf("%d, kept %d", w.Code, len(k.got))
			}
			if got := outcome(t, w); got[0] != tc.want {
				t.Errorf("issues %q, want %q", got, tc.want)
			}
		})
	}
	t.Run("too large", func(t *testing.T) {
		w := send(door(t, &decider{}, &keeper{}), "POST", pv+"/feedback", `{"feedback":["`+strings.Repeat("x", hooks.MaxFeedback)+`"]}`)
		if w.Code != 413 {
			t.Errorf("%d, want 413", w.Code)
		}
	})
	t.Run("no database", func(t *testing.T) {
		w := send(door(t, &decider{}, &keeper{err: issue.New(issue.Transient, "the database is not ready")}), "POST", pv+"/feedback", `{"feedback":[`+sound+`]}`)
		if w.Code != 503 || w.Header().Get("Retry-After") == "" {
			t.Errorf("%d %v", w.Code, w.Header())
		}
	})
}

func FuzzCall(f *testing.F) {
	f.Add(`{"hook":"order-sign","context":{"patientId":"Patient/p","draftOrders":[{"resource":{"resourceType":"MedicationRequest"}}]},"prefetch":{"a":null}}`)
	f.Add(`{"hook":"order-sign","context":{"patientId":"p","draftOrders":{"entry":[{}]},"selections":[]}}`)
	s, err := hooks.New(hooks.Config{Services: hooks.BuiltIn(), Decider: &decider{}, NewUUID: func() string { return made }})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body string) {
		for _, path := range []string{"/abs-order-sign", "/abs-order-sign/feedback"} {
			w := send(s, "POST", path, body, "Content-Type", "application/json")
			switch w.Code {
			case 200:
			case 400, 413:
				outcome(t, w)
			case 503: // no keeper of feedback
			default:
				t.Errorf("%s: %d %s", path, w.Code, w.Body)
			}
		}
	})
}

// TestMedicationsByTheirAddress: what an order may refer to by the fullUrl of an entry
// is handed on with it.
func TestMedicationsByTheirAddress(t *testing.T) {
	d := &decider{}
	body := `{"hook":"order-sign","context":{"patientId":"p","draftOrders":{"entry":[
		{"fullUrl":"urn:uuid:1","resource":{"resourceType":"Medication","id":"m"}},
		{"fullUrl":"urn:uuid:2","resource":{"resourceType":"MedicationRequest","id":"r"}},
		{"fullUrl":"urn:uuid:3"}]}}}`
	if w := send(door(t, d, nil), "POST", "/cds-services/abs-order-sign", body); w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if got := d.got.URLs; len(got) != 1 || got["urn:uuid:1"] == nil || got["urn:uuid:1"].Ref() != "Medication/m" {
		t.Errorf("got %v", got)
	}
}

// TestHarmlessNames: what a client calls itself, its user and its call stands in log and
// trail only where it is an id.
func TestHarmlessNames(t *testing.T) {
	for _, c := range []struct{ sent, user, instance string }{
		{"Practitioner/7", "Practitioner/7", "Practitioner/7"},
		{"https://ehr.example/fhir/Practitioner/7", "https://ehr.example/fhir/Practitioner/7", "https://ehr.example/fhir/Practitioner/7"},
		{"", "", made},
		{"Erika Mustermann", "", made},
		{"Müller", "", made},
		{`a\nlevel=ERROR`, "", made},
		{"<script>", "", made},
		{strings.Repeat("a", 128), strings.Repeat("a", 128), strings.Repeat("a", 128)},
		{strings.Repeat("a", 129), "", made},
	} {
		d := &decider{}
		w := send(door(t, d, nil), "POST", "/cds-services/abs-patient-view", `{"hook":"patient-view","hookInstance":"`+c.sent+`","context":{"userId":"`+c.sent+`","patientId":"p"}}`)
		if w.Code != 200 || d.got.User != c.user || d.got.HookInstance != c.instance {
			t.Errorf("%q: %d, user %q, instance %q", c.sent, w.Code, d.got.User, d.got.HookInstance)
		}
	}
}

// TestCardTellsHowItCameAbout: each card links to its decision, by its uuid alone.
func TestCardTellsHowItCameAbout(t *testing.T) {
	const card = "0198c0de-0000-7000-8000-000000000001"
	for _, base := range []string{"", "https://cds.example"} {
		d := &decider{cards: []cds.Card{{UUID: card, Summary: "s", Indicator: cds.Info, Source: cds.Source{Label: "l"}}}}
		s, err := hooks.New(hooks.Config{Services: hooks.BuiltIn(), Decider: d, NewUUID: func() string { return made }, PublicURL: base})
		if err != nil {
			t.Fatal(err)
		}
		body := send(s, "POST", "/abs-patient-view", `{"hook":"patient-view","hookInstance":"i","context":{"userId":"Practitioner/secret","patientId":"secret"}}`).Body.String()
		for _, v := range conformance.Response([]byte(body), nil) {
			t.Error(v)
		}
		link := `"links":[{"label":"Wie es zu diesem Hinweis kam (mit Anmeldung)","url":"https://cds.example/admin/decisions?card=` + card + `","type":"absolute"}]`
		if strings.Contains(body, link) != (base != "") || strings.Contains(body, "secret") || base == "" && strings.Contains(body, "links") {
			t.Errorf("base %q: %s", base, body)
		}
	}
}

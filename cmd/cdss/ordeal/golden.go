package ordeal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// Call is a hook call, with what a healthy server answers to it.
type Call struct {
	Name, Path string
	Body       []byte
	Fetches    bool // the data are read from the FHIR server
	want       []string
	safety     []string // of these, what warns
	checked    bool     // a healthy server leaves no check out
}

// Verdict is what the oracle says of an answer.
type Verdict string

// The verdicts. The last two must never come.
const (
	Exact      Verdict = "exact"
	NotChecked Verdict = "not checked" // what could not be checked is said
	Blocked    Verdict = "412"
	Shed       Verdict = "503"
	Late       Verdict = "408"       // the call itself did not arrive in time
	NoAnswer   Verdict = "no answer" // the connection broke: an EHR shows nothing, and knows it
	Missed     Verdict = "silent miss"
	Wrong      Verdict = "wrong"
)

// unchecked begins what is kept of a card that says what was not checked.
const unchecked = "not checked: "

type shown struct {
	Cards []struct {
		Summary, Detail, Indicator string
		Source                     struct{ Topic struct{ Code string } }
		Suggestions                []struct {
			Label   string
			Actions []struct {
				Type     string
				Resource json.RawMessage
			}
		}
	}
}

var (
	uuids = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	// The time of day at which something was done belongs to the answer, not to the cards.
	times = regexp.MustCompile(`\d\d:\d\d(:\d\d)?(\.\d+)?(Z|[+-]\d\d:\d\d)?`)
)

// cards gives what cards say, without what is new in each answer, in a fixed order; and
// apart what warns, and whether something is said not to be checked.
func cards(body []byte) (all, safety []string, notChecked bool, err error) {
	var s shown
	if err := json.Unmarshal(body, &s); err != nil {
		return nil, nil, false, err
	}
	if s.Cards == nil {
		return nil, nil, false, errors.New("the answer has no cards member")
	}
	for _, c := range s.Cards {
		if c.Source.Topic.Code == "cds-not-checked" {
			notChecked = true
			all = append(all, unchecked+times.ReplaceAllString(uuids.ReplaceAllString(c.Summary+" "+c.Detail, "-"), "-"))
			continue
		}
		raw, err := json.Marshal(c)
		if err != nil {
			return nil, nil, false, err
		}
		one := times.ReplaceAllString(uuids.ReplaceAllString(string(raw), "-"), "-")
		all = append(all, one)
		if c.Indicator != "info" {
			safety = append(safety, one)
		}
	}
	slices.Sort(all)
	slices.Sort(safety)
	return all, safety, notChecked, nil
}

// Judge holds an answer against what a healthy server says. Data that came with the call
// are complete: then every card has to be there that warns, or it is said that checks did
// not run.
func (c *Call) Judge(status int, body []byte) (Verdict, string) {
	switch status {
	case 0:
		return NoAnswer, ""
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		return Shed, ""
	case http.StatusPreconditionFailed:
		return Blocked, ""
	case http.StatusRequestTimeout:
		return Late, ""
	case http.StatusOK:
	default:
		return Wrong, fmt.Sprintf("%s: status %d: %.300s", c.Name, status, body)
	}
	all, safety, notChecked, err := cards(body)
	switch {
	case err != nil:
		return Wrong, fmt.Sprintf("%s: %v: %.300s", c.Name, err, body)
	case slices.Equal(all, c.want):
		return Exact, ""
	case notChecked && (c.checked || !lacks(safety, c.safety) || !slices.Equal(left(all), left(c.want))):
		return NotChecked, ""
	case lacks(safety, c.safety):
		return Missed, fmt.Sprintf("%s: of %d warnings %d came, and nothing is said to be unchecked: %.2000s", c.Name, len(c.safety), len(safety), body)
	}
	return Wrong, fmt.Sprintf("%s: other cards than those of a healthy server:\n%s\nwant\n%s", c.Name, strings.Join(all, "\n"), strings.Join(c.want, "\n"))
}

// left gives of cards those that say what was left out.
func left(cards []string) (list []string) {
	for _, c := range cards {
		if strings.HasPrefix(c, unchecked) {
			list = append(list, c)
		}
	}
	return list
}

func lacks(have, want []string) bool {
	return slices.ContainsFunc(want, func(w string) bool { return !slices.Contains(have, w) })
}

// patients are the examples whose calls are made. Together they have warnings of allergy,
// kidney, pregnancy and interaction, and one has nothing to warn of.
const wanted = 3

// Golden asks a healthy server for calls and for what it answers. With fhir, which may be
// nil, half of the calls bring no data and name it.
func Golden(ctx context.Context, base string, fhir *FHIRServer) ([]*Call, error) {
	_, _, raw := Get(ctx, base+"/api/examples", 10*time.Second)
	ids := regexp.MustCompile(`"id":"([^"]+)"`).FindAllSubmatch(raw, -1)
	if len(ids) == 0 {
		return nil, fmt.Errorf("the server has no examples: %.200s", raw)
	}
	var calls []*Call
	for _, id := range ids {
		for hook, service := range map[string]string{"patient-view": "abs-patient-view", "order-sign": "abs-order-sign"} {
			status, _, body := Get(ctx, base+"/api/examples/"+string(id[1])+"/hook?hook="+hook, 10*time.Second)
			if status != http.StatusOK {
				continue // not every example has an order
			}
			c := &Call{Name: string(id[1]) + " " + hook, Path: "/cds-services/" + service, Body: body}
			calls = append(calls, c)
			if fhir != nil && len(calls) <= 2*wanted {
				fetching, err := fhir.take(c)
				if err != nil {
					return nil, err
				}
				calls = append(calls, fetching)
			}
		}
	}
	for _, c := range calls {
		if err := c.settle(ctx, base); err != nil {
			return nil, err
		}
	}
	if !slices.ContainsFunc(calls, func(c *Call) bool { return len(c.safety) > 0 }) {
		return nil, errors.New("no example warns of anything: nothing could be missed")
	}
	return calls, nil
}

// settle asks until two answers are equal: on a busy machine one may say that the time was
// not enough.
func (c *Call) settle(ctx context.Context, base string) error {
	var last []string
	return until(ctx, 2*time.Minute, func() (bool, error) {
		status, _, body := Post(ctx, base+c.Path, c.Body, 5*time.Second)
		if status != http.StatusOK {
			return false, fmt.Errorf("%s: %d %.300s", c.Name, status, body)
		}
		if strings.Contains(string(body), "Zeit für die Antwort") || strings.Contains(string(body), "time for the answer") {
			return false, fmt.Errorf("%s: not in time", c.Name)
		}
		all, safety, notChecked, err := cards(body)
		if err != nil {
			return false, err
		}
		same := last != nil && slices.Equal(last, all)
		last = all
		c.want, c.safety, c.checked = all, safety, !notChecked
		return same, fmt.Errorf("%s: answers differ", c.Name)
	})
}

// FHIRServer is an EHR's FHIR server, well or ill.
type FHIRServer struct {
	*httptest.Server
	ill      atomic.Value // string: how; "" is well
	patients map[string]map[string]json.RawMessage
}

// NewFHIRServer starts one without patients.
func NewFHIRServer() *FHIRServer {
	s := &FHIRServer{patients: map[string]map[string]json.RawMessage{}}
	s.ill.Store("")
	s.Server = httptest.NewServer(s)
	return s
}

// Ills are the ways in which a FHIR server can be ill.
var Ills = []string{"500", "401", "slow", "html", "empty-object", "reset", "other-patient"}

// Ail makes the server ill; "" heals it.
func (s *FHIRServer) Ail(how string) { s.ill.Store(how) }

// take gives a call as c that brings no data, which the server serves from now on. It is
// called before the server is asked.
func (s *FHIRServer) take(c *Call) (*Call, error) {
	var body map[string]json.RawMessage
	var context struct{ PatientID string }
	var prefetch map[string]json.RawMessage
	if err := errors.Join(json.Unmarshal(c.Body, &body), json.Unmarshal(body["context"], &context), json.Unmarshal(body["prefetch"], &prefetch)); err != nil {
		return nil, fmt.Errorf("read %s: %w", c.Name, err)
	}
	byType := map[string]json.RawMessage{}
	for _, value := range prefetch {
		var r struct {
			ResourceType string
			Entry        []struct{ Resource struct{ ResourceType string } }
		}
		if err := json.Unmarshal(value, &r); err != nil {
			return nil, fmt.Errorf("read %s: %w", c.Name, err)
		}
		switch {
		case r.ResourceType != "Bundle":
			byType[r.ResourceType] = value
		case len(r.Entry) > 0:
			byType[r.Entry[0].Resource.ResourceType] = value
		}
	}
	s.patients[context.PatientID] = byType
	delete(body, "prefetch")
	body["fhirServer"] = json.RawMessage(`"` + s.URL + `/fhir"`)
	raw, err := json.Marshal(body)
	return &Call{Name: c.Name + " (fetched)", Path: c.Path, Body: raw, Fetches: true}, err
}

// ServeHTTP answers as an EHR does, or as an ill one.
func (s *FHIRServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/fhir+json")
	switch s.ill.Load() {
	case "500":
		w.WriteHeader(http.StatusInternalServerError)
		return
	case "401":
		w.WriteHeader(http.StatusUnauthorized)
		return
	case "slow":
		pause(r.Context(), 2*time.Second)
	case "html":
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<html><body>Log in</body></html>")
		return
	case "empty-object":
		fmt.Fprint(w, "{}")
		return
	case "reset":
		panic(http.ErrAbortHandler)
	case "other-patient":
		fmt.Fprint(w, `{"resourceType":"Patient","id":"somebody-else"}`)
		return
	}
	typ, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/fhir/"), "/")
	patient := rest
	if typ != "Patient" {
		q := r.URL.Query()
		patient = strings.TrimPrefix(q.Get("patient")+q.Get("subject"), "Patient/")
	}
	if body, ok := s.patients[patient][typ]; ok {
		_, _ = w.Write(body)
		return
	}
	fmt.Fprint(w, `{"resourceType":"Bundle","type":"searchset","total":0}`)
}

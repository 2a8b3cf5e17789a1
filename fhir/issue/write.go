package issue

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
)

type outcomeIssue struct {
	Severity    string   `json:"severity"`
	Code        string   `json:"code"`
	Diagnostics string   `json:"diagnostics,omitempty"`
	Expression  []string `json:"expression,omitempty"`
}

type outcome struct {
	ResourceType string         `json:"resourceType"`
	Issue        []outcomeIssue `json:"issue"`
}

type problem struct {
	Type     string         `json:"type"`
	Title    string         `json:"title"`
	Status   int            `json:"status"`
	Detail   string         `json:"detail,omitempty"`
	Instance string         `json:"instance,omitempty"`
	Code     string         `json:"code"`
	Reason   string         `json:"reason,omitempty"`
	DetailDE string         `json:"detailDe,omitempty"`
	Errors   []problemError `json:"errors,omitempty"`
}

type problemError struct {
	Code     string   `json:"code"`
	Detail   string   `json:"detail"`
	Location []string `json:"location,omitempty"`
}

// Outcome gives err as OperationOutcome JSON. For nil it is an outcome that
// says so ("informational"), since an OperationOutcome needs one issue.
func Outcome(err error) []byte {
	issues := Issues(err)
	if len(issues) == 0 {
		issues = []Issue{{Severity: SeverityInformation, Code: string(Informational), Diagnostics: "no issue"}}
	}
	return OutcomeOf(issues)
}

// OutcomeOf gives the issues as OperationOutcome JSON. An empty list becomes
// one informational issue.
func OutcomeOf(issues []Issue) []byte {
	o := outcome{ResourceType: "OperationOutcome", Issue: make([]outcomeIssue, 0, len(issues))}
	for _, i := range issues {
		o.Issue = append(o.Issue, outcomeIssue(i))
	}
	if len(o.Issue) == 0 {
		o.Issue = append(o.Issue, outcomeIssue{Severity: SeverityInformation, Code: string(Informational), Diagnostics: "no issue"})
	}
	return marshal(o)
}

// typeBase makes the stable type of a problem: the anchor of its code in the
// specification.
const typeBase = "https://hl7.org/fhir/R4/codesystem-issue-type.html#issue-type-"

// Problem gives err as RFC 9457 problem details. Instance is the path of the
// request, or empty.
func Problem(err error, instance string) []byte {
	status := Status(err)
	issues := Issues(err)
	p := problem{Title: http.StatusText(status), Status: status, Instance: instance}
	if len(issues) > 0 {
		p.Code, p.Detail = issues[0].Code, issues[0].Diagnostics
		p.Type = typeBase + p.Code
	} else {
		p.Type = "about:blank"
	}
	var told *Error
	if errors.As(err, &told) {
		p.Reason, p.DetailDE = told.reason, told.german
	}
	if len(issues) > 1 || len(issues) == 1 && len(issues[0].Expression) > 0 {
		for _, i := range issues {
			p.Errors = append(p.Errors, problemError{Code: i.Code, Detail: i.Diagnostics, Location: i.Expression})
		}
	}
	return marshal(p)
}

// marshal cannot fail: the structs above hold strings and numbers only.
func marshal(v any) []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic("issue: " + err.Error())
	}
	return bytes.TrimRight(buf.Bytes(), "\n")
}

// WriteOutcome answers with the status of err and an OperationOutcome.
func WriteOutcome(w http.ResponseWriter, err error) {
	write(w, "application/fhir+json; charset=utf-8", Status(err), Outcome(err))
}

// WriteProblem answers with the status of err and problem details.
func WriteProblem(w http.ResponseWriter, r *http.Request, err error) {
	instance := ""
	if r != nil && r.URL != nil {
		instance = r.URL.Path
	}
	write(w, "application/problem+json", Status(err), Problem(err, instance))
}

func write(w http.ResponseWriter, mediaType string, status int, body []byte) {
	h := w.Header()
	h.Set("Content-Type", mediaType)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	// A client that is told to wait is told how long; the doors that know
	// better have set the header already.
	if (status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable) && h.Get("Retry-After") == "" {
		h.Set("Retry-After", "1")
	}
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

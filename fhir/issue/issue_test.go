package issue_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cdss/fhir/issue"
)

func TestStatus(t *testing.T) {
	tests := []struct {
		name string
		err  error
		kind issue.Kind
		want int
	}{
		{"nil", nil, "", 200},
		{"not found", issue.New(issue.NotFound, "read PlanDefinition/x"), issue.NotFound, 404},
		{"wrapped by fmt", fmt.Errorf("load: %w", issue.New(issue.Conflict, "version 3")), issue.Conflict, 409},
		{"outermost kind wins", issue.Wrap(issue.Incomplete, issue.New(issue.NotFound, "a"), "b"), issue.Incomplete, 422},
		{"own status", issue.New(issue.NotSupported, "media type").WithStatus(415), issue.NotSupported, 415},
		{"no kind", errors.New("pq: password of user"), issue.Exception, 500},
		{"deadline", fmt.Errorf("query: %w", context.DeadlineExceeded), issue.Timeout, 504},
		{"body too large", &http.MaxBytesError{Limit: 10}, issue.TooLong, 413},
		{"joined", errors.Join(issue.New(issue.Required, "a"), issue.New(issue.Value, "b")), issue.Required, 400},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := issue.KindOf(tt.err); got != tt.kind {
				t.Errorf("KindOf = %q, want %q", got, tt.kind)
			}
			if got := issue.Status(tt.err); got != tt.want {
				t.Errorf("Status = %d, want %d", got, tt.want)
			}
		})
	}
}

func TestOutcome(t *testing.T) {
	err := errors.Join(
		issue.New(issue.Value, "birthDate %q is no calendar date", "2023-02-30").At("Patient.birthDate"),
		issue.New(issue.Required, "status is missing").At("Observation.status"),
	)
	want := `{"resourceType":"OperationOutcome","issue":[` +
		`{"severity":"error","code":"value","diagnostics":"birthDate \"2023-02-30\" is no calendar date","expression":["Patient.birthDate"]},` +
		`{"severity":"error","code":"required","diagnostics":"status is missing","expression":["Observation.status"]}]}`
	if diff := cmp.Diff(want, string(issue.Outcome(err))); diff != "" {
		t.Error(diff)
	}
	if got := string(issue.Outcome(nil)); !strings.Contains(got, `"severity":"information"`) {
		t.Errorf("an outcome without issues is not legal FHIR: %s", got)
	}
}

func TestNothingInnerLeaks(t *testing.T) {
	inner := errors.New("dial tcp 10.0.0.7: password=hunter2")
	for name, err := range map[string]error{
		"unknown": inner,
		"wrapped": issue.Wrap(issue.Transient, inner, "read Patient/1"),
		"fmt":     fmt.Errorf("secret path: %w", issue.Wrap(issue.Transient, inner, "read Patient/1")),
	} {
		t.Run(name, func(t *testing.T) {
			for _, body := range [][]byte{issue.Outcome(err), issue.Problem(err, "/x")} {
				if s := string(body); strings.Contains(s, "hunter2") || strings.Contains(s, "secret") {
					t.Errorf("leaks the inner error: %s", s)
				}
			}
			if !errors.Is(err, inner) {
				t.Error("the inner error is lost for the log")
			}
		})
	}
}

func TestWrite(t *testing.T) {
	rec := httptest.NewRecorder()
	issue.WriteProblem(rec, httptest.NewRequest("GET", "/api/guidelines/7?q=secret", nil), issue.New(issue.NotFound, "guideline 7"))
	var got map[string]any
	if err := json.Unmarshal(rec.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"type":  "https://hl7.org/fhir/R4/codesystem-issue-type.html#issue-type-not-found",
		"title": "Not Found", "status": 404.0, "detail": "guideline 7", "instance": "/api/guidelines/7", "code": "not-found",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if rec.Code != 404 || rec.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("got %d %s", rec.Code, rec.Header().Get("Content-Type"))
	}

	rec = httptest.NewRecorder()
	issue.WriteOutcome(rec, issue.New(issue.Throttled, "too many requests"))
	if rec.Code != 429 || rec.Header().Get("Retry-After") == "" || !strings.HasPrefix(rec.Header().Get("Content-Type"), "application/fhir+json") {
		t.Errorf("got %d %v", rec.Code, rec.Header())
	}
}

func TestFrom(t *testing.T) {
	warning := issue.Issue{Severity: issue.SeverityWarning, Code: string(issue.Value), Diagnostics: "odd unit"}
	if err := issue.From([]issue.Issue{warning}); err != nil {
		t.Errorf("a warning alone is no error: %v", err)
	}
	err := issue.From([]issue.Issue{warning, {Severity: issue.SeverityError, Code: string(issue.Required), Diagnostics: "status is missing"}})
	if issue.Status(err) != 400 || len(issue.Issues(err)) != 2 {
		t.Errorf("got %d with %d issues", issue.Status(err), len(issue.Issues(err)))
	}
}

package launch

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"cdss/fhir/issue"
)

// Report is what the app is told of a launch. The token is not among it.
type Report struct {
	Server    string    `json:"server" doc:"name of the registered FHIR server"`
	Patient   string    `json:"patient" doc:"Patient/<id>, as POST /recommendations takes it"`
	Encounter *string   `json:"encounter" doc:"Encounter/<id>"`
	User      *string   `json:"user" doc:"whom the EHR calls the user, for example Practitioner/<id>"`
	Expires   time.Time `json:"expires"`
	Missing   []string  `json:"missing" doc:"resource types that the launch may not read: what rests on them is not checked"`
}

// needed are the resource types that a recommendation reads.
var needed = []string{
	"Patient", "Condition", "Observation", "AllergyIntolerance", "MedicationRequest", "MedicationStatement",
	"MedicationAdministration", "Encounter", "Procedure", "DiagnosticReport", "DeviceUseStatement",
}

// lacking tells which types a scope does not open (SMART App Launch 2.2, 3.0.2: v1 and
// v2 scopes). A granular scope with a query does not open the type.
func lacking(scope string) []string {
	list := []string{}
	for _, t := range needed {
		if !slices.ContainsFunc(strings.Fields(scope), func(s string) bool { return opens(s, t) }) {
			list = append(list, t)
		}
	}
	return list
}

func opens(scope, resourceType string) bool {
	rest, ok := strings.CutPrefix(scope, "patient/")
	if !ok {
		if rest, ok = strings.CutPrefix(scope, "user/"); !ok {
			return false
		}
	}
	of, may, ok := strings.Cut(rest, ".")
	if !ok || of != "*" && of != resourceType {
		return false
	}
	if may == "read" || may == "*" {
		return true
	}
	return strings.Contains(may, "r") && strings.Contains(may, "s") && strings.Trim(may, "cruds") == ""
}

type (
	reportOutput struct{ Body Report }
	endOutput    struct {
		SetCookie []http.Cookie `header:"Set-Cookie"`
	}
)

// Register adds GET and DELETE /launch to api, whose server is /api. The launch of a
// request must be in its context, see With.
func (d *Door) Register(api huma.API) {
	op := func(id, method, summary string, status int, errors ...int) huma.Operation {
		return huma.Operation{OperationID: id, Method: method, Path: "/launch", Summary: summary, DefaultStatus: status, Errors: errors, Tags: []string{"session"}}
	}
	huma.Register(api, op("read-launch", http.MethodGet, "The SMART launch of this browser", http.StatusOK, http.StatusNotFound),
		func(ctx context.Context, _ *struct{}) (*reportOutput, error) {
			l, ok := From(ctx)
			if !ok {
				return nil, &issue.ProblemError{Err: issue.New(issue.NotFound, "this browser has no SMART launch")}
			}
			return &reportOutput{l.report()}, nil
		})
	huma.Register(api, op("end-launch", http.MethodDelete, "End the SMART launch of this browser", http.StatusNoContent),
		func(ctx context.Context, _ *struct{}) (*endOutput, error) {
			out := &endOutput{}
			for _, name := range []string{launchCookie, "__Host-" + launchCookie} {
				out.SetCookie = append(out.SetCookie, http.Cookie{Name: name, Path: "/", MaxAge: -1, HttpOnly: true,
					Secure: strings.HasPrefix(name, "__Host-"), SameSite: http.SameSiteLaxMode})
			}
			if l, ok := From(ctx); ok {
				if err := d.c.Store.Delete(ctx, l.ID); err != nil {
					return nil, &issue.ProblemError{Err: err}
				}
			}
			return out, nil
		})
}

func (l Launch) report() Report {
	r := Report{Server: l.Server, Patient: "Patient/" + l.Patient, Expires: l.Expires, Missing: lacking(l.Scope)}
	if l.Encounter != "" {
		e := "Encounter/" + l.Encounter
		r.Encounter = &e
	}
	if l.User != "" {
		r.User = &l.User
	}
	return r
}

package api

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"regexp"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"cdss/cds"
	"cdss/cds/prefetch"
	"cdss/fhir"
	"cdss/fhir/issue"
)

// The example patients are invented.
//
//go:embed example/*.json
var exampleFiles embed.FS

// example is an example patient as its file holds it. All times in it are meant
// as seen from Anchor, and move with the clock when the example is shown.
type example struct {
	ID          string                 `json:"id"`
	DE          string                 `json:"de"`
	EN          string                 `json:"en"`
	Indication  string                 `json:"indication"`
	Anchor      time.Time              `json:"anchor"`
	Request     *cds.StructuredRequest `json:"request"`
	Bundle      json.RawMessage        `json:"bundle"`
	DraftOrders json.RawMessage        `json:"draftOrders"`
}

// order of the examples in the list: the first is the one a fresh start shows.
var exampleOrder = []string{"cap-penicillin-anaphylaxis", "cap-moderate", "urosepsis-ckd", "catheter-uti", "sepsis-valproate"}

func readExamples() ([]example, error) {
	var list []example
	for _, id := range exampleOrder {
		raw, err := exampleFiles.ReadFile(path.Join("example", id+".json"))
		if err != nil {
			return nil, fmt.Errorf("read example %s: %w", id, err)
		}
		var e example
		if err := json.Unmarshal(raw, &e); err != nil {
			return nil, fmt.Errorf("read example %s: %w", id, err)
		}
		list = append(list, e)
	}
	return list, nil
}

var moment = regexp.MustCompile(`"(\d{4}-\d{2}-\d{2})(T\d{2}:\d{2}:\d{2}(?:Z|[+-]\d{2}:\d{2}))?"`)

// at moves all dates and times of an example so that its anchor is now: what was
// measured an hour ago was measured an hour ago, and everybody keeps their age.
func (e example) at(now time.Time, raw json.RawMessage) json.RawMessage {
	now = now.Truncate(time.Minute)
	shift := now.Sub(e.Anchor)
	days := int(day(now).Sub(day(e.Anchor)).Hours() / 24)
	return moment.ReplaceAllFunc(raw, func(text []byte) []byte {
		s := string(text[1 : len(text)-1])
		if t, err := time.Parse(time.RFC3339, s); err == nil {
			return []byte(`"` + t.Add(shift).In(now.Location()).Format(time.RFC3339) + `"`)
		}
		t, err := time.Parse(time.DateOnly, s)
		if err != nil {
			return text
		}
		return []byte(`"` + t.AddDate(0, 0, days).Format(time.DateOnly) + `"`)
	})
}

// day gives the calendar day of a time, as midnight UTC.
func day(t time.Time) time.Time {
	y, m, d := t.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

// Example is an example patient in the list.
type Example struct {
	ID         string                 `json:"id"`
	DE         string                 `json:"de"`
	EN         string                 `json:"en"`
	Indication string                 `json:"indication"`
	Request    *cds.StructuredRequest `json:"request" doc:"what a person would add, or null"`
	Orders     bool                   `json:"orders" doc:"has draft orders for order-select and order-sign"`
}

// ExampleList is the answer to GET /examples.
type ExampleList struct {
	Examples []Example `json:"examples"`
}

type exampleInput struct {
	ID string `path:"id"`
}

type exampleHookInput struct {
	ID   string `path:"id"`
	Hook string `query:"hook" enum:"patient-view,order-select,order-sign" default:"patient-view"`
}

func (d *door) registerExamples(api huma.API) {
	huma.Register(api, operation("list-examples", http.MethodGet, "/examples", "List the example patients of a demonstration", http.StatusOK),
		func(ctx context.Context, _ *struct{}) (*struct{ Body ExampleList }, error) {
			list := ExampleList{Examples: []Example{}}
			if d.Demo {
				for _, e := range d.examples {
					list.Examples = append(list.Examples, Example{e.ID, e.DE, e.EN, e.Indication, e.Request, e.DraftOrders != nil})
				}
			}
			return &struct{ Body ExampleList }{list}, nil
		})
	bundle := operation("read-example", http.MethodGet, "/examples/{id}", "Read an example patient as FHIR Bundle", http.StatusOK, 404)
	documented(&bundle, "application/fhir+json", "A FHIR R4 Bundle, its times as seen from now")
	huma.Register(api, bundle, func(ctx context.Context, in *exampleInput) (*huma.StreamResponse, error) {
		e, err := d.example(in.ID)
		if err != nil {
			return nil, d.fail(ctx, err)
		}
		return stream("application/fhir+json", e.at(d.Now(), e.Bundle)), nil
	})
	hook := operation("read-example-hook", http.MethodGet, "/examples/{id}/hook", "Read the CDS Hooks call an EHR would make for an example patient",
		http.StatusOK, 404, 422)
	documented(&hook, "application/json", "A CDS Hooks request with prefetch, ready to be posted to the service of that hook")
	huma.Register(api, hook, func(ctx context.Context, in *exampleHookInput) (*huma.StreamResponse, error) {
		e, err := d.example(in.ID)
		if err != nil {
			return nil, d.fail(ctx, err)
		}
		body, err := e.hook(in.Hook, d.Now())
		if err != nil {
			return nil, d.fail(ctx, err)
		}
		return stream("application/json", body), nil
	})
}

func documented(op *huma.Operation, mediaType, description string) {
	op.Responses = map[string]*huma.Response{"200": {
		Description: description,
		Content:     map[string]*huma.MediaType{mediaType: {Schema: &huma.Schema{Type: huma.TypeObject}}},
	}}
}

func stream(mediaType string, body []byte) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		hc.SetHeader("Content-Type", mediaType)
		hc.SetHeader("Cache-Control", "no-store")
		_, _ = hc.BodyWriter().Write(body)
	}}
}

func (d *door) example(id string) (example, error) {
	i := slices.IndexFunc(d.examples, func(e example) bool { return e.ID == id })
	if !d.Demo || i < 0 {
		return example{}, issue.New(issue.NotFound, "there is no example %q", clip(id))
	}
	return d.examples[i], nil
}

// hook writes the call an EHR would make that honours every prefetch template.
func (e example) hook(hook string, now time.Time) ([]byte, error) {
	order := hook != "patient-view"
	if order && e.DraftOrders == nil {
		return nil, unprocessable("hook", "this example has no draft orders")
	}
	bundle, err := fhir.ParseResource(e.at(now, e.Bundle))
	if err != nil {
		return nil, err
	}
	var drafts *fhir.Resource
	if order {
		if drafts, err = fhir.ParseResource(e.at(now, e.DraftOrders)); err != nil {
			return nil, err
		}
	}
	return HookCall(hook, HookContext{User: "Practitioner/example"}, bundle, drafts)
}

// HookContext is the context of a call. What is empty is taken from the Bundle.
type HookContext struct {
	User, Patient, Encounter string
	Selections               []string
}

// HookCall writes a CDS Hooks call about the patient of a Bundle, with the
// prefetch of a client that honours every template: what the Bundle has of a type
// answers the query for it, and a type it lacks is answered with nothing. Drafts
// is nil but for the order hooks. It is an error when the Bundle holds no Patient.
func HookCall(hook string, c HookContext, bundle, drafts *fhir.Resource) ([]byte, error) {
	split, err := fhir.SplitBundle(bundle)
	if err != nil {
		return nil, err
	}
	byType := map[string][]*fhir.Resource{}
	for _, entry := range split.Entries {
		if entry.Resource != nil {
			byType[entry.Resource.Type()] = append(byType[entry.Resource.Type()], entry.Resource)
		}
	}
	patient := slices.IndexFunc(byType["Patient"], func(r *fhir.Resource) bool { return c.Patient == "" || r.ID() == c.Patient })
	if patient < 0 {
		return nil, issue.New(issue.Required, "the Bundle does not hold the Patient").At("Bundle.entry")
	}
	subject := byType["Patient"][patient]
	if encounters := byType["Encounter"]; c.Encounter == "" && len(encounters) > 0 {
		c.Encounter = encounters[0].ID()
	}
	context := fhir.NewObject().Set("userId", c.User).Set("patientId", subject.ID()).Set("encounterId", c.Encounter)
	if drafts != nil {
		context.Set("draftOrders", drafts)
		if hook == "order-select" && c.Selections == nil {
			orders, err := fhir.SplitBundle(drafts)
			if err != nil {
				return nil, err
			}
			for _, entry := range orders.Entries {
				if entry.Resource != nil {
					c.Selections = append(c.Selections, entry.Resource.Ref())
				}
			}
		}
		context.Set("selections", c.Selections)
	}
	values := fhir.NewObject()
	for _, t := range prefetch.Templates() {
		if t.Type == "Patient" {
			values.Set(t.Key, subject)
			continue
		}
		found := fhir.NewResource("Bundle", "").Set("type", "searchset").Set("total", len(byType[t.Type]))
		for _, r := range byType[t.Type] {
			found.Append("entry", fhir.NewObject().Set("resource", r).Set("search", fhir.NewObject().Set("mode", "match")))
		}
		values.Set(t.Key, found)
	}
	return fhir.NewObject().
		Set("hook", hook).
		Set("hookInstance", "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea").
		Set("context", context).
		Set("prefetch", values).JSON(), nil
}

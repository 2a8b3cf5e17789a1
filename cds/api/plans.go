package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"cdss/cds"
	"cdss/cds/knowledge"
	"cdss/fhir/issue"
	"cdss/rag"
)

// PlanSource is a place a plan cites.
type PlanSource struct {
	Document string `json:"document"`
	Version  string `json:"version"`
	Page     *int   `json:"page"`
	Section  string `json:"section"`
}

// PlanSummary is a PlanDefinition in a list.
type PlanSummary struct {
	ID           string       `json:"id"`
	URL          string       `json:"url"`
	Version      string       `json:"version"`
	Name         string       `json:"name"`
	Title        string       `json:"title"`
	Description  string       `json:"description"`
	Status       string       `json:"status" enum:"draft,active,retired,unknown"`
	Experimental bool         `json:"experimental"`
	Kind         string       `json:"kind" doc:"the pack it belongs to"`
	Indication   string       `json:"indication" doc:"code of the indication it is for, or empty"`
	Actions      int          `json:"actions" doc:"how many actions it has, on all levels"`
	Sources      []PlanSource `json:"sources"`
}

// PlanList is the answer to GET /plandefinitions.
type PlanList struct {
	PlanDefinitions []PlanSummary `json:"planDefinitions"`
}

// PlanCondition is an applicability condition.
type PlanCondition struct {
	Expression string `json:"expression"`
	Language   string `json:"language"`
}

// PlanAction is an action as it is read.
type PlanAction struct {
	ID          string          `json:"id"`
	Role        string          `json:"role"`
	Title       string          `json:"title"`
	Description string          `json:"description"`
	Grade       string          `json:"grade"`
	Conditions  []PlanCondition `json:"conditions"`
	Citations   []PlanSource    `json:"citations"`
	Regimen     *cds.Ingredient `json:"regimen"`
	Actions     []PlanAction    `json:"actions"`
}

// PlanView is a PlanDefinition as it is read.
type PlanView struct {
	Title       string       `json:"title"`
	Description string       `json:"description"`
	Actions     []PlanAction `json:"actions"`
}

// Plan is a PlanDefinition with the artifact itself.
type Plan struct {
	Resource json.RawMessage `json:"resource" doc:"the FHIR PlanDefinition as it was loaded"`
	View     PlanView        `json:"view"`
}

type planInput struct {
	ID             string `path:"id"`
	Language       string `query:"language" enum:"de,en" required:"false"`
	AcceptLanguage string `header:"Accept-Language"`
}

type planListInput struct {
	Language       string `query:"language" enum:"de,en" required:"false"`
	AcceptLanguage string `header:"Accept-Language"`
}

func (d *door) registerPlans(api huma.API) {
	huma.Register(api, operation("list-plandefinitions", http.MethodGet, "/plandefinitions", "List the PlanDefinitions that run", http.StatusOK),
		func(ctx context.Context, in *planListInput) (*struct{ Body PlanList }, error) {
			lang := language(in.Language, in.AcceptLanguage)
			list := PlanList{PlanDefinitions: []PlanSummary{}}
			for _, p := range d.Knowledge().Plans() {
				list.PlanDefinitions = append(list.PlanDefinitions, PlanSummary{
					ID: p.ID, URL: p.URL, Version: p.Version, Name: p.Name, Title: p.Title.In(lang), Description: p.Description.In(lang),
					Status: p.Status, Experimental: p.Experimental, Kind: p.Pack, Indication: p.Indication,
					Actions: count(p.Actions), Sources: planSources(p.Sources),
				})
			}
			return &struct{ Body PlanList }{list}, nil
		})
	huma.Register(api, operation("read-plandefinition", http.MethodGet, "/plandefinitions/{id}", "Read a PlanDefinition", http.StatusOK, 404),
		func(ctx context.Context, in *planInput) (*struct{ Body Plan }, error) {
			lang := language(in.Language, in.AcceptLanguage)
			for _, p := range d.Knowledge().Plans() {
				if p.ID == in.ID {
					return &struct{ Body Plan }{Plan{
						Resource: p.Resource.Raw(),
						View:     PlanView{Title: p.Title.In(lang), Description: p.Description.In(lang), Actions: planActions(p.Actions, lang)},
					}}, nil
				}
			}
			return nil, d.fail(ctx, issue.New(issue.NotFound, "there is no PlanDefinition %q", clip(in.ID)))
		})
}

func count(list []*knowledge.Action) int {
	n := len(list)
	for _, a := range list {
		n += count(a.Actions)
	}
	return n
}

func planSources(list []rag.Locator) []PlanSource {
	out := []PlanSource{}
	for _, l := range list {
		s := PlanSource{Document: l.Document, Version: l.Version, Section: l.Section}
		if l.Page > 0 {
			page := l.Page
			s.Page = &page
		}
		out = append(out, s)
	}
	return out
}

func planActions(list []*knowledge.Action, lang cds.Lang) []PlanAction {
	out := []PlanAction{}
	for _, a := range list {
		p := PlanAction{
			ID: a.ID, Role: a.Role, Title: a.Title.In(lang), Description: a.Description.In(lang), Grade: a.Grade,
			Conditions: []PlanCondition{}, Citations: planSources(a.Citations), Regimen: regimen(a.Regimen, lang),
			Actions: planActions(a.Actions, lang),
		}
		for _, c := range a.Conditions {
			p.Conditions = append(p.Conditions, PlanCondition{c.Expression.String(), "text/fhirpath"})
		}
		out = append(out, p)
	}
	return out
}

// regimen shows the unadjusted dose in the form of a recommendation's ingredient.
func regimen(r *knowledge.Regimen, lang cds.Lang) *cds.Ingredient {
	if r == nil {
		return nil
	}
	i := &cds.Ingredient{
		ATC: r.ATC, Name: r.Name.In(lang), Dose: cds.Dose{Value: r.Dose, Unit: r.Unit},
		Frequency: cds.Frequency{Count: r.Count, Period: r.Period, PeriodUnit: r.PeriodUnit},
		Route:     r.Route, Adjustments: []cds.Adjustment{},
		Schedule: orNil(r.Schedule.In(lang)), Infusion: orNil(r.Infusion.In(lang)), LoadingDose: orNil(r.LoadingDose.In(lang)),
	}
	if r.CountHigh > r.Count {
		i.Frequency.CountMax = r.CountHigh
	}
	if r.DurationLow > 0 {
		i.Duration = &cds.Duration{Low: r.DurationLow, Unit: r.DurationUnit}
		if r.DurationHigh > 0 {
			high := r.DurationHigh
			i.Duration.High = &high
		}
	}
	return i
}

func orNil(s string) *string {
	if strings.TrimSpace(s) == "" {
		return nil
	}
	return &s
}

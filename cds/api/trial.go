package api

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"cdss/cds"
	"cdss/cds/trial"
	"cdss/cds/trial/runs"
	"cdss/fhir"
	"cdss/fhir/issue"
	"cdss/fhir/smart"
)

// Cases keeps the cases of this site.
type Cases interface {
	SaveCase(ctx context.Context, c trial.Case, bundle []byte, by string) error
	DeleteCase(ctx context.Context, id string) error
}

// TrialConfig is what the door of trial runs needs. Log may be nil.
type TrialConfig struct {
	Runs    *runs.Service
	Cases   Cases
	Shadows Shadows
	Log     *slog.Logger
}

// CaseSummary is a case as a list shows it.
type CaseSummary struct {
	ID        string   `json:"id"`
	Title     string   `json:"title"`
	Why       string   `json:"why"`
	Artifacts []string `json:"artifacts" doc:"canonical urls it belongs to"`
	Origin    string   `json:"origin" enum:"site,shipped"`
}

// CaseList is the answer to GET /authoring/cases.
type CaseList struct {
	Cases []CaseSummary `json:"cases"`
}

// TraceQuestion is the body of POST /authoring/trace.
type TraceQuestion struct {
	Artifact json.RawMessage `json:"artifact,omitempty" doc:"the FHIR resource of a draft, as it stands in the editor"`
	Rule     *RuleName       `json:"rule,omitempty" doc:"a stored artifact, tried as if it were released; without it and artifact, what runs"`
	Case     string          `json:"case,omitempty" maxLength:"64" doc:"id of a case, instead of a Bundle"`
	Bundle   json.RawMessage `json:"bundle,omitempty" doc:"the patient's data, draft orders among them"`
	Request  json.RawMessage `json:"request,omitempty" doc:"what a person adds, as for POST /recommendations"`
	AsOf     *time.Time      `json:"asOf,omitempty" doc:"time of the question; else that of the Bundle, else now"`
	Language string          `json:"language,omitempty" enum:"de,en"`
	WhyNot   string          `json:"whyNot,omitempty" maxLength:"10" doc:"ATC code of a substance of which to tell why it is not offered"`
}

// ExpressionQuestion is the body of POST /authoring/expressions.
type ExpressionQuestion struct {
	Language  string          `json:"language" enum:"text/fhirpath,text/cql,text/cql-expression,text/cql-identifier"`
	Text      string          `json:"text" maxLength:"100000" doc:"the expression, or a definition of the library that is written"`
	Before    string          `json:"before,omitempty" maxLength:"1000000" doc:"what stands before the place that is written at, to have it completed"`
	Libraries []string        `json:"libraries,omitempty" maxItems:"50" doc:"canonicals that the artifact names"`
	Library   json.RawMessage `json:"library,omitempty" doc:"a Library as it stands in the editor, whose source is written"`
	Rule      *RuleName       `json:"rule,omitempty" doc:"the stored artifact it belongs to, with whose drafts it is read"`
	Case      string          `json:"case,omitempty" maxLength:"64" doc:"id of a case on whose data it is tried"`
	Bundle    json.RawMessage `json:"bundle,omitempty" doc:"a patient's data, instead of a case"`
}

// RuleName names a stored artifact.
type RuleName struct {
	Type string `json:"type" enum:"PlanDefinition,ActivityDefinition,Library"`
	ID   string `json:"id" maxLength:"64"`
}

// ImpactQuestion is the body of POST /authoring/rules/{type}/{id}/impact.
type ImpactQuestion struct {
	Bundles  []json.RawMessage `json:"bundles,omitempty" maxItems:"200" doc:"past admissions with the orders that were given, beside the cases"`
	Language string            `json:"language,omitempty" enum:"de,en"`
}

type trialDoor struct {
	TrialConfig
	failing *door
}

// RegisterTrial adds the operations of trial runs to api, whose server is /api.
func RegisterTrial(api huma.API, c TrialConfig) {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	d := &trialDoor{c, &door{Config: Config{Log: c.Log}}}
	d.registerCases(api)
	d.registerShadow(api)
	huma.Register(api, authoringOperation("test-rule", http.MethodPost, "/rules/{type}/{id}/test", "Run the cases of an artifact, and tell what of it they reached", http.StatusOK, 404),
		func(ctx context.Context, in *RuleAddress) (*struct{ Body trial.CaseRun }, error) {
			run, err := d.Runs.Run(ctx, in.Type, in.ID)
			if err != nil {
				return nil, d.failing.fail(ctx, err)
			}
			return &struct{ Body trial.CaseRun }{run}, nil
		})
	huma.Register(api, authoringOperation("read-impact", http.MethodGet, "/rules/{type}/{id}/impact", "Tell which cases a release would answer differently", http.StatusOK, 404),
		func(ctx context.Context, in *struct {
			RuleAddress
			Language string `query:"language" enum:"de,en" required:"false"`
		}) (*struct{ Body trial.Impact }, error) {
			return d.impact(ctx, in.RuleAddress, nil, in.Language)
		})
	huma.Register(api, authoringOperation("ask-impact", http.MethodPost, "/rules/{type}/{id}/impact", "Tell which cases and past admissions a release would answer differently", http.StatusOK, 404, 422),
		func(ctx context.Context, in *struct {
			RuleAddress
			Body ImpactQuestion
		}) (*struct{ Body trial.Impact }, error) {
			return d.impact(ctx, in.RuleAddress, in.Body.Bundles, in.Body.Language)
		})
	huma.Register(api, authoringOperation("trace", http.MethodPost, "/trace", "Tell why an answer is as it is: each condition with the values it read", http.StatusOK, 404, 422),
		func(ctx context.Context, in *struct{ Body TraceQuestion }) (*struct{ Body trial.Explanation }, error) {
			q, err := d.question(in.Body)
			if err == nil {
				var e trial.Explanation
				if e, err = d.Runs.Trace(ctx, q); err == nil {
					return &struct{ Body trial.Explanation }{e}, nil
				}
			}
			return nil, d.failing.fail(ctx, err)
		})
	huma.Register(api, authoringOperation("try-expression", http.MethodPost, "/expressions", "Tell what is wrong with an expression, how it could go on, and what it is worth", http.StatusOK, 404, 422),
		func(ctx context.Context, in *struct{ Body ExpressionQuestion }) (*struct{ Body runs.ExpressionAnswer }, error) {
			a, err := d.expression(ctx, in.Body)
			if err != nil {
				return nil, d.failing.fail(ctx, err)
			}
			return &struct{ Body runs.ExpressionAnswer }{a}, nil
		})
}

func (d *trialDoor) expression(ctx context.Context, b ExpressionQuestion) (runs.ExpressionAnswer, error) {
	q := runs.ExpressionQuestion{Language: b.Language, Text: b.Text, Before: b.Before, Libraries: b.Libraries, Case: b.Case}
	if b.Rule != nil {
		q.Type, q.ID = b.Rule.Type, b.Rule.ID
	}
	var err error
	if given(b.Library) {
		if q.Library, err = fhir.ParseResource(b.Library); err != nil {
			return runs.ExpressionAnswer{}, issue.Wrap(issue.Invalid, err, "the Library cannot be read").At("library")
		}
	}
	if given(b.Bundle) {
		if q.Bundle, err = fhir.ParseResource(b.Bundle); err != nil {
			return runs.ExpressionAnswer{}, issue.Wrap(issue.Invalid, err, "the Bundle cannot be read").At("bundle")
		}
	}
	return d.Runs.Expression(ctx, q)
}

func (d *trialDoor) impact(ctx context.Context, at RuleAddress, bundles []json.RawMessage, language string) (*struct{ Body trial.Impact }, error) {
	var list []*fhir.Resource
	for i, raw := range bundles {
		r, err := fhir.ParseResource(raw)
		if err != nil {
			return nil, d.failing.fail(ctx, issue.Wrap(issue.Invalid, err, "Bundle %d cannot be read", i+1).At("bundles"))
		}
		list = append(list, r)
	}
	m, err := d.Runs.Impact(ctx, at.Type, at.ID, list, cds.ParseLang(language))
	if err != nil {
		return nil, d.failing.fail(ctx, err)
	}
	return &struct{ Body trial.Impact }{m}, nil
}

func (d *trialDoor) question(b TraceQuestion) (q runs.Question, err error) {
	q = runs.Question{Case: b.Case, Language: cds.ParseLang(b.Language), WhyNot: b.WhyNot}
	if b.Rule != nil {
		q.Type, q.ID = b.Rule.Type, b.Rule.ID
	}
	if b.AsOf != nil {
		q.At = *b.AsOf
	}
	if given(b.Artifact) {
		if q.Text, err = fhir.ParseResource(b.Artifact); err != nil {
			return q, issue.Wrap(issue.Invalid, err, "the artifact cannot be read").At("artifact")
		}
	}
	if given(b.Bundle) {
		if q.Bundle, err = fhir.ParseResource(b.Bundle); err != nil {
			return q, issue.Wrap(issue.Invalid, err, "the Bundle cannot be read").At("bundle")
		}
	}
	if given(b.Request) {
		n, err := fhir.ParseJSON(b.Request, fhir.Limits{})
		if err != nil {
			return q, err
		}
		if q.Request, err = ReadRequest(n, d.Runs.Knowledge()); err != nil {
			return q, err
		}
	}
	return q, nil
}

func given(raw json.RawMessage) bool { return len(raw) > 0 && !bytes.Equal(raw, []byte("null")) }

func (d *trialDoor) registerCases(api huma.API) {
	huma.Register(api, authoringOperation("list-artifact-cases", http.MethodGet, "/cases", "List the cases that artifacts are tried with", http.StatusOK),
		func(ctx context.Context, in *struct {
			Artifact string `query:"artifact" maxLength:"500" required:"false" doc:"canonical url; all cases where it is missing"`
		}) (*struct{ Body CaseList }, error) {
			list, err := d.Runs.Cases(ctx, fhir.ParseCanonical(in.Artifact).URL)
			if err != nil {
				return nil, d.failing.fail(ctx, err)
			}
			out := CaseList{Cases: []CaseSummary{}}
			for _, c := range list {
				origin := "site"
				if d.Runs.Ships(c) {
					origin = "shipped"
				}
				out.Cases = append(out.Cases, CaseSummary{ID: c.ID, Title: c.Title, Why: c.Why, Artifacts: c.Artifacts, Origin: origin})
			}
			return &struct{ Body CaseList }{out}, nil
		})
	huma.Register(api, authoringOperation("read-artifact-case", http.MethodGet, "/cases/{id}", "Read a case as a FHIR Bundle", http.StatusOK, 404),
		func(ctx context.Context, in *struct {
			ID string `path:"id" maxLength:"64"`
		}) (*struct{ Body json.RawMessage }, error) {
			list, err := d.Runs.Cases(ctx, "")
			if err != nil {
				return nil, d.failing.fail(ctx, err)
			}
			for _, c := range list {
				if c.ID == in.ID {
					b, err := c.Bundle()
					if err != nil {
						return nil, d.failing.fail(ctx, err)
					}
					return &struct{ Body json.RawMessage }{b.Raw()}, nil
				}
			}
			return nil, d.failing.fail(ctx, issue.New(issue.NotFound, "no case of that id"))
		})
	huma.Register(api, authoringOperation("save-artifact-case", http.MethodPut, "/cases/{id}", "Store a case, a FHIR Bundle with what is expected", http.StatusOK, 422),
		func(ctx context.Context, in *struct {
			ID   string `path:"id" maxLength:"64" pattern:"^[A-Za-z0-9.-]{1,64}$"`
			Body json.RawMessage
		}) (*struct{ Body CaseSummary }, error) {
			c, err := d.save(ctx, in.ID, in.Body)
			if err != nil {
				return nil, d.failing.fail(ctx, err)
			}
			return &struct{ Body CaseSummary }{CaseSummary{ID: c.ID, Title: c.Title, Why: c.Why, Artifacts: c.Artifacts, Origin: "site"}}, nil
		})
	huma.Register(api, authoringOperation("delete-artifact-case", http.MethodDelete, "/cases/{id}", "Take out a case of this site", http.StatusNoContent, 404),
		func(ctx context.Context, in *struct {
			ID string `path:"id" maxLength:"64"`
		}) (*struct{}, error) {
			if err := d.Cases.DeleteCase(ctx, in.ID); err != nil {
				return nil, d.failing.fail(ctx, err)
			}
			return nil, nil
		})
}

// save stores a case under the id of the address.
func (d *trialDoor) save(ctx context.Context, id string, raw []byte) (trial.Case, error) {
	r, err := fhir.ParseResource(raw)
	if err != nil {
		return trial.Case{}, err
	}
	c, err := trial.ReadCase(r)
	if err != nil {
		return c, err
	}
	if c.ID != id {
		return c, issue.New(issue.Invalid, "the Bundle has the id %q and is stored as %q", clip(c.ID), id).At("Bundle.id")
	}
	p, _ := smart.PersonFrom(ctx)
	return c, d.Cases.SaveCase(ctx, c, r.Raw(), p.ID)
}

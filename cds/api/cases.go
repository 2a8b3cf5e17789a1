package api

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"cdss/cds"
	"cdss/fhir/issue"
	"cdss/fhir/smart"
)

// CaseReader gives the saved cases of a person. A case of somebody else is not there.
type CaseReader interface {
	Cases(ctx context.Context, owner string) ([]cds.SavedCase, error)
	Case(ctx context.Context, owner, id string, patientOf func(cds.SavedCase) string) (cds.SavedCase, error)
}

// CaseWriter keeps and deletes saved cases. Decision is the id of the recommendation.
type CaseWriter interface {
	SaveCase(ctx context.Context, c cds.SavedCase, decision string) (cds.SavedCase, error)
	DeleteCase(ctx context.Context, owner, id string) error
}

// SavedCaseSummary is a saved case without its content.
type SavedCaseSummary struct {
	ID          string     `json:"id"`
	Title       string     `json:"title"`
	CreatedAt   time.Time  `json:"createdAt"`
	Language    string     `json:"language" enum:"de,en"`
	Indication  string     `json:"indication,omitempty"`
	DeleteAfter *time.Time `json:"deleteAfter,omitempty"`
}

func summaryOf(c cds.SavedCase) SavedCaseSummary {
	s := SavedCaseSummary{ID: c.ID, Title: c.Title, CreatedAt: c.CreatedAt.UTC(), Language: string(c.Language), Indication: c.Indication}
	if !c.DeleteAfter.IsZero() {
		at := c.DeleteAfter.UTC()
		s.DeleteAfter = &at
	}
	return s
}

type savedCase struct {
	SavedCaseSummary
	Request        json.RawMessage `json:"request" doc:"what was asked"`
	Recommendation json.RawMessage `json:"recommendation" doc:"what was answered, as it was shown"`
}

type saveCaseInput struct {
	Body struct {
		Title          string          `json:"title" minLength:"1" maxLength:"200"`
		Request        json.RawMessage `json:"request,omitempty" doc:"what was asked, so that it can be asked again"`
		Recommendation json.RawMessage `json:"recommendation" doc:"what was answered, as it was shown"`
		DeleteAfter    *time.Time      `json:"deleteAfter,omitempty" doc:"when it goes, if sooner than the site deletes cases"`
	}
}

type caseInput struct {
	ID string `path:"id" format:"uuid"`
}

type caseOutput struct{ Body SavedCaseSummary }

type fullCaseOutput struct{ Body savedCase }

type casesOutput struct {
	Body struct {
		Cases []SavedCaseSummary `json:"cases"`
	}
}

var uuidPattern = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// savedFrom reads what the client sends; the kept recommendation is its own, and no fact
// of this server.
func savedFrom(in *saveCaseInput, owner string, now time.Time) (cds.SavedCase, string, error) {
	c := cds.SavedCase{Title: strings.TrimSpace(in.Body.Title), Owner: owner, Request: in.Body.Request, Recommendation: in.Body.Recommendation}
	if c.Title == "" {
		return c, "", unprocessable("title", "a case needs a title")
	}
	if len(c.Request) == 0 || string(c.Request) == "null" {
		c.Request = json.RawMessage(`{}`)
	}
	var answer struct {
		ID         string
		Language   string
		Indication *struct{ Code string }
	}
	if json.Unmarshal(c.Recommendation, &answer) != nil || !uuidPattern.MatchString(answer.ID) || answer.Language != "de" && answer.Language != "en" {
		return c, "", unprocessable("recommendation", "this is no recommendation: it has an id and a language")
	}
	c.Language = cds.Lang(answer.Language)
	if answer.Indication != nil {
		c.Indication = answer.Indication.Code
	}
	if len(c.Indication) > 100 || strings.Contains(string(c.Recommendation), `\u0000`) || strings.Contains(string(c.Request), `\u0000`) {
		return c, "", unprocessable("recommendation", "the content cannot be kept")
	}
	if in.Body.DeleteAfter != nil {
		if !in.Body.DeleteAfter.After(now) {
			return c, "", unprocessable("deleteAfter", "the time has passed")
		}
		c.DeleteAfter = *in.Body.DeleteAfter
	}
	c.Patient = patientOfCase(c)
	return c, answer.ID, nil
}

// patientOfCase gives the id of the patient a case is about, as its request says; "" if
// it does not.
func patientOfCase(c cds.SavedCase) string {
	var asked struct {
		Patient string
		Bundle  struct {
			Entry []struct {
				Resource struct{ ResourceType, ID string }
			}
		}
	}
	if json.Unmarshal(c.Request, &asked) != nil {
		return ""
	}
	if id, ok := strings.CutPrefix(asked.Patient, "Patient/"); ok {
		return id
	}
	for _, e := range asked.Bundle.Entry {
		if e.Resource.ResourceType == "Patient" {
			return e.Resource.ID
		}
	}
	return ""
}

// owner is who asks: cases belong to somebody.
func caseOwner(ctx context.Context) (string, error) {
	p, ok := smart.PersonFrom(ctx)
	if !ok || p.ID == "" {
		return "", issue.New(issue.Login, "nobody is logged in")
	}
	return p.ID, nil
}

func (d *door) registerCases(api huma.API) {
	save := operation("save-case", http.MethodPost, "/cases", "Keep a recommendation", http.StatusCreated, 401, 413, 422, 503)
	save.MaxBodyBytes = MaxBody
	huma.Register(api, save, func(ctx context.Context, in *saveCaseInput) (*caseOutput, error) {
		owner, err := caseOwner(ctx)
		if err != nil {
			return nil, d.fail(ctx, err)
		}
		c, decision, err := savedFrom(in, owner, d.Now())
		if err == nil {
			c, err = d.CaseWriter.SaveCase(ctx, c, decision)
		}
		if err != nil {
			return nil, d.fail(ctx, err)
		}
		return &caseOutput{summaryOf(c)}, nil
	})
	huma.Register(api, operation("list-cases", http.MethodGet, "/cases", "List the own saved cases", http.StatusOK, 401, 503),
		func(ctx context.Context, _ *struct{}) (*casesOutput, error) {
			owner, err := caseOwner(ctx)
			if err != nil {
				return nil, d.fail(ctx, err)
			}
			list, err := d.CaseReader.Cases(ctx, owner)
			if err != nil {
				return nil, d.fail(ctx, err)
			}
			out := &casesOutput{}
			out.Body.Cases = []SavedCaseSummary{}
			for _, c := range list {
				out.Body.Cases = append(out.Body.Cases, summaryOf(c))
			}
			return out, nil
		})
	huma.Register(api, operation("read-case", http.MethodGet, "/cases/{id}", "Read an own saved case", http.StatusOK, 401, 404, 503),
		func(ctx context.Context, in *caseInput) (*fullCaseOutput, error) {
			owner, err := caseOwner(ctx)
			if err != nil {
				return nil, d.fail(ctx, err)
			}
			c, err := d.CaseReader.Case(ctx, owner, in.ID, patientOfCase)
			if err != nil {
				return nil, d.fail(ctx, err)
			}
			return &fullCaseOutput{savedCase{summaryOf(c), c.Request, c.Recommendation}}, nil
		})
	huma.Register(api, operation("delete-case", http.MethodDelete, "/cases/{id}", "Delete an own saved case", http.StatusNoContent, 401, 404, 503),
		func(ctx context.Context, in *caseInput) (*struct{}, error) {
			owner, err := caseOwner(ctx)
			if err == nil {
				err = d.CaseWriter.DeleteCase(ctx, owner, in.ID)
			}
			if err != nil {
				return nil, d.fail(ctx, err)
			}
			return nil, nil
		})
}

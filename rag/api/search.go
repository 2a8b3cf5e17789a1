package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"cdss/fhir/issue"
	"cdss/rag"
	"cdss/rag/retrieve"
)

// SearchRequest asks in words, by a structured request, or by both.
type SearchRequest struct {
	Query    string         `json:"query,omitempty" maxLength:"2000" doc:"free text; no patient data"`
	Request  *SearchContext `json:"request,omitempty"`
	K        int            `json:"k,omitempty" minimum:"1" maximum:"100" default:"10" doc:"results wanted"`
	Language string         `json:"language,omitempty" enum:"de,en" default:"de" doc:"of the reader; passages of both languages are searched"`
}

// SearchContext is the structured request of a recommendation. Only codes and
// displays are searched with.
type SearchContext struct {
	Indication  string          `json:"indication,omitempty" maxLength:"200"`
	Severity    string          `json:"severity,omitempty" maxLength:"40"`
	Site        string          `json:"site,omitempty" maxLength:"200"`
	RiskFactors []string        `json:"riskFactors,omitempty" maxItems:"50"`
	Pathogens   []string        `json:"pathogens,omitempty" maxItems:"50"`
	FreeText    string          `json:"freeText,omitempty" maxLength:"4000"`
	MaxOptions  int             `json:"maxOptions,omitempty" doc:"has no meaning here"`
	Facts       []rag.CodedFact `json:"facts,omitempty" maxItems:"100" doc:"most important first"`
}

// SearchResponse tells what was found, and why.
type SearchResponse struct {
	Abstained  bool           `json:"abstained"`
	Reason     *string        `json:"reason" doc:"why nothing is shown, in the reader's language"`
	ReasonCode *string        `json:"reasonCode" enum:"no-documents,nothing-found,uncertain"`
	Degraded   []string       `json:"degraded" doc:"legs that did not run"`
	Query      SearchQuery    `json:"query"`
	Results    []SearchResult `json:"results"`
}

// reasons are the abstentions of retrieve, as people are told them.
var reasons = map[string]struct{ de, en string }{
	retrieve.ReasonNoDocuments:  {"Es ist keine Leitlinie aktiv, in der gesucht werden könnte.", "No guideline is active that could be searched."},
	retrieve.ReasonNothingFound: {"Keine Textstelle hat etwas mit der Frage gemeinsam.", "No passage shares anything with the question."},
	retrieve.ReasonUncertain:    {"Keine Textstelle passt sicher genug zur Frage.", "No passage fits the question well enough."},
}

func reasonText(code, language string) string {
	switch text := reasons[code]; {
	case text.de == "":
		return code
	case language == "en":
		return text.en
	default:
		return text.de
	}
}

// SearchQuery is the query that was run.
type SearchQuery struct {
	Text     string        `json:"text"`
	Terms    []rag.Term    `json:"terms"`
	Concepts []rag.Concept `json:"concepts"`
}

// SearchResult is a passage found, verbatim.
type SearchResult struct {
	Rank       int                `json:"rank"`
	Document   string             `json:"document" doc:"stable identifier of the guideline"`
	Guideline  string             `json:"guideline" doc:"id of its version"`
	Passage    string             `json:"passage" doc:"id of the passage"`
	Title      string             `json:"title"`
	Version    string             `json:"version"`
	ValidUntil *string            `json:"validUntil" format:"date"`
	Expired    bool               `json:"expired"`
	Page       *int               `json:"page"`
	Section    []string           `json:"section" doc:"heading path, outermost first"`
	Heading    string             `json:"heading" doc:"the innermost heading"`
	Text       string             `json:"text"`
	Language   string             `json:"language"`
	Score      float64            `json:"score"`
	Parts      map[string]float64 `json:"parts" doc:"what the score is made of"`
	Matched    []rag.Match        `json:"matched"`
}

type (
	searchInput  struct{ Body SearchRequest }
	searchOutput struct{ Body SearchResponse }
)

func (d *door) registerSearch(api huma.API) {
	op := operation("search-guidelines", http.MethodPost, "/search", "Find passages of active guidelines", http.StatusOK,
		http.StatusBadRequest, http.StatusUnprocessableEntity)
	op.MaxBodyBytes = 64 << 10
	huma.Register(api, op, d.search)
}

func (d *door) search(ctx context.Context, in *searchInput) (*searchOutput, error) {
	q, err := d.query(in.Body)
	if err != nil {
		return nil, d.fail(ctx, err)
	}
	found, err := d.guidelines.Search(ctx, q)
	if err != nil {
		return nil, d.fail(ctx, err)
	}
	out := &searchOutput{Body: SearchResponse{
		Abstained: found.Abstained, Degraded: orEmpty(found.Degraded),
		Query:   SearchQuery{Text: found.Query.Text, Terms: orEmpty(found.Query.Terms), Concepts: orEmpty(found.Query.Concepts)},
		Results: []SearchResult{},
	}}
	if found.Abstained {
		text := reasonText(found.Reason, q.Language)
		out.Body.Reason, out.Body.ReasonCode = &text, &found.Reason
		return out, nil
	}
	for i, h := range found.Hits {
		r := SearchResult{
			Rank: i + 1, Document: h.Document.Identifier, Guideline: h.Document.ID, Passage: h.Passage.ID, Title: h.Document.Title,
			Version: h.Document.Version, ValidUntil: dayOrNil(h.Document.ValidUntil), Expired: h.Document.Expired,
			Page: pageOrNil(h.Passage.Page), Section: orEmpty(h.Passage.Section), Text: h.Passage.Quoted, Language: h.Passage.Language,
			Score: h.Score, Parts: h.Parts, Matched: orEmpty(h.Matched),
		}
		if n := len(r.Section); n > 0 {
			r.Heading = r.Section[n-1]
		}
		if r.Parts == nil {
			r.Parts = map[string]float64{}
		}
		out.Body.Results = append(out.Body.Results, r)
	}
	return out, nil
}

// query makes the query; typed words win over the free text of a request.
func (d *door) query(in SearchRequest) (rag.Query, error) {
	text := strings.TrimSpace(strings.ToValidUTF8(in.Query, ""))
	if in.Request == nil {
		if text == "" {
			return rag.Query{}, issue.New(issue.Required, "a search needs a query or a request").At("query")
		}
		return rag.Query{Text: text, Language: in.Language, K: in.K}, nil
	}
	r := in.Request
	if r.Indication != "" {
		if err := d.known(r.Indication, "request.indication"); err != nil {
			return rag.Query{}, err
		}
	}
	req := rag.Request{
		Indication: r.Indication, Severity: r.Severity, Site: r.Site, RiskFactors: r.RiskFactors, Pathogens: r.Pathogens,
		FreeText: r.FreeText, Facts: r.Facts,
	}
	if text != "" {
		req.FreeText = text
	}
	q := d.builder.Build(req, in.Language)
	q.Language, q.K = in.Language, in.K
	if strings.TrimSpace(q.Text) == "" && len(q.Terms) == 0 {
		return q, issue.New(issue.Required, "the request names nothing to search for").At("request")
	}
	return q, nil
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

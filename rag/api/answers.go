package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"cdss/fhir/issue"

	"cdss/rag/answer"
)

// Answerer says what the guidelines say.
type Answerer interface {
	Ask(ctx context.Context, question, language string, progress func(stage string)) (answer.Answer, error)
}

// AnswerRequest is a question in words.
type AnswerRequest struct {
	Question string `json:"question" minLength:"1" maxLength:"2000" doc:"no patient data"`
	Language string `json:"language,omitempty" enum:"de,en" default:"de" doc:"of the reader; passages of both languages are searched"`
}

// AnswerResponse is a cited answer, or an abstention with the nearest passages.
type AnswerResponse struct {
	Abstained  bool             `json:"abstained"`
	Reason     *string          `json:"reason" doc:"why there is no answer, in the reader's language"`
	ReasonCode *string          `json:"reasonCode" enum:"no-documents,nothing-found,uncertain,unsupported,insufficient,other-drugs"`
	Generated  bool             `json:"generated" doc:"the sentences were made by a language model"`
	Label      *string          `json:"label" doc:"what must stand beside generated text"`
	Model      *string          `json:"model"`
	Text       string           `json:"text" doc:"the sentences with the numbers of their citations; empty when nothing was generated"`
	Sentences  []AnswerSentence `json:"sentences"`
	Citations  []AnswerCitation `json:"citations" doc:"the words themselves; those of an abstention are the nearest and no answer"`
	Dropped    map[string]int   `json:"dropped" doc:"generated sentences that failed a check, by reason"`
	Degraded   []string         `json:"degraded" doc:"what did not run"`
	Query      SearchQuery      `json:"query"`
}

// AnswerSentence is a generated sentence whose quotation was found.
type AnswerSentence struct {
	Text      string `json:"text"`
	Citations []int  `json:"citations" doc:"numbers of citations, from 1"`
}

// AnswerCitation is a part of a passage, verbatim.
type AnswerCitation struct {
	Number     int      `json:"number"`
	Document   string   `json:"document"`
	Guideline  string   `json:"guideline" doc:"id of its version"`
	Passage    string   `json:"passage"`
	Title      string   `json:"title"`
	Version    string   `json:"version"`
	ValidUntil *string  `json:"validUntil" format:"date"`
	Expired    bool     `json:"expired"`
	Page       *int     `json:"page"`
	Section    string   `json:"section" doc:"the innermost heading"`
	Path       []string `json:"path" doc:"heading path, outermost first"`
	Quote      string   `json:"quote"`
	Language   string   `json:"language"`
	Score      float64  `json:"score"`
}

var labels = map[string]string{
	"de": "Maschinell formuliert, nicht geprüft. Es gelten die zitierten Stellen.",
	"en": "Written by a machine, not reviewed. The quoted passages apply.",
}

// Label is what must stand beside generated text.
func Label(language string) string {
	if language == "en" {
		return labels["en"]
	}
	return labels["de"]
}

func init() {
	reasons[answer.ReasonUnsupported] = struct{ de, en string }{
		"Was das Sprachmodell formuliert hat, ließ sich in den Leitlinien nicht wörtlich belegen.",
		"What the language model wrote could not be found word for word in the guidelines."}
	reasons[answer.ReasonInsufficient] = struct{ de, en string }{
		"In den gefundenen Textstellen steht keine Antwort auf die Frage.",
		"The passages found hold no answer to the question."}
	reasons[answer.ReasonOtherDrugs] = struct{ de, en string }{
		"Keine gefundene Textstelle nennt die Substanz, nach deren Dosis gefragt ist.",
		"No passage found names the drug whose dose is asked for."}
}

type answerInput struct {
	Accept string `header:"Accept" hidden:"true"`
	Body   AnswerRequest
}

func (d *door) registerAnswers(api huma.API) {
	op := operation("answer-question", http.MethodPost, "/answers", "Answer a question from active guidelines, or abstain", http.StatusOK,
		http.StatusBadRequest, http.StatusUnprocessableEntity)
	op.MaxBodyBytes = 16 << 10
	op.Description = "With `Accept: text/event-stream` the stages come as `progress` events (search, generate, check), then `result` or `error`."
	schema := api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[AnswerResponse](), true, "AnswerResponse")
	op.Responses = map[string]*huma.Response{"200": {
		Description: "OK",
		Content: map[string]*huma.MediaType{
			"application/json":  {Schema: schema},
			"text/event-stream": {Schema: &huma.Schema{Type: huma.TypeString}},
		},
	}}
	huma.Register(api, op, d.answer)
}

func (d *door) answer(ctx context.Context, in *answerInput) (*huma.StreamResponse, error) {
	question := strings.TrimSpace(strings.ToValidUTF8(in.Body.Question, ""))
	if question == "" {
		return nil, d.fail(ctx, issue.New(issue.Required, "an answer needs a question").At("question"))
	}
	language := in.Body.Language
	if strings.Contains(in.Accept, "text/event-stream") {
		return &huma.StreamResponse{Body: func(hc huma.Context) {
			send := eventWriter(hc)
			a, err := d.answers.Ask(ctx, question, language, func(stage string) { send("progress", map[string]string{"step": stage}) })
			if err != nil {
				send("error", d.fail(ctx, err))
				return
			}
			send("result", response(a, language))
		}}, nil
	}
	a, err := d.answers.Ask(ctx, question, language, nil)
	if err != nil {
		return nil, d.fail(ctx, err)
	}
	body, err := json.Marshal(response(a, language))
	if err != nil {
		return nil, d.fail(ctx, err)
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		hc.SetHeader("Content-Type", "application/json")
		_, _ = hc.BodyWriter().Write(body)
	}}, nil
}

// eventWriter writes server-sent events (HTML standard, section 9.2).
func eventWriter(hc huma.Context) func(name string, data any) {
	hc.SetHeader("Content-Type", "text/event-stream")
	hc.SetHeader("Cache-Control", "no-store")
	hc.SetHeader("X-Accel-Buffering", "no") // a proxy must not collect them
	w := hc.BodyWriter()
	flush := func() {}
	if rw, ok := w.(http.ResponseWriter); ok {
		control := http.NewResponseController(rw)
		_ = control.SetWriteDeadline(time.Now().Add(2 * time.Minute))
		flush = func() { _ = control.Flush() }
	}
	return func(name string, data any) {
		body, err := json.Marshal(data)
		if err != nil {
			name, body = "error", issue.Problem(err, "")
		}
		_, _ = fmt.Fprintf(w, "event: %s\ndata: %s\n\n", name, body)
		flush()
	}
}

func response(a answer.Answer, language string) AnswerResponse {
	r := AnswerResponse{
		Abstained: a.Abstained, Degraded: orEmpty(a.Degraded), Dropped: a.Dropped, Sentences: []AnswerSentence{}, Citations: []AnswerCitation{},
		Query: SearchQuery{Text: a.Query.Text, Terms: orEmpty(a.Query.Terms), Concepts: orEmpty(a.Query.Concepts)},
	}
	if r.Dropped == nil {
		r.Dropped = map[string]int{}
	}
	if a.Abstained {
		text := reasonText(a.Reason, language)
		r.Reason, r.ReasonCode = &text, &a.Reason
	}
	for i, e := range a.Excerpts {
		r.Citations = append(r.Citations, citation(i+1, e))
	}
	var text []string
	for _, s := range a.Sentences {
		out := AnswerSentence{Text: s.Text}
		line := s.Text
		for _, n := range s.Excerpts {
			out.Citations = append(out.Citations, n+1)
			line += fmt.Sprintf(" [%d]", n+1)
		}
		r.Sentences = append(r.Sentences, out)
		text = append(text, line)
	}
	r.Text = strings.Join(text, " ")
	if len(a.Sentences) > 0 {
		label := Label(language)
		r.Generated, r.Label, r.Model = true, &label, &a.Model
	}
	return r
}

func citation(number int, e answer.Excerpt) AnswerCitation {
	p, doc := e.Hit.Passage, e.Hit.Document
	c := AnswerCitation{
		Number: number, Document: doc.Identifier, Guideline: doc.ID, Passage: p.ID, Title: doc.Title, Version: doc.Version,
		ValidUntil: dayOrNil(doc.ValidUntil), Expired: doc.Expired, Page: pageOrNil(p.Page), Path: orEmpty(p.Section),
		Quote: e.Text(), Language: p.Language, Score: e.Hit.Score,
	}
	if n := len(p.Section); n > 0 {
		c.Section = p.Section[n-1]
	}
	return c
}

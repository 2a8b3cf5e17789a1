// Package answer says what the guidelines say: passages word for word, and where a
// language model is configured also sentences of its own, each held against the
// words it cites.
//
// It owns the check of a model's sentences, what a model is shown, and the decision
// to stay silent. It refuses what cannot be found letter by letter in a passage, any
// sentence that gives a dose, an interval or a duration, and to send away anything
// but guideline text and names of the table of concepts.
package answer

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"

	"cdss/fhir/issue"
	"cdss/rag"
)

// Searcher finds passages of active guidelines.
type Searcher interface {
	Search(ctx context.Context, q rag.Query) (rag.Result, error)
}

// Model completes a prompt. What it says is believed in nothing.
type Model interface {
	Name() string
	Complete(ctx context.Context, p Prompt) (string, error)
}

// Config of a Service. Search is needed.
type Config struct {
	Search     Searcher
	Vocabulary Vocabulary    // nil: names are not checked
	Model      func() Model  // gives the model in use, nil for none
	Patience   time.Duration // for all calls of one answer; 0: 45 s
	Log        *slog.Logger  // nil: silent
}

// Service answers questions. It is safe for concurrent use.
type Service struct{ c Config }

// New makes a service.
func New(c Config) *Service {
	if c.Model == nil {
		c.Model = func() Model { return nil }
	}
	if c.Patience <= 0 {
		c.Patience = 45 * time.Second
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Service{c}
}

// The reasons to stay silent that are not retrieval's.
const (
	ReasonUnsupported  = "unsupported"  // nothing that the model said could be found in the passages
	ReasonInsufficient = "insufficient" // the model found no answer in the passages
	ReasonOtherDrugs   = "other-drugs"  // a dose is asked for, and no passage names the drug
)

// The stages of an answer, as progress tells them.
const (
	StageSearch   = "search"
	StageGenerate = "generate"
	StageCheck    = "check"
)

// ModelDown in Degraded says that a model is configured and did not answer.
const ModelDown = "model"

// Excerpt is a part of a passage, verbatim, and where it stands.
type Excerpt struct {
	Hit        rag.Hit
	Start, End int // byte range of Hit.Passage.Quoted
}

// Text gives the words.
func (e Excerpt) Text() string { return e.Hit.Passage.Quoted[e.Start:e.End] }

// Sentence is one of a model's that passed all checks.
type Sentence struct {
	Text     string
	Excerpts []int // indices into Answer.Excerpts
}

// Answer is what can be said.
type Answer struct {
	Abstained bool
	Reason    string // one of ours or retrieval's; "" when not abstained
	Sentences []Sentence
	Excerpts  []Excerpt      // what is answered with or, when abstained, the nearest passages
	Dropped   map[string]int // sentences that failed, by reason
	Degraded  []string
	Model     string // that made the sentences; "" when there are none
	Query     rag.Query
}

// How much is looked at and shown.
const (
	considered = 16 // passages found
	given      = 8  // passages that a model sees
	shown      = 5  // excerpts of an answer without a model
)

// Ask answers a question. progress may be nil. The error is of the search or of ctx.
func (s *Service) Ask(ctx context.Context, question, language string, progress func(stage string)) (Answer, error) {
	if strings.TrimSpace(question) == "" {
		return Answer{}, issue.New(issue.Required, "an answer needs a question").At("question")
	}
	tell(progress, StageSearch)
	found, err := s.c.Search.Search(ctx, rag.Query{Text: question, Language: language, K: considered})
	if err != nil {
		return Answer{}, err
	}
	a := Answer{Query: found.Query, Degraded: found.Degraded, Abstained: found.Abstained, Reason: found.Reason}
	hits := found.Hits
	if naming, asked := ofDrug(hits, found.Query, s.c.Vocabulary); len(naming) > 0 {
		hits = naming
	} else if asked && !a.Abstained {
		a.Abstained, a.Reason = true, ReasonOtherDrugs
	}
	hits = spread(hits, given)
	if !a.Abstained {
		if model := s.c.Model(); model != nil {
			derived := Derive(question, found.Query.Concepts, s.c.Vocabulary)
			if err := s.generate(ctx, model, &a, derived, language, hits, progress); err != nil {
				return Answer{}, err
			}
		}
	}
	if a.Model == "" {
		a.Excerpts = s.excerpts(hits, found.Query)
	}
	return a, nil
}

// Narrate lets the model in use say in sentences what passages mean for a situation,
// given as coded names. Without a model, or where nothing stands, ok is false.
func (s *Service) Narrate(ctx context.Context, situation, language string, passages []rag.Hit) (a Answer, ok bool, err error) {
	model := s.c.Model()
	if model == nil || len(passages) == 0 {
		return Answer{}, false, nil
	}
	err = s.generate(ctx, model, &a, situation, language, passages[:min(len(passages), given)], nil)
	return a, len(a.Sentences) > 0, err
}

// generate fills a with what stands of a model's answer. A model that is away leaves
// a as it was, but for Degraded.
func (s *Service) generate(ctx context.Context, model Model, a *Answer, question, language string, hits []rag.Hit, progress func(string)) error {
	tell(progress, StageGenerate)
	patient, cancel := context.WithTimeout(ctx, s.c.Patience)
	defer cancel()
	reply, err := converse(patient, model, question, language, hits)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		s.c.Log.WarnContext(ctx, "no generated text", "model", model.Name(), "error", err)
		a.Degraded = append(slices.Clone(a.Degraded), ModelDown)
		if errors.Is(err, errForm) {
			a.Dropped = map[string]int{DroppedForm: 1}
		}
		return nil
	}
	tell(progress, StageCheck)
	if reply.Status != statusAnswered {
		a.Abstained, a.Reason = true, ReasonInsufficient
		return nil
	}
	var said int
	for _, c := range reply.Claims {
		found, reason := check(c, hits, s.c.Vocabulary)
		if reason != "" {
			if a.Dropped == nil {
				a.Dropped = map[string]int{}
			}
			a.Dropped[reason]++
		}
		if found.end == 0 {
			continue
		}
		said++
		n := a.excerpt(Excerpt{Hit: hits[found.passage], Start: found.start, End: found.end})
		if found.text != "" {
			a.Sentences = append(a.Sentences, Sentence{Text: found.text, Excerpts: []int{n}})
		}
	}
	if said == 0 {
		a.Abstained, a.Reason = true, ReasonUnsupported
		return nil
	}
	a.Model = model.Name()
	return nil
}

// excerpt adds e, or finds it, and gives its index. A quotation with a number is
// shown with the rest of its line, since a number of a table means nothing without
// its row.
func (a *Answer) excerpt(e Excerpt) int {
	text := e.Hit.Passage.Quoted
	if e.Hit.Passage.Kind == rag.Table && strings.ContainsAny(text[e.Start:e.End], "0123456789") {
		e.Start = strings.LastIndexByte(text[:e.Start], '\n') + 1
		if n := strings.IndexByte(text[e.End:], '\n'); n >= 0 {
			e.End += n
		} else {
			e.End = len(text)
		}
	}
	for i, have := range a.Excerpts {
		if have.Hit.Passage.ID == e.Hit.Passage.ID && have.Start <= e.Start && have.End >= e.End {
			return i
		}
	}
	a.Excerpts = append(a.Excerpts, e)
	return len(a.Excerpts) - 1
}

// excerpts gives the best passages, or the parts of them that say most.
func (s *Service) excerpts(hits []rag.Hit, q rag.Query) []Excerpt {
	asked := make([]string, len(q.Concepts))
	for i, c := range q.Concepts {
		asked[i] = c.ID
	}
	var list []Excerpt
	for _, h := range hits[:min(len(hits), shown)] {
		start, end := excerpt(h, s.c.Vocabulary, asked)
		list = append(list, Excerpt{Hit: h, Start: start, End: end})
	}
	return list
}

func tell(progress func(string), stage string) {
	if progress != nil {
		progress(stage)
	}
}

// Package api is the door to evidence: guidelines, their passages, and search. It
// owns the shapes of JSON and the reading of uploads; it refuses to decide what is
// found or kept, and shows no error that nobody gave a kind.
package api

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"cdss/fhir/issue"
	"cdss/rag"
	"cdss/rag/ingest"
	"cdss/rag/lab"
	"cdss/rag/parse"
)

// QueryBuilder makes a query of a structured request. It must use codes and
// displays only.
type QueryBuilder interface {
	Build(req rag.Request, language string) rag.Query
}

// Indications knows the indication codes of the content, prototype values
// included.
type Indications interface {
	Known(code string) bool
}

// Deps is what the door needs; Log may be nil.
type Deps struct {
	Guidelines  *ingest.Service
	Answers     Answerer
	Outbound    Outbound
	Lab         *lab.Lab
	Builder     QueryBuilder
	Indications Indications
	Citing      func() []ingest.Citing // the rules that cite guidelines; nil: none
	Log         *slog.Logger
}

type door struct {
	guidelines  *ingest.Service
	answers     Answerer
	outbound    Outbound
	lab         *lab.Lab
	builder     QueryBuilder
	indications Indications
	citing      func() []ingest.Citing
	log         *slog.Logger
	large       chan struct{} // slots for uploads that fill memory
}

// Register adds the operations under /guidelines and /search to api, whose server
// is /api. The body of an upload must not be limited below ingest.MaxBytes before
// it arrives here.
func Register(api huma.API, deps Deps) {
	d := &door{guidelines: deps.Guidelines, answers: deps.Answers, outbound: deps.Outbound, lab: deps.Lab, builder: deps.Builder, indications: deps.Indications, citing: deps.Citing, log: deps.Log,
		large: make(chan struct{}, largeUploads)}
	if d.citing == nil {
		d.citing = func() []ingest.Citing { return nil }
	}
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	d.registerGuidelines(api)
	d.registerUpload(api)
	d.registerSearch(api)
	d.registerCuration(api)
	d.registerAnswers(api)
	d.registerOutbound(api)
	d.registerQuerySets(api)
}

func operation(id, method, path, summary string, status int, errors ...int) huma.Operation {
	return huma.Operation{
		OperationID: id, Method: method, Path: path, Summary: summary, DefaultStatus: status, Errors: errors,
		Tags: []string{"evidence"},
	}
}

// fail turns an error into problem details, once, here.
func (d *door) fail(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if issue.KindOf(err) == issue.Exception && ctx.Err() == nil {
		d.log.ErrorContext(ctx, "request failed", "error", err)
	}
	// Why a file cannot be used is told in both languages, with a code.
	var told *issue.Error
	if errors.As(err, &told) {
		if refusal := parse.RefusalIn(told.Diagnostics); refusal != 0 {
			told.Told(refusal.Code(), refusal.German())
		}
	}
	return &issue.ProblemError{Err: err}
}

// pageOrNil shows a missing page as null.
func pageOrNil(page int) *int {
	if page <= 0 {
		return nil
	}
	return &page
}

func dayOrNil(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	day := t.Format(time.DateOnly)
	return &day
}

package api

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"cdss/cds"
	"cdss/cds/decide"
	"cdss/cds/knowledge"
	"cdss/cds/prefetch"
	"cdss/fhir/issue"
)

// Decider answers a question about one patient.
type Decider interface {
	Answer(ctx context.Context, ask decide.Ask) cds.Recommendation
	// Gather reads the patient of a question from a FHIR server.
	Gather(ctx context.Context, ask decide.Ask, reader prefetch.Reader) (decide.Ask, error)
}

// Servers are the FHIR servers that people of this server may read.
type Servers interface {
	// Names tells all, and of them those that know this app, where a launch can begin.
	Names() (all, launchable []string)
	// Reader opens one; an error of kind issue.NotFound when there is none of the name,
	// of issue.Forbidden when who asks may not read patients.
	Reader(ctx context.Context, name string) (prefetch.Reader, error)
	// Searched writes down who was found before that is told: query names what was
	// looked for without its values, patients are ids.
	Searched(ctx context.Context, query string, patients []string) error
}

// FeedbackKeeper keeps feedback. The same feedback may come again.
type FeedbackKeeper interface {
	KeepFeedback(ctx context.Context, list []cds.Feedback) error
}

// Narrator says in sentences what the evidence of a recommendation means, nil where it
// has nothing to say. It may take its time: nothing else waits for it.
type Narrator interface {
	Narrate(ctx context.Context, rec cds.Recommendation) *cds.Narrative
}

// Config is what the door needs. Feedback may be nil, then it is answered 503;
// Log may be nil.
type Config struct {
	Decider   Decider
	Knowledge func() *knowledge.Snapshot
	Feedback  FeedbackKeeper
	// Saved cases; nil: there are none.
	CaseReader CaseReader
	CaseWriter CaseWriter
	Servers    Servers  // nil: none is registered
	Narrator   Narrator // nil: no text is generated
	Status     func(ctx context.Context) Status
	Now        func() time.Time
	Version    string
	Demo       bool // examples are shown, asOf is taken
	Log        *slog.Logger
}

// MaxBody is the largest body of a recommendation request in bytes (SAFETY T3).
const MaxBody = 5 << 20

type door struct {
	Config
	examples []example
}

// Register adds the operations to api, whose server is /api.
func Register(api huma.API, c Config) error {
	d := &door{Config: c}
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	var err error
	if d.examples, err = readExamples(); err != nil {
		return err
	}
	d.registerRecommendations(api)
	d.registerPatients(api)
	d.registerFeedback(api)
	if d.CaseReader != nil && d.CaseWriter != nil {
		d.registerCases(api)
	}
	d.registerIndications(api)
	d.registerPocket(api)
	d.registerPlans(api)
	d.registerExamples(api)
	d.registerStatus(api)
	return nil
}

func operation(id, method, path, summary string, status int, errors ...int) huma.Operation {
	return huma.Operation{
		OperationID: id, Method: method, Path: path, Summary: summary, DefaultStatus: status, Errors: errors,
		Tags: []string{"decision support"},
	}
}

// fail turns an error into problem details, once, here.
func (d *door) fail(ctx context.Context, err error) error {
	if issue.Status(err) >= http.StatusInternalServerError && ctx.Err() == nil {
		d.Log.ErrorContext(ctx, "request failed", "error", err)
	}
	return &issue.ProblemError{Err: err}
}

// language gives the language of an answer: the one asked for, else that of the
// header.
func language(asked, header string) cds.Lang {
	if asked != "" {
		return cds.ParseLang(asked)
	}
	return cds.ParseLang(header)
}

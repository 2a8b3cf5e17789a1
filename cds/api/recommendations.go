package api

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"cdss/cds"
	"cdss/fhir/issue"
)

// RecommendationRequest documents the body of POST /recommendations. It is read
// by parseAsk, since a Bundle is not for encoding/json.
type RecommendationRequest struct {
	Bundle   json.RawMessage        `json:"bundle,omitempty" doc:"FHIR R4 Bundle with the data of one patient; beside a server, values added by hand, without a Patient"`
	Patient  string                 `json:"patient,omitempty" doc:"Patient/<id>, needed where the Bundle holds several"`
	Server   string                 `json:"server,omitempty" doc:"registered FHIR server to read the patient from"`
	Request  *cds.StructuredRequest `json:"request,omitempty" doc:"what a person adds to the data"`
	Language cds.Lang               `json:"language,omitempty" enum:"de,en"`
	AsOf     string                 `json:"asOf,omitempty" format:"date-time" doc:"time to judge at; only where demo or test data is on"`
}

type recommendationInput struct {
	Accept         string `header:"Accept"`
	AcceptLanguage string `header:"Accept-Language"`
	ContentType    string `header:"Content-Type"`
	RawBody        []byte
}

func (d *door) registerRecommendations(api huma.API) {
	op := operation("recommend", http.MethodPost, "/recommendations", "Recommend antibiotic therapy for one patient", http.StatusOK,
		400, 403, 413, 415, 422, 503)
	op.Description = "Therapy options computed from the patient's data by rules, each with the page it rests on, and everything that was " +
		"excluded or could not be checked. With `Accept: text/event-stream` the parts come as the events `progress`, `facts`, `options`, " +
		"`evidence`, `narrative` and `result` (or `error`); where text is generated, `decision` comes before it with all but the text."
	op.MaxBodyBytes = MaxBody
	op.SkipValidateBody = true // parseAsk does, with the limits a Bundle needs
	registry := api.OpenAPI().Components.Schemas
	schema := func(v any) *huma.Schema { return registry.Schema(reflect.TypeOf(v), true, "") }
	op.RequestBody = &huma.RequestBody{
		Required: true,
		Content:  map[string]*huma.MediaType{"application/json": {Schema: schema(RecommendationRequest{})}},
	}
	op.Responses = map[string]*huma.Response{"200": {
		Description: "The recommendation",
		Content: map[string]*huma.MediaType{
			"application/json":  {Schema: schema(cds.Recommendation{})},
			"text/event-stream": {Schema: &huma.Schema{Type: huma.TypeString}},
		},
	}}
	huma.Register(api, op, d.recommend)
	// What huma adds for a raw body says nothing.
	delete(api.OpenAPI().Paths[op.Path].Post.RequestBody.Content, "application/octet-stream")
}

func (d *door) recommend(ctx context.Context, in *recommendationInput) (*huma.StreamResponse, error) {
	if !isJSON(in.ContentType) {
		return nil, d.fail(ctx, issue.New(issue.NotSupported, "the body must be application/json").WithStatus(http.StatusUnsupportedMediaType))
	}
	ask, server, err := d.parseAsk(in.RawBody, in.AcceptLanguage)
	if err != nil {
		return nil, d.fail(ctx, err)
	}
	if server != "" {
		if ask, err = d.gather(ctx, ask, server); err != nil {
			return nil, d.fail(ctx, err)
		}
	}
	if strings.Contains(in.Accept, "text/event-stream") {
		return &huma.StreamResponse{Body: func(hc huma.Context) {
			events := newEvents(hc)
			ask.Step = func(name string, part any) {
				events.send("progress", map[string]string{"step": name})
				events.send(name, part)
			}
			rec := d.Decider.Answer(ctx, ask)
			if d.Narrator != nil && !rec.Restricted {
				// Nobody waits for prose: what was decided is whole without it.
				events.send("decision", rec)
				rec.Narrative = events.during(func() *cds.Narrative { return d.Narrator.Narrate(ctx, rec) })
			}
			events.send("narrative", rec.Narrative)
			events.send("result", rec)
		}}, nil
	}
	rec := d.Decider.Answer(ctx, ask)
	body, err := json.Marshal(rec)
	if err != nil {
		return nil, d.fail(ctx, err)
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		hc.SetHeader("Content-Type", "application/json")
		hc.SetHeader("Cache-Control", "no-store")
		_, _ = hc.BodyWriter().Write(body)
	}}, nil
}

func isJSON(contentType string) bool {
	media, _, _ := strings.Cut(contentType, ";")
	media = strings.ToLower(strings.TrimSpace(media))
	return media == "" || media == "application/json" || strings.HasPrefix(media, "application/") && strings.HasSuffix(media, "+json")
}

// events writes server-sent events (HTML standard, section 9.2).
type events struct {
	flush func()
	write func([]byte)
}

func newEvents(hc huma.Context) *events {
	hc.SetHeader("Content-Type", "text/event-stream")
	hc.SetHeader("Cache-Control", "no-store")
	hc.SetHeader("X-Accel-Buffering", "no") // a proxy must not collect them
	w := hc.BodyWriter()
	e := &events{flush: func() {}, write: func(b []byte) { _, _ = w.Write(b) }}
	if rw, ok := w.(http.ResponseWriter); ok {
		control := http.NewResponseController(rw)
		_ = control.SetWriteDeadline(time.Now().Add(time.Minute))
		e.flush = func() { _ = control.Flush() }
	} else if f, ok := w.(http.Flusher); ok {
		e.flush = f.Flush
	}
	return e
}

// send writes one event. JSON has no line break of its own, so one data line
// holds it.
func (e *events) send(name string, data any) {
	body, err := json.Marshal(data)
	if err != nil {
		name, body = "error", issue.Problem(err, "")
	}
	e.write([]byte("event: " + name + "\ndata: " + string(body) + "\n\n"))
	e.flush()
}

// heartbeat is how often a stream shows that it lives: proxies cut silent ones.
const heartbeat = 10 * time.Second

// during waits for a narrative and keeps the stream alive meanwhile.
func (e *events) during(narrate func() *cds.Narrative) *cds.Narrative {
	done := make(chan *cds.Narrative, 1)
	go func() { done <- narrate() }()
	tick := time.NewTicker(heartbeat)
	defer tick.Stop()
	for {
		select {
		case n := <-done:
			return n
		case <-tick.C:
			e.write([]byte(": waiting\n\n"))
			e.flush()
		}
	}
}

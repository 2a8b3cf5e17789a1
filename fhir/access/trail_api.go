package access

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"cdss/fhir/audit"
	"cdss/fhir/issue"
)

// Retention.

type settingBody struct {
	Records string     `json:"records"`
	Days    int        `json:"days"`
	Default int        `json:"default"`
	Least   int        `json:"least"`
	Most    int        `json:"most"`
	LastRun *time.Time `json:"lastRun,omitempty" doc:"when what was older was deleted last, as the audit trail proves"`
	Deleted int64      `json:"deleted" doc:"how many were deleted then"`
	Older   string     `json:"older,omitempty" doc:"than this moment"`
}

type retentionOutput struct {
	Body struct {
		Settings []settingBody `json:"settings"`
	}
}

type setRetentionInput struct {
	Records string `path:"records" maxLength:"63"`
	Body    struct {
		Days int `json:"days" minimum:"1" maximum:"36525"`
	}
}

type taskOutput struct {
	Body struct {
		Task string `json:"task"`
	}
}

func (s *system) registerRetention(api huma.API) {
	huma.Register(api, operation("list-retention", http.MethodGet, "/system/retention", "Tell how long records are kept, and what was deleted last", http.StatusOK, 503),
		func(ctx context.Context, _ *struct{}) (*retentionOutput, error) {
			r, err := ready(s.Retention)
			if err != nil {
				return nil, s.fail(ctx, err)
			}
			settings, err := r.Settings(ctx)
			if err != nil {
				return nil, s.fail(ctx, err)
			}
			deletions, err := r.Deletions(ctx)
			if err != nil {
				return nil, s.fail(ctx, err)
			}
			out := &retentionOutput{}
			out.Body.Settings = []settingBody{}
			for _, x := range settings {
				b := settingBody{Records: x.Records, Days: x.Days, Default: x.Default, Least: x.Least, Most: x.Most}
				if d, ok := deletions[x.Records]; ok {
					b.LastRun, b.Deleted, b.Older = &d.At, d.Deleted, d.Older
				}
				out.Body.Settings = append(out.Body.Settings, b)
			}
			return out, nil
		})
	huma.Register(api, operation("set-retention", http.MethodPut, "/system/retention/{records}", "Say how long records are kept", http.StatusNoContent, 404, 422, 503),
		func(ctx context.Context, in *setRetentionInput) (*struct{}, error) {
			return do(s, ctx, s.Retention, func(r *audit.Retention) error { return r.Set(ctx, in.Records, in.Body.Days) })
		})
	huma.Register(api, operation("run-retention", http.MethodPost, "/system/retention/run", "Delete now what has been kept long enough", http.StatusAccepted, 503),
		func(ctx context.Context, _ *struct{}) (*taskOutput, error) {
			r, err := ready(s.Retention)
			if err != nil {
				return nil, s.fail(ctx, err)
			}
			out := &taskOutput{}
			if out.Body.Task, err = r.Now(ctx); err != nil {
				return nil, s.fail(ctx, err)
			}
			return out, nil
		})
}

// The audit trail. Who is asked about stands in bodies, never in addresses.

type entityBody struct {
	Name    string            `json:"name"`
	What    string            `json:"what,omitempty"`
	Details map[string]string `json:"details,omitempty"`
}

type eventBody struct {
	ID       string       `json:"id"`
	Recorded time.Time    `json:"recorded"`
	Kind     string       `json:"kind"`
	Action   string       `json:"action" enum:"C,R,U,D,E"`
	Outcome  int          `json:"outcome" enum:"0,4,8,12" doc:"0 success, 4 refused"`
	Reason   string       `json:"reason,omitempty"`
	Person   string       `json:"person,omitempty"`
	Roles    []string     `json:"roles,omitempty"`
	Client   string       `json:"client,omitempty"`
	Address  string       `json:"address,omitempty"`
	Request  string       `json:"request,omitempty"`
	Patient  string       `json:"patient,omitempty" doc:"pseudonym"`
	Query    string       `json:"query,omitempty"`
	Data     string       `json:"data,omitempty"`
	Entities []entityBody `json:"entities,omitempty"`
}

func eventOf(t audit.Told) eventBody {
	b := eventBody{
		ID: t.ID, Recorded: t.Recorded, Kind: string(t.Kind), Action: string(t.Action), Outcome: int(t.Outcome), Reason: t.Reason, Person: t.Person, Roles: t.Roles,
		Client: t.Client, Address: t.Address, Request: t.Request, Patient: t.Patient, Query: t.Query, Data: t.Data,
	}
	for _, e := range t.Entities {
		x := entityBody{Name: e.Name, What: e.What}
		for _, d := range e.Details {
			if x.Details == nil {
				x.Details = map[string]string{}
			}
			x.Details[d.Name] = d.Value
		}
		b.Entities = append(b.Entities, x)
	}
	return b
}

// About is what the trail is asked about. It is exported for its fields to be described
// where it is embedded.
type About struct {
	Patient string     `json:"patient,omitempty" maxLength:"200" doc:"id of a patient, with or without Patient/"`
	Person  string     `json:"person,omitempty" maxLength:"200" doc:"person or client"`
	From    *time.Time `json:"from,omitempty"`
	To      *time.Time `json:"to,omitempty" doc:"before this time"`
}

func (a About) filter() audit.Filter {
	f := audit.Filter{Patient: strings.TrimPrefix(a.Patient, "Patient/"), Agent: a.Person}
	if a.From != nil {
		f.From = *a.From
	}
	if a.To != nil {
		f.To = *a.To
	}
	return f
}

type searchTrailInput struct {
	Body struct {
		About
		Cursor string `json:"cursor,omitempty" maxLength:"100" doc:"of the page before"`
		Count  int    `json:"count,omitempty" minimum:"0" maximum:"500" doc:"of events; 100 unless set"`
	}
}

type searchTrailOutput struct {
	Body struct {
		Events []eventBody `json:"events"`
		Next   string      `json:"next,omitempty" doc:"cursor of the next page"`
	}
}

type aboutInput struct{ Body About }

type sightingBody struct {
	Person string    `json:"person,omitempty"`
	Client string    `json:"client,omitempty"`
	Kind   string    `json:"kind"`
	Events int64     `json:"events"`
	First  time.Time `json:"first"`
	Last   time.Time `json:"last"`
}

type sawOutput struct {
	Body struct {
		Sightings []sightingBody `json:"sightings"`
	}
}

type deedBody struct {
	Kind     string    `json:"kind"`
	Data     string    `json:"data,omitempty" doc:"type of what it was done to"`
	Events   int64     `json:"events"`
	Patients int64     `json:"patients" doc:"different ones"`
	First    time.Time `json:"first"`
	Last     time.Time `json:"last"`
}

type didOutput struct {
	Body struct {
		Deeds []deedBody `json:"deeds"`
	}
}

type faultBody struct {
	Position int64  `json:"position,omitempty" doc:"in the chain"`
	Event    string `json:"event,omitempty" doc:"id of the AuditEvent"`
	Problem  string `json:"problem"`
}

type verifyOutput struct {
	Body struct {
		OK         bool        `json:"ok"`
		First      int64       `json:"first"`
		Last       int64       `json:"last"`
		Events     int64       `json:"events" doc:"that are as they were written"`
		Deleted    int64       `json:"deleted" doc:"after their time, as the trail itself says"`
		Heads      int         `json:"heads" doc:"signatures that hold"`
		Waiting    int64       `json:"waiting" doc:"for their place in the chain"`
		Faults     []faultBody `json:"faults"`
		MoreFaults int         `json:"moreFaults"`
		Seconds    float64     `json:"seconds"`
	}
}

// patience gives work on the whole trail the time it needs beyond the server's limits.
type patience struct{}

const longWork = 5 * time.Minute

// Resolve implements huma.Resolver.
func (patience) Resolve(ctx huma.Context) []error {
	if w, ok := ctx.BodyWriter().(http.ResponseWriter); ok {
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(longWork))
	}
	return nil
}

type verifyInput struct{ patience }

type exportInput struct {
	patience
	Body About
}

// asked writes down that somebody looked into the trail.
func (s *system) asked(ctx context.Context, f audit.Filter, kind audit.Kind, query string) error {
	subject, err := s.Trail.Subject(f.Patient)
	if err != nil {
		return err
	}
	e := audit.Event{Kind: kind, Patient: subject, Query: query}
	if f.Agent != "" {
		e.Entities = []audit.Entity{{Name: "records", What: "audit_event", Details: audit.Details("agent", f.Agent)}}
	}
	return s.Trail.Write(ctx, e)
}

// alone lets one caller verify at a time: it reads every event there is.
func alone() func() (done func(), ok bool) {
	slot := make(chan struct{}, 1)
	return func() (func(), bool) {
		select {
		case slot <- struct{}{}:
			return func() { <-slot }, true
		default:
			return nil, false
		}
	}
}

func (s *system) registerTrail(api huma.API) {
	huma.Register(api, operation("search-audit", http.MethodPost, "/system/audit/search", "Find events of the audit trail, the latest first", http.StatusOK, 422, 503),
		func(ctx context.Context, in *searchTrailInput) (*searchTrailOutput, error) {
			f := in.Body.filter()
			count := in.Body.Count
			if count == 0 {
				count = 100
			}
			list, next, err := s.Trail.Page(ctx, f, in.Body.Cursor, count)
			if err == nil {
				err = s.asked(ctx, f, audit.Search, "audit search")
			}
			if err != nil {
				return nil, s.fail(ctx, err)
			}
			out := &searchTrailOutput{}
			out.Body.Events, out.Body.Next = []eventBody{}, next
			for _, t := range list {
				out.Body.Events = append(out.Body.Events, eventOf(t))
			}
			return out, nil
		})
	huma.Register(api, operation("audit-saw", http.MethodPost, "/system/audit/saw", "Tell who used the data of a patient", http.StatusOK, 400, 503),
		func(ctx context.Context, in *aboutInput) (*sawOutput, error) {
			f := in.Body.filter()
			list, err := s.Trail.WhoSaw(ctx, f.Patient, f.From, f.To)
			if err == nil {
				err = s.asked(ctx, audit.Filter{Patient: f.Patient}, audit.Search, "audit saw")
			}
			if err != nil {
				return nil, s.fail(ctx, err)
			}
			out := &sawOutput{}
			out.Body.Sightings = []sightingBody{}
			for _, x := range list {
				out.Body.Sightings = append(out.Body.Sightings, sightingBody{x.Agent, x.Client, string(x.Kind), x.Events, x.First.UTC(), x.Last.UTC()})
			}
			return out, nil
		})
	huma.Register(api, operation("audit-did", http.MethodPost, "/system/audit/did", "Tell what a person or a client did", http.StatusOK, 400, 503),
		func(ctx context.Context, in *aboutInput) (*didOutput, error) {
			f := in.Body.filter()
			list, err := s.Trail.Did(ctx, f.Agent, f.From, f.To)
			if err == nil {
				err = s.asked(ctx, audit.Filter{Agent: f.Agent}, audit.Search, "audit did")
			}
			if err != nil {
				return nil, s.fail(ctx, err)
			}
			out := &didOutput{}
			out.Body.Deeds = []deedBody{}
			for _, x := range list {
				out.Body.Deeds = append(out.Body.Deeds, deedBody{string(x.Kind), x.Data, x.Events, x.Patients, x.First.UTC(), x.Last.UTC()})
			}
			return out, nil
		})
	enter := alone()
	huma.Register(api, operation("verify-audit", http.MethodPost, "/system/audit/verify", "Verify that nobody has changed the audit trail", http.StatusOK, 429, 503),
		func(ctx context.Context, _ *verifyInput) (*verifyOutput, error) {
			done, ok := enter()
			if !ok {
				return nil, s.fail(ctx, issue.New(issue.Throttled, "the audit trail is being verified"))
			}
			defer done()
			if err := s.asked(ctx, audit.Filter{}, audit.Search, "audit verify"); err != nil {
				return nil, s.fail(ctx, err)
			}
			start := time.Now()
			r, err := s.Trail.Verify(ctx, audit.Check{})
			if err != nil {
				return nil, s.fail(ctx, err)
			}
			out := &verifyOutput{}
			b := &out.Body
			b.OK, b.First, b.Last, b.Events, b.Deleted, b.Heads, b.Waiting = r.OK(), r.First, r.Last, r.Events, r.Deleted, r.Heads, r.Waiting
			b.Faults, b.MoreFaults, b.Seconds = []faultBody{}, r.MoreFaults, time.Since(start).Seconds()
			for _, f := range r.Faults {
				b.Faults = append(b.Faults, faultBody{f.Position, f.Event, f.Problem})
			}
			return out, nil
		})
	export := operation("export-audit", http.MethodPost, "/system/audit/export", "Export events as FHIR AuditEvents, one a line", http.StatusOK, 503)
	export.Responses = map[string]*huma.Response{"200": {Description: "AuditEvents (NDJSON)", Content: map[string]*huma.MediaType{"application/fhir+ndjson": {}}}}
	huma.Register(api, export, func(ctx context.Context, in *exportInput) (*huma.StreamResponse, error) {
		f := in.Body.filter()
		// Whoever takes a part of the trail away stands in it, before anything leaves.
		if err := s.asked(ctx, f, audit.Export, "audit export"); err != nil {
			return nil, s.fail(ctx, err)
		}
		return &huma.StreamResponse{Body: func(hc huma.Context) {
			hc.SetHeader("Content-Type", "application/fhir+ndjson")
			hc.SetHeader("Content-Disposition", `attachment; filename="audit.ndjson"`)
			w := hc.BodyWriter()
			err := s.Trail.Each(ctx, f, func(r audit.Record) error {
				resource, err := r.Resource(s.Base)
				if err == nil {
					_, err = w.Write(append(resource.Raw(), '\n'))
				}
				return err
			})
			if err != nil && ctx.Err() == nil {
				s.Log.ErrorContext(ctx, "the export of the audit trail broke off", "error", err)
				panic(http.ErrAbortHandler) // so that nobody takes it for whole
			}
		}}, nil
	})
}

package api

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"cdss/cds"
	"cdss/cds/authoring"
	"cdss/cds/knowledge"
	"cdss/fhir"
	"cdss/fhir/issue"
)

// AuthoringConfig is what the door of authoring needs. Log may be nil.
type AuthoringConfig struct {
	Authoring *authoring.Service
	Checked   func() time.Time // when the knowledge was last found to be what is in force; zero: never
	Demo      bool
	Now       func() time.Time
	Log       *slog.Logger
}

// RuleProblem is what is wrong with an artifact.
type RuleProblem struct {
	Artifact string `json:"artifact"`
	Location string `json:"location"`
	Message  string `json:"message"`
	Blocks   bool   `json:"blocks" doc:"it must not be released with this"`
}

// RuleStep is a step in the life of an artifact.
type RuleStep struct {
	Step      string `json:"step"`
	Type      string `json:"type"`
	ID        string `json:"id"`
	Version   string `json:"version"`
	VersionID int    `json:"versionId"`
	Person    string `json:"person"`
	Name      string `json:"name"`
	At        string `json:"at"`
	Note      string `json:"note"`
}

// RuleDetail is an artifact with all that is known of it.
type RuleDetail struct {
	Rule     authoring.Rule  `json:"rule"`
	Resource json.RawMessage `json:"resource" doc:"the FHIR resource"`
	Problems []RuleProblem   `json:"problems"`
	May      []string        `json:"may" doc:"the steps that the person who asks may take now"`
	Steps    []RuleStep      `json:"steps"`
}

// RuleList is the answer to GET /authoring/rules.
type RuleList struct {
	Rules []authoring.Rule `json:"rules"`
}

// RuleHistory is the answer to GET /authoring/rules/{type}/{id}/history.
type RuleHistory struct {
	Steps []RuleStep `json:"steps"`
}

// RuleWrite is an artifact to be stored as a draft.
type RuleWrite struct {
	Resource json.RawMessage `json:"resource" doc:"the FHIR resource; status, dates and people in it are not read"`
}

// StepWrite is a step to be taken.
type StepWrite struct {
	Step    string `json:"step" enum:"draft,clone,submit,reject,approve,release,retire"`
	Note    string `json:"note,omitempty" maxLength:"2000"`
	Version string `json:"version,omitempty" maxLength:"64" doc:"of a draft or clone"`
	URL     string `json:"url,omitempty" maxLength:"500" doc:"of a clone"`
	Title   string `json:"title,omitempty" maxLength:"500" doc:"of a clone"`
}

// Imported is what came of an import.
type Imported struct {
	Made    []authoring.Rule    `json:"made"`
	Skipped []authoring.Skipped `json:"skipped"`
}

// OverlayEntry is what the site changes of the content.
type OverlayEntry struct {
	ID         string          `json:"id,omitempty"`
	Kind       string          `json:"kind" enum:"hide,restrict,replace,prefer"`
	Target     string          `json:"target" maxLength:"500" doc:"ATC code or the beginning of one, plan-url#action, or the url of an ActivityDefinition"`
	With       string          `json:"with,omitempty" maxLength:"500" doc:"of replace: url|version of the ActivityDefinition to take"`
	Indication string          `json:"indication,omitempty" doc:"it is limited to this one"`
	Reason     authoring.Words `json:"reason"`
	By         string          `json:"by,omitempty"`
	At         string          `json:"at,omitempty"`
}

// OverlayList is the answer to GET /authoring/overlay.
type OverlayList struct {
	Entries []OverlayEntry `json:"entries"`
}

// KnowledgeNote is an artifact with what is to be known of it.
type KnowledgeNote struct {
	Artifact string `json:"artifact"`
	Message  string `json:"message"`
}

// KnowledgeService is a plan that is a CDS service.
type KnowledgeService struct {
	ID       string `json:"id"`
	Hook     string `json:"hook"`
	Artifact string `json:"artifact"`
}

// KnowledgeState is the answer to GET /authoring/knowledge.
type KnowledgeState struct {
	LoadedAt  string             `json:"loadedAt"`
	CheckedAt string             `json:"checkedAt" doc:"when it was last found to be what is in force, empty: the database was not asked yet"`
	Revision  string             `json:"revision"`
	Demo      bool               `json:"demo"`
	Plans     int                `json:"plans"`
	Shipped   int                `json:"shipped"`
	Site      int                `json:"site"`
	Problems  []RuleProblem      `json:"problems"`
	Withheld  []KnowledgeNote    `json:"withheld"`
	Refused   []KnowledgeNote    `json:"refused" doc:"what is not what was released, and does not run"`
	Services  []KnowledgeService `json:"services"`
	Overlay   int                `json:"overlay"`
	Upgrades  []string           `json:"upgrades" doc:"what comes with the program and is replaced by a release of this site, as url|version"`
}

// RuleAddress is the address of an artifact.
type RuleAddress struct {
	Type string `path:"type" enum:"PlanDefinition,ActivityDefinition,Library,Questionnaire"`
	ID   string `path:"id" maxLength:"64"`
}

// RuleMatch is the address of an artifact with the version that is changed.
type RuleMatch struct {
	RuleAddress
	IfMatch string `header:"If-Match" doc:"the version that is changed, as W/\"3\""`
}

type detailOutput struct {
	ETag string `header:"ETag"`
	Body RuleDetail
}

type authoringDoor struct {
	AuthoringConfig
	failing *door
}

// RegisterAuthoring adds the operations of authoring to api, whose server is /api.
func RegisterAuthoring(api huma.API, c AuthoringConfig) {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	d := &authoringDoor{c, &door{Config: Config{Log: c.Log}}}
	d.registerRules(api)
	d.registerKnowledge(api)
	d.registerExchange(api)
}

func authoringOperation(id, method, path, summary string, status int, errors ...int) huma.Operation {
	o := operation(id, method, "/authoring"+path, summary, status, errors...)
	o.Tags = []string{"authoring"}
	o.MaxBodyBytes = maxRule
	return o
}

// Largest bodies in bytes.
const (
	maxRule    = 5 << 20
	maxPackage = 8 << 20
	maxTables  = 8 << 20
)

// matched reads If-Match: 0 where it is missing.
func matched(header string) (int, error) {
	header = strings.TrimSpace(header)
	if header == "" || header == "*" {
		return 0, nil
	}
	n, err := strconv.Atoi(strings.Trim(strings.TrimPrefix(header, "W/"), `"`))
	if err != nil || n <= 0 {
		return 0, issue.New(issue.Conflict, `If-Match %q names no version; it must be like W/"1"`, clip(header)).WithStatus(http.StatusPreconditionFailed)
	}
	return n, nil
}

func (d *authoringDoor) fail(ctx context.Context, err error) error { return d.failing.fail(ctx, err) }

// detail shows an artifact.
func (d *authoringDoor) detail(ctx context.Context, typ, id string) (*detailOutput, error) {
	v, err := d.Authoring.Show(ctx, typ, id)
	if err != nil {
		return nil, d.fail(ctx, err)
	}
	out := &detailOutput{Body: RuleDetail{Rule: v.Rule, Resource: v.Resource.Raw(), Problems: ruleProblems(v.Problems), May: v.May, Steps: ruleSteps(v.Steps)}}
	if v.Rule.VersionID > 0 {
		out.ETag = `W/"` + strconv.Itoa(v.Rule.VersionID) + `"`
	}
	return out, nil
}

func ruleProblems(list []authoring.Problem) []RuleProblem {
	out := []RuleProblem{}
	for _, p := range list {
		out = append(out, RuleProblem{p.Artifact, p.Location, p.Message, p.Blocks})
	}
	return out
}

func ruleSteps(list []authoring.Step) []RuleStep {
	out := []RuleStep{}
	for _, s := range list {
		out = append(out, RuleStep{s.Step, s.Type, s.ID, s.Version, s.ResourceVersion, s.Person, s.Name, s.At.UTC().Format(time.RFC3339), s.Note})
	}
	return out
}

func (d *authoringDoor) registerRules(api huma.API) {
	huma.Register(api, authoringOperation("list-rules", http.MethodGet, "/rules", "List artifacts with their state", http.StatusOK),
		func(ctx context.Context, in *struct {
			State string `query:"state" enum:"draft,submitted,approved,released,retired,shipped" required:"false"`
			Type  string `query:"type" enum:"PlanDefinition,ActivityDefinition,Library,Questionnaire" required:"false" doc:"PlanDefinition where it is missing"`
			Text  string `query:"q" maxLength:"200" required:"false"`
		}) (*struct{ Body RuleList }, error) {
			list, err := d.Authoring.Rules(ctx, authoring.Filter{State: authoring.State(in.State), Type: in.Type, Text: in.Text})
			if err != nil {
				return nil, d.fail(ctx, err)
			}
			return &struct{ Body RuleList }{RuleList{list}}, nil
		})
	huma.Register(api, authoringOperation("create-rule", http.MethodPost, "/rules", "Store a new draft", http.StatusCreated, 409, 422),
		func(ctx context.Context, in *struct{ Body RuleWrite }) (*detailOutput, error) {
			r, err := fhir.ParseResource(in.Body.Resource)
			if err == nil {
				r, err = d.Authoring.Create(ctx, r)
			}
			if err != nil {
				return nil, d.fail(ctx, err)
			}
			return d.detail(ctx, r.Type(), r.ID())
		})
	huma.Register(api, authoringOperation("read-rule", http.MethodGet, "/rules/{type}/{id}", "Read an artifact with its problems and steps", http.StatusOK, 404),
		func(ctx context.Context, in *RuleAddress) (*detailOutput, error) {
			return d.detail(ctx, in.Type, in.ID)
		})
	huma.Register(api, authoringOperation("change-rule", http.MethodPut, "/rules/{type}/{id}", "Put another text in the place of a draft", http.StatusOK, 404, 409, 412, 422, 428),
		func(ctx context.Context, in *struct {
			RuleMatch
			Body RuleWrite
		}) (*detailOutput, error) {
			match, err := matched(in.IfMatch)
			if err == nil && match == 0 {
				err = issue.New(issue.Required, "If-Match has to name the version that is changed").WithStatus(http.StatusPreconditionRequired)
			}
			var r *fhir.Resource
			if err == nil {
				r, err = fhir.ParseResource(in.Body.Resource)
			}
			if err == nil {
				_, err = d.Authoring.Change(ctx, in.Type, in.ID, match, r)
			}
			if err != nil {
				return nil, d.fail(ctx, err)
			}
			return d.detail(ctx, in.Type, in.ID)
		})
	huma.Register(api, authoringOperation("delete-rule", http.MethodDelete, "/rules/{type}/{id}", "Delete a draft", http.StatusNoContent, 404, 409, 412),
		func(ctx context.Context, in *RuleMatch) (*struct{}, error) {
			match, err := matched(in.IfMatch)
			if err == nil {
				err = d.Authoring.Remove(ctx, in.Type, in.ID, match)
			}
			if err != nil {
				return nil, d.fail(ctx, err)
			}
			return nil, nil
		})
	huma.Register(api, authoringOperation("step-rule", http.MethodPost, "/rules/{type}/{id}/steps", "Take a step in the life of an artifact", http.StatusOK, 403, 404, 409, 412, 422),
		func(ctx context.Context, in *struct {
			RuleMatch
			Body StepWrite
		}) (*detailOutput, error) {
			match, err := matched(in.IfMatch)
			var r *fhir.Resource
			if err == nil {
				r, err = d.Authoring.Take(ctx, authoring.Wish{
					Step: in.Body.Step, Type: in.Type, ID: in.ID, Match: match, Note: in.Body.Note, Version: in.Body.Version, URL: in.Body.URL, Title: in.Body.Title,
				})
			}
			if err != nil {
				return nil, d.fail(ctx, err)
			}
			return d.detail(ctx, r.Type(), r.ID())
		})
	huma.Register(api, authoringOperation("read-rule-history", http.MethodGet, "/rules/{type}/{id}/history", "Read the steps of all versions of an artifact", http.StatusOK, 404),
		func(ctx context.Context, in *RuleAddress) (*struct{ Body RuleHistory }, error) {
			v, err := d.Authoring.Show(ctx, in.Type, in.ID)
			if err != nil {
				return nil, d.fail(ctx, err)
			}
			return &struct{ Body RuleHistory }{RuleHistory{ruleSteps(v.Steps)}}, nil
		})
	huma.Register(api, authoringOperation("diff-rule", http.MethodGet, "/rules/{type}/{id}/diff", "Compare a version with another one", http.StatusOK, 404),
		func(ctx context.Context, in *struct {
			RuleAddress
			Against string `query:"against" maxLength:"64" required:"false" doc:"id of the other version; without it the one in force, else the one it was made of"`
		}) (*struct{ Body authoring.Difference }, error) {
			diff, err := d.Authoring.Diff(ctx, in.Type, in.ID, in.Against)
			if err != nil {
				return nil, d.fail(ctx, err)
			}
			return &struct{ Body authoring.Difference }{diff}, nil
		})
}

func (d *authoringDoor) registerKnowledge(api huma.API) {
	huma.Register(api, authoringOperation("read-knowledge", http.MethodGet, "/knowledge", "Tell what runs, and what does not", http.StatusOK),
		func(ctx context.Context, _ *struct{}) (*struct{ Body KnowledgeState }, error) {
			st, err := d.Authoring.Status(ctx)
			if err != nil {
				return nil, d.fail(ctx, err)
			}
			return &struct{ Body KnowledgeState }{d.state(st)}, nil
		})
	huma.Register(api, authoringOperation("list-overlay", http.MethodGet, "/overlay", "List what this site lays over the content", http.StatusOK),
		func(ctx context.Context, _ *struct{}) (*struct{ Body OverlayList }, error) {
			entries, _, err := d.Authoring.Overlay(ctx)
			if err != nil {
				return nil, d.fail(ctx, err)
			}
			out := OverlayList{Entries: []OverlayEntry{}}
			for _, e := range entries {
				out.Entries = append(out.Entries, overlayEntry(e))
			}
			return &struct{ Body OverlayList }{out}, nil
		})
	huma.Register(api, authoringOperation("add-overlay", http.MethodPost, "/overlay", "Lay something over the content", http.StatusCreated, 409, 422),
		func(ctx context.Context, in *struct{ Body OverlayEntry }) (*struct{ Body OverlayEntry }, error) {
			b := in.Body
			e, err := d.Authoring.AddOverlay(ctx, knowledge.Overlay{
				Kind: b.Kind, Target: b.Target, With: b.With, Indication: b.Indication, Reason: cds.Text{DE: b.Reason.DE, EN: b.Reason.EN},
			})
			if err != nil {
				return nil, d.fail(ctx, err)
			}
			return &struct{ Body OverlayEntry }{overlayEntry(e)}, nil
		})
	huma.Register(api, authoringOperation("remove-overlay", http.MethodDelete, "/overlay/{id}", "Take something away from the overlay", http.StatusNoContent, 404),
		func(ctx context.Context, in *struct {
			ID string `path:"id" maxLength:"64"`
		}) (*struct{}, error) {
			if err := d.Authoring.RemoveOverlay(ctx, in.ID); err != nil {
				return nil, d.fail(ctx, err)
			}
			return nil, nil
		})
	huma.Register(api, authoringOperation("read-knowledge-settings", http.MethodGet, "/settings", "Read what becomes of knowledge past its time", http.StatusOK),
		func(ctx context.Context, _ *struct{}) (*struct{ Body authoring.Settings }, error) {
			_, s, err := d.Authoring.Overlay(ctx)
			if err != nil {
				return nil, d.fail(ctx, err)
			}
			return &struct{ Body authoring.Settings }{s}, nil
		})
	huma.Register(api, authoringOperation("set-knowledge-settings", http.MethodPut, "/settings", "Say what becomes of knowledge past its time", http.StatusOK, 422),
		func(ctx context.Context, in *struct{ Body authoring.Settings }) (*struct{ Body authoring.Settings }, error) {
			if err := d.Authoring.SetSettings(ctx, in.Body); err != nil {
				return nil, d.fail(ctx, err)
			}
			return &struct{ Body authoring.Settings }{in.Body}, nil
		})
}

func overlayEntry(e authoring.Entry) OverlayEntry {
	return OverlayEntry{
		ID: e.ID, Kind: e.Kind, Target: e.Target, With: e.With, Indication: e.Indication, Reason: authoring.Words{DE: e.Reason.DE, EN: e.Reason.EN},
		By: e.By.Name, At: e.At.UTC().Format(time.RFC3339),
	}
}

func (d *authoringDoor) state(st authoring.Status) KnowledgeState {
	s := st.Snapshot
	out := KnowledgeState{
		LoadedAt: s.LoadedAt().UTC().Format(time.RFC3339), Revision: s.Revision(), Demo: d.Demo, Plans: len(s.Plans()), Shipped: st.Shipped, Site: st.Site,
		Problems: []RuleProblem{}, Withheld: []KnowledgeNote{}, Refused: []KnowledgeNote{}, Services: []KnowledgeService{},
		Overlay: len(s.Overlay()), Upgrades: append([]string{}, s.Upgrades()...),
	}
	if at := d.Checked(); !at.IsZero() {
		out.CheckedAt = at.UTC().Format(time.RFC3339)
	}
	for _, p := range s.Problems() {
		out.Problems = append(out.Problems, RuleProblem{p.Artifact, p.Location, p.Message, true})
	}
	for _, w := range s.Withheld() {
		out.Withheld = append(out.Withheld, KnowledgeNote{w.Artifact, w.Message})
	}
	for _, r := range s.Refused() {
		out.Refused = append(out.Refused, KnowledgeNote{r.Artifact, r.Message})
	}
	for _, v := range s.Services() {
		out.Services = append(out.Services, KnowledgeService{v.ID, v.Hook, v.Artifact})
	}
	return out
}

func (d *authoringDoor) registerExchange(api huma.API) {
	take := authoringOperation("import-artifacts", http.MethodPost, "/import", "Make drafts of a Bundle or a FHIR package", http.StatusOK, 413, 415, 422)
	take.MaxBodyBytes = maxPackage
	take.SkipValidateBody = true // an archive is no JSON; what it holds is checked
	take.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		"application/fhir+json": {Schema: &huma.Schema{Type: huma.TypeObject, Description: "a Bundle, or one artifact"}},
		"application/json":      {Schema: &huma.Schema{Type: huma.TypeObject, Description: "a Bundle, or one artifact"}},
		"application/gzip":      {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary", Description: "a FHIR package (.tgz)"}},
	}}
	huma.Register(api, take, func(ctx context.Context, in *struct {
		ContentType string `header:"Content-Type"`
		RawBody     []byte
	}) (*struct{ Body Imported }, error) {
		list, note, err := imported(in.ContentType, in.RawBody)
		if err != nil {
			return nil, d.fail(ctx, err)
		}
		return d.taken(ctx)(d.Authoring.Import(ctx, list, note))
	})
	huma.Register(api, huma.Operation{
		OperationID: "export-artifacts", Method: http.MethodGet, Path: "/authoring/export", Summary: "Export artifacts as a Bundle or a FHIR package",
		Tags: []string{"authoring"}, Errors: []int{404},
		Responses: map[string]*huma.Response{"200": {Description: "the artifacts", Content: map[string]*huma.MediaType{
			"application/fhir+json": {Schema: &huma.Schema{Type: huma.TypeObject, Description: "a Bundle"}},
			"application/gzip":      {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary", Description: "a FHIR package (.tgz)"}},
		}}},
	}, d.export)
	tables := authoringOperation("import-tables", http.MethodPost, "/tables", "Make drafts of a house guideline in source tables", http.StatusOK, 413, 422)
	tables.MaxBodyBytes = maxTables
	huma.Register(api, tables, func(ctx context.Context, in *struct{ Body authoring.TableSet }) (*struct{ Body Imported }, error) {
		return d.taken(ctx)(d.Authoring.ImportTables(ctx, in.Body))
	})
	huma.Register(api, authoringOperation("export-tables", http.MethodGet, "/tables", "Export source tables", http.StatusOK, 404),
		func(ctx context.Context, in *struct {
			Name string `query:"name" maxLength:"40" required:"false" doc:"of tables that were imported; without it those that come with the program"`
		}) (*struct{ Body authoring.TableSet }, error) {
			t, err := d.Authoring.ExportTables(ctx, in.Name)
			if err != nil {
				return nil, d.fail(ctx, err)
			}
			return &struct{ Body authoring.TableSet }{t}, nil
		})
}

// imported reads the body of an import by its media type, or by how it begins.
func imported(contentType string, raw []byte) ([]*fhir.Resource, string, error) {
	kind, _, _ := mime.ParseMediaType(contentType)
	if strings.HasSuffix(kind, "gzip") || bytes.HasPrefix(raw, []byte{0x1f, 0x8b}) {
		m, list, err := authoring.ReadPackage(raw)
		return list, "of the package " + m.Name + "#" + m.Version, err
	}
	r, err := fhir.ParseResource(raw)
	if err != nil {
		return nil, "", err
	}
	list, err := authoring.Unbundle(r)
	return list, "", err
}

// taken gives what an import made as the door shows it.
func (d *authoringDoor) taken(ctx context.Context) func(authoring.Taken, error) (*struct{ Body Imported }, error) {
	return func(t authoring.Taken, err error) (*struct{ Body Imported }, error) {
		if err != nil {
			return nil, d.fail(ctx, err)
		}
		out := Imported{Made: []authoring.Rule{}, Skipped: append([]authoring.Skipped{}, t.Skipped...)}
		for _, r := range t.Made {
			out.Made = append(out.Made, d.Authoring.Describe(r))
		}
		return &struct{ Body Imported }{out}, nil
	}
}

func (d *authoringDoor) export(ctx context.Context, in *struct {
	Format string `query:"format" enum:"bundle,package" required:"false" doc:"bundle where it is missing"`
	URL    string `query:"url" maxLength:"500" required:"false" doc:"canonical of the artifact; without it all that runs"`
	Name   string `query:"name" maxLength:"128" pattern:"^[a-z0-9][a-z0-9._-]*$" required:"false" doc:"of the package"`
	Number string `query:"version" maxLength:"64" pattern:"^[0-9A-Za-z][0-9A-Za-z.+-]*$" required:"false" doc:"of the package"`
}) (*huma.StreamResponse, error) {
	list, err := d.Authoring.Export(ctx, in.URL)
	if err != nil {
		return nil, d.fail(ctx, err)
	}
	kind, name := "application/fhir+json", "knowledge.json"
	var body []byte
	if in.Format == "package" {
		m := authoring.Manifest{Name: in.Name, Version: in.Number, Canonical: "https://cdss.example/fhir", Description: "Knowledge of this site", Type: "Conformance"}
		if m.Name == "" {
			m.Name = "cdss.site.knowledge"
		}
		if m.Version == "" {
			m.Version = d.Now().UTC().Format("2006.1.2")
		}
		kind, name = "application/gzip", m.Name+"-"+m.Version+".tgz"
		body, err = authoring.WritePackage(m, list, d.Now())
	} else {
		var b *fhir.Resource
		if b, err = authoring.Bundle(list); err == nil {
			body = b.Raw()
		}
	}
	if err != nil {
		return nil, d.fail(ctx, err)
	}
	return &huma.StreamResponse{Body: func(h huma.Context) {
		h.SetHeader("Content-Type", kind)
		h.SetHeader("Content-Disposition", `attachment; filename="`+name+`"`)
		_, _ = h.BodyWriter().Write(body)
	}}, nil
}

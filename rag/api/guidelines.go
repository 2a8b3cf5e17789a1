package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"cdss/fhir/task"
	"cdss/rag"
	"cdss/rag/ingest"
	"cdss/rag/parse"
)

// Guideline is a version of a guideline.
type Guideline struct {
	ID          string     `json:"id" doc:"of this version"`
	Identifier  string     `json:"identifier" doc:"stable over versions, named by citations"`
	Title       string     `json:"title"`
	Version     string     `json:"version" doc:"the publisher's, may be empty"`
	Publisher   string     `json:"publisher"`
	Language    string     `json:"language" enum:"de,en"`
	ValidUntil  *string    `json:"validUntil" format:"date"`
	Expired     bool       `json:"expired" doc:"stated by the publisher, or validUntil has passed"`
	Status      rag.Status `json:"status" enum:"draft,active,retired"`
	PartOf      string     `json:"partOf"`
	SameAs      string     `json:"sameAs"`
	Indications []string   `json:"indications"`
	Passages    int        `json:"passages"`
	Pages       int        `json:"pages"`
	Format      string     `json:"format"`
	FileName    string     `json:"fileName"`
	Size        int64      `json:"size" doc:"bytes"`
	SHA256      string     `json:"sha256"`
	CreatedAt   time.Time  `json:"createdAt"`
	ApprovedAt  *time.Time `json:"approvedAt"`
	Complete    bool       `json:"complete" doc:"read completely; may be approved"`
	UploadedBy  string     `json:"uploadedBy" doc:"id of the person, empty when nobody was logged in"`
	ApprovedBy  string     `json:"approvedBy"`
	Flagged     int        `json:"flagged" doc:"pages that need a look: see their flags"`
	Job         *Job       `json:"job"`
}

// Job is the reading of a version.
type Job struct {
	State   string `json:"state" enum:"queued,running,done,failed"`
	Stage   string `json:"stage" doc:"parse, segment, embed or index"`
	Done    int64  `json:"done"`
	Total   int64  `json:"total"`
	Message string `json:"message" doc:"why the last attempt failed, else empty"`
	Reason  string `json:"reason" doc:"code of that, where it has one: encrypted, damaged, only-pictures, ..."`
	German  string `json:"messageDe" doc:"the message in German, where there is one"`
}

// GuidelineList is the answer to a list request.
type GuidelineList struct {
	Guidelines []Guideline `json:"guidelines"`
}

// GuidelinePassage is a passage beside its source.
type GuidelinePassage struct {
	ID       string   `json:"id"`
	Ord      int      `json:"ord" doc:"position in the document, from 0"`
	Kind     rag.Kind `json:"kind" enum:"text,table,list"`
	Language string   `json:"language"`
	Page     *int     `json:"page" doc:"printed page"`
	PageEnd  *int     `json:"pageEnd"`
	Section  []string `json:"section" doc:"heading path, outermost first"`
	Quoted   string   `json:"quoted" doc:"the source's own text, verbatim"`
	SHA256   string   `json:"sha256" doc:"of quoted"`
	Sheet    int      `json:"sheet" doc:"position of the page in the document, from 1"`
	Boxes    []Box    `json:"boxes,omitempty" doc:"where it is printed; only with ?boxes=true"`
	Disabled bool     `json:"disabled" doc:"feeds no answer and is not cited"`
	Note     string   `json:"note"`
	MarkedBy string   `json:"markedBy"`
}

// Box is a box on a page in points, from its upper left corner.
type Box struct {
	X      float32 `json:"x"`
	Y      float32 `json:"y"`
	Width  float32 `json:"width"`
	Height float32 `json:"height"`
}

// GuidelinePassages is a part of the passages of a version.
type GuidelinePassages struct {
	Total    int                `json:"total" doc:"passages that match"`
	Passages []GuidelinePassage `json:"passages"`
}

// GuidelineSource is the text of a version as it was read.
type GuidelineSource struct {
	Format string          `json:"format"`
	Pages  []GuidelinePage `json:"pages"`
}

// GuidelinePage is one page of it.
type GuidelinePage struct {
	Page *int   `json:"page" doc:"printed page"`
	Text string `json:"text"`
}

type (
	guidelineID struct {
		ID string `path:"id" maxLength:"64"`
	}
	guidelineOutput  struct{ Body Guideline }
	guidelinesOutput struct{ Body GuidelineList }
	passagesInput    struct {
		ID     string `path:"id" maxLength:"64"`
		Page   int    `query:"page" minimum:"0" maximum:"100000" doc:"printed page, 0 means all"`
		Sheet  int    `query:"sheet" minimum:"0" maximum:"100000" doc:"position of the page in the document from 1, 0 means all"`
		Boxes  bool   `query:"boxes" doc:"with where each is printed"`
		Text   string `query:"q" maxLength:"200" doc:"text that the passage or its heading holds"`
		Offset int    `query:"offset" minimum:"0" maximum:"1000000"`
		Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	}
	passagesOutput struct{ Body GuidelinePassages }
	sourceOutput   struct{ Body GuidelineSource }
)

func (d *door) registerGuidelines(api huma.API) {
	huma.Register(api, operation("list-guidelines", http.MethodGet, "/guidelines", "List guidelines", http.StatusOK),
		func(ctx context.Context, _ *struct{}) (*guidelinesOutput, error) {
			list, err := d.guidelines.Versions(ctx)
			if err != nil {
				return nil, d.fail(ctx, err)
			}
			out := &guidelinesOutput{Body: GuidelineList{Guidelines: make([]Guideline, 0, len(list))}}
			for _, v := range list {
				out.Body.Guidelines = append(out.Body.Guidelines, guideline(v))
			}
			return out, nil
		})
	one := func(id, method, path, summary string, do func(context.Context, string) (ingest.Version, error), errors ...int) {
		huma.Register(api, operation(id, method, path, summary, http.StatusOK, errors...),
			func(ctx context.Context, in *guidelineID) (*guidelineOutput, error) {
				v, err := do(ctx, in.ID)
				if err != nil {
					return nil, d.fail(ctx, err)
				}
				return &guidelineOutput{Body: guideline(v)}, nil
			})
	}
	one("read-guideline", http.MethodGet, "/guidelines/{id}", "Read a guideline", d.guidelines.Version, http.StatusNotFound)
	one("approve-guideline", http.MethodPost, "/guidelines/{id}/approve", "Let a version feed answers; its predecessor is retired",
		d.guidelines.Approve, http.StatusNotFound, http.StatusConflict, http.StatusForbidden)
	one("retire-guideline", http.MethodPost, "/guidelines/{id}/retire", "Take a version out of the answers",
		d.guidelines.Retire, http.StatusNotFound, http.StatusConflict)
	huma.Register(api, operation("delete-guideline", http.MethodDelete, "/guidelines/{id}",
		"Delete a version with its source, passages and vectors", http.StatusNoContent, http.StatusNotFound),
		func(ctx context.Context, in *guidelineID) (*struct{}, error) {
			return nil, d.fail(ctx, d.guidelines.Delete(ctx, in.ID))
		})
	huma.Register(api, operation("list-guideline-passages", http.MethodGet, "/guidelines/{id}/passages",
		"List passages of a guideline", http.StatusOK, http.StatusNotFound), d.passages)
	huma.Register(api, operation("read-guideline-source", http.MethodGet, "/guidelines/{id}/source",
		"Read the text of a guideline page by page", http.StatusOK, http.StatusNotFound), d.source)
}

func (d *door) passages(ctx context.Context, in *passagesInput) (*passagesOutput, error) {
	total, list, err := d.guidelines.Passages(ctx, in.ID, ingest.Filter{Page: in.Page, Sheet: in.Sheet, Text: in.Text, Offset: in.Offset, Limit: in.Limit})
	if err != nil {
		return nil, d.fail(ctx, err)
	}
	pages := map[int]parse.Page{}
	out := &passagesOutput{Body: GuidelinePassages{Total: total, Passages: make([]GuidelinePassage, 0, len(list))}}
	for _, p := range list {
		shown := passage(p)
		if in.Boxes {
			if shown.Boxes, err = d.boxes(ctx, in.ID, p.Anchor, pages); err != nil {
				return nil, d.fail(ctx, err)
			}
		}
		out.Body.Passages = append(out.Body.Passages, shown)
	}
	return out, nil
}

func (d *door) source(ctx context.Context, in *guidelineID) (*sourceOutput, error) {
	format, pages, err := d.guidelines.SourcePages(ctx, in.ID)
	if err != nil {
		return nil, d.fail(ctx, err)
	}
	out := &sourceOutput{Body: GuidelineSource{Format: string(format), Pages: make([]GuidelinePage, 0, len(pages))}}
	for _, p := range pages {
		out.Body.Pages = append(out.Body.Pages, GuidelinePage{Page: pageOrNil(p.Number), Text: p.Text})
	}
	return out, nil
}

func guideline(v ingest.Version) Guideline {
	g := Guideline{
		ID: v.ID, Identifier: v.Identifier, Title: v.Title, Version: v.Version, Publisher: v.Publisher, Language: v.Language,
		ValidUntil: dayOrNil(v.ValidUntil), Expired: v.Expired, Status: v.Status, PartOf: v.PartOf, SameAs: v.SameAs,
		Indications: v.Indications, Passages: v.Passages, Pages: v.Pages, Format: string(v.Format), FileName: v.FileName,
		Size: v.Size, SHA256: v.SHA256, CreatedAt: v.CreatedAt, ApprovedAt: v.ApprovedAt, Complete: v.Complete,
		UploadedBy: v.UploadedBy, ApprovedBy: v.ApprovedBy, Flagged: v.Flagged,
	}
	if g.Indications == nil {
		g.Indications = []string{}
	}
	if t := v.Task; t != nil {
		g.Job = &Job{State: string(t.State), Stage: t.Stage, Done: t.Done, Total: t.Total, Message: t.Reason}
		if refusal := parse.RefusalIn(t.Reason); refusal != 0 {
			g.Job.Reason, g.Job.German = refusal.Code(), refusal.German()
		}
		if t.State == task.Cancelled {
			g.Job.State, g.Job.Message = string(task.Failed), "cancelled"
		}
	}
	return g
}

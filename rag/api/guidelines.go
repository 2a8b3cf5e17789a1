package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"cdss/fhir/task"
	"cdss/rag"
	"cdss/rag/ingest"
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
	Job         *Job       `json:"job"`
}

// Job is the reading of a version.
type Job struct {
	State   string `json:"state" enum:"queued,running,done,failed"`
	Stage   string `json:"stage" doc:"parse, segment, embed or index"`
	Done    int64  `json:"done"`
	Total   int64  `json:"total"`
	Message string `json:"message" doc:"why the last attempt failed, else empty"`
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
		d.guidelines.Approve, http.StatusNotFound, http.StatusConflict)
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
	total, list, err := d.guidelines.Passages(ctx, in.ID, ingest.Filter{Page: in.Page, Text: in.Text, Offset: in.Offset, Limit: in.Limit})
	if err != nil {
		return nil, d.fail(ctx, err)
	}
	out := &passagesOutput{Body: GuidelinePassages{Total: total, Passages: make([]GuidelinePassage, 0, len(list))}}
	for _, p := range list {
		out.Body.Passages = append(out.Body.Passages, GuidelinePassage{
			ID: p.ID, Ord: p.Ord, Kind: p.Kind, Language: p.Language, Page: pageOrNil(p.Page), PageEnd: pageOrNil(p.PageEnd),
			Section: p.Section, Quoted: p.Quoted, SHA256: p.SHA256,
		})
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
	}
	if g.Indications == nil {
		g.Indications = []string{}
	}
	if t := v.Task; t != nil {
		g.Job = &Job{State: string(t.State), Stage: t.Stage, Done: t.Done, Total: t.Total, Message: t.Reason}
		if t.State == task.Cancelled {
			g.Job.State, g.Job.Message = string(task.Failed), "cancelled"
		}
	}
	return g
}

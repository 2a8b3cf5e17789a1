package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"cdss/rag/eval"
	"cdss/rag/lab"
)

// QuerySetHead is a set of judged queries in a list.
type QuerySetHead struct {
	ID        string          `json:"id"`
	Name      string          `json:"name"`
	Queries   int             `json:"queries"`
	UpdatedAt time.Time       `json:"updatedAt"`
	LastRun   *QueryRunReport `json:"lastRun"`
}

// QuerySetBody is a set as a curator keeps it.
type QuerySetBody struct {
	Name     string        `json:"name" minLength:"1" maxLength:"200"`
	Queries  []JudgedQuery `json:"queries" maxItems:"1000"`
	Revision int           `json:"revision,omitempty" doc:"the one that was read; needed to change a set"`
}

// QuerySet is a set with its queries.
type QuerySet struct {
	ID string `json:"id"`
	QuerySetBody
	UpdatedAt time.Time `json:"updatedAt"`
}

// JudgedQuery is a question with the passages that answer it; without any, the right
// answer is to stay silent.
type JudgedQuery struct {
	ID       string          `json:"id" maxLength:"64"`
	Query    string          `json:"query" maxLength:"2000"`
	Language string          `json:"language" enum:"de,en"`
	Kind     string          `json:"kind,omitempty" maxLength:"40"`
	Relevant []JudgedPassage `json:"relevant,omitempty" maxItems:"50"`
}

// JudgedPassage is a verbatim quotation that answers a question.
type JudgedPassage struct {
	Document string `json:"document,omitempty" doc:"identifier of the guideline, for people"`
	Page     *int   `json:"page,omitempty"`
	Heading  string `json:"heading,omitempty"`
	Quote    string `json:"quote" maxLength:"2000"`
	Grade    int    `json:"grade" minimum:"1" maximum:"3" doc:"3 answers directly, 2 substantially, 1 marginally"`
	Unit     string `json:"unit,omitempty" doc:"quotations of one unit say the same"`
}

// QueryRunReport is one asking of a set.
type QueryRunReport struct {
	ID         string                   `json:"id"`
	RanAt      time.Time                `json:"ranAt"`
	Reason     string                   `json:"reason" enum:"asked,changed"`
	Corpus     string                   `json:"corpus" doc:"equal values searched equal guidelines"`
	Program    string                   `json:"program"`
	Queries    int                      `json:"queries"`
	Groups     map[string]eval.Measures `json:"groups"`
	Abstention *eval.Abstention         `json:"abstention"`
}

// QueryRunDetail is a run with what each query found.
type QueryRunDetail struct {
	QueryRunReport
	PerQuery map[string]eval.Measures `json:"perQuery"`
	Results  []lab.Outcome            `json:"results"`
}

// QueryRunComparison tells how two runs differ.
type QueryRunComparison struct {
	N       int           `json:"n" doc:"queries that both runs measured"`
	Before  float64       `json:"before" doc:"mean nDCG@10"`
	After   float64       `json:"after"`
	P       float64       `json:"p" doc:"two-sided paired randomisation test; below 0.05 the difference is hardly chance"`
	Better  int           `json:"better"`
	Worse   int           `json:"worse"`
	Changed []QueryChange `json:"changed" doc:"largest loss first"`
}

// QueryChange is the nDCG@10 of one query before and after.
type QueryChange struct {
	ID     string  `json:"id"`
	Before float64 `json:"before"`
	After  float64 `json:"after"`
}

type (
	setID struct {
		ID string `path:"id"`
	}
	setList struct {
		Body struct {
			Sets []QuerySetHead `json:"sets"`
		}
	}
	setInput  struct{ Body QuerySetBody }
	setChange struct {
		ID   string `path:"id"`
		Body QuerySetBody
	}
	setOutput struct{ Body QuerySet }
	runID     struct {
		ID  string `path:"id"`
		Run string `path:"run"`
	}
	runCompare struct {
		ID   string `path:"id"`
		Run  string `path:"run"`
		With string `query:"with" required:"true" doc:"the earlier run"`
	}
	runList struct {
		Body struct {
			Runs []QueryRunReport `json:"runs"`
		}
	}
	runOutput  struct{ Body QueryRunDetail }
	diffOutput struct{ Body QueryRunComparison }
)

func (d *door) registerQuerySets(api huma.API) {
	op := func(id, method, path, summary string, status int, errors ...int) huma.Operation {
		o := operation(id, method, path, summary, status, errors...)
		o.MaxBodyBytes = 4 << 20
		return o
	}
	const bad, gone, both = http.StatusUnprocessableEntity, http.StatusNotFound, http.StatusConflict
	huma.Register(api, op("list-query-sets", http.MethodGet, "/query-sets", "List the sets of judged queries", http.StatusOK), d.listSets)
	huma.Register(api, op("create-query-set", http.MethodPost, "/query-sets", "Keep a set of judged queries", http.StatusCreated, bad, both), d.createSet)
	huma.Register(api, op("read-query-set", http.MethodGet, "/query-sets/{id}", "Read a set", http.StatusOK, gone), d.readSet)
	huma.Register(api, op("change-query-set", http.MethodPut, "/query-sets/{id}", "Change a set", http.StatusOK, bad, gone, both), d.changeSet)
	huma.Register(api, op("delete-query-set", http.MethodDelete, "/query-sets/{id}", "Delete a set and its runs", http.StatusNoContent, gone), d.deleteSet)
	huma.Register(api, op("run-query-set", http.MethodPost, "/query-sets/{id}/runs", "Ask all queries of a set now", http.StatusCreated, gone), d.runSet)
	huma.Register(api, op("list-query-runs", http.MethodGet, "/query-sets/{id}/runs", "List the runs of a set, newest first", http.StatusOK, gone), d.listRuns)
	huma.Register(api, op("read-query-run", http.MethodGet, "/query-sets/{id}/runs/{run}", "Read a run", http.StatusOK, gone), d.readRun)
	huma.Register(api, op("compare-query-runs", http.MethodGet, "/query-sets/{id}/runs/{run}/comparison", "Compare a run with an earlier one", http.StatusOK, gone), d.compareRuns)
}

func (d *door) listSets(ctx context.Context, _ *struct{}) (*setList, error) {
	sets, err := d.lab.Sets(ctx)
	if err != nil {
		return nil, d.fail(ctx, err)
	}
	out := &setList{}
	out.Body.Sets = []QuerySetHead{}
	for _, s := range sets {
		head := QuerySetHead{ID: s.ID, Name: s.Name, Queries: len(s.Queries), UpdatedAt: s.UpdatedAt}
		last, err := d.lab.Runs(ctx, s.ID, 1)
		if err != nil {
			return nil, d.fail(ctx, err)
		}
		if len(last) > 0 {
			r := runReport(last[0])
			head.LastRun = &r
		}
		out.Body.Sets = append(out.Body.Sets, head)
	}
	return out, nil
}

func (d *door) createSet(ctx context.Context, in *setInput) (*setOutput, error) {
	return d.saveSet(ctx, "", in.Body)
}

func (d *door) changeSet(ctx context.Context, in *setChange) (*setOutput, error) {
	return d.saveSet(ctx, in.ID, in.Body)
}

func (d *door) saveSet(ctx context.Context, id string, body QuerySetBody) (*setOutput, error) {
	set := lab.Set{ID: id, Name: body.Name, Revision: body.Revision}
	for _, q := range body.Queries {
		query := eval.Query{ID: q.ID, Lang: q.Language, Kind: q.Kind, Text: q.Query}
		for _, r := range q.Relevant {
			query.Relevant = append(query.Relevant, eval.Judgement{Doc: r.Document, Page: r.Page, Heading: r.Heading, Quote: r.Quote, Grade: r.Grade, Unit: r.Unit})
		}
		set.Queries = append(set.Queries, query)
	}
	saved, err := d.lab.Save(ctx, set)
	if err != nil {
		return nil, d.fail(ctx, err)
	}
	return &setOutput{Body: querySet(saved)}, nil
}

func querySet(s lab.Set) QuerySet {
	out := QuerySet{ID: s.ID, UpdatedAt: s.UpdatedAt, QuerySetBody: QuerySetBody{Name: s.Name, Revision: s.Revision, Queries: []JudgedQuery{}}}
	for _, q := range s.Queries {
		query := JudgedQuery{ID: q.ID, Query: q.Text, Language: q.Lang, Kind: q.Kind}
		for _, r := range q.Relevant {
			query.Relevant = append(query.Relevant, JudgedPassage{Document: r.Doc, Page: r.Page, Heading: r.Heading, Quote: r.Quote, Grade: r.Grade, Unit: r.Unit})
		}
		out.Queries = append(out.Queries, query)
	}
	return out
}

func (d *door) readSet(ctx context.Context, in *setID) (*setOutput, error) {
	s, err := d.lab.Set(ctx, in.ID)
	if err != nil {
		return nil, d.fail(ctx, err)
	}
	return &setOutput{Body: querySet(s)}, nil
}

func (d *door) deleteSet(ctx context.Context, in *setID) (*struct{}, error) {
	return nil, d.fail(ctx, d.lab.Delete(ctx, in.ID))
}

func (d *door) runSet(ctx context.Context, in *setID) (*runOutput, error) {
	r, err := d.lab.Run(ctx, in.ID)
	if err != nil {
		return nil, d.fail(ctx, err)
	}
	return &runOutput{Body: runDetail(r)}, nil
}

// runsShown is how far back the list of runs goes.
const runsShown = 200

func (d *door) listRuns(ctx context.Context, in *setID) (*runList, error) {
	list, err := d.lab.Runs(ctx, in.ID, runsShown)
	if err != nil {
		return nil, d.fail(ctx, err)
	}
	out := &runList{}
	out.Body.Runs = []QueryRunReport{}
	for _, r := range list {
		out.Body.Runs = append(out.Body.Runs, runReport(r))
	}
	return out, nil
}

func (d *door) readRun(ctx context.Context, in *runID) (*runOutput, error) {
	r, err := d.lab.Result(ctx, in.ID, in.Run)
	if err != nil {
		return nil, d.fail(ctx, err)
	}
	return &runOutput{Body: runDetail(r)}, nil
}

func runReport(r lab.Run) QueryRunReport {
	out := QueryRunReport{ID: r.ID, RanAt: r.RanAt, Reason: r.Reason, Corpus: r.Corpus, Program: r.Program, Queries: r.Queries,
		Groups: r.Report.Groups, Abstention: r.Report.Abstention}
	if out.Groups == nil {
		out.Groups = map[string]eval.Measures{}
	}
	return out
}

func runDetail(r lab.Run) QueryRunDetail {
	out := QueryRunDetail{QueryRunReport: runReport(r), PerQuery: r.Report.PerQuery, Results: orEmpty(r.Results)}
	if out.PerQuery == nil {
		out.PerQuery = map[string]eval.Measures{}
	}
	return out
}

func (d *door) compareRuns(ctx context.Context, in *runCompare) (*diffOutput, error) {
	c, err := d.lab.Compare(ctx, in.ID, in.With, in.Run)
	if err != nil {
		return nil, d.fail(ctx, err)
	}
	out := &diffOutput{Body: QueryRunComparison{N: c.N, Before: c.Before, After: c.After, P: c.P, Better: c.Better, Worse: c.Worse, Changed: []QueryChange{}}}
	for _, ch := range c.Changed {
		out.Body.Changed = append(out.Body.Changed, QueryChange{ID: ch.ID, Before: ch.Before, After: ch.After})
	}
	return out, nil
}

// Package trial tries knowledge before and beside its use: cases with what is
// expected of the answer, past admissions with the orders that were given, two
// versions against each other, and the trace that explains one answer.
//
// It owns the form of a case, how an answer is judged, what counts as coverage, and
// the report of a replay. It asks the same rooms as the server does (facts, apply,
// recommend, render) and refuses to reason itself; it refuses files, databases and
// the clock: time is that of the question.
package trial

import (
	"context"
	"time"

	"cdss/cds"
	"cdss/cds/apply"
	"cdss/cds/facts"
	"cdss/cds/knowledge"
	"cdss/cds/recommend"
	"cdss/cds/render"
	"cdss/cds/translate"
	"cdss/fhir"
	"cdss/fhir/issue"
)

// Knowledge is one version of everything that decides.
type Knowledge struct {
	Name     string // as a report calls it
	Snapshot *knowledge.Snapshot
	Tables   recommend.Tables
	Demo     bool             // example content may show
	Local    *translate.Table // maps of local codes; nil: none
}

// Question is one patient at one time, and what is asked.
type Question struct {
	ID        string
	Now       time.Time
	Patient   string // bare id; "" takes the only Patient of Resources
	Resources []*fhir.Resource
	Drafts    []*fhir.Resource // orders that are to be checked
	Request   *cds.StructuredRequest
	Language  cds.Lang
	All       bool // every option is wanted, not the first five
}

// Answer is what a version of the knowledge says to a question.
type Answer struct {
	Chart          *facts.Chart // of the recommendation
	Recommendation cds.Recommendation
	Orders         recommend.Findings // none without drafts
	Checked        []facts.Order      // the drafts as they were understood
	Cards          []cds.Card         // of the order hook
	Trace          apply.Trace        // filled when it was asked for
}

// searched are the resource types that a hook asks its client for. A Bundle that
// holds none of a type is, for the check of orders, a search that found none.
var searched = []string{
	"Encounter", "Condition", "AllergyIntolerance", "MedicationRequest", "MedicationStatement", "Observation", "Procedure", "Device", "Flag",
}

// Ask puts a question: the options as the app asks for them, with one whole Bundle;
// the orders as an EHR does, whose searches may have found nothing. With trace set
// the answer tells every condition that was looked at.
func (k Knowledge) Ask(ctx context.Context, q Question, trace bool) Answer {
	var a Answer
	if q.Language == "" {
		q.Language = cds.DE
	}
	resources, drafts := k.Local.Resources(q.Resources), k.Local.Resources(q.Drafts)
	in := facts.Input{
		Now: q.Now, Patient: q.Patient, Resources: resources, Request: q.Request, Indications: k.Snapshot.Indications(),
		Formulary: k.Tables.Formulary, Allergy: k.Tables.Allergy, Organisms: k.Tables.Organisms,
	}
	a.Chart = facts.Build(in)
	with := recommend.Input{Snapshot: k.Snapshot, Tables: k.Tables, Chart: a.Chart, Lang: q.Language, Demo: k.Demo, ID: q.ID, Now: q.Now}
	if q.All {
		with.MaxOptions = -1
	}
	if trace {
		with.Trace = &a.Trace
	}
	a.Recommendation = recommend.Recommend(ctx, with)
	if len(drafts) == 0 {
		return a
	}
	in.Drafts, in.Request, in.Received = drafts, nil, received(resources)
	with.Chart, with.Received = facts.Build(in), in.Received
	a.Checked = with.Chart.Orders()
	a.Orders = recommend.CheckOrders(ctx, with)
	a.Cards = render.Cards(cds.Recommendation{
		ID: q.ID, Language: q.Language, CreatedAt: q.Now.Format(time.RFC3339), Knowledge: a.Orders.Knowledge,
		Warnings: a.Orders.Warnings, NotChecked: a.Orders.NotChecked, Banner: a.Orders.Banner,
	}, render.Options{Lang: q.Language, NewUUID: func(key string) string { return key }})
	return a
}

// received tells how the types of a Bundle came, had they been searched for.
func received(resources []*fhir.Resource) map[string]facts.Received {
	out := make(map[string]facts.Received, len(searched))
	for _, t := range searched {
		out[t] = facts.NoneRecorded
	}
	for _, r := range resources {
		out[r.Type()] = facts.Complete
	}
	return out
}

// ReadBundle takes the patient's data out of a Bundle. It is an error when it is no
// Bundle, when an entry cannot be read, or when it is one page of several.
func ReadBundle(r *fhir.Resource) ([]*fhir.Resource, error) {
	b, err := fhir.SplitBundle(r)
	if err != nil {
		return nil, err
	}
	if b.Next != "" {
		return nil, issue.New(issue.Incomplete, "the Bundle is one page of several")
	}
	list := make([]*fhir.Resource, 0, len(b.Entries))
	for _, e := range b.Entries {
		if e.Err != nil {
			return nil, e.Err
		}
		if e.Resource != nil {
			list = append(list, e.Resource)
		}
	}
	return list, nil
}

// Overlay lays artifacts over others: of each url that is laid on, what was there
// before goes, whatever its version. Bundles are taken apart.
func Overlay(under, over []*fhir.Resource) ([]*fhir.Resource, error) {
	flat := func(list []*fhir.Resource) (out []*fhir.Resource, err error) {
		for _, r := range list {
			if r.Type() != "Bundle" {
				out = append(out, r)
				continue
			}
			inner, err := ReadBundle(r)
			if err != nil {
				return nil, err
			}
			out = append(out, inner...)
		}
		return out, nil
	}
	above, err := flat(over)
	if err != nil {
		return nil, err
	}
	below, err := flat(under)
	if err != nil {
		return nil, err
	}
	replaced := map[string]bool{}
	for _, r := range above {
		if url := r.Root().Child("url").String(); url != "" {
			replaced[url] = true
		}
	}
	var out []*fhir.Resource
	for _, r := range below {
		if !replaced[r.Root().Child("url").String()] {
			out = append(out, r)
		}
	}
	return append(out, above...), nil
}

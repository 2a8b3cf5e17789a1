package decide

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"cdss/cds"
	"cdss/cds/knowledge"
	"cdss/cds/prefetch"
	"cdss/fhir"
	"cdss/fhir/audit"
)

// record keeps a decision. Losing one is told in the log and costs no answer.
func (s *Service) record(d cds.Decision) {
	if s.c.Recorder == nil {
		return
	}
	if !s.c.Recorder.Record(d) {
		s.c.Log.Warn("decision not recorded", "decision", d.ID, "service", d.Service)
	}
}

// askedBy tells who asks about whom: the user a call names, else who is known to be
// behind the request.
func askedBy(ctx context.Context, patient, user string) cds.Asked {
	caller := audit.From(ctx)
	if user == "" {
		user = caller.User
	}
	return cds.Asked{Patient: patient, User: user, Roles: caller.Roles, Address: caller.Address, Request: caller.Request}
}

// pinned adds the hash of its content to each plan: by it a version that was changed in
// place is found.
func pinned(list []cds.Artifact, snapshot *knowledge.Snapshot) []cds.Artifact {
	list = slices.Clone(list)
	for i, a := range list {
		if plan, ok := snapshot.Plan(a.URL + "|" + a.Version); ok {
			list[i].SHA256 = plan.Hash
		}
	}
	return list
}

// ran names what an answer rests on: the warnings that fired, the substances that
// were excluded and why, the definitions that were offered. It holds codes only.
func ran(rec cds.Recommendation) []string {
	var list []string
	add := func(s string) {
		if s != "" && !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	for _, o := range rec.Options {
		add(o.Definition)
	}
	for _, x := range rec.Excluded {
		add("excluded:" + x.Reason + ":" + x.ATC)
	}
	for _, w := range rec.Warnings {
		add("warning:" + w.Code)
	}
	return list
}

// skipped names the checks that did not run without what a record of the patient
// may have put into their words: the kind of check stands before a colon or a
// quotation, and of the reason only a code is kept.
func skipped(list []cds.NotChecked) []cds.NotChecked {
	out := make([]cds.NotChecked, 0, len(list))
	for _, n := range list {
		check := n.Check
		if i := strings.IndexAny(check, ":„“\"«"); i >= 0 {
			check = check[:i]
		}
		out = append(out, cds.NotChecked{Check: strings.TrimSpace(check), Reason: n.Why, Missing: n.Missing})
	}
	return out
}

// inputs tells what came under each key: its hash, where from, and why it could not
// be relied on.
func inputs(came *prefetch.Result, req cds.Request) map[string]cds.DecisionInput {
	out := map[string]cds.DecisionInput{}
	for _, k := range came.Keys {
		out[k.Name] = cds.DecisionInput{SHA256: k.SHA256, Origin: string(k.Origin), Resources: len(k.Resources), Why: k.Why}
	}
	add := func(name string, list []*fhir.Resource) {
		if len(list) > 0 {
			out[name] = cds.DecisionInput{SHA256: hash(list), Origin: string(prefetch.Sent), Resources: len(list)}
		}
	}
	add("draftOrders", req.DraftOrders)
	add("context", req.Context)
	return out
}

// hash gives the SHA-256 of resources, one behind the other, in lower-case hex.
func hash(list []*fhir.Resource) string {
	h := sha256.New()
	for _, r := range list {
		h.Write(r.Raw())
	}
	return hex.EncodeToString(h.Sum(nil))
}

// issued gives the cards as feedback will name them.
func issued(cards []cds.Card) []cds.IssuedCard {
	list := make([]cds.IssuedCard, 0, len(cards))
	for _, c := range cards {
		i := cds.IssuedCard{UUID: c.UUID, Indicator: c.Indicator}
		if c.Source.Topic != nil {
			i.Topic = c.Source.Topic.Code
		}
		for _, s := range c.Suggestions {
			i.Suggestions = append(i.Suggestions, s.UUID)
		}
		list = append(list, i)
	}
	return list
}

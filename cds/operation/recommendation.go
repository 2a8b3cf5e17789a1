package operation

import (
	"context"
	"strconv"
	"strings"

	"cdss/cds"
	"cdss/cds/apply"
	"cdss/cds/content"
	"cdss/cds/decide"
	"cdss/cds/knowledge"
	"cdss/cds/recommend"
	"cdss/fhir"
	"cdss/fhir/issue"
	"cdss/rag"
)

// messagesURL is the standard extension that names an OperationOutcome about the
// resource it stands on.
const messagesURL = "http://hl7.org/fhir/StructureDefinition/cqf-messages"

// recommend asks the pipeline for the indication of a plan, and writes its answer.
func (o operation) recommend(ctx context.Context, plan *knowledge.Plan, p *input) (*fhir.Resource, error) {
	rec := o.Decider.Answer(ctx, decide.Ask{
		Patient: p.patient(), Resources: p.data, Received: p.received, Language: p.lang, Unreadable: p.unreadable, Truncated: p.truncated,
		Request: &cds.StructuredRequest{Indication: plan.Indication}, Service: "PlanDefinition/$apply", Plain: true, Snapshot: o.Knowledge(),
	})
	w := &writer{plan: plan, rec: rec, in: p, id: id(plan.ID)}
	return w.write()
}

// writer writes one recommendation as FHIR.
type writer struct {
	plan     *knowledge.Plan
	rec      cds.Recommendation
	in       *input
	id       string
	requests []*fhir.Object
	taken    map[string]int
}

// id makes an id of a plan's, with room for more behind it.
func id(s string) string {
	s = strings.Map(func(r rune) rune {
		if isID(string(r)) {
			return r
		}
		return '-'
	}, s)
	if len(s) > 48 {
		s = s[:48]
	}
	if s == "" {
		return "applied"
	}
	return s
}

func (w *writer) t(de, en string) string { return cds.Text{DE: de, EN: en}.In(w.in.lang) }

func ref(to string) *fhir.Object {
	if to == "" {
		return nil
	}
	return fhir.NewObject().Set("reference", to)
}

func extension(url string) *fhir.Object { return fhir.NewObject().Set("url", url) }

// about sets what every resource of the answer is about.
func (w *writer) about(o *fhir.Object) *fhir.Object {
	return o.Set("subject", ref(w.in.subject)).Set("encounter", ref(w.in.encounter))
}

// write gives the answer: a GuidanceResponse where data are lacking for any option,
// else a CarePlan or a Bundle.
func (w *writer) write() (*fhir.Resource, error) {
	w.taken = map[string]int{w.id: 1, "outcome": 1}
	group := w.group()
	outcome := w.outcome()
	waits := w.waits()
	if w.in.bundle {
		w.attach(group, outcome)
		b := fhir.NewResource("Bundle", w.id).Set("type", "collection")
		for _, r := range append([]*fhir.Object{group}, w.requests...) {
			b.Append("entry", fhir.NewObject().Set("resource", r))
		}
		if waits {
			b.Append("entry", fhir.NewObject().Set("resource", w.response(w.id+"-guidance", nil)))
		}
		return b.Resource()
	}
	if waits {
		return w.response(w.id, outcome).Resource()
	}
	plan := fhir.NewResource("CarePlan", w.id).Set("language", string(w.in.lang)).Append("contained", group)
	for _, r := range w.requests {
		plan.Append("contained", r)
	}
	w.attach(plan, outcome)
	plan.Append("instantiatesCanonical", w.plan.Canonical()).Set("status", "active").Set("intent", "proposal").
		Set("title", w.plan.Title.In(w.in.lang))
	if w.rec.Banner != nil {
		plan.Set("description", *w.rec.Banner)
	}
	w.about(plan).Set("author", ref(w.in.practitioner)).
		Append("activity", fhir.NewObject().Set("reference", ref("#"+w.id)))
	return plan.Resource()
}

// attach puts the OperationOutcome into the resource it is about.
func (w *writer) attach(o, outcome *fhir.Object) {
	if outcome != nil {
		o.Append("contained", outcome).Append("extension", extension(messagesURL).Set("valueReference", ref("#outcome")))
	}
}

// group is the RequestGroup: one action that offers the options, of which one may
// be taken.
func (w *writer) group() *fhir.Object {
	g := fhir.NewResource("RequestGroup", w.id).Set("language", string(w.in.lang))
	for _, n := range w.rec.NotChecked {
		x := extension(content.NotCheckedExtension).Append("extension", extension("action").Set("valueString", n.Check))
		for _, fact := range n.Missing {
			x.Append("extension", extension("missing").Set("valueString", fact))
		}
		g.Append("extension", x)
	}
	for _, e := range w.rec.Excluded {
		g.Append("extension", extension(content.ExclusionExtension).
			Append("extension", extension("substance").Set("valueCoding", fhir.Coding{System: atc, Code: e.ATC, Display: e.Name})).
			Append("extension", extension("reason").Set("valueCode", e.Reason)).
			Append("extension", extension("detail").Set("valueString", e.Detail)))
	}
	g.Append("instantiatesCanonical", w.plan.Canonical())
	w.about(g.Set("status", "active").Set("intent", "proposal")).Set("author", ref(w.in.practitioner))
	if w.rec.Banner != nil {
		g.Append("note", fhir.NewObject().Set("text", *w.rec.Banner))
	}
	for _, text := range w.rec.Notes {
		g.Append("note", fhir.NewObject().Set("text", text))
	}
	if len(w.rec.Options) == 0 {
		return g
	}
	title := w.plan.Title.In(w.in.lang)
	if w.rec.Indication != nil {
		title = w.rec.Indication.Display
	}
	choice := fhir.NewObject().Set("id", "options").Set("title", title)
	if w.rec.Severity != nil {
		choice.Set("description", w.rec.Severity.Basis)
	}
	choice.Set("groupingBehavior", "logical-group").Set("selectionBehavior", "at-most-one")
	for _, o := range w.rec.Options {
		choice.Append("action", w.option(o))
	}
	return g.Append("action", choice)
}

const atc = "http://fhir.de/CodeSystem/bfarm/atc"

// option is the action of one option: its parts are given together.
func (w *writer) option(o cds.Option) *fhir.Object {
	var lines []string
	for _, i := range o.Ingredients {
		lines = append(lines, i.Text)
	}
	_, own, _ := strings.Cut(o.Definition, "#")
	own = w.free(id(own))
	substances := substances(o)
	title := strings.Join(substances, " + ")
	switch {
	case o.Specialist:
		title += w.t(" – nur nach fachärztlicher Entscheidung", " – only after a specialist's decision")
	case o.Recommended:
		title += w.t(" – empfohlen", " – recommended")
	}
	a := fhir.NewObject().Set("id", own)
	if o.Grade != "" {
		a.Append("extension", extension(content.GradeExtension).Set("valueString", o.Grade))
	}
	if o.Deescalation != "" {
		a.Append("extension", extension(content.DeescalationExtension).Set("valueString", o.Deescalation))
	}
	a.Set("prefix", strconv.Itoa(o.Rank)).Set("title", title).Set("description", strings.Join(lines, "\n"))
	a.Set("textEquivalent", strings.TrimSpace(strings.Join(said(o), "\n")))
	a.Append("code", fhir.CodeableConcept{Codings: []fhir.Coding{{System: content.ActionSystem, Code: content.RoleOption}}})
	for _, c := range o.Citations {
		a.Append("documentation", citation(c))
	}
	a.Set("groupingBehavior", "logical-group").Set("selectionBehavior", "all")
	for n, request := range recommend.Proposals(o, w.in.lang) {
		m := w.free(own + "-" + strconv.Itoa(n+1))
		request.Set("id", m)
		w.about(request).Set("requester", ref(w.in.practitioner))
		to := "#" + m
		if w.in.bundle {
			to = "MedicationRequest/" + m
		}
		w.requests = append(w.requests, request)
		a.Append("action", fhir.NewObject().Set("title", substances[n]).
			Append("code", fhir.CodeableConcept{Codings: []fhir.Coding{{System: content.ActionSystem, Code: content.RoleIngredient}}}).
			Set("type", fhir.CodeableConcept{Codings: []fhir.Coding{{System: "http://terminology.hl7.org/CodeSystem/action-type", Code: "create"}}}).
			Set("resource", ref(to)))
	}
	return a
}

// substances names what an option consists of, each once, as Proposals orders them.
func substances(o cds.Option) []string {
	var names []string
	seen := map[string]bool{}
	for _, i := range o.Ingredients {
		if !seen[i.ATC] {
			seen[i.ATC] = true
			names = append(names, i.Name)
		}
	}
	return names
}

// said is what a clinician has to read of an option beside its doses.
func said(o cds.Option) []string {
	list := []string{o.Why, o.Notes}
	for _, i := range o.Ingredients {
		for _, text := range []*string{i.LoadingDose, i.Infusion, i.Schedule} {
			if text != nil {
				list = append(list, i.Name+": "+*text)
			}
		}
		for _, a := range i.Adjustments {
			list = append(list, i.Name+": "+a.Text)
		}
	}
	list = append(list, o.Interactions...)
	list = append(list, o.Pregnancy)
	list = append(list, o.Monitoring...)
	var some []string
	for _, text := range list {
		if text != "" {
			some = append(some, text)
		}
	}
	return some
}

// free gives an id that the answer does not have yet.
func (w *writer) free(wanted string) string {
	w.taken[wanted]++
	if n := w.taken[wanted]; n > 1 {
		return w.free(wanted + "-" + strconv.Itoa(n))
	}
	return wanted
}

// citation writes a source as RelatedArtifact; the quote is verbatim or not there.
func citation(c rag.Citation) *fhir.Object {
	locator := extension(content.LocatorExtension).
		Append("extension", extension("document").Set("valueString", c.Document))
	if c.Version != "" {
		locator.Append("extension", extension("version").Set("valueString", c.Version))
	}
	if c.Page != nil && *c.Page > 0 {
		locator.Append("extension", extension("page").Set("valuePositiveInt", *c.Page))
	}
	if c.Section != "" {
		locator.Append("extension", extension("section").Set("valueString", c.Section))
	}
	o := fhir.NewObject().Append("extension", locator).Set("type", "citation").Set("label", c.Document).Set("display", c.Title)
	if c.Quote != nil {
		o.Set("citation", *c.Quote)
	}
	return o
}

// outcome says what was not checked, what is warned of, what is not offered and
// what was not used; nil when there is nothing to say.
func (w *writer) outcome() *fhir.Object {
	o := fhir.NewResource("OperationOutcome", "outcome")
	said := map[string]bool{}
	say := func(severity string, code issue.Kind, text, diagnostics string) {
		if text == "" || said[text+diagnostics] {
			return
		}
		said[text+diagnostics] = true
		o.Append("issue", fhir.NewObject().Set("severity", severity).Set("code", string(code)).
			Set("details", fhir.NewObject().Set("text", text)).Set("diagnostics", diagnostics))
	}
	if w.rec.AbstainReason != nil {
		say(issue.SeverityWarning, issue.Incomplete, *w.rec.AbstainReason, "")
	}
	for _, x := range w.rec.Warnings {
		severity := issue.SeverityInformation
		switch x.Indicator {
		case cds.WarningI:
			severity = issue.SeverityWarning
		case cds.Critical:
			severity = issue.SeverityError
		}
		say(severity, issue.BusinessRule, x.Summary, x.Detail)
	}
	for _, n := range w.rec.NotChecked {
		missing := ""
		if len(n.Missing) > 0 {
			missing = "missing: " + strings.Join(n.Missing, ", ")
		}
		say(issue.SeverityWarning, issue.Incomplete, w.t("Nicht geprüft: ", "Not checked: ")+n.Check+": "+n.Reason, missing)
	}
	for _, e := range w.rec.Excluded {
		text := w.t("Nicht angeboten: ", "Not offered: ") + e.Name
		if e.Detail != "" {
			text += ": " + e.Detail
		}
		say(issue.SeverityInformation, issue.Suppressed, text, "reason: "+e.Reason)
	}
	for _, i := range w.rec.Ignored {
		say(issue.SeverityInformation, issue.Incomplete, w.t("Nicht verwendet: ", "Not used: ")+i.Reference+": "+i.Reason, "")
	}
	if !o.Has("issue") {
		return nil
	}
	return o
}

// waits tells whether nothing but data stand between the patient and an option.
func (w *writer) waits() bool {
	if len(w.rec.Options) > 0 || len(w.rec.Excluded) > 0 {
		return false
	}
	for _, n := range w.rec.NotChecked {
		if len(n.Missing) > 0 {
			return true
		}
	}
	return false
}

// response asks for the data that are lacking.
func (w *writer) response(id string, outcome *fhir.Object) *fhir.Object {
	o := fhir.NewResource("GuidanceResponse", id)
	if outcome != nil {
		o.Append("contained", outcome).Append("evaluationMessage", ref("#outcome"))
	}
	o.Set("moduleCanonical", w.plan.Canonical()).Set("status", "data-required")
	w.about(o)
	seen := map[string]bool{}
	for _, n := range w.rec.NotChecked {
		for _, fact := range n.Missing {
			if !seen[fact] {
				seen[fact] = true
				o.Append("dataRequirement", apply.Requirement(fact))
			}
		}
	}
	return o
}

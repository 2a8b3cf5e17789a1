package recommend

import (
	"context"
	"math"
	"slices"
	"strings"

	"cdss/cds"
	"cdss/cds/content"
	"cdss/cds/facts"
	"cdss/cds/stewardship"
	"cdss/cds/stewardship/dose"
	"cdss/cds/stewardship/formulary"
	"cdss/rag"
)

// graceHours is how long a full dose is right whatever the kidney does (full dose
// in the first 24 hours of severe infection; no overdose card in that time).
const graceHours = 24

// reviewer checks draft orders: a session with what the plan would offer instead.
type reviewer struct {
	*session
	none       string          // why no antibiotic is due, "" when one may be
	noneAt     []rag.Citation  // where that is said
	noneOfPlan bool            // that is said by the plan, not by a rule of safety
	example    bool            // the plan that was asked is example content
	judged     []*judged       // options of the plan for this patient
	listed     map[string]bool // substances that the plan lists for this patient, nil when unknown
	instead    []*judged       // options that may replace an order, best first
	told       map[string]bool // interactions of two drafts that stand on the first of them
}

func check(ctx context.Context, in Input) Findings {
	r := &reviewer{session: newSession(ctx, in)}
	var orders []facts.Order
	for _, o := range in.Chart.Orders() {
		switch {
		case !o.Recognised:
			r.unread(o)
		case r.antibiotic(o.ATC):
			orders = append(orders, o)
		default:
			r.guarded(cds.Text{DE: "Interaktionen: " + o.Name.DE, EN: "interactions: " + o.Name.EN}, func() { r.partner(o) })
		}
	}
	if len(orders) > 0 {
		indication, _ := in.Chart.Indication()
		r.refused(indication)
		r.guarded(cds.Text{DE: "Auswahl nach Leitlinie", EN: "choice by the guideline"}, r.consult)
		for i, o := range orders {
			restore := r.together(o)
			r.order(o, orders[:i])
			restore()
		}
		r.cultureBefore(orders)
		r.incomplete(orders)
		r.orderGaps()
		r.noneRecordedGaps()
	}
	f := Findings{Warnings: r.warnings, NotChecked: r.gaps}
	if len(f.Warnings)+len(f.NotChecked) > 0 {
		f.Knowledge = r.pins()
	}
	if slices.ContainsFunc(f.Warnings, func(w cds.Warning) bool { return w.Example }) {
		text := r.t(content.BannerDE, content.BannerEN)
		f.Banner = &text
	}
	return f
}

func (r *reviewer) antibiotic(atc string) bool {
	_, ok := r.Tables.Formulary.Lookup(atc)
	return ok
}

// unread tells an order whose substance could not be read.
func (r *reviewer) unread(o facts.Order) {
	what := o.Display
	if what == "" {
		what = o.Reference
	}
	r.gap(cds.Text{DE: "Verordnung „" + what + "“", EN: "order \"" + what + "\""},
		cds.Text{DE: "Wirkstoff nicht erkannt: nicht geprüft", EN: "substance not recognised: not checked"}, "substance")
}

// consult asks what the plan of the indication would offer this patient. Gaps and
// warnings of that belong to the other service and are dropped.
func (r *reviewer) consult() {
	quiet := *r.session
	quiet.gaps, quiet.warnings = nil, nil
	if reason := quiet.statements(); reason != "" {
		r.none = reason
		if n := len(quiet.warnings); n > 0 {
			r.noneAt = quiet.warnings[n-1].Citations
		}
	}
	indication, _ := r.Chart.Indication()
	if indication == nil || quiet.age.AtLeast(18) != stewardship.Yes {
		return
	}
	plan, ok := r.Snapshot.PlanFor(indication.Code)
	if !ok {
		return
	}
	r.example = isExample(plan)
	result := quiet.scope.Apply(plan)
	for _, a := range result.Advice {
		if a.Action.Role == content.RoleNoAntibiotic && r.none == "" {
			r.none, r.noneOfPlan = prose(r.say(a.Action.Title), r.say(a.Action.Description)), true
			r.noneAt = r.cites(a.Action.Citations...)
			r.use(plan)
		}
	}
	if len(result.Candidates) == 0 {
		return
	}
	r.use(plan)
	r.judged = quiet.judgeAll(result.Candidates)
	listed := map[string]bool{}
	for _, j := range r.judged {
		for _, p := range j.parts {
			listed[p.sub.ATC] = true
		}
	}
	for _, j := range quiet.ordered(r.judged) {
		if !j.specialist {
			r.instead = append(r.instead, j)
		}
	}
	r.listed = listed
}

// order checks one draft order of an antimicrobial.
func (r *reviewer) order(o facts.Order, before []facts.Order) {
	sub, _ := r.Tables.Formulary.Lookup(o.ATC)
	x := subject{Substance: sub, route: o.Route, reference: o.Reference}
	switch {
	case len(r.instead) > 0:
		x.listed = stewardship.Of(r.listed[sub.ATC])
	case len(r.listed) > 0:
		x.listed = stewardship.Yes // nothing of the plan is free, so that nothing narrower is available
	}
	findings := r.judge(x)
	kidney := false
	for _, f := range findings {
		if f.reason == "restricted" && excluding(findings) {
			continue // the order has to go in any case
		}
		if f.reason == "renal" && f.outcome == exclude {
			if kidney {
				continue // said already
			}
			kidney = true
		}
		if f.code == "hepatic" && f.outcome == warning && f.indicator == cds.Info {
			continue // what is to be monitored is no fault of the order
		}
		if f.high != nil && r.reaches(o, sub, f) || r.toldBefore(sub, f, before) {
			continue
		}
		r.object(o, f)
	}
	if r.none != "" {
		r.warnOrder(o, "no-antibiotic", cds.WarningI,
			cds.Text{DE: sub.Name.DE + ": kein Antibiotikum angezeigt", EN: sub.Name.EN + ": no antibiotic indicated"},
			cds.Text{DE: r.none, EN: r.none}, r.noneAt, []cds.Fix{r.remove(o)})
		r.restsOn(r.noneOfPlan && r.example)
	}
	r.covers(o, sub)
	for _, c := range o.Conflicts {
		r.warnOrder(o, "dosage-conflict", cds.WarningI,
			cds.Text{DE: sub.Name.DE + ": Dosierungstext und kodierte Dosierung widersprechen sich", EN: sub.Name.EN + ": dosage text and coded dosage disagree"},
			c, nil, nil)
	}
	r.guarded(cds.Text{DE: "Doppelverordnung: " + sub.Name.DE, EN: "duplicate order: " + sub.Name.EN}, func() { r.duplicate(o, sub, before) })
	r.guarded(cds.Text{DE: "Nierendosis: " + sub.Name.DE, EN: "renal dose: " + sub.Name.EN}, func() { r.renal(o, sub, excluding(findings)) })
	if !excluding(findings) {
		r.guarded(cds.Text{DE: "Dauer: " + sub.Name.DE, EN: "duration: " + sub.Name.EN}, func() { r.tooLong(o, sub) })
		r.guarded(cds.Text{DE: "Leberdosis: " + sub.Name.DE, EN: "hepatic dose: " + sub.Name.EN}, func() { r.tooMuchForLiver(o, sub) })
		r.guarded(cds.Text{DE: "Dosis: " + sub.Name.DE, EN: "dose: " + sub.Name.EN}, func() { r.amount(o, sub) })
	}
}

// toldBefore tells whether an interaction stands on an earlier draft already, with
// this substance as the other one.
func (r *reviewer) toldBefore(sub formulary.Substance, f finding, before []facts.Order) bool {
	if f.reason != "interaction" {
		return false
	}
	if r.told == nil {
		r.told = map[string]bool{}
	}
	for _, b := range before {
		if f.with.EN == b.Name.EN && r.told[f.kind+" "+b.Name.EN+" "+sub.Name.EN] {
			return true
		}
	}
	r.told[f.kind+" "+sub.Name.EN+" "+f.with.EN] = true
	return false
}

func excluding(findings []finding) bool {
	for _, f := range findings {
		if f.outcome == exclude {
			return true
		}
	}
	return false
}

// covers finds a recent isolate that neither the order nor any other antimicrobial
// of the patient is active against.
func (r *reviewer) covers(o facts.Order, sub formulary.Substance) {
	atcs := []string{sub.ATC}
	for _, m := range r.Chart.Medications() {
		if _, ok := r.Tables.Formulary.Lookup(m.ATC); ok {
			atcs = append(atcs, m.ATC)
		}
	}
	for _, d := range r.Chart.Orders() {
		if _, ok := r.Tables.Formulary.Lookup(d.ATC); ok {
			atcs = append(atcs, d.ATC)
		}
	}
	if f, bad := r.uncovered(atcs); bad {
		f.summary = cds.Text{DE: sub.Name.DE + ": " + f.summary.DE, EN: sub.Name.EN + ": " + f.summary.EN}
		r.object(o, f)
	}
}

// object turns a finding about an ordered substance into a warning.
func (r *reviewer) object(o facts.Order, f finding) {
	if f.outcome == note && f.indicator == cds.Info {
		r.warnOrder(o, f.code, cds.Info, f.summary, f.detail, r.cites(f.places...), nil)
		return
	}
	indicator := f.indicator
	if indicator == "" {
		indicator = cds.WarningI
	}
	var fixes []cds.Fix
	ofPlan := false // a fix offers what the plan holds
	if f.outcome == exclude || f.outcome == specialist || f.reason == "restricted" {
		if alternative, ok := r.replace(o); ok {
			fixes, ofPlan = append(fixes, alternative), true
		}
	}
	if f.outcome == exclude {
		fixes = append(fixes, r.remove(o))
	}
	if f.high != nil {
		if sub, ok := r.Tables.Formulary.Lookup(o.ATC); ok {
			if right, ok := r.planned(sub, o.Route); ok {
				fixes, ofPlan = append(fixes, r.correct(o, sub, right)), true
			}
		}
	}
	at := f.places
	if f.reason == "restricted" {
		for _, j := range r.instead[:min(1, len(r.instead))] {
			at = append(at[:len(at):len(at)], j.Population.Citations...)
		}
	}
	r.warnOrder(o, f.code, indicator, f.summary, f.detail, r.cites(at...), fixes)
	r.restsOn(r.example && (f.reason == "restricted" || ofPlan))
}

func (r *reviewer) warnOrder(o facts.Order, code string, i cds.Indicator, summary, detail cds.Text, at []rag.Citation, fixes []cds.Fix) {
	r.warn(cds.Warning{
		Code: code, Indicator: i, Summary: r.say(summary), Detail: r.say(detail),
		Citations: at, OrderRef: o.Reference, Fix: fixes,
	})
}

// restsOn marks the last warning as resting on example content, or not.
func (r *reviewer) restsOn(example bool) {
	r.warnings[len(r.warnings)-1].Example = example
}

// oncePerClass are classes of which two members are never given together.
var oncePerClass = map[formulary.Class]bool{
	formulary.Fluoroquinolone: true, formulary.Carbapenem: true, formulary.Aminoglycoside: true, formulary.Macrolide: true,
	formulary.Glycopeptide: true, formulary.Cephalosporin: true, formulary.Oxazolidinone: true,
}

// inhibited tells a penicillin with a beta-lactamase inhibitor: no infection needs
// two, while two plain penicillins may be meant.
func inhibited(atc string) bool { return strings.HasPrefix(atc, "J01CR") }

// duplicate finds the same substance, or a second one of its class, among current
// medicines and earlier drafts. An order that says it continues is none.
func (r *reviewer) duplicate(o facts.Order, sub formulary.Substance, before []facts.Order) {
	if o.Hours.AtLeast(graceHours) == stewardship.Yes {
		return
	}
	look := func(m facts.Medication) bool {
		if m.Reference == o.Reference || m.ATC == "" {
			return false
		}
		other, ok := r.Tables.Formulary.Lookup(m.ATC)
		if !ok {
			return false
		}
		switch {
		case m.ATC == sub.ATC && (m.Route == o.Route || m.Route == "" || o.Route == ""):
			r.warnOrder(o, "duplicate", cds.WarningI,
				cds.Text{DE: sub.Name.DE + " ist bereits verordnet", EN: sub.Name.EN + " is ordered already"},
				cds.Text{DE: "Doppelverordnung: bestehende Verordnung ändern oder beenden.", EN: "Duplicate order: change or end the existing one."},
				nil, []cds.Fix{r.remove(o)})
			return true
		case m.ATC != sub.ATC && other.Class == sub.Class && (oncePerClass[sub.Class] || inhibited(m.ATC) && inhibited(sub.ATC)):
			r.warnOrder(o, "duplicate-class", cds.WarningI,
				cds.Text{DE: sub.Name.DE + " neben " + other.Name.DE + ": gleiche Substanzklasse", EN: sub.Name.EN + " beside " + other.Name.EN + ": same class"},
				cds.Text{DE: "Zwei Mittel einer Klasse bringen keinen Nutzen; eines beenden.", EN: "Two drugs of one class give no benefit; end one."},
				nil, nil)
			return true
		}
		return false
	}
	for _, m := range r.Chart.Medications() {
		if look(m) {
			return
		}
	}
	for _, d := range before {
		if look(d.Medication) {
			return
		}
	}
}

// renal compares the ordered dose with the cited bands. An order that has to go in
// any case is told the right dose without a suggestion to take it.
func (r *reviewer) renal(o facts.Order, sub formulary.Substance, gone bool) {
	name := cds.Text{DE: "Nierendosis: " + sub.Name.DE, EN: "renal dose: " + sub.Name.EN}
	if o.Regimen == nil || o.Regimen.Dose.Value <= 0 || o.Regimen.Frequency.Count <= 0 {
		r.gap(cds.Text{DE: "Dosis: " + sub.Name.DE, EN: "dose: " + sub.Name.EN},
			cds.Text{DE: "Verordnung ohne lesbare Dosis oder Häufigkeit: nicht geprüft", EN: "order without a readable dose or frequency: not checked"}, lacking(o)...)
		return
	}
	regimen := *o.Regimen
	if regimen.Route == "" {
		regimen.Route = o.Route
	}
	weighed, _ := dose.Weigh(regimen, sub, r.Chart.Weights(), r.Lang)
	kg := r.perKilogram(&weighed, sub)
	a := dose.Excess(weighed, sub, r.Chart.Kidney(), dose.Plan{Severity: r.severity, StartedHours: o.Hours}, r.Lang)
	if kg > 0 {
		for i := range a.Phases {
			a.Phases[i].Dose = cds.Dose{Value: math.Round(a.Phases[i].Dose.Value * kg), Unit: "mg"}
		}
	}
	if r.weakKidney() != stewardship.No {
		r.roughly(sub, a.Matters)
	}
	switch a.Status {
	case dose.Contraindicated:
		r.warnOrder(o, "renal-contraindicated", cds.WarningI,
			cds.Text{DE: sub.Name.DE + ": bei dieser Nierenfunktion nicht anwenden", EN: sub.Name.EN + ": not to be used at this renal function"},
			a.Reason, r.cites(places([]stewardship.Source{a.Source}, sub.Name.DE)...), []cds.Fix{r.remove(o)})
	case dose.Reduced:
		r.overdose(o, sub, a, gone)
	case dose.UnstableKidney:
		r.warnOrder(o, "unstable-creatinine", cds.Info,
			cds.Text{DE: sub.Name.DE + ": Kreatinin instabil, keine automatische Dosisreduktion", EN: sub.Name.EN + ": creatinine unstable, no automatic dose reduction"},
			a.Reason, r.cites(places([]stewardship.Source{a.Source})...), nil)
	case dose.NotChecked:
		r.gap(name, a.Reason, a.Missing...)
	case dose.NoBand:
		if a.Matters && r.weakKidney() != stewardship.No {
			r.gap(name, a.Reason, r.Chart.Kidney().Missing...)
			r.mild(name)
		}
	}
}

// mild marks the gap of a renal dose without a source where the clearance is known
// to be 30 mL/min or more, below which most labels begin to reduce.
func (r *reviewer) mild(name cds.Text) {
	k := r.Chart.Kidney()
	enough := k.Clearance.AtLeast(30)
	if enough == stewardship.Unknown {
		enough = k.EGFR.AtLeast(30)
	}
	if enough != stewardship.Yes || k.Dialysis == stewardship.Yes || k.Unstable == stewardship.Yes {
		return
	}
	for i := range r.gaps {
		if r.gaps[i].Check == r.say(name) {
			r.gaps[i].Why = cds.NoBand
		}
	}
}

// perKilogram writes an ordered amount in mg/kg where the bands of the substance
// are, and gives the weight it took, 0 when nothing was changed.
func (r *reviewer) perKilogram(i *cds.Ingredient, sub formulary.Substance) float64 {
	wanted := false
	for _, b := range sub.Renal {
		wanted = wanted || b.Unit == "mg/kg"
	}
	if !wanted || i.Dose.Unit != "mg" && i.Dose.Unit != "g" {
		return 0
	}
	kg, _, _, ok := dose.WeightFor(sub, r.Chart.Weights())
	if !ok || kg <= 0 {
		return 0
	}
	amount := i.Dose.Value
	if i.Dose.Unit == "g" {
		amount *= 1000
	}
	i.Dose = cds.Dose{Value: amount / kg, Unit: "mg/kg"}
	return kg
}

// overdose says that a dose is too high for the kidney: not in the first hours,
// and only as an information when the start is not known.
func (r *reviewer) overdose(o facts.Order, sub formulary.Substance, a dose.Adjusted, gone bool) {
	started := o.Hours
	if started.Below(graceHours) == stewardship.Yes {
		return
	}
	right := a.Phases[len(a.Phases)-1]
	indicator := cds.WarningI
	extra := cds.Text{}
	if started.AtLeast(graceHours) != stewardship.Yes {
		indicator = cds.Info
		extra = cds.Text{
			DE: "Beginn der Therapie nicht bekannt: In den ersten 24 Stunden einer schweren Infektion ist die volle Dosis richtig.",
			EN: "Start of therapy not known: in the first 24 hours of severe infection the full dose is right.",
		}
	}
	detail := stewardship.Both(func(l cds.Lang) string {
		line := right
		line.Name = sub.Name.In(l)
		line.Duration = nil
		return prose(a.Reason.In(l), cds.Text{DE: "Angepasst: ", EN: "Adjusted: "}.In(l)+dose.Line(line, l))
	})
	at := places([]stewardship.Source{a.Source}, sub.Name.DE)
	var fixes []cds.Fix
	if !gone {
		fixes = append(fixes, r.correct(o, sub, right))
	}
	r.warnOrder(o, "renal-dose", indicator,
		cds.Text{DE: sub.Name.DE + ": Dosis zu hoch für die Nierenfunktion", EN: sub.Name.EN + ": dose too high for renal function"},
		join(detail, extra), r.cites(at...), fixes)
}

// noneRecordedGaps says beside other findings that a list which the source answered
// with "none" is no proof that there is none.
func (r *reviewer) noneRecordedGaps() {
	if len(r.warnings)+len(r.gaps) == 0 {
		return
	}
	none := cds.Text{DE: "nichts dokumentiert; das ist kein Ausschluss", EN: "none recorded, which is no proof that there is none"}
	if state, _ := r.Chart.AllergyState(); state == facts.Unknown && r.noneRecorded("AllergyIntolerance") {
		r.gap(cds.Text{DE: "Allergien", EN: "allergies"}, none, "allergies")
	}
	if state, _ := r.Chart.MedicationState(); state == facts.Unknown && r.noneRecorded("MedicationRequest", "MedicationStatement") {
		r.gap(cds.Text{DE: "Interaktionen", EN: "interactions"}, none, "medications")
	}
}

// noneRecorded tells whether the source answered for all these types that it has
// none: checked, if no proof that there is none.
func (r *reviewer) noneRecorded(types ...string) bool {
	for _, t := range types {
		if r.Received[t] != facts.NoneRecorded {
			return false
		}
	}
	return true
}

// orderGaps tells what was missing for the checks of the orders.
func (r *reviewer) orderGaps() {
	if indication, _ := r.Chart.Indication(); indication == nil && len(r.Chart.Conditions()) == 0 {
		r.gap(cds.Text{DE: "Indikation", EN: "indication"},
			cds.Text{DE: "keine Diagnose übermittelt: nicht geprüft, ob und welches Antibiotikum angezeigt ist", EN: "no diagnosis was sent: not checked whether and which antibiotic is indicated"}, "indication")
	}
	if state, why := r.Chart.AllergyState(); state == facts.Unknown && !r.noneRecorded("AllergyIntolerance") {
		r.gap(cds.Text{DE: "Allergien", EN: "allergies"}, orElse(why, cds.Text{DE: "keine Angabe", EN: "nothing stated"}), "allergies")
	}
	for _, a := range r.Chart.Allergies() {
		if a.Medication && !a.Recognised {
			r.gap(cds.Text{DE: "Allergie „" + a.Display + "“", EN: "allergy \"" + a.Display + "\""},
				cds.Text{DE: "Allergietext nicht erkannt: nicht geprüft", EN: "allergy text not recognised: not checked"})
		}
	}
	if state, why := r.Chart.MedicationState(); state == facts.Unknown && !r.noneRecorded("MedicationRequest", "MedicationStatement") {
		r.gap(cds.Text{DE: "Interaktionen", EN: "interactions"}, orElse(why, cds.Text{DE: "Medikation nicht bekannt", EN: "medication not known"}), "medications")
	}
}

// lacking names what keeps the dose of an order from being read.
func lacking(o facts.Order) []string {
	var out []string
	for _, m := range o.Missing {
		if m == "dose" || m == "frequency" || m == "route" {
			out = append(out, m)
		}
	}
	return out
}

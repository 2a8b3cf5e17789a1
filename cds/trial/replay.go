package trial

import (
	"context"
	"slices"
	"sort"
	"strings"
	"time"

	"cdss/cds"
	"cdss/cds/content"
	"cdss/cds/knowledge"
	"cdss/cds/render"
	"cdss/cds/translate"
	"cdss/fhir"
	"cdss/fhir/issue"
)

// Agreement is how what was ordered relates to what would have been advised.
type Agreement string

// The agreements, from the best to the worst; the last three compare nothing.
const (
	First       Agreement = "first"        // the recommended option
	Offered     Agreement = "offered"      // another of the options
	Part        Agreement = "part"         // a part of an option, or an option with something beside it
	Other       Agreement = "other"        // not among the options
	Excluded    Agreement = "excluded"     // a substance that is excluded for this patient
	NoneDue     Agreement = "none-due"     // no antibiotic is due
	NoneGiven   Agreement = "none-given"   // options were there, nothing was ordered
	NoneBoth    Agreement = "none-both"    // nothing was ordered and nothing advised
	NotCompared Agreement = "not-compared" // no indication, no regimen, or data that do not suffice
)

// Agreements lists them in order.
func Agreements() []Agreement {
	return []Agreement{First, Offered, Part, Other, Excluded, NoneDue, NoneGiven, NoneBoth, NotCompared}
}

// disagrees tells whether a moment is to be explained.
func (a Agreement) disagrees() bool {
	switch a {
	case Part, Other, Excluded, NoneDue, NoneGiven:
		return true
	}
	return false
}

// Entry is one moment of an admission as the report explains it.
type Entry struct {
	Line       int             `json:"line"`
	ID         string          `json:"id"`
	At         string          `json:"at"`
	Age        *int            `json:"age"`
	Sex        string          `json:"sex"`
	Indication *cds.Text       `json:"indication"`
	Severity   string          `json:"severity"`
	Ordered    []string        `json:"ordered"`
	Running    []string        `json:"running"`
	Agreement  Agreement       `json:"agreement"`
	Reason     *cds.Text       `json:"reason"` // why nothing was advised
	Options    []EntryOption   `json:"options"`
	Excluded   []EntryExcluded `json:"excluded"` // of what was ordered
	Cards      []EntryCard     `json:"cards"`
	Missing    []string        `json:"missing"` // facts that were not known
	Labels     []string        `json:"labels,omitempty"`

	codes   []string // of the interruptive warnings
	given   []Given
	alerted map[string][]string // codes of interruptive warnings, by order
	gapCard bool
	changes []AnswerChange
}

// EntryOption is an option that was advised.
type EntryOption struct {
	Rank        int      `json:"rank"`
	Recommended bool     `json:"recommended"`
	Text        cds.Text `json:"text"`
	Why         cds.Text `json:"why"`
}

// EntryExcluded says why a substance that was ordered is excluded.
type EntryExcluded struct {
	ATC    string   `json:"atc"`
	Name   cds.Text `json:"name"`
	Reason string   `json:"reason"`
	Detail cds.Text `json:"detail"`
}

// EntryCard is a card the order would have been met with.
type EntryCard struct {
	Indicator cds.Indicator `json:"indicator"`
	Code      string        `json:"code"`
	Summary   cds.Text      `json:"summary"`
}

// shownOptions is how many options an explanation names.
const shownOptions = 5

// interruptive tells whether a card stops the prescriber: a warning or more.
func interruptive(i cds.Indicator) bool { return levels[i] >= levels[cds.WarningI] }

// Bundle is what came of one line of the file.
type Bundle struct {
	Line    int
	ID      string
	Entries []Entry
	Types   map[string]int // resource types that came
	Seen    map[translate.Seen]int
	Undated int
	Other   int
	Orders  int
}

// Replayer puts past admissions to one version of the knowledge, or to two.
type Replayer struct {
	Knowledge    Knowledge
	Against      *Knowledge // the version that Knowledge is compared with; nil: none
	AllDiagnoses bool       // see Admissions
	Location     *time.Location

	none map[string]bool
}

// NewReplayer makes a replayer of one version, or of two when against is not nil.
func NewReplayer(k Knowledge, against *Knowledge) Replayer {
	return Replayer{Knowledge: k, Against: against, none: noneCodes(k.Snapshot)}
}

// Bundle replays one Bundle. The error says why it is none that can be used.
func (x Replayer) Bundle(ctx context.Context, line int, raw []byte) (Bundle, error) {
	out := Bundle{Line: line, Types: map[string]int{}, Seen: map[translate.Seen]int{}}
	r, err := fhir.ParseResource(raw)
	if err != nil {
		return out, err
	}
	list, err := ReadBundle(r)
	if err != nil {
		return out, err
	}
	patients := 0
	for _, r := range list {
		out.Types[r.Type()]++
		if r.Type() == "Patient" {
			patients++
		}
	}
	if patients != 1 {
		return out, issue.New(issue.Invalid, "the Bundle holds %d Patients, want one", patients)
	}
	list = x.Knowledge.Local.Resources(list)
	translate.See(list, func(s translate.Seen) { out.Seen[s]++ })
	stamp, _ := r.Root().Child("timestamp").Time()
	a := Admissions{Formulary: x.Knowledge.Tables.Formulary, AllDiagnoses: x.AllDiagnoses}.Read(r.ID(), stamp.Time, list)
	out.ID, out.Undated, out.Other, out.Orders = a.ID, a.Undated, a.Other, a.Orders
	for _, m := range a.Moments {
		if ctx.Err() != nil {
			return out, ctx.Err()
		}
		out.Entries = append(out.Entries, x.moment(ctx, line, a.ID, m))
	}
	return out, nil
}

// moment puts one moment, in the second language too when it is to be explained.
func (x Replayer) moment(ctx context.Context, line int, id string, m Moment) Entry {
	q := Question{ID: id, Now: m.At, Resources: m.Resources, Drafts: m.Orders, Language: cds.DE, All: true}
	if x.Location != nil {
		q.Now = q.Now.In(x.Location)
	}
	plain := x.Knowledge
	plain.Local = nil // translated already
	de := plain.Ask(ctx, q, false)
	e := entry(line, id, m, de, x.noneDue(de.Recommendation))
	if x.Against != nil {
		old := *x.Against
		old.Local = nil
		e.changes = Compare(old.Ask(ctx, q, false), de)
	}
	if !e.listed() {
		return e
	}
	q.Language = cds.EN
	e.translate(plain.Ask(ctx, q, false))
	return e
}

// entry compares what was ordered with what would have been advised.
func entry(line int, id string, m Moment, a Answer, noneDue bool) Entry {
	rec := a.Recommendation
	e := Entry{
		Line: line, ID: id, At: m.At.Format(time.RFC3339), Ordered: []string{}, Running: []string{}, Options: []EntryOption{},
		Excluded: []EntryExcluded{}, Cards: []EntryCard{}, Missing: []string{}, alerted: map[string][]string{}, given: m.Given,
	}
	if age, ok := a.Chart.Number("age").Exact(); ok {
		years := int(age)
		e.Age = &years
	}
	e.Sex, _ = a.Chart.Fact("sex").Value.(string)
	if i, _ := a.Chart.Indication(); i != nil {
		e.Indication = &i.Name
	}
	e.Severity, _, _ = a.Chart.Severity()
	ordered := map[string]bool{}
	for _, g := range m.Given {
		ordered[g.ATC] = true
		text := g.Name
		if g.Text != "" {
			text += " · " + g.Text
		}
		e.Ordered = append(e.Ordered, text)
		if g.Label != "" {
			e.Labels = append(e.Labels, g.Label)
		}
	}
	for _, g := range m.Running {
		ordered[g.ATC] = true
		e.Running = append(e.Running, g.Name)
	}
	e.Agreement = agreement(rec, noneDue, ordered)
	for _, o := range rec.Options[:min(len(rec.Options), shownOptions)] {
		e.Options = append(e.Options, EntryOption{Rank: o.Rank, Recommended: o.Recommended, Text: cds.Text{DE: lineOf(o)}, Why: cds.Text{DE: o.Why}})
	}
	if rec.AbstainReason != nil {
		e.Reason = &cds.Text{DE: *rec.AbstainReason}
	}
	for _, x := range rec.Excluded {
		if ordered[x.ATC] {
			e.Excluded = append(e.Excluded, EntryExcluded{ATC: x.ATC, Name: cds.Text{DE: x.Name}, Reason: x.Reason, Detail: cds.Text{DE: x.Detail}})
		}
	}
	e.take(a)
	return e
}

// listed tells whether the report explains the moment.
func (e Entry) listed() bool {
	return e.Agreement.disagrees() || slices.ContainsFunc(e.Cards, func(c EntryCard) bool { return interruptive(c.Indicator) })
}

// take notes cards and what was missing.
func (e *Entry) take(a Answer) {
	for _, w := range a.Orders.Warnings {
		if interruptive(w.Indicator) {
			e.codes = append(e.codes, w.Code)
			if w.OrderRef != "" {
				e.alerted[w.OrderRef] = append(e.alerted[w.OrderRef], w.Code)
			}
		}
	}
	for _, c := range a.Cards {
		card := EntryCard{Indicator: c.Indicator, Summary: cds.Text{DE: c.Summary}}
		if c.Source.Topic != nil {
			card.Code = c.Source.Topic.Code
		}
		e.gapCard = e.gapCard || card.Code == render.NotCheckedTopic && interruptive(c.Indicator)
		e.Cards = append(e.Cards, card)
	}
	for fact := range lacked(a) {
		e.Missing = append(e.Missing, fact)
	}
	sort.Strings(e.Missing)
}

// translate adds the English words of the same answer.
func (e *Entry) translate(en Answer) {
	rec := en.Recommendation
	for i := range e.Options {
		if i < len(rec.Options) {
			e.Options[i].Text.EN, e.Options[i].Why.EN = lineOf(rec.Options[i]), rec.Options[i].Why
		}
	}
	if e.Reason != nil && rec.AbstainReason != nil {
		e.Reason.EN = *rec.AbstainReason
	}
	for i, have := range e.Excluded {
		for _, x := range rec.Excluded {
			if x.ATC == have.ATC && x.Reason == have.Reason {
				e.Excluded[i].Name.EN, e.Excluded[i].Detail.EN = x.Name, x.Detail
			}
		}
	}
	for i := range e.Cards {
		if i < len(en.Cards) {
			e.Cards[i].Summary.EN = en.Cards[i].Summary
		}
	}
}

func lineOf(o cds.Option) string {
	var parts []string
	for _, i := range o.Ingredients {
		parts = append(parts, i.Text)
	}
	return strings.Join(parts, " + ")
}

// agreement compares substances, whatever their route or dose: of these the cards
// tell.
func agreement(rec cds.Recommendation, noneDue bool, ordered map[string]bool) Agreement {
	switch {
	case len(ordered) == 0 && len(rec.Options) > 0:
		return NoneGiven
	case len(ordered) == 0:
		return NoneBoth
	case noneDue:
		return NoneDue
	}
	for _, x := range rec.Excluded {
		if ordered[x.ATC] && x.Reason != "duplicate" {
			return Excluded
		}
	}
	if len(rec.Options) == 0 {
		return NotCompared
	}
	best := Other
	for _, o := range rec.Options {
		has, hit := map[string]bool{}, 0
		for _, i := range o.Ingredients {
			has[i.ATC] = true
		}
		for atc := range has {
			if ordered[atc] {
				hit++
			}
		}
		switch {
		case hit == len(has) && hit == len(ordered):
			if o.Recommended {
				return First
			}
			best = Offered
		case hit > 0 && best == Other:
			best = Part
		}
	}
	return best
}

// noneCodes gives the codes of the warnings by which a plan says that no antibiotic
// is due, in contrast to an answer that could not be chosen.
func noneCodes(s *knowledge.Snapshot) map[string]bool {
	out := map[string]bool{}
	var walk func(list []*knowledge.Action)
	walk = func(list []*knowledge.Action) {
		for _, a := range list {
			if a.Role == content.RoleNoAntibiotic {
				out[strings.TrimPrefix(a.ID, "advice-")] = true
			}
			walk(a.Actions)
		}
	}
	for _, p := range s.Plans() {
		walk(p.Actions)
	}
	return out
}

// noneDue tells whether an answer says that no antibiotic is due.
func (x Replayer) noneDue(rec cds.Recommendation) bool {
	for _, w := range rec.Warnings {
		if rec.Abstained && x.none[w.Code] {
			return true
		}
	}
	return false
}

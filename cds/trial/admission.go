package trial

import (
	"slices"
	"sort"
	"time"

	"cdss/cds/facts"
	"cdss/cds/stewardship/formulary"
	"cdss/fhir"
)

// Moment is a time of a past admission at which antibiotics were ordered, with what
// was known then. One without orders is the admission as a whole: nothing was given.
type Moment struct {
	At        time.Time
	Resources []*fhir.Resource // as they were known then
	Orders    []*fhir.Resource // that were given then, as drafts
	Given     []Given          // their antimicrobials
	Running   []Given          // ordered before and going on
}

// Given is an antimicrobial that was ordered.
type Given struct {
	Reference string
	ATC       string
	Name      string // as the order says it
	Text      string // dosage as the order says it
	Label     string // what a synthetic ward says of the order, "" otherwise
	at        time.Time
	resource  *fhir.Resource
}

// together is the time within which orders are one decision.
const together = time.Hour

// LabelSystem marks an order of a synthetic ward with what is wrong with it:
// "right", or the kind of the mistake.
const LabelSystem = "https://cdss.example/fhir/CodeSystem/ward"

// Admission is a past admission taken apart.
type Admission struct {
	ID      string // of the Bundle, else of the Encounter
	Moments []Moment
	Orders  int // antimicrobial orders that were found
	Undated int // of them without a time: they cannot be placed
	Other   int // of them outside every encounter: history
}

// Admissions takes a Bundle apart. AllDiagnoses takes diagnoses as known from the
// beginning, whatever the day on which they were recorded: hospitals code at
// discharge. The local codes are to be translated before.
type Admissions struct {
	Formulary    *formulary.Formulary
	AllDiagnoses bool
}

// Read takes the resources of a Bundle apart. Bundle time is that of the last
// moment when nothing else says it; zero: not known.
func (x Admissions) Read(id string, bundleTime time.Time, resources []*fhir.Resource) Admission {
	a := Admission{ID: id}
	if a.ID == "" {
		for _, r := range resources {
			if r.Type() == "Encounter" {
				a.ID = r.Ref()
			}
		}
	}
	given := x.given(resources)
	a.Orders = len(given)
	var stays []fhir.Period
	for _, r := range resources {
		if p := r.Root().Child("period").Period(); r.Type() == "Encounter" && p.Start.Known() {
			stays = append(stays, p)
		}
	}
	var placed []Given
	for _, g := range given {
		switch {
		case g.at.IsZero():
			a.Undated++
		case !within(stays, g.at):
			a.Other++
		default:
			placed = append(placed, g)
		}
	}
	sort.SliceStable(placed, func(i, j int) bool { return placed[i].at.Before(placed[j].at) })
	for i := 0; i < len(placed); {
		j := i
		for j < len(placed) && placed[j].at.Sub(placed[i].at) <= together {
			j++
		}
		a.Moments = append(a.Moments, x.moment(resources, placed[i:j], placed[:i]))
		i = j
	}
	if len(given) == 0 {
		if at := decided(stays, bundleTime); !at.IsZero() {
			a.Moments = append(a.Moments, Moment{At: at, Resources: x.known(resources, nil, nil, at)})
		}
	}
	return a
}

// within tells whether a time falls into a stay: from a day before its start, since
// the emergency room orders before the ward admits.
func within(stays []fhir.Period, at time.Time) bool {
	for _, p := range stays {
		if !at.Before(p.Start.Time.Add(-24*time.Hour)) && (!p.End.Known() || !at.After(p.End.End())) {
			return true
		}
	}
	return len(stays) == 0
}

// decided is the time at which nothing was given: a day after the last admission,
// when the first results are there, or what the Bundle says.
func decided(stays []fhir.Period, bundleTime time.Time) time.Time {
	if len(stays) == 0 {
		return bundleTime
	}
	last := stays[0]
	for _, p := range stays[1:] {
		if p.Start.Time.After(last.Start.Time) {
			last = p
		}
	}
	at := last.Start.Time.Add(24 * time.Hour)
	if last.End.Known() && last.End.Time.Before(at) {
		at = last.End.Time
	}
	return at
}

// notGiven are the states of orders that nobody got.
var notGiven = []string{"draft", "cancelled", "entered-in-error", "unknown"}

// given finds the antimicrobials among the orders.
func (x Admissions) given(resources []*fhir.Resource) []Given {
	in := facts.Input{Formulary: x.Formulary}
	byRef := map[string]*fhir.Resource{}
	for _, r := range resources {
		switch r.Type() {
		case "Patient", "Medication":
			in.Resources = append(in.Resources, r)
		case "MedicationRequest":
			n := r.Root()
			intent := n.Child("intent").String()
			if slices.Contains(notGiven, n.Child("status").String()) || intent == "proposal" || intent == "plan" || intent == "option" {
				continue
			}
			in.Drafts = append(in.Drafts, r)
			byRef[r.Ref()] = r
		}
	}
	if len(in.Drafts) == 0 {
		return nil
	}
	var out []Given
	for _, o := range facts.Build(in).Orders() {
		if _, ok := x.Formulary.Lookup(o.ATC); !ok {
			continue
		}
		g := Given{Reference: o.Reference, ATC: o.ATC, Name: o.Name.DE, Text: o.Text, resource: byRef[o.Reference]}
		if g.resource != nil {
			g.at = authored(g.resource.Root())
			for _, t := range g.resource.Root().Child("meta").Children("tag") {
				if c := t.Coding(); c.System == LabelSystem {
					g.Label = c.Code
				}
			}
		}
		out = append(out, g)
	}
	return out
}

// authored is when an order was given; one of a day counts at its end, so that what
// was found on that day was known.
func authored(n *fhir.Node) time.Time {
	t, ok := n.Child("authoredOn").Time()
	if !ok {
		return time.Time{}
	}
	return t.End()
}

// moment makes one decision of orders that were given together.
func (x Admissions) moment(resources []*fhir.Resource, now, before []Given) Moment {
	m := Moment{At: now[len(now)-1].at, Given: now}
	drafts := map[*fhir.Resource]bool{}
	for _, g := range now {
		if g.resource == nil || drafts[g.resource] {
			continue
		}
		drafts[g.resource] = true
		if r, err := g.resource.Root().Object().Set("status", "draft").Resource(); err == nil {
			m.Orders = append(m.Orders, r)
		}
	}
	states := map[*fhir.Resource]course{}
	for _, g := range before {
		c := courseOf(g.resource.Root(), m.At)
		switch {
		case c == runs:
			m.Running = append(m.Running, g)
		case c == replaced && m.At.Sub(g.at) >= 24*time.Hour && slices.ContainsFunc(now, func(n Given) bool { return n.ATC == g.ATC }):
			c = continued
		}
		states[g.resource] = c
	}
	m.Resources = x.known(resources, drafts, states, m.At)
	return m
}

// course is what an earlier order is at the time of a later one.
type course int

const (
	unplaced course = iota // none of the antimicrobials, or not placed in time
	runs
	replaced  // ends as the new order begins
	continued // the same, and the new order goes on with its substance
	ended
)

// courseOf tells what an earlier order was at a time. One that is no longer in force,
// without saying since when, was replaced by what came after it.
func courseOf(n *fhir.Node, at time.Time) course {
	end := endOf(n)
	if !end.Known() {
		switch n.Child("status").String() {
		case "completed", "stopped":
			return replaced
		}
		return runs
	}
	switch left := end.End().Sub(at); {
	case left > together:
		return runs
	case left >= -together:
		return replaced
	}
	return ended
}

func endOf(order *fhir.Node) fhir.Time {
	for _, d := range order.Children("dosageInstruction") {
		if end := d.Get("timing", "repeat", "boundsPeriod").Period().End; end.Known() {
			return end
		}
	}
	return order.Get("dispenseRequest", "validityPeriod").Period().End
}

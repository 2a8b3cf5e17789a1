package trial

import (
	"cmp"
	"slices"
	"sort"
	"strings"

	"cdss/cds"
	"cdss/cds/render"
	"cdss/cds/translate"
)

// Report is what a replay found. Shares are computed by who reads it, from the
// counts that stand here.
type Report struct {
	Title     string         `json:"title"` // name of the file that was replayed
	Made      string         `json:"made"`  // FHIR dateTime
	Program   string         `json:"program"`
	Knowledge string         `json:"knowledge"`
	Plans     []cds.Artifact `json:"plans"`
	Example   bool           `json:"example"` // example content took part
	Complete  bool           `json:"complete"`

	Lines    int       `json:"lines"`
	Bundles  int       `json:"bundles"`
	BadLines int       `json:"badLines"`
	Bad      []BadLine `json:"bad"` // the first of them
	Seconds  float64   `json:"seconds"`

	Moments      int               `json:"moments"` // decisions: orders given within an hour are one
	Orders       int               `json:"orders"`  // antibiotic orders that were checked
	Undated      int               `json:"undatedOrders"`
	Other        int               `json:"otherOrders"` // outside every encounter
	Agreement    map[Agreement]int `json:"agreement"`   // moments
	Indications  []ByIndication    `json:"indications"`
	Cards        int               `json:"cards"`
	Interruptive int               `json:"interruptive"`    // cards that warn or are critical
	GapCards     int               `json:"notCheckedCards"` // of the interruptive ones
	Codes        []Count           `json:"warnings"`        // interruptive warnings, by code
	Missing      []Count           `json:"notChecked"`
	Types        []Count           `json:"resourceTypes"` // Bundles that hold any
	Known        []ByKind          `json:"codes"`
	Unmapped     []Unmapped        `json:"unmapped"`
	Labels       []ByLabel         `json:"labels,omitempty"`
	Ordinary     *Ordinary         `json:"ordinary,omitempty"`

	Entries []Entry `json:"entries"` // disagreements and interruptive cards, the gravest first
	Left    int     `json:"left"`    // entries that are not listed
	Impact  *Impact `json:"impact,omitempty"`
}

// BadLine is a line that could not be used.
type BadLine struct {
	Line int    `json:"line"`
	Why  string `json:"why"` // holds nothing of a patient
}

// Count is how often something came.
type Count struct {
	Name  string `json:"name"`
	Count int    `json:"count"`
}

// ByIndication is the agreement of one indication.
type ByIndication struct {
	Name      *cds.Text         `json:"name"` // nil: none was found
	Moments   int               `json:"moments"`
	Agreement map[Agreement]int `json:"agreement"`
}

// ByKind is how many codes of a kind were read.
type ByKind struct {
	Kind  translate.Kind `json:"kind"`
	Count int            `json:"count"`
	Known int            `json:"known"`
}

// Unmapped is a code that nobody could read.
type Unmapped struct {
	Kind   translate.Kind `json:"kind"`
	System string         `json:"system"`
	Code   string         `json:"code"`
	Count  int            `json:"count"`
}

// ByLabel is what became of the orders of a synthetic ward, by what is wrong with
// them.
type ByLabel struct {
	Label   string  `json:"label"`
	Orders  int     `json:"orders"`
	Alerted int     `json:"alerted"` // an interruptive warning is about the order
	Codes   []Count `json:"warnings"`
}

// Ordinary is what orders were met with that a synthetic ward calls right.
type Ordinary struct {
	Orders       int `json:"orders"`
	Interruptive int `json:"interruptive"`
}

// What a report lists at most.
const (
	maxEntries  = 1000
	maxBad      = 100
	maxUnmapped = 200
)

// Collector makes a report of Bundles, which come in the order of their lines.
type Collector struct {
	report   Report
	entries  []Entry
	codes    map[string]int
	missing  map[string]int
	types    map[string]int
	seen     map[translate.Seen]int
	byName   map[string]*ByIndication
	labels   map[string]*ByLabel
	byLabel  map[string]map[string]int
	unlisted int
}

// NewCollector begins a report. Against names the version that is compared with, ""
// for none.
func NewCollector(k Knowledge, against string) *Collector {
	c := &Collector{
		codes: map[string]int{}, missing: map[string]int{}, types: map[string]int{}, seen: map[translate.Seen]int{},
		byName: map[string]*ByIndication{}, labels: map[string]*ByLabel{}, byLabel: map[string]map[string]int{},
	}
	c.report = Report{Knowledge: k.Name, Agreement: map[Agreement]int{}, Plans: []cds.Artifact{}, Bad: []BadLine{}}
	for _, p := range k.Snapshot.Plans() {
		c.report.Plans = append(c.report.Plans, cds.Artifact{URL: p.URL, Version: p.Version})
		c.report.Example = c.report.Example || p.Example()
	}
	if against != "" {
		c.report.Impact = NewImpact(against, k.Name)
	}
	return c
}

// Bad notes a line that could not be used.
func (c *Collector) Bad(line int, why string) {
	c.report.Lines++
	c.report.BadLines++
	if len(c.report.Bad) < maxBad {
		c.report.Bad = append(c.report.Bad, BadLine{Line: line, Why: why})
	}
}

// Add takes a Bundle.
func (c *Collector) Add(b Bundle) {
	r := &c.report
	r.Lines++
	r.Bundles++
	r.Undated += b.Undated
	r.Other += b.Other
	for t := range b.Types {
		c.types[t]++
	}
	for s, n := range b.Seen {
		c.seen[s] += n
	}
	for _, e := range b.Entries {
		c.entry(e)
	}
}

func (c *Collector) entry(e Entry) {
	r := &c.report
	r.Moments++
	r.Orders += len(e.given)
	r.Agreement[e.Agreement]++
	name := ""
	if e.Indication != nil {
		name = e.Indication.EN
	}
	i := c.byName[name]
	if i == nil {
		i = &ByIndication{Name: e.Indication, Agreement: map[Agreement]int{}}
		c.byName[name] = i
	}
	i.Moments++
	i.Agreement[e.Agreement]++
	for _, card := range e.Cards {
		r.Cards++
		if interruptive(card.Indicator) {
			r.Interruptive++
		}
	}
	if e.gapCard {
		r.GapCards++
	}
	c.ordinary(e)
	for _, code := range e.codes {
		c.codes[code]++
	}
	for _, fact := range e.Missing {
		c.missing[fact]++
	}
	for _, g := range e.given {
		c.label(g, e.alerted[g.Reference])
	}
	if r.Impact != nil {
		r.Impact.Add(e.ID+" "+e.At, "", e.changes, maxListed)
	}
	if e.listed() {
		c.keep(e)
	}
}

// ordinary counts the moments of a synthetic ward at which every order is right.
func (c *Collector) ordinary(e Entry) {
	for _, g := range e.given {
		if g.Label != "right" {
			return
		}
	}
	if len(e.given) == 0 {
		return
	}
	if c.report.Ordinary == nil {
		c.report.Ordinary = &Ordinary{}
	}
	o := c.report.Ordinary
	o.Orders += len(e.given)
	for _, card := range e.Cards {
		if interruptive(card.Indicator) {
			o.Interruptive++
		}
	}
}

// keep lists an entry, as long as there is room for it or a less grave one goes.
func (c *Collector) keep(e Entry) {
	// What is kept must not hold on to the line it was cut from.
	e.given, e.alerted, e.codes, e.changes = nil, nil, nil, nil
	e.ID = strings.Clone(e.ID)
	for _, list := range [][]string{e.Ordered, e.Running, e.Labels} {
		for i := range list {
			list[i] = strings.Clone(list[i])
		}
	}
	c.entries = append(c.entries, e)
	if len(c.entries) >= 2*maxEntries {
		c.trim()
	}
}

func (c *Collector) trim() {
	slices.SortStableFunc(c.entries, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(b.gravity(), a.gravity()), cmp.Compare(a.Line, b.Line), cmp.Compare(a.At, b.At))
	})
	if len(c.entries) > maxEntries {
		c.unlisted += len(c.entries) - maxEntries
		c.entries = c.entries[:maxEntries]
	}
}

// gravity orders entries: what a card would have stopped, then what is excluded,
// then what differs.
func (e Entry) gravity() int {
	g := 0
	for _, card := range e.Cards {
		if card.Code != render.NotCheckedTopic {
			g = max(g, 10+10*levels[card.Indicator])
		} else {
			g = max(g, 2)
		}
	}
	switch e.Agreement {
	case Excluded:
		g += 9
	case NoneDue:
		g += 8
	case Other:
		g += 5
	case Part:
		g += 4
	case NoneGiven:
		g += 3
	}
	return g
}

func (c *Collector) label(g Given, codes []string) {
	if g.Label == "" {
		return
	}
	l := c.labels[g.Label]
	if l == nil {
		l = &ByLabel{Label: g.Label}
		c.labels[g.Label], c.byLabel[g.Label] = l, map[string]int{}
	}
	l.Orders++
	if len(codes) > 0 {
		l.Alerted++
	}
	for _, code := range codes {
		c.byLabel[g.Label][code]++
	}
}

// Report ends the collection. Complete says that the whole file was read.
func (c *Collector) Report(complete bool) Report {
	r := c.report
	r.Complete = complete
	c.trim()
	r.Entries, r.Left = c.entries, c.unlisted
	if r.Entries == nil {
		r.Entries = []Entry{}
	}
	r.Codes, r.Missing, r.Types = counts(c.codes), counts(c.missing), counts(c.types)
	r.Indications = []ByIndication{}
	for _, i := range c.byName {
		r.Indications = append(r.Indications, *i)
	}
	slices.SortFunc(r.Indications, func(a, b ByIndication) int {
		return cmp.Or(cmp.Compare(b.Moments, a.Moments), cmp.Compare(nameOf(a.Name), nameOf(b.Name)))
	})
	r.Known, r.Unmapped = c.codesSeen()
	for name, l := range c.labels {
		l.Codes = counts(c.byLabel[name])
		r.Labels = append(r.Labels, *l)
	}
	slices.SortFunc(r.Labels, func(a, b ByLabel) int { return cmp.Compare(a.Label, b.Label) })
	return r
}

func nameOf(t *cds.Text) string {
	if t == nil {
		return ""
	}
	return t.EN
}

// counts lists what was counted, the most frequent first.
func counts(m map[string]int) []Count {
	out := []Count{}
	for name, n := range m {
		out = append(out, Count{Name: name, Count: n})
	}
	slices.SortFunc(out, func(a, b Count) int { return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Name, b.Name)) })
	return out
}

func (c *Collector) codesSeen() (known []ByKind, unmapped []Unmapped) {
	known, unmapped = []ByKind{}, []Unmapped{}
	for _, kind := range []translate.Kind{translate.Drug, translate.Laboratory} {
		k := ByKind{Kind: kind}
		for s, n := range c.seen {
			if s.Kind != kind {
				continue
			}
			k.Count += n
			if s.Known {
				k.Known += n
				continue
			}
			unmapped = append(unmapped, Unmapped{Kind: kind, System: s.System, Code: s.Code, Count: n})
		}
		if k.Count > 0 {
			known = append(known, k)
		}
	}
	sort.Slice(unmapped, func(i, j int) bool {
		a, b := unmapped[i], unmapped[j]
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.System, b.System), cmp.Compare(a.Code, b.Code)) < 0
	})
	return known, unmapped[:min(len(unmapped), maxUnmapped)]
}

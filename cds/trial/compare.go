package trial

import (
	"context"
	"fmt"
	"sort"
	"strings"

	"cdss/cds"
)

// AnswerChange is one way in which the answers of two versions differ.
type AnswerChange struct {
	Kind   string `json:"kind"` // of the kinds below
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
}

// The kinds of changes, from the gravest to the least.
const (
	AbstainChange   = "abstain"    // options where there were none, or none any more
	FirstChange     = "first"      // another option is recommended
	OptionChange    = "option"     // an option came or went
	DoseChange      = "dose"       // the same substances in another dose
	ExclusionChange = "exclusion"  // a substance is excluded or not any more
	CardChange      = "card"       // the check of orders says more or less
	WarningChange   = "warning"    // the same of the recommendation
	GapChange       = "notChecked" // a fact is missing that was not, or the reverse
)

// Kinds lists the kinds of changes in their order.
func Kinds() []string {
	return []string{AbstainChange, FirstChange, OptionChange, DoseChange, ExclusionChange, CardChange, WarningChange, GapChange}
}

// Compare tells how two answers to the same question differ, in their language. It
// compares what a person would be told; the order of equals does not count.
func Compare(before, after Answer) []AnswerChange {
	var out []AnswerChange
	change := func(kind, b, a string) { out = append(out, AnswerChange{Kind: kind, Before: b, After: a}) }
	x, y := before.Recommendation, after.Recommendation
	if x.Abstained != y.Abstained {
		change(AbstainChange, reasonOf(x), reasonOf(y))
	}
	if b, a := first(x), first(y); b != a {
		change(FirstChange, b, a)
	}
	had, has := options(x), options(y)
	for _, key := range keys(had, has) {
		b, was := had[key]
		a, is := has[key]
		switch {
		case !was || !is:
			change(OptionChange, b, a)
		case b != a:
			change(DoseChange, b, a)
		}
	}
	each := func(kind string, had, has map[string]string) {
		for _, key := range keys(had, has) {
			if (had[key] == "") != (has[key] == "") {
				change(kind, had[key], has[key])
			}
		}
	}
	each(ExclusionChange, exclusions(x), exclusions(y))
	each(CardChange, warnings(before.Orders.Warnings), warnings(after.Orders.Warnings))
	each(WarningChange, warnings(x.Warnings), warnings(y.Warnings))
	each(GapChange, gaps(before), gaps(after))
	return out
}

// CompareCodes is Compare without a word that could be about a patient: substances,
// routes, reasons and codes of warnings. What was not checked is left out.
func CompareCodes(before, after Answer) []cds.BesideChange {
	var out []cds.BesideChange
	change := func(kind, b, a string) { out = append(out, cds.BesideChange{Kind: kind, Before: b, After: a}) }
	x, y := before.Recommendation, after.Recommendation
	if x.Abstained != y.Abstained {
		change(AbstainChange, fmt.Sprint(x.Abstained), fmt.Sprint(y.Abstained))
	}
	if b, a := firstCodes(x), firstCodes(y); b != a {
		change(FirstChange, b, a)
	}
	each := func(kind string, had, has map[string]string) {
		for _, key := range keys(had, has) {
			switch {
			case had[key] == "":
				change(kind, "", key)
			case has[key] == "":
				change(kind, key, "")
			case kind == OptionChange && had[key] != has[key]:
				change(DoseChange, key, key)
			}
		}
	}
	each(OptionChange, options(x), options(y))
	each(ExclusionChange, exclusions(x), exclusions(y))
	each(CardChange, warnings(before.Orders.Warnings), warnings(after.Orders.Warnings))
	each(WarningChange, warnings(x.Warnings), warnings(y.Warnings))
	return out
}

// firstCodes names the recommended option by its ATC codes.
func firstCodes(r cds.Recommendation) string {
	for _, o := range r.Options {
		if o.Recommended {
			var list []string
			for _, i := range o.Ingredients {
				list = appendNew(list, i.ATC)
			}
			return strings.Join(list, "+")
		}
	}
	return ""
}

// keys gives the keys of both, each once, in order.
func keys(a, b map[string]string) []string {
	list := make([]string, 0, len(a)+len(b))
	for k := range a {
		list = append(list, k)
	}
	for k := range b {
		if _, twice := a[k]; !twice {
			list = append(list, k)
		}
	}
	sort.Strings(list)
	return list
}

func reasonOf(r cds.Recommendation) string {
	if r.AbstainReason != nil {
		return *r.AbstainReason
	}
	if !r.Abstained {
		return written(r)
	}
	return ""
}

// first names the recommended option, by its substances.
func first(r cds.Recommendation) string {
	for _, o := range r.Options {
		if o.Recommended {
			return namesOf(o)
		}
	}
	return ""
}

func namesOf(o cds.Option) string {
	var list []string
	for _, i := range o.Ingredients {
		list = appendNew(list, i.Name)
	}
	return strings.Join(list, " + ")
}

func appendNew(list []string, s string) []string {
	for _, x := range list {
		if x == s {
			return list
		}
	}
	return append(list, s)
}

// options gives each option's text by its substances and routes.
func options(r cds.Recommendation) map[string]string {
	out := map[string]string{}
	for _, o := range r.Options {
		var key, text []string
		for _, i := range o.Ingredients {
			key, text = appendNew(key, i.ATC+" "+i.Route), append(text, i.Text)
		}
		sort.Strings(key)
		out[strings.Join(key, "+")] = strings.Join(text, " + ")
	}
	return out
}

func exclusions(r cds.Recommendation) map[string]string {
	out := map[string]string{}
	for _, x := range r.Excluded {
		out[x.ATC+" "+x.Reason] = x.Name + ": " + x.Detail
	}
	return out
}

func warnings(list []cds.Warning) map[string]string {
	out := map[string]string{}
	for _, w := range list {
		out[string(w.Indicator)+" "+w.Code+" "+w.OrderRef] = string(w.Indicator) + ": " + w.Summary
	}
	return out
}

func gaps(a Answer) map[string]string {
	out := map[string]string{}
	for fact := range lacked(a) {
		out[fact] = fact
	}
	return out
}

// Impact is what would change if one version took the place of another.
type Impact struct {
	From      string          `json:"from"`
	To        string          `json:"to"`
	Questions int             `json:"questions"`
	Changed   int             `json:"changed"`
	Kinds     map[string]int  `json:"kinds"` // questions by kind of change
	Changes   []ChangedAnswer `json:"changes"`
	Left      int             `json:"left"` // changed questions that are not listed
}

// ChangedAnswer is a question to which two versions answer differently.
type ChangedAnswer struct {
	ID      string         `json:"id"`
	Title   string         `json:"title,omitempty"`
	Changes []AnswerChange `json:"changes"`
}

// NewImpact begins a comparison.
func NewImpact(from, to string) *Impact {
	return &Impact{From: from, To: to, Kinds: map[string]int{}, Changes: []ChangedAnswer{}}
}

// Add counts a question. Of more than most changed questions only the number is
// kept.
func (m *Impact) Add(id, title string, changes []AnswerChange, most int) {
	m.Questions++
	if len(changes) == 0 {
		return
	}
	m.Changed++
	seen := map[string]bool{}
	for _, c := range changes {
		if !seen[c.Kind] {
			seen[c.Kind] = true
			m.Kinds[c.Kind]++
		}
	}
	if len(m.Changes) >= most {
		m.Left++
		return
	}
	m.Changes = append(m.Changes, ChangedAnswer{ID: id, Title: title, Changes: changes})
}

// maxListed bounds the changed questions an impact lists.
const maxListed = 200

// ImpactOf puts cases to two versions.
func ImpactOf(ctx context.Context, from, to Knowledge, cases []Case, lang cds.Lang) Impact {
	m := NewImpact(from.Name, to.Name)
	for _, c := range cases {
		if ctx.Err() != nil {
			break
		}
		q := c.Question(lang)
		m.Add(c.ID, c.Title, Compare(from.Ask(ctx, q, false), to.Ask(ctx, q, false)), maxListed)
	}
	return *m
}

// AddBundle counts the moments of a Bundle that was replayed with two versions.
func (m *Impact) AddBundle(b Bundle) {
	for _, e := range b.Entries {
		m.Add(e.ID+" "+e.At, "", e.changes, maxListed)
	}
}

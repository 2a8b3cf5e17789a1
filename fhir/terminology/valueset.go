package terminology

import (
	"slices"
	"strings"

	"cdss/fhir"
	"cdss/fhir/issue"
)

// Member is one code of a value set, with the names it has there.
type Member struct {
	fhir.Coding
	Designations []Designation
	Inactive     bool
	Abstract     bool
}

// Name gives the display in a language.
func (m *Member) Name(language string) string { return nameIn(language, m.Display, m.Designations) }

// valueSet is a ValueSet, compiled: its members in the order of the definition,
// and the same sorted for looking up.
type valueSet struct {
	resource     *fhir.Resource
	url, version string
	state        state
	fault        *issue.Error // why the set cannot be used
	members      []*Member
	sorted       []*Member
	// open names the code systems of which all or an unknown part belongs to
	// the set, and which are not loaded as a whole.
	open []string
}

type state uint8

const (
	untouched state = iota
	busy
	done
)

func compareCodings(a, b fhir.Coding) int {
	if c := strings.Compare(a.System, b.System); c != 0 {
		return c
	}
	return strings.Compare(a.Code, b.Code)
}

// index fills sorted from members, and drops codes that stand twice.
func (v *valueSet) index() {
	v.sorted = slices.Clone(v.members)
	slices.SortStableFunc(v.sorted, func(a, b *Member) int { return compareCodings(a.Coding, b.Coding) })
	twice := map[*Member]bool{}
	for i := 1; i < len(v.sorted); i++ {
		if compareCodings(v.sorted[i-1].Coding, v.sorted[i].Coding) == 0 {
			twice[v.sorted[i]] = true
		}
	}
	if len(twice) > 0 {
		drop := func(m *Member) bool { return twice[m] }
		v.sorted = slices.DeleteFunc(v.sorted, drop)
		v.members = slices.DeleteFunc(slices.Clone(v.members), drop)
	}
	slices.Sort(v.open)
	v.open = slices.Compact(v.open)
}

func (v *valueSet) find(system, code string) *Member {
	at, ok := slices.BinarySearchFunc(v.sorted, fhir.Coding{System: system, Code: code}, func(m *Member, c fhir.Coding) int { return compareCodings(m.Coding, c) })
	if !ok {
		return nil
	}
	return v.sorted[at]
}

// fail says why the set cannot be used; what was said first stays.
func (v *valueSet) fail(k issue.Kind, format string, a ...any) {
	if v.fault == nil {
		v.fault = issue.New(k, format, a...)
	}
}

// compile fills v, those that it includes first.
func (l *loader) compile(v *valueSet) {
	switch v.state {
	case done:
		return
	case busy:
		// All that stand on the way here are part of the circle.
		for i := slices.Index(l.way, v); i < len(l.way); i++ {
			l.way[i].fail(issue.BusinessRule, "it includes itself, at once or by way of others")
		}
		return
	}
	v.state = busy
	l.way = append(l.way, v)
	defer func() {
		v.state = done
		l.way = l.way[:len(l.way)-1]
	}()
	root := v.resource.Root()
	compose := root.Child("compose")
	if compose == nil {
		for _, n := range root.Get("expansion").Children("contains") {
			v.expanded(n)
		}
		v.index()
		return
	}
	for _, n := range compose.Children("include") {
		part := l.include(v, n)
		v.members = append(v.members, part.members...)
		v.open = append(v.open, part.open...)
	}
	v.index()
	if exclude := compose.Children("exclude"); len(exclude) > 0 && v.fault == nil {
		out := &valueSet{}
		for _, n := range exclude {
			part := l.include(v, n)
			out.members = append(out.members, part.members...)
			if len(part.open) > 0 {
				v.fail(issue.Incomplete, "it excludes codes of a code system that is not loaded")
			}
		}
		out.index()
		v.members = slices.DeleteFunc(slices.Clone(v.members), func(m *Member) bool { return out.find(m.System, m.Code) != nil })
		v.index()
	}
	if inactive, ok := compose.Child("inactive").Bool(); ok && !inactive {
		v.members = slices.DeleteFunc(v.members, func(m *Member) bool { return m.Inactive })
		v.index()
	}
	if v.fault != nil {
		v.members, v.sorted = nil, nil
		l.report(issue.KindOf(v.fault), v.resource, "%s", v.fault.Diagnostics)
	}
}

func (v *valueSet) expanded(n *fhir.Node) {
	inactive, _ := n.Child("inactive").Bool()
	abstract, _ := n.Child("abstract").Bool()
	if code := n.Child("code").String(); code != "" {
		v.members = append(v.members, &Member{Coding: n.Coding(), Designations: designations(n), Inactive: inactive, Abstract: abstract})
	}
	for _, k := range n.Children("contains") {
		v.expanded(k)
	}
}

// include gives the codes of one include or exclude. Value sets in it, and a
// code system beside them, must all hold a code (R4, ValueSet.compose.include).
func (l *loader) include(v *valueSet, n *fhir.Node) *valueSet {
	var parts []*valueSet
	for _, ref := range n.Children("valueSet") {
		other := l.s.set(ref.String())
		if other == nil {
			v.fail(issue.Incomplete, "it includes %s, which is not loaded", clip(ref.String()))
			return &valueSet{}
		}
		l.compile(other)
		if other.fault != nil {
			v.fail(issue.KindOf(other.fault), "it includes %s, which cannot be used", clip(ref.String()))
			return &valueSet{}
		}
		parts = append(parts, other)
	}
	if url := n.Child("system").String(); url != "" {
		parts = append(parts, l.fromSystem(v, n, url))
	}
	if len(parts) == 0 {
		v.fail(issue.BusinessRule, "an include names neither a code system nor a value set")
		return &valueSet{}
	}
	out := parts[0]
	for _, p := range parts[1:] {
		out = intersect(out, p)
	}
	return out
}

// intersect keeps the codes that both hold. A code system that is open in one
// lets the other's codes of it stay in question, so they are open too.
func intersect(a, b *valueSet) *valueSet {
	out := &valueSet{}
	for _, m := range a.members {
		switch {
		case b.find(m.System, m.Code) != nil:
			out.members = append(out.members, m)
		case slices.Contains(b.open, m.System):
			out.open = append(out.open, m.System)
		}
	}
	for _, system := range a.open {
		if slices.Contains(b.open, system) || slices.ContainsFunc(b.members, func(m *Member) bool { return m.System == system }) {
			out.open = append(out.open, system)
		}
	}
	out.index()
	return out
}

// fromSystem gives the codes of a code system: those listed, those that pass
// the filters, or all.
func (l *loader) fromSystem(v *valueSet, n *fhir.Node, url string) *valueSet {
	out := &valueSet{}
	system := l.s.system(url, n.Child("version").String())
	if listed := n.Children("concept"); len(listed) > 0 {
		for _, c := range listed {
			m := &Member{Coding: fhir.Coding{System: url, Version: n.Child("version").String(), Code: c.Child("code").String(), Display: c.Child("display").String()}, Designations: designations(c)}
			if own := system.find(m.Code); own != nil {
				m.Code, m.Inactive, m.Abstract = own.Code, own.Inactive, own.Abstract
				if m.Display == "" {
					m.Display = own.Display
				}
				m.Designations = append(m.Designations, own.Designations...)
			}
			if m.Code != "" {
				out.members = append(out.members, m)
			}
		}
		out.index()
		return out
	}
	if system == nil {
		out.open = []string{url}
		return out
	}
	var filters []filter
	for _, f := range n.Children("filter") {
		read, fault := readFilter(f, system)
		if fault != "" {
			v.fail(issue.BusinessRule, "%s", fault)
			return out
		}
		filters = append(filters, read)
	}
	for _, c := range system.concepts {
		if slices.ContainsFunc(filters, func(f filter) bool { return !f.matches(c, system) }) {
			continue
		}
		out.members = append(out.members, &Member{Coding: c.Coding, Designations: c.Designations, Inactive: c.Inactive, Abstract: c.Abstract})
	}
	if !system.complete {
		out.open = []string{url}
	}
	out.index()
	return out
}

// MemberOf tells whether a coding is in a value set; ok is false where the set
// is not loaded, or rests on a code system that is not. A coding without system
// is in it when its code is in it once. The signature is that of fhirpath.Env.
func (s *Snapshot) MemberOf(coding fhir.Coding, valueSet string) (in, ok bool) {
	v := s.set(valueSet)
	if v == nil {
		return false, false
	}
	if coding.System == "" {
		hits := 0
		for _, m := range v.members {
			if m.Code == coding.Code {
				hits++
			}
		}
		return hits == 1, hits == 1 || len(v.open) == 0
	}
	if v.find(coding.System, s.spelling(coding)) != nil {
		return true, true
	}
	return false, !slices.Contains(v.open, coding.System)
}

// spelling gives the code as its code system writes it, where case does not
// count.
func (s *Snapshot) spelling(coding fhir.Coding) string {
	if c := s.system(coding.System, ""); c != nil && c.fold {
		if own := c.find(coding.Code); own != nil {
			return own.Code
		}
	}
	return coding.Code
}

// Validation is the answer to $validate-code.
type Validation struct {
	Result  bool
	Display string // the right display, in the language asked for
	Message string // why not, or that the display is wrong
}

// ValidateCode tells whether one of the codings is in the value set; with an
// empty valueSet, whether it is in its code system. Where that cannot be told it
// is an error of kind issue.NotFound.
func (s *Snapshot) ValidateCode(valueSet string, codings []fhir.Coding, language string) (Validation, error) {
	if len(codings) == 0 {
		return Validation{}, issue.New(issue.Required, "validate a code: there is none")
	}
	var open error
	for _, c := range codings {
		display, in := "", false
		if valueSet == "" {
			concept, err := s.Lookup(c)
			if issue.Is(err, issue.NotFound) {
				open = err
				continue
			}
			if concept != nil {
				display, in = concept.Name(language), true
			}
		} else {
			v := s.set(valueSet)
			if v == nil {
				return Validation{}, s.missing("validate a code", valueSet)
			}
			found, ok := s.MemberOf(c, valueSet)
			if !ok {
				open = issue.New(issue.NotFound, "validate a code: the code system %q is not loaded", clip(c.System))
				continue
			}
			if in = found; in {
				if m := v.find(c.System, s.spelling(c)); m != nil {
					display = m.Name(language)
				}
			}
		}
		if !in {
			continue
		}
		out := Validation{Result: true, Display: display}
		if c.Display != "" && display != "" && !strings.EqualFold(c.Display, display) && !s.isName(c) {
			out.Message = "the display is not one of the code's"
		}
		return out, nil
	}
	if open != nil {
		return Validation{}, open
	}
	where := "its code system"
	if valueSet != "" {
		where = clip(valueSet)
	}
	return Validation{Message: "the code " + clip(codings[0].Code) + " is not in " + where}, nil
}

// isName tells whether the coding's display is any of the concept's names.
func (s *Snapshot) isName(c fhir.Coding) bool {
	concept, err := s.Lookup(c)
	if err != nil {
		return false
	}
	return strings.EqualFold(concept.Display, c.Display) ||
		slices.ContainsFunc(concept.Designations, func(d Designation) bool { return strings.EqualFold(d.Value, c.Display) })
}

// Expansion is the answer to $expand: a page of the members that match.
type Expansion struct {
	URL, Version string
	Total        int
	Offset       int
	Members      []Member // displays in the language asked for
}

// ExpandOptions choose what of a value set is shown.
type ExpandOptions struct {
	Filter     string // text that the code or one of its names contains
	Offset     int
	Count      int // 0: all, at most maxExpansion
	Language   string
	ActiveOnly bool
}

// maxExpansion is the most codes that an expansion without paging may have.
const maxExpansion = 10_000

// Expand gives the members of a value set. A set that is not loaded is an error
// of kind issue.NotFound, one that includes itself or is wrong otherwise of kind
// issue.BusinessRule, one that rests on a code system that is not loaded of
// kind issue.NotSupported, one with too many codes of kind issue.TooCostly.
func (s *Snapshot) Expand(valueSet string, o ExpandOptions) (*Expansion, error) {
	v := s.set(valueSet)
	if v == nil {
		return nil, s.missing("expand a value set", valueSet)
	}
	if len(v.open) > 0 {
		return nil, issue.New(issue.NotSupported, "expand %s: the code system %s is not loaded", clip(v.url), clip(v.open[0]))
	}
	needle := strings.ToLower(strings.TrimSpace(o.Filter))
	var hits []*Member
	for _, m := range v.members {
		if o.ActiveOnly && m.Inactive || needle != "" && !m.contains(needle) {
			continue
		}
		hits = append(hits, m)
	}
	e := &Expansion{URL: v.url, Version: v.version, Total: len(hits), Offset: max(0, o.Offset)}
	hits = hits[min(e.Offset, len(hits)):]
	if o.Count > 0 {
		hits = hits[:min(o.Count, len(hits))]
	}
	if len(hits) > maxExpansion {
		return nil, issue.New(issue.TooCostly, "expand %s: more than %d codes; ask for pages", clip(v.url), maxExpansion)
	}
	for _, m := range hits {
		c := *m
		c.Display = m.Name(o.Language)
		e.Members = append(e.Members, c)
	}
	return e, nil
}

// Codes gives the codes of a value set; ok is false where not all are known, or they
// are more than an expansion may have.
func (s *Snapshot) Codes(valueSet string) (codes []fhir.Coding, ok bool) {
	e, err := s.Expand(valueSet, ExpandOptions{})
	if err != nil {
		return nil, false
	}
	codes = make([]fhir.Coding, len(e.Members))
	for i, m := range e.Members {
		codes[i] = m.Coding
	}
	return codes, true
}

func (m *Member) contains(needle string) bool {
	return strings.Contains(strings.ToLower(m.Code), needle) || strings.Contains(strings.ToLower(m.Display), needle) ||
		slices.ContainsFunc(m.Designations, func(d Designation) bool { return strings.Contains(strings.ToLower(d.Value), needle) })
}

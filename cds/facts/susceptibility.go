package facts

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"cdss/cds/stewardship/microbiology"
	"cdss/fhir"
)

// links finds the susceptibilities of a culture. The profiles put them in many
// places: as its members or those of a panel, as components, as Observations that
// were derived from it, or merely in the same report or of the same specimen.
type links struct {
	b        *builder
	byRef    map[string]*finding   // whole Observations
	parts    map[string][]*finding // components of an Observation, by its reference
	derived  map[string][]*finding // Observations derived from another
	siblings map[string][]*finding // by report or specimen
	grown    map[string]int        // how many named organisms a report or specimen holds
	cultured []bool                // by finding: it is a culture, or names an organism as one
	owned    map[string]bool       // is a member of something
	groups   map[string][]string   // the reports that list an Observation
}

func (b *builder) link() *links {
	l := &links{
		b: b, byRef: map[string]*finding{}, parts: map[string][]*finding{}, derived: map[string][]*finding{},
		siblings: map[string][]*finding{}, grown: map[string]int{}, owned: map[string]bool{}, cultured: make([]bool, len(b.findings)),
	}
	l.groups = b.reports()
	for n := range b.findings {
		x := &b.findings[n]
		if x.node.Child("status") == nil {
			l.parts[x.reference] = append(l.parts[x.reference], x)
			continue
		}
		l.byRef[x.reference] = x
		for _, d := range x.node.Children("derivedFrom") {
			if typ, id, ok := d.Reference().Local(); ok {
				l.derived[typ+"/"+id] = append(l.derived[typ+"/"+id], x)
				l.owned[x.reference] = true
			}
		}
		for _, m := range x.node.Children("hasMember") {
			if typ, id, ok := m.Reference().Local(); ok {
				l.owned[typ+"/"+id] = true
			}
		}
		l.cultured[n] = b.isCulture(x)
		named := l.cultured[n] && !is(x.value, positiveCodes) && !is(x.value, noGrowth) && !(x.value.IsZero() && x.text == "")
		for _, g := range append(slices.Clone(l.groups[x.reference]), specimenRef(x)) {
			if g == "" {
				continue
			}
			if named {
				l.grown[g]++
			}
			l.siblings[g] = append(l.siblings[g], x)
		}
	}
	return l
}

// reports gives the reports that list an Observation among their results.
func (b *builder) reports() map[string][]string {
	out := map[string][]string{}
	for _, r := range b.byType["DiagnosticReport"] {
		n := r.Root()
		if st := n.Child("status").String(); st == "entered-in-error" || st == "cancelled" {
			continue
		}
		for _, x := range n.Children("result") {
			if typ, id, ok := x.Reference().Local(); ok {
				out[typ+"/"+id] = append(out[typ+"/"+id], r.Ref())
			}
		}
	}
	return out
}

func specimenRef(x *finding) string {
	if typ, id, ok := x.node.Child("specimen").Reference().Local(); ok {
		return typ + "/" + id
	}
	return ""
}

// isCulture tells an Observation that names what was grown: by its code, or by the
// microbiology category with an organism as the value.
func (b *builder) isCulture(x *finding) bool {
	if x.code.Has(loinc, cultures...) {
		return true
	}
	microbiology := false
	for _, c := range x.node.Children("category") {
		for _, coding := range c.CodeableConcept().Codings {
			microbiology = microbiology || coding.Code == "18725-2" || coding.Code == "MB"
		}
	}
	if !microbiology || b.in.Organisms == nil {
		return false
	}
	code, ok := x.value.In(snomed)
	if !ok || x.code.Has(loinc, screenings...) {
		return false
	}
	_, ok = b.in.Organisms.Find(code.Code, "")
	return ok && growthWords.MatchString(strings.Join(texts(x.code), " "))
}

// growthWords tell a culture from an antigen or a nucleic acid, which find carriers.
var growthWords = regexp.MustCompile(`(?i)kultur|culture|identified|identifizier|isolat`)

// results gathers the susceptibilities of a culture.
func (l *links) results(i *microbiology.Isolate, x *finding) {
	seen := map[string]bool{x.reference: true}
	var members func(x *finding, depth int)
	take := func(y *finding, depth int) {
		if y == nil || seen[y.reference] {
			return
		}
		seen[y.reference] = true
		l.b.result(i, y)
		members(y, depth+1)
	}
	members = func(x *finding, depth int) {
		if depth > 3 {
			return
		}
		for _, p := range l.parts[x.reference] {
			l.b.result(i, p)
		}
		for _, m := range x.node.Children("hasMember") {
			typ, id, local := m.Reference().Local()
			found := l.byRef[typ+"/"+id]
			i.Lacking = i.Lacking || !local || found == nil
			take(found, depth)
		}
		for _, d := range l.derived[x.reference] {
			take(d, depth)
		}
	}
	members(x, 0)
	// What only stands beside it belongs to it where nothing else was grown.
	for _, g := range append(slices.Clone(l.groups[x.reference]), specimenRef(x)) {
		if g == "" || l.grown[g] != 1 {
			continue
		}
		for _, y := range l.siblings[g] {
			if !l.owned[y.reference] && !seen[y.reference] && l.b.category(y) != "" {
				take(y, 1)
			}
		}
	}
}

// interpretations are the codes of S, I and R: HL7 v3, the SNOMED CT codes of the
// German microbiology profiles, and LOINC answers. "Susceptible-dose dependent" is
// the CLSI's, and is an "I" that only the norm makes usable.
var interpretations = map[string]microbiology.Interpretation{
	"S": microbiology.Susceptible, "I": microbiology.Increased, "R": microbiology.Resistant, "SDD": microbiology.Increased, "NS": microbiology.Resistant,
	"1306577009": microbiology.Susceptible, "1306583007": microbiology.Increased, "1306581009": microbiology.Resistant,
	"131196009": microbiology.Susceptible, "11896004": microbiology.Increased, "30714006": microbiology.Resistant,
	"LA24225-7": microbiology.Susceptible, "LA6676-6": microbiology.Resistant,
}

// category gives the laboratory's category of a finding, "" for none.
func (b *builder) category(x *finding) microbiology.Interpretation {
	var category microbiology.Interpretation
	for _, n := range x.node.Children("interpretation") {
		for _, c := range n.CodeableConcept().Codings {
			if v, ok := interpretations[c.Code]; ok {
				category = v
			}
		}
	}
	if category == "" {
		for _, c := range x.value.Codings {
			if v, ok := interpretations[c.Code]; ok {
				category = v
			}
		}
	}
	if category == "" {
		category = interpretations[strings.ToUpper(strings.TrimSpace(x.text))]
	}
	return category
}

// result adds one susceptibility. A substance that is not recognised is left out.
func (b *builder) result(i *microbiology.Isolate, x *finding) {
	category, atc := b.category(x), b.tested(x)
	if atc == "" || category == "" {
		i.Lacking = i.Lacking || atc != ""
		return
	}
	r := microbiology.Result{ATC: atc, Interpretation: category, Reference: x.reference, Only: scopeOf(x)}
	for _, words := range append(texts(x.node.Child("method").CodeableConcept()), notes(x.node)...) {
		if m := normWords.FindStringSubmatch(words); m != nil {
			if norm := strings.ToUpper(m[1]); r.Norm == "" || r.Norm == norm {
				r.Norm = norm
			}
			if year, err := strconv.Atoi(m[2]); err == nil {
				r.Year = year
			}
		} else if m := normVersion.FindStringSubmatch(words); m != nil && r.Year == 0 {
			r.Year = eucastYear(m[1], m[2])
		}
	}
	i.Results = append(i.Results, r)
}

var (
	normWords = regexp.MustCompile(`(?i)(EUCAST|CLSI)(?:.{0,20}?\b(20\d\d))?`)
	// A version stands alone beside the norm: the year, or the number of EUCAST's
	// breakpoint tables.
	normVersion = regexp.MustCompile(`^\s*[vV]?\s*(?:(20\d\d)|(\d{1,2})\.\d)`)
)

// eucastYear gives the year of a norm's version: as it stands, or of EUCAST's
// breakpoint tables, whose number is the year since 2010 (9.0 was for 2019, 14.0
// for 2024).
func eucastYear(year, number string) int {
	if y, err := strconv.Atoi(year); err == nil {
		return y
	}
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 {
		return 0
	}
	return 2010 + n
}

var (
	cystitisScope   = regexp.MustCompile(`(?i)uncomplicated u(?:rinary|ti)|unkomplizierte[nr]?\s+(?:hwi|harnweg|zystitis)|\buuti\b|nur (?:unkomplizierte )?(?:hwi|harnweg|zystitis)`)
	otherScope      = regexp.MustCompile(`(?i)(?:non|other than|nicht|außer|ohne)[- ]*meningitis`)
	meningitisScope = regexp.MustCompile(`(?i)meningitis`)
)

// scopeOf reads the infections a breakpoint is for where the report says so.
func scopeOf(x *finding) microbiology.Scope {
	for _, words := range append(append(texts(x.code), notes(x.node)...), texts(x.node.Child("method").CodeableConcept())...) {
		switch {
		case cystitisScope.MatchString(words):
			return microbiology.CystitisOnly
		case otherScope.MatchString(words):
			return microbiology.NotMeningitis
		case meningitisScope.MatchString(words):
			return microbiology.MeningitisOnly
		}
	}
	return ""
}

// tested gives the substance of a susceptibility: by ATC, by the LOINC code of the
// test, else by its words.
func (b *builder) tested(x *finding) string {
	if atc := atcOf(x.code); atc != "" {
		return atc
	}
	if b.in.Organisms != nil {
		for _, c := range x.code.Codings {
			if atc, ok := b.in.Organisms.Test(c.Code); ok && c.System == loinc {
				return atc
			}
		}
	}
	if b.in.Formulary != nil {
		for _, words := range texts(x.code) {
			if drugs, _ := b.in.Formulary.Find(words); len(drugs) == 1 {
				return drugs[0].ATC
			}
		}
	}
	if plainPenicillin(x.code) {
		return "J01CE01"
	}
	return ""
}

// plainPenicillin tells a test reported as "penicillin", which is benzylpenicillin.
func plainPenicillin(code fhir.CodeableConcept) bool {
	for _, words := range texts(code) {
		name, _, _ := strings.Cut(words, "[")
		if strings.EqualFold(strings.TrimSpace(name), "penicillin") {
			return true
		}
	}
	return false
}

// notes gives what is written beside a result: notes, and the extensions of the
// microbiology profiles, which name the norm on the interpretation.
func notes(n *fhir.Node) []string {
	var out []string
	for _, note := range n.Children("note") {
		out = append(out, note.Child("text").String())
	}
	out = append(out, extensions(n, 0)...)
	for _, i := range n.Children("interpretation") {
		out = append(out, texts(i.CodeableConcept())...)
		out = append(out, extensions(i, 0)...)
	}
	return out
}

// extensions gives the words of the extensions of an element, nested ones included.
func extensions(n *fhir.Node, depth int) []string {
	var out []string
	if depth > 3 {
		return out
	}
	for _, e := range n.Children("extension") {
		value, kind := e.Choice("value")
		switch kind {
		case "String", "Code":
			out = append(out, value.String())
		case "CodeableConcept":
			concept := value.CodeableConcept()
			out = append(out, texts(concept)...)
			for _, c := range concept.Codings {
				out = append(out, c.Code+" "+c.Version)
			}
		case "Coding":
			c := value.Coding()
			out = append(out, c.Display, c.Code+" "+c.Version)
		}
		out = append(out, extensions(e, depth+1)...)
	}
	return out
}

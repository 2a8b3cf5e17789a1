package facts

import (
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"

	"cdss/cds/stewardship/microbiology"
	"cdss/fhir"
)

// Codes of cultures and of results that name no organism.
var (
	cultures  = []string{"600-7", "630-4", "6463-4", "11475-1", "41852-5", "42803-7", "17928-3", "624-7", "6460-0", "606-4", "634-6"}
	noGrowth  = []string{"264868006", "260385009", "260415000", "LA6577-6"}
	normWords = regexp.MustCompile(`(?i)(EUCAST|CLSI)(?:.{0,20}?\b(20\d\d))?`)
	specimens = map[string]string{"600-7": "blood", "17928-3": "blood", "630-4": "urine", "6460-0": "respiratory", "624-7": "respiratory", "606-4": "csf"}
)

// isolatesCount is how long an isolate bears on a choice.
const isolatesCount = 365 * day

// isolates reads cultures: an organism as the value, its susceptibilities as the
// members; and tests that prove a pathogen without growing it. Cultures without
// growth are none.
func (b *builder) isolates() {
	byRef := map[string]*finding{}
	for i := range b.findings {
		byRef[b.findings[i].reference] = &b.findings[i]
	}
	for _, x := range b.findings {
		if is(x.value, noGrowth) {
			continue
		}
		if !x.code.Has(loinc, cultures...) {
			b.proof(x)
			continue
		}
		if x.value.IsZero() {
			continue
		}
		if at := b.moment(x.at); at.IsZero() || b.now.Sub(at) > isolatesCount {
			b.ignore(x.reference, "Erregernachweis ohne Datum oder älter als ein Jahr", "isolate without a date or older than a year")
		}
		i := microbiology.Isolate{Display: x.value.Display(), At: b.moment(x.at), Reference: x.reference}
		code := ""
		if c, ok := x.value.In(snomed); ok {
			code = c.Code
		}
		if b.in.Organisms != nil {
			i.Organism, _ = b.in.Organisms.Find(code, strings.Join(texts(x.value), " "))
		}
		for _, c := range x.code.Codings {
			if s, ok := specimens[c.Code]; ok && c.System == loinc {
				i.Specimen = s
			}
		}
		for _, member := range x.node.Children("hasMember") {
			typ, id, local := member.Reference().Local()
			found := byRef[typ+"/"+id]
			i.Lacking = i.Lacking || !local || found == nil
			b.result(&i, found)
		}
		b.chart.isolates = append(b.chart.isolates, i)
	}
	sort.SliceStable(b.chart.isolates, func(i, j int) bool { return b.chart.isolates[i].At.After(b.chart.isolates[j].At) })
}

// proven are the groups of organisms that an antigen or a nucleic acid proves as
// the pathogen. Of others, as of MRSA on a swab, such a test finds carriers too.
var proven = []string{
	"legionella", "atypical", "streptococcus", "haemophilus", "neisseria", "listeria", "clostridioides-difficile", "anaerobe",
}

var (
	stoolWords = regexp.MustCompile(`(?i)\bstool\b|stuhl|faeces|feces`)
	csfWords   = regexp.MustCompile(`(?i)cerebral spinal fluid|cerebrospinal|\bcsf\b|liquor`)
)

// proof reads a positive test whose words name an organism, or whose value is one.
// Urine is not the site of what an antigen in it proves, so that it is not named.
func (b *builder) proof(x finding) {
	if b.in.Organisms == nil {
		return
	}
	positive := is(x.value, positiveCodes) || x.yes != nil && *x.yes
	value, _ := x.value.In(snomed)
	words := strings.Join(texts(x.code), " ")
	organism, ok := b.in.Organisms.Find(value.Code, strings.Join(texts(x.value), " "))
	if !ok && positive {
		organism, ok = b.in.Organisms.Find("", words)
	}
	if !ok || !slices.Contains(proven, organism.Group) {
		return
	}
	i := microbiology.Isolate{Organism: organism, Display: organism.Name.EN, At: b.moment(x.at), Reference: x.reference}
	switch {
	case organism.Group == "clostridioides-difficile" || stoolWords.MatchString(words):
		i.Specimen = "stool"
	case csfWords.MatchString(words):
		i.Specimen = "csf"
	}
	b.chart.isolates = append(b.chart.isolates, i)
}

// interpretations are the codes of S, I and R: HL7 v3 and the SNOMED CT codes of
// the German microbiology profiles.
var interpretations = map[string]microbiology.Interpretation{
	"S": microbiology.Susceptible, "I": microbiology.Increased, "R": microbiology.Resistant,
	"1306577009": microbiology.Susceptible, "1306583007": microbiology.Increased, "1306581009": microbiology.Resistant,
	"131196009": microbiology.Susceptible, "11896004": microbiology.Increased, "30714006": microbiology.Resistant,
}

// result adds one susceptibility. A substance that is not recognised is left out.
func (b *builder) result(i *microbiology.Isolate, x *finding) {
	if x == nil {
		return
	}
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
	atc := atcOf(x.code)
	if atc == "" && b.in.Formulary != nil {
		for _, words := range texts(x.code) {
			if drugs, _ := b.in.Formulary.Find(words); len(drugs) == 1 {
				atc = drugs[0].ATC
				break
			}
		}
	}
	if atc == "" && plainPenicillin(x.code) {
		atc = "J01CE01"
	}
	if atc == "" || category == "" {
		i.Lacking = i.Lacking || atc != ""
		return
	}
	r := microbiology.Result{ATC: atc, Interpretation: category, Reference: x.reference}
	for _, words := range append(texts(x.node.Child("method").CodeableConcept()), notes(x.node)...) {
		if m := normWords.FindStringSubmatch(words); m != nil {
			r.Norm = strings.ToUpper(m[1])
			r.Year, _ = strconv.Atoi(m[2])
		}
	}
	i.Results = append(i.Results, r)
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

// notes gives what is written beside a result, the extensions of the microbiology
// profiles included.
func notes(n *fhir.Node) []string {
	var out []string
	for _, note := range n.Children("note") {
		out = append(out, note.Child("text").String())
	}
	for _, e := range n.Children("extension") {
		value, kind := e.Choice("value")
		switch kind {
		case "String":
			out = append(out, value.String())
		case "CodeableConcept":
			out = append(out, texts(value.CodeableConcept())...)
		case "Coding":
			out = append(out, value.Coding().Display)
		}
	}
	return out
}

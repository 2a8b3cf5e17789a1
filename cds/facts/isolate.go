package facts

import (
	"regexp"
	"slices"
	"sort"
	"strings"

	"cdss/cds/stewardship/microbiology"
	"cdss/fhir"
)

// Codes of cultures and of results that name no organism.
var (
	cultures   = []string{"600-7", "630-4", "6463-4", "11475-1", "41852-5", "42803-7", "17928-3", "624-7", "6460-0", "606-4", "634-6"}
	screenings = []string{"13317-3", "35492-8", "13316-5"}
	noGrowth   = []string{"264868006", "260385009", "260415000", "LA6577-6"}
	specimens  = map[string]string{"600-7": "blood", "17928-3": "blood", "630-4": "urine", "6460-0": "respiratory", "624-7": "respiratory", "606-4": "csf"}
)

// noPathogen are the words of a culture that grew nothing, or nothing that counts.
var noPathogen = regexp.MustCompile(`(?i)mischflora|mixed flora|(?:normal|standort|haut|rachen|mund)flora|(?:normal|skin|oral) flora|kontamin|contamin|kein\w* (?:wachstum|nachweis|erreger|keim)|no growth|\bsteril|nicht nachgewiesen|not detected|negativ`)

// kinds are the words of specimens; the first that fits counts. What was taken to
// look for carriers proves no pathogen.
var kinds = []struct {
	kind  string
	words *regexp.Regexp
}{
	{"screening", regexp.MustCompile(`(?i)screening|\b(?:nasen?|nasal|nares|rektal|rectal|perianal|leisten|groin|axill\w*)\b\W*(?:abstrich|swab|vorhof)?|(?:nasen|rektal|leisten|perianal)\s?abstrich`)},
	{"blood", regexp.MustCompile(`(?i)blutkultur|blood culture|\bblut\b|\bblood\b|venenblut|venous`)},
	{"urine", regexp.MustCompile(`(?i)\burin|urine|mittelstrahl`)},
	{"csf", regexp.MustCompile(`(?i)liquor|cerebro\s?spinal|cerebral spinal fluid|\bcsf\b`)},
	{"respiratory", regexp.MustCompile(`(?i)sputum|trachea|bronch|\bbal\b|atemweg|respirator|pleura`)},
	{"stool", regexp.MustCompile(`(?i)\bstool\b|stuhl|faeces|feces`)},
	{"wound", regexp.MustCompile(`(?i)wund|wound|abszess|abscess|eiter|\bpus\b|gewebe|tissue|biops|punktat|aspirate|knochen|bone`)},
}

// isolatesCount is how long an isolate bears on a choice.
const isolatesCount = 365 * day

// isolates reads cultures: an organism as the value, its susceptibilities wherever
// the profiles put them; and tests that prove a pathogen without growing it.
// Cultures without growth are none.
func (b *builder) isolates() {
	l := b.link()
	for n := range b.findings {
		x := &b.findings[n]
		if is(x.value, noGrowth) || x.value.IsZero() && (x.text == "" || noPathogen.MatchString(x.text)) {
			continue
		}
		if !l.cultured[n] {
			b.proof(*x)
			continue
		}
		if is(x.value, positiveCodes) || noPathogen.MatchString(strings.Join(texts(x.value), " ")) {
			continue // grown, but not named: the result that names it is an Observation of its own
		}
		if at := b.moment(x.at); at.IsZero() || b.now.Sub(at) > isolatesCount {
			b.ignore(x.reference, "Erregernachweis ohne Datum oder älter als ein Jahr", "isolate without a date or older than a year")
		}
		i := microbiology.Isolate{Display: x.value.Display(), At: b.moment(x.at), Reference: x.reference, Specimen: b.specimen(x)}
		if i.Display == "" {
			i.Display = x.text
		}
		i.Organism, _ = b.organism(x)
		l.results(&i, x)
		if i.Specimen == "screening" {
			b.screening = append(b.screening, i)
			continue
		}
		b.chart.isolates = append(b.chart.isolates, i)
	}
	for _, list := range [][]microbiology.Isolate{b.chart.isolates, b.screening} {
		sort.SliceStable(list, func(i, j int) bool {
			if !list[i].At.Equal(list[j].At) {
				return list[i].At.After(list[j].At)
			}
			return list[i].Reference < list[j].Reference
		})
	}
}

// organism gives what a finding names as its value.
func (b *builder) organism(x *finding) (microbiology.Organism, bool) {
	if b.in.Organisms == nil {
		return microbiology.Organism{}, false
	}
	c, _ := x.value.In(snomed)
	return b.in.Organisms.Find(c.Code, strings.Join(texts(x.value), " ")+" "+x.text)
}

// specimen tells what was examined: by the code of the test, else by the specimen
// it refers to, else by its words.
func (b *builder) specimen(x *finding) string {
	if x.code.Has(loinc, screenings...) {
		return "screening"
	}
	var words []string
	if r := x.node.Child("specimen").Reference(); r.Reference != "" || r.Display != "" {
		words = append(words, r.Display)
		var node *fhir.Node
		if id, ok := strings.CutPrefix(r.Reference, "#"); ok {
			for _, c := range x.node.Children("contained") {
				if c.Child("id").String() == id {
					node = c
				}
			}
		} else if typ, id, ok := r.Local(); ok && b.refs[typ+"/"+id] != nil {
			node = b.refs[typ+"/"+id].Root()
		}
		words = append(words, texts(node.Child("type").CodeableConcept())...)
		words = append(words, texts(node.Get("collection", "bodySite").CodeableConcept())...)
	}
	words = append(words, texts(x.node.Child("bodySite").CodeableConcept())...)
	if kind := kindOf(strings.Join(words, " | ")); kind != "" {
		return kind
	}
	for _, c := range x.code.Codings {
		if s, ok := specimens[c.Code]; ok && c.System == loinc {
			return s
		}
	}
	return kindOf(strings.Join(texts(x.code), " | "))
}

func kindOf(words string) string {
	for _, k := range kinds {
		if k.words.MatchString(words) {
			return k.kind
		}
	}
	return ""
}

// proven are the groups of organisms that an antigen or a nucleic acid proves as
// the pathogen. Of others, as of MRSA on a swab, such a test finds carriers too.
var proven = []string{
	"legionella", "atypical", "streptococcus", "haemophilus", "neisseria", "listeria", "clostridioides-difficile", "anaerobe",
}

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
	case organism.Group == "clostridioides-difficile" || kindOf(words) == "stool":
		i.Specimen = "stool"
	case kindOf(words) == "csf":
		i.Specimen = "csf"
	}
	b.chart.isolates = append(b.chart.isolates, i)
}

package facts

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"cdss/cds"
	"cdss/cds/stewardship"
	"cdss/cds/stewardship/microbiology"
	"cdss/fhir"
)

// sign describes one risk: how it is coded, how it is written, and what the form
// calls it.
type sign struct {
	name      string
	factor    string // of the request, "" where the form has none
	icd       []string
	snomed    []string
	words     *regexp.Regexp
	ops       []string // procedures
	devices   []string // SNOMED codes of devices
	holds     time.Duration
	organisms []string                                    // SNOMED codes of organisms that prove it
	answers   []string                                    // LOINC answers that prove it
	resistant func(microbiology.Isolate) (cds.Text, bool) // reads it from an isolate's susceptibilities
}

// carbapenemases name the enzymes as laboratories do; each makes a 4MRGN.
const carbapenemases = `(?:\b|bla[ -]?)(?:kpc|ndm|oxa-?48|oxa-?23|vim-?\d|imp-?\d)\b`

var carbapenemaseWords = regexp.MustCompile(`(?i)carbapenemase|` + carbapenemases)

var signsOfRisk = []sign{
	{name: "mrsa", factor: "mrsa", icd: []string{"U80.0"}, snomed: []string{"115329001", "266096002", "432415000"}, organisms: []string{"115329001"}, resistant: methicillinResistant,
		words: regexp.MustCompile(`(?i)\bmrsa\b|methicillin[- ]?resist|oxacillin[- ]?resist|\bmec ?[ac]\b`), holds: 365 * day},
	{name: "mrgn", factor: "mrgn", icd: []string{"U81"}, snomed: []string{"409801009", "737528008"}, answers: []string{"LA33215-7", "LA33216-5"}, resistant: multiresistant,
		words: regexp.MustCompile(`(?i)[234] ?-?mrgn\b|\bmrgn\b|\besbl\b|carbapenemase|\bcre\b|(?:\b|bla[ -]?)ctx-?m|` + carbapenemases), holds: 365 * day},
	{name: "vre", factor: "vre", icd: []string{"U80.2", "U80.3"}, snomed: []string{"113727004", "838511009"}, organisms: []string{"113727004", "838511009"}, resistant: glycopeptideResistant,
		words: regexp.MustCompile(`(?i)\bvre\b|\blvre\b|vancomycin[- ]?resist|glykopeptid[- ]?resist|\bvan ?[ab]\b`), holds: 365 * day},
	{name: "pseudomonas-risk", factor: "pseudomonas", icd: []string{"J47", "E84"}, snomed: []string{"12295008", "190905008"}, organisms: []string{"52499004"},
		words: regexp.MustCompile(`(?i)bronchiektas|bronchiectas|mukoviszidose|cystic fibrosis|pseudomonas`), holds: 365 * day},
	{name: "ventilation", factor: "ventilation", icd: []string{"Z99.1"}, snomed: []string{"40617009", "243147009"}, ops: []string{"8-70", "8-71"}, devices: []string{"706172005"},
		words: regexp.MustCompile(`(?i)invasiv\w* beatm|maschinell\w* beatm|mechanical ventilation|intubiert|intubated|beatmungspneumonie|ventilator`), holds: 2 * day},
	{name: "urinary-catheter", factor: "catheter", icd: []string{"T83.5", "Z46.6", "Z96.0"}, snomed: []string{"700372006", "410024004"}, ops: []string{"8-132"}, devices: []string{"23973005"},
		words: regexp.MustCompile(`(?i)(?:harn|blasen|dauer|urin)\w*katheter|katheter-assoziierte harnweg|urinary catheter|foley|suprapub`), holds: 7 * day},
	{name: "immunosuppression", factor: "immunosuppression", icd: []string{"D70", "D80", "D81", "D82", "D83", "D84", "B20", "B21", "B22", "B23", "B24", "Z94", "C81", "C82", "C83", "C84", "C85", "C90", "C91", "C92"},
		snomed: []string{"234532001"}, words: regexp.MustCompile(`(?i)immunsuppr|immunosuppr|neutropen|organtransplant|stammzelltransplant|organ transplant|stem cell transplant`)},
	{name: "device", factor: "device", words: regexp.MustCompile(`(?i)endoprothese|herzschrittmacher|gefäßprothese|joint prosthesis|pacemaker|vascular graft|\bicd-implant`), icd: []string{"Z95", "Z96.6"}},
}

// multiresistant reads 3MRGN, 4MRGN, or the resistance to third-generation
// cephalosporins that ESBL producers show, from what an isolate was tested for.
func multiresistant(i microbiology.Isolate) (cds.Text, bool) {
	if class, _ := i.MRGN(); class != "" {
		return text(i.Display+": "+class+" nach Antibiogramm", i.Display+": "+class+" by antibiogram"), true
	}
	if i.ThirdGenerationResistant() {
		return text(i.Display+": resistent gegen Cephalosporine der Gruppe 3", i.Display+": resistant to third-generation cephalosporins"), true
	}
	return cds.Text{}, false
}

// methicillinResistant reads MRSA from the test of oxacillin or cefoxitin.
func methicillinResistant(i microbiology.Isolate) (cds.Text, bool) {
	if i.Organism.Group == "mrsa" {
		return text(i.Display, i.Display), true
	}
	return resistantTo(i, "staphylococcus-aureus", "J01CF", "J01DC01")
}

// glycopeptideResistant reads VRE from the test of vancomycin.
func glycopeptideResistant(i microbiology.Isolate) (cds.Text, bool) {
	if i.Organism.Group == "vre" {
		return text(i.Display, i.Display), true
	}
	return resistantTo(i, "enterococcus", "J01XA01")
}

func resistantTo(i microbiology.Isolate, group string, prefixes ...string) (cds.Text, bool) {
	if i.Organism.Group != group {
		return cds.Text{}, false
	}
	for _, r := range i.Results {
		if r.Interpretation == microbiology.Resistant && begins(r.ATC, prefixes) {
			return text(i.Display+": resistent nach Antibiogramm", i.Display+": resistant by antibiogram"), true
		}
	}
	return cds.Text{}, false
}

var denied = regexp.MustCompile(`(?i)(?:\b(?:kein|keine|keinen|no|not|nicht|ohne|without|negativ\w*|ausschluss|ausgeschlossen|ruled out|verdacht auf ausschluss)\b[\s\w]{0,20}$)`)
var deniedAfter = regexp.MustCompile(`(?i)^\W*(?:[\w-]+\W+){0,2}(?:negativ|nicht nachgewiesen|not detected|ausgeschlossen|saniert|ruled out|absent)`)

// says tells whether a text affirms a sign.
func says(words *regexp.Regexp, s string) bool {
	at := find(words, s)
	return at != nil && !denied.MatchString(s[:at[0]]) && !deniedAfter.MatchString(s[at[1]:])
}

// colonisation puts the signs of the table: yes where something speaks for it or
// the form names it, no where the diagnoses came and nothing does, else unknown.
func (b *builder) colonisation() {
	for _, s := range signsOfRisk {
		b.sign(s)
	}
	b.mrgnClass()
}

func (b *builder) sign(s sign) {
	f := Fact{Name: s.name, State: Unknown, Missing: []string{s.name}, Reason: text("nicht übermittelt", "not sent")}
	settle := func(yes bool, source string, at fhir.Time, why cds.Text) {
		f.State, f.Value, f.Source, f.Date, f.Reason, f.Missing = state(yes), yes, source, at, why, nil
	}
	if s.factor != "" && b.requested(s.factor) || b.suspected(s.words) {
		settle(true, "request", fhir.Time{}, text("in der Anfrage angegeben", "stated in the request"))
		b.put(f)
		return
	}
	if ref, at, why, found := b.evidence(s); found {
		settle(true, ref, at, why)
		b.put(f)
		return
	}
	if ref, at, found := b.screened(s); found {
		settle(false, ref, at, text("Untersuchung negativ", "test negative"))
		b.put(f)
		return
	}
	// Silence is read as "no" only where the place it would stand in was handed over.
	spoken := b.spoken("Condition")
	switch s.name {
	case "ventilation":
		spoken = b.chart.Truth("icu") == stewardship.No || b.encounter.class == "AMB" || b.spoken("Procedure") && b.spoken("Condition")
	case "urinary-catheter":
		spoken = b.spoken("Device", "DeviceUseStatement", "Procedure")
	case "immunosuppression":
		spoken = spoken && b.chart.medicationState != Unknown
	}
	if spoken {
		settle(false, "", fhir.Time{}, text("nicht dokumentiert", "not recorded"))
	}
	b.put(f)
}

// suspected tells whether the form names a sign among the pathogens, or affirms it
// in its free text.
func (b *builder) suspected(words *regexp.Regexp) bool {
	r := b.in.Request
	if r == nil {
		return false
	}
	for _, p := range r.Pathogens {
		if says(words, p) {
			return true
		}
	}
	for _, sentence := range sentences.Split(stewardship.Clip(r.FreeText, stewardship.MaxText), -1) {
		if says(words, sentence) {
			return true
		}
	}
	return false
}

// sentences parts free text; a comma parts too, so that a denial does not reach on.
var sentences = regexp.MustCompile(`[.;,\n]+`)

// evidence looks for a sign in conditions, flags, findings, procedures, devices and
// medication.
func (b *builder) evidence(s sign) (ref string, at fhir.Time, why cds.Text, found bool) {
	for _, c := range b.chart.conditions {
		if hasICD(c.Concept, s.icd...) || len(s.snomed) > 0 && c.Concept.Has(snomed, s.snomed...) || written(s.words, c.Concept) {
			return c.Reference, began(c), text("Diagnose "+c.Display, "diagnosis "+c.Display), true
		}
	}
	for _, r := range b.byType["Flag"] {
		code := r.Root().Child("code").CodeableConcept()
		if r.Root().Child("status").String() == "active" && (len(s.snomed) > 0 && code.Has(snomed, s.snomed...) || written(s.words, code)) {
			return r.Ref(), when(r.Root(), "period"), text("Hinweis "+code.Display(), "flag "+code.Display()), true
		}
	}
	for _, x := range b.findings {
		if s.holds > 0 && b.now.Sub(b.moment(x.at)) > s.holds || is(x.value, negativeCodes) {
			continue
		}
		organism := len(s.organisms) > 0 && x.value.Has(snomed, s.organisms...)
		positive := written(s.words, x.code) && (is(x.value, positiveCodes) || x.yes != nil && *x.yes)
		if organism || positive || is(x.value, s.answers) || written(s.words, x.value) || says(s.words, x.text) {
			return x.reference, x.at, text("Befund "+x.value.Display()+x.text, "finding "+x.value.Display()+x.text), true
		}
	}
	if s.resistant != nil {
		for _, i := range slices.Concat(b.chart.isolates, b.screening) {
			if why, ok := s.resistant(i); ok && !i.At.IsZero() && b.now.Sub(i.At) <= s.holds {
				return i.Reference, fhir.Time{Time: i.At, Precision: fhir.Day, HasZone: true}, why, true
			}
		}
	}
	for _, kind := range []string{"Procedure", "Device", "DeviceUseStatement"} {
		for _, r := range b.byType[kind] {
			if ref, at, why, ok := b.apparatus(s, r); ok {
				return ref, at, why, true
			}
		}
	}
	if s.name == "immunosuppression" {
		for _, m := range b.chart.medications {
			if strings.HasPrefix(m.ATC, "L04") || strings.HasPrefix(m.ATC, "L01") {
				return m.Reference, m.Start, text("Medikation "+m.Name.DE, "medication "+m.Name.EN), true
			}
		}
	}
	return "", fhir.Time{}, cds.Text{}, false
}

func written(words *regexp.Regexp, c fhir.CodeableConcept) bool {
	for _, t := range texts(c) {
		if says(words, t) {
			return true
		}
	}
	return false
}

// apparatus looks at one procedure or device.
func (b *builder) apparatus(s sign, r *fhir.Resource) (string, fhir.Time, cds.Text, bool) {
	n := r.Root()
	name := "code"
	if r.Type() == "Device" {
		name = "type"
	}
	concept := n.Child(name).CodeableConcept()
	if r.Type() == "DeviceUseStatement" {
		concept = b.deviceUsed(n)
		if end := n.Child("timingPeriod").Period().End; end.Known() && !b.ended(end).After(b.now) {
			return "", fhir.Time{}, cds.Text{}, false
		}
	}
	switch st := n.Child("status").String(); {
	case st == "entered-in-error" || st == "not-done" || st == "inactive" || st == "cancelled" || r.Type() == "Device" && b.removed(r.Ref()):
		return "", fhir.Time{}, cds.Text{}, false
	case r.Type() == "DeviceUseStatement" && st != "active" && st != "":
		return "", fhir.Time{}, cds.Text{}, false
	case r.Type() == "Procedure":
		at := when(n, "performedDateTime", "performedPeriod")
		end := n.Child("performedPeriod").Period().End
		running := st == "in-progress" || n.Child("performedPeriod").Period().Start.Known() && !end.Known()
		if b.future(at) || !running && (!at.Known() || s.holds > 0 && b.now.Sub(b.moment(at)) > s.holds) {
			return "", fhir.Time{}, cds.Text{}, false
		}
		if procedure(s, concept) {
			return r.Ref(), at, text("Prozedur "+concept.Display(), "procedure "+concept.Display()), true
		}
		return "", fhir.Time{}, cds.Text{}, false
	}
	if len(s.devices) > 0 && concept.Has(snomed, s.devices...) || len(s.devices) > 0 && written(s.words, concept) {
		return r.Ref(), fhir.Time{}, text("Device "+concept.Display(), "device "+concept.Display()), true
	}
	return "", fhir.Time{}, cds.Text{}, false
}

// deviceUsed gives what a DeviceUseStatement says is in use: the Device it contains or
// refers to, else the words beside the reference.
func (b *builder) deviceUsed(n *fhir.Node) fhir.CodeableConcept {
	reference := n.Child("device").Reference()
	if id, ok := strings.CutPrefix(reference.Reference, "#"); ok {
		for _, contained := range n.Children("contained") {
			if contained.Child("id").String() == id {
				return contained.Child("type").CodeableConcept()
			}
		}
	}
	if typ, id, ok := reference.Local(); ok && b.refs[typ+"/"+id] != nil {
		if c := b.refs[typ+"/"+id].Root().Child("type").CodeableConcept(); !c.IsZero() {
			return c
		}
	}
	return fhir.CodeableConcept{Text: reference.Display}
}

// removed tells whether a device is only said to have been used, and is no more.
func (b *builder) removed(device string) bool {
	ended := false
	for _, r := range b.byType["DeviceUseStatement"] {
		n := r.Root()
		if typ, id, ok := n.Child("device").Reference().Local(); !ok || typ+"/"+id != device {
			continue
		}
		end := n.Child("timingPeriod").Period().End
		if st := n.Child("status").String(); st == "active" && !(end.Known() && !b.ended(end).After(b.now)) {
			return false
		}
		ended = true
	}
	return ended
}

func procedure(s sign, c fhir.CodeableConcept) bool {
	for _, coding := range c.Codings {
		if coding.System == "http://fhir.de/CodeSystem/bfarm/ops" {
			for _, p := range s.ops {
				if strings.HasPrefix(coding.Code, p) {
					return true
				}
			}
		}
	}
	return len(s.snomed) > 0 && c.Has(snomed, s.snomed...) || len(s.ops) > 0 && written(s.words, c)
}

// screened looks for a negative test of the last week.
func (b *builder) screened(s sign) (string, fhir.Time, bool) {
	for _, x := range b.findings {
		if written(s.words, x.code) && is(x.value, negativeCodes) && b.now.Sub(b.moment(x.at)) <= week {
			return x.reference, x.at, true
		}
	}
	return "", fhir.Time{}, false
}

// mrgnAnswers are the answers of LOINC 99780-9.
var mrgnAnswers = map[string]string{"LA33214-0": "2MRGN", "LA33215-7": "3MRGN", "LA33216-5": "4MRGN"}

var mrgnWords = regexp.MustCompile(`(?i)([234]) ?-?mrgn`)

// mrgnClass puts the German class where one is named: LOINC 99780-9, or in words.
func (b *builder) mrgnClass() {
	if b.chart.Truth("mrgn") != stewardship.Yes {
		return
	}
	f := Fact{Name: "mrgn-class", State: Unknown, Missing: []string{"mrgn-class"}, Reason: text("Klasse nicht genannt", "class not named")}
	best := ""
	take := func(class, source string, at fhir.Time) {
		if class > best {
			best = class
			f = Fact{Name: "mrgn-class", State: Known, Value: class, Source: source, Date: at}
		}
	}
	for _, x := range b.findings {
		for _, c := range x.value.Codings {
			if class, ok := mrgnAnswers[c.Code]; ok {
				take(class, x.reference, x.at)
			}
		}
		if written(carbapenemaseWords, x.code) && (is(x.value, positiveCodes) || x.yes != nil && *x.yes) || written(carbapenemaseWords, x.value) {
			take("4MRGN", x.reference, x.at)
		}
		for _, t := range append(texts(x.value), x.text) {
			if m := mrgnWords.FindStringSubmatch(t); m != nil {
				take(m[1]+"MRGN", x.reference, x.at)
			}
		}
	}
	for _, i := range slices.Concat(b.chart.isolates, b.screening) {
		if class, _ := i.MRGN(); class != "" && !i.At.IsZero() && b.now.Sub(i.At) <= 365*day {
			take(class, i.Reference, fhir.Time{Time: i.At, Precision: fhir.Day, HasZone: true})
		}
	}
	for _, c := range b.chart.conditions {
		if written(carbapenemaseWords, c.Concept) {
			take("4MRGN", c.Reference, began(c))
		}
		for _, t := range texts(c.Concept) {
			if m := mrgnWords.FindStringSubmatch(t); m != nil {
				take(m[1]+"MRGN", c.Reference, began(c))
			}
		}
	}
	b.put(f)
}

// risks puts what follows from the lists: prior antibiotics.
func (b *builder) risks() { b.priorAntibiotics() }

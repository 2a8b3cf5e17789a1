package facts

import (
	"slices"
	"strings"
	"time"

	"cdss/cds"
	"cdss/cds/stewardship"
	"cdss/fhir"
)

// atcSystems are the systems under which ATC codes come: BfArM's German version,
// its predecessor, and WHO's.
var atcSystems = []string{
	"http://fhir.de/CodeSystem/bfarm/atc", "http://fhir.de/CodeSystem/dimdi/atc", "http://www.whocc.no/atc", "urn:oid:2.16.840.1.113883.6.73",
}

// readMedications keeps what is taken or given now, and remembers past antibiotics.
func (b *builder) readMedications() {
	for _, r := range b.byType["MedicationStatement"] {
		b.readMedication(r, statementStatus, "effectivePeriod", "effectiveDateTime")
	}
	for _, r := range b.byType["MedicationRequest"] {
		b.readMedication(r, requestStatus, "", "authoredOn")
	}
	for _, r := range b.byType["MedicationAdministration"] {
		b.readMedication(r, administrationStatus, "effectivePeriod", "effectiveDateTime")
	}
	b.medicationState()
	b.putMedications()
}

// course is what a status says about a medicine.
type course int

const (
	current course = iota
	past
	notTaken
	invalid
	draft
	given // a single administration
)

func statementStatus(n *fhir.Node) course {
	switch n.Child("status").String() {
	case "active", "on-hold", "unknown", "":
		return current
	case "completed", "stopped":
		return past
	case "entered-in-error":
		return invalid
	}
	return notTaken // not-taken, intended
}

func requestStatus(n *fhir.Node) course {
	switch n.Child("intent").String() {
	case "proposal", "option":
		return draft
	}
	if stop, ok := n.Child("doNotPerform").Bool(); ok && stop {
		return notTaken
	}
	switch n.Child("status").String() {
	case "active", "unknown", "":
		return current
	case "on-hold", "completed", "stopped":
		return past
	case "draft":
		return draft
	case "entered-in-error":
		return invalid
	}
	return notTaken // cancelled
}

func administrationStatus(n *fhir.Node) course {
	switch n.Child("status").String() {
	case "in-progress":
		return current
	case "completed", "stopped":
		return given
	case "entered-in-error":
		return invalid
	}
	return notTaken
}

// recent is for how long a given dose counts as current medication.
const recent = 48 * time.Hour

func (b *builder) readMedication(r *fhir.Resource, judge func(*fhir.Node) course, period, moment string) {
	n := r.Root()
	ref := r.Ref()
	start := when(n, period, moment)
	if period == "" {
		start = when(n, moment)
	}
	end := n.Child(period).Period().End
	dosage := n.Children("dosageInstruction")
	if len(dosage) == 0 {
		dosage = n.Children("dosage")
	}
	if len(dosage) > 0 {
		if bounds := dosage[0].Get("timing", "repeat", "boundsPeriod").Period(); bounds.Start.Known() || bounds.End.Known() {
			if bounds.Start.Known() {
				start = bounds.Start
			}
			if bounds.End.Known() {
				end = bounds.End
			}
		}
	}
	c := judge(n)
	switch c {
	case invalid:
		b.ignore(ref, "als irrtümlich erfasst gekennzeichnet", "marked as entered in error")
		return
	case notTaken:
		b.ignore(ref, "nicht eingenommen oder storniert", "not taken or cancelled")
		return
	case draft:
		b.ignore(ref, "Entwurf oder Vorschlag, keine laufende Medikation", "draft or proposal, no current medication")
		return
	}
	if b.future(start) {
		b.ignore(ref, "beginnt erst in der Zukunft", "begins in the future")
		return
	}
	ended := end.Known() && !b.ended(end).After(b.now)
	if c == given {
		last := start
		if end.Known() {
			last = end
		}
		ended = !last.Known() || b.now.Sub(b.moment(last)) > recent
	}
	if concept, _ := b.medicationOf(n); noneTaken(concept) {
		b.noneMeds = true
		return
	}
	list := b.substances(n, dosage)
	if len(list) == 0 {
		b.ignore(ref, "ohne Wirkstoffangabe", "without a substance")
		return
	}
	for _, m := range list {
		m.Reference, m.Start, m.End = ref, start, end
		if c == past || ended {
			m.Stopped = true
			b.past = append(b.past, m)
			continue
		}
		b.take(m)
	}
	if c == past || ended {
		b.ignore(ref, "beendete Medikation", "medication has ended")
	}
}

// take adds a current medicine; the same substance by the same route counts once.
func (b *builder) take(m Medication) {
	for i, have := range b.chart.medications {
		if m.ATC != "" && have.ATC == m.ATC && (have.Route == m.Route || have.Route == "" || m.Route == "") {
			if have.Regimen == nil && m.Regimen != nil {
				b.chart.medications[i].Regimen, b.chart.medications[i].Route = m.Regimen, m.Route
			}
			if m.Start.Known() && (!have.Start.Known() || b.moment(m.Start).Before(b.moment(have.Start))) {
				b.chart.medications[i].Start = m.Start
			}
			return
		}
	}
	b.chart.medications = append(b.chart.medications, m)
}

// substances gives the medicines a resource names: by ATC, else by its words. One
// text may name several.
func (b *builder) substances(n *fhir.Node, dosage []*fhir.Node) []Medication {
	concept, ingredients := b.medicationOf(n)
	regimen := readDosage(dosage)
	route := ""
	if regimen != nil {
		route = regimen.Route
	}
	display := concept.Display()
	if display == "" && len(ingredients) > 0 {
		display = ingredients[0].Display()
	}
	if display == "" {
		return nil
	}
	var codes []string
	for i, x := range append([]fhir.CodeableConcept{concept}, ingredients...) {
		code := atcOf(x)
		if code != "" && !slices.Contains(codes, code) {
			codes = append(codes, code)
		}
		if i == 0 && code != "" {
			break // the product's own code says it all
		}
	}
	if len(codes) == 0 && b.in.Formulary != nil {
		for _, words := range words(concept, ingredients) {
			found, _ := b.in.Formulary.Find(words)
			for _, d := range found {
				if !slices.Contains(codes, d.ATC) {
					codes = append(codes, d.ATC)
				}
			}
			if len(codes) > 0 {
				break
			}
		}
	}
	if len(codes) == 0 {
		return []Medication{{Display: display, Name: text(display, display), Route: route, Regimen: regimen}}
	}
	var out []Medication
	for _, code := range codes {
		code = byRoute(code, route)
		m := Medication{ATC: code, Display: display, Name: text(display, display), Recognised: true, Route: route, Regimen: regimen}
		if b.in.Formulary != nil {
			if d, ok := b.in.Formulary.Drug(code); ok {
				m.Name = d.Name
			}
		}
		if regimen != nil {
			named := *regimen
			named.ATC, named.Name = code, m.Name.DE
			m.Regimen = &named
		}
		out = append(out, m)
	}
	return out
}

// byRoute gives the second code of vancomycin and metronidazole by mouth.
func byRoute(code, route string) string {
	switch {
	case code == "J01XA01" && (route == "po" || route == "rectal"):
		return "A07AA09"
	case code == "J01XD01" && route == "po":
		return "P01AB01"
	case code == "P01AB01" && route == "iv":
		return "J01XD01"
	case code == "A07AA09" && route == "iv":
		return "J01XA01"
	}
	return code
}

// words gives the texts a medicine may be recognised by, the freest first.
func words(concept fhir.CodeableConcept, ingredients []fhir.CodeableConcept) []string {
	var out []string
	for _, c := range append([]fhir.CodeableConcept{concept}, ingredients...) {
		out = append(out, c.Text)
		for _, coding := range c.Codings {
			out = append(out, coding.Display)
		}
	}
	return out
}

// medicationOf gives the product and its ingredients: coded on the resource, in a
// Medication it refers to, or in one it contains.
func (b *builder) medicationOf(n *fhir.Node) (fhir.CodeableConcept, []fhir.CodeableConcept) {
	if c := n.Child("medicationCodeableConcept").CodeableConcept(); !c.IsZero() {
		return c, nil
	}
	reference := n.Child("medicationReference").Reference()
	var medication *fhir.Node
	if id, ok := strings.CutPrefix(reference.Reference, "#"); ok {
		for _, contained := range n.Children("contained") {
			if contained.Child("id").String() == id {
				medication = contained
			}
		}
	} else if r := b.in.Products[reference.Reference]; r != nil {
		medication = r.Root()
	} else if typ, id, ok := reference.Local(); ok {
		if r := b.refs[typ+"/"+id]; r != nil {
			medication = r.Root()
		}
	}
	concept := medication.Child("code").CodeableConcept()
	var ingredients []fhir.CodeableConcept
	for _, i := range medication.Children("ingredient") {
		ingredients = append(ingredients, ingredient(medication, i))
	}
	if concept.IsZero() && len(ingredients) == 0 && reference.Display != "" {
		concept.Text = reference.Display
	}
	return concept, ingredients
}

// ingredient gives what an ingredient of a Medication is: named, or a Substance or
// Medication that it contains.
func ingredient(medication, n *fhir.Node) fhir.CodeableConcept {
	if id, ok := strings.CutPrefix(n.Child("itemReference").Reference().Reference, "#"); ok {
		for _, contained := range medication.Children("contained") {
			if contained.Child("id").String() == id {
				return contained.Child("code").CodeableConcept()
			}
		}
	}
	return n.Child("itemCodeableConcept").CodeableConcept()
}

// atcOf gives the full ATC code of a concept. A code that is too short, or of no
// ATC form, is not one.
func atcOf(c fhir.CodeableConcept) string {
	for _, coding := range c.Codings {
		if slices.Contains(atcSystems, coding.System) {
			if code := strings.ToUpper(strings.TrimSpace(coding.Code)); isATC(code) {
				return code
			}
		}
	}
	return ""
}

func isATC(s string) bool {
	if len(s) != 7 {
		return false
	}
	for i, kind := range "LDDLLDD" {
		c := s[i]
		if kind == 'L' && (c < 'A' || c > 'Z') || kind == 'D' && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// medicationTypes are the types a medication list may come as.
var medicationTypes = []string{"MedicationStatement", "MedicationRequest", "MedicationAdministration"}

func (b *builder) medicationState() {
	c := b.chart
	c.medicationState = Unknown
	received := b.received(medicationTypes...)
	none := b.noMedicine()
	if none == "" && b.noneMeds {
		none = "MedicationStatement"
	}
	switch {
	case received == Truncated:
		c.medicationReason = text("Medikation unvollständig übermittelt", "medication was sent incompletely")
	case received == Failed:
		c.medicationReason = text("Abfrage der Medikation fehlgeschlagen", "the query for medication failed")
	case received == Wrong:
		c.medicationReason = text("Medikation eines anderen Patienten übermittelt", "medication of another patient was sent")
	case len(c.medications) > 0:
		c.medicationState = Known
	case none != "":
		c.medicationState = Absent
		c.medicationReason = text("ausdrücklich keine Medikation", "explicitly no medication")
	case received == NotReceived:
		c.medicationReason = text("keine Medikation übermittelt", "no medication data were sent")
	default:
		c.medicationReason = text("keine laufende Medikation dokumentiert; das ist keine Aussage, dass keine besteht", "no current medication recorded; that does not say there is none")
	}
}

// noMedicine looks for a List of medicines whose emptyReason says that there are
// none.
func (b *builder) noMedicine() string {
	for _, r := range b.byType["List"] {
		n := r.Root()
		if n.Child("code").CodeableConcept().Has(loinc, "10160-0", "29549-3") && status(n.Child("emptyReason")) == "nilknown" {
			return r.Ref()
		}
	}
	return ""
}

// noneTaken is the code of the International Patient Summary for "no known
// medications".
func noneTaken(c fhir.CodeableConcept) bool {
	for _, coding := range c.Codings {
		if coding.Code == "no-known-medications" {
			return true
		}
	}
	return false
}

// putMedications puts the list and the antibiotics of the last ninety days.
func (b *builder) putMedications() {
	c := b.chart
	list := Fact{Name: "medications", State: c.medicationState, Reason: c.medicationReason}
	var names []string
	for _, m := range c.medications {
		names = append(names, m.Display)
		list.Inputs = append(list.Inputs, Value{Reference: m.Reference, Display: both(func(l cds.Lang) string {
			if !m.Recognised {
				return m.Display + cds.Text{DE: " – Wirkstoff nicht erkannt", EN: " – substance not recognised"}.In(l)
			}
			return m.Name.In(l)
		}), Text: m.ATC, Date: m.Start})
	}
	if len(names) > 0 {
		list.Value = names
	}
	if c.medicationState == Unknown {
		list.Missing = []string{"medications"}
	}
	b.put(list)
}

// antibiotic tells whether a code is an antibacterial for systemic or gut use.
func antibiotic(atc string) bool {
	return strings.HasPrefix(atc, "J01") || strings.HasPrefix(atc, "A07AA") || atc == "P01AB01" || atc == "J04AB02"
}

// treats tells whether an antibiotic that has ended was given for an infection
// acquired outside: begun in this stay, and ended within two days. What is ordered
// next takes its place.
func (b *builder) treats(m Medication, last fhir.Time) bool {
	admitted := b.encounter.start
	return admitted.Known() && m.Start.Known() && !b.moment(m.Start).Before(b.moment(admitted).Add(-12*time.Hour)) && b.now.Sub(b.ended(last)) <= 2*day
}

// priorAntibiotics looks for antibiotics of the last ninety days before this
// infection. What runs now for an infection acquired outside is its treatment and
// not a history.
func (b *builder) priorAntibiotics() {
	f := Fact{Name: "prior-antibiotics-90d", State: Unknown, Missing: []string{"medications"}, Reason: b.chart.medicationReason}
	from := b.now.Add(-90 * day)
	hospital := b.chart.Truth("nosocomial")
	add := func(m Medication) {
		f.Inputs = append(f.Inputs, Value{Reference: m.Reference, Display: m.Name, Text: m.ATC, Date: m.Start})
	}
	for _, m := range b.past {
		last := m.End
		if !last.Known() {
			last = m.Start
		}
		if antibiotic(m.ATC) && last.Known() && !b.ended(last).Before(from) && (hospital != stewardship.No || !b.treats(m, last)) {
			add(m)
		}
	}
	for _, m := range b.chart.medications {
		if !antibiotic(m.ATC) || !m.Start.Known() {
			continue
		}
		before := b.onset.Known() && !b.moment(m.Start).After(b.moment(b.onset).Add(-48*time.Hour))
		outside := b.encounter.start.Known() && b.moment(m.Start).Before(b.moment(b.encounter.start).Add(-12*time.Hour))
		if outside || before && hospital == stewardship.Yes {
			add(m)
		}
	}
	switch {
	case len(f.Inputs) > 0:
		f.State, f.Value, f.Source, f.Date, f.Missing = Known, true, f.Inputs[0].Reference, f.Inputs[0].Date, nil
		f.Reason = text("", "")
	case b.requested("prior-antibiotics-90d"):
		f.State, f.Value, f.Source, f.Missing = Known, true, "request", nil
		f.Reason = text("", "")
	case b.chart.medicationState != Unknown:
		f.State, f.Value, f.Missing = Absent, false, nil
		f.Reason = text("in der übermittelten Medikation kein Antibiotikum der letzten 90 Tage", "no antibiotic of the last 90 days in the medication that was sent")
	}
	b.put(f)
}

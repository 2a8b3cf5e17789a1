package facts

import (
	"regexp"

	"cdss/cds"
	"cdss/fhir"
)

var (
	cultureWords = regexp.MustCompile(`(?i)blutkultur|blood culture|urinkultur|urine culture|kultur|culture|mikrobiolog|microbiolog|erregernachweis`)
	// Procedures that breach the mucosa of the urinary tract: resection, biopsy of the
	// prostate through the rectum, ureteroscopy, lithotomy. A change of catheter is none.
	urologicalWords = regexp.MustCompile(`(?i)\btur-?\s?[pb]\b|\btur-?(?:prostata|blase)|transurethral|ureterorenoskop|ureteroscop|prostatabiops|prostate biops|prostatastanz|holmium|\bholep\b|nephrolithotom|lithotripsie|lithotripsy|urethrotom`)
	urologicalOPS   = []string{"5-550", "5-56", "5-57", "5-585", "5-60", "1-464", "1-465", "1-463"}
)

// culturesTaken puts whether microbiology was taken for this infection. Silence means
// "no" only where orders or specimens were handed over.
func (b *builder) culturesTaken() {
	f := Fact{Name: "cultures-taken", State: Unknown, Missing: []string{"cultures-taken"}, Reason: text("Anforderungen und Proben nicht übermittelt", "orders and specimens were not sent")}
	from := b.now.Add(-3 * day)
	if b.onset.Known() && b.moment(b.onset).Before(from) && b.now.Sub(b.moment(b.onset)) < 14*day {
		from = b.moment(b.onset).Add(-day)
	}
	settle := func(ref string, at fhir.Time, why cds.Text) {
		if f.State != Known {
			f.State, f.Value, f.Source, f.Date, f.Missing, f.Reason = Known, true, ref, at, nil, why
		}
	}
	within := func(at fhir.Time) bool { return at.Known() && !b.moment(at).Before(from) && !b.future(at) }
	for _, x := range b.findings {
		if (x.code.Has(loinc, cultures...) || growthWords.MatchString(x.code.Display())) && within(x.at) {
			settle(x.reference, x.at, text("Kultur "+date(x.at, cds.DE), "culture "+date(x.at, cds.EN)))
		}
	}
	for _, kind := range []struct {
		typ  string
		when []string
	}{{"ServiceRequest", []string{"authoredOn", "occurrenceDateTime"}}, {"DiagnosticReport", []string{"effectiveDateTime", "issued"}}} {
		for _, r := range b.byType[kind.typ] {
			n := r.Root()
			at := when(n, kind.when...)
			code := n.Child("code").CodeableConcept()
			st := n.Child("status").String()
			if st == "entered-in-error" || st == "revoked" || st == "cancelled" || !within(at) {
				continue
			}
			if code.Has(loinc, cultures...) || written(cultureWords, code) {
				settle(r.Ref(), at, text("angefordert: "+code.Display(), "ordered: "+code.Display()))
			}
		}
	}
	for _, r := range b.byType["Specimen"] {
		at := when(r.Root().Child("collection"), "collectedDateTime", "collectedPeriod")
		if !at.Known() {
			at = when(r.Root(), "receivedTime")
		}
		if within(at) && r.Root().Child("status").String() != "entered-in-error" {
			settle(r.Ref(), at, text("Probe "+r.Root().Child("type").CodeableConcept().Display(), "specimen "+r.Root().Child("type").CodeableConcept().Display()))
		}
	}
	if f.State == Unknown && (b.spoken("ServiceRequest") || b.spoken("Specimen")) {
		f.State, f.Value, f.Missing, f.Reason = Absent, false, nil, text("keine Anforderung und keine Probe in den Daten", "no order and no specimen in the data")
	}
	b.put(f)
}

// urological puts whether a procedure that breaches the mucosa of the urinary tract
// is planned: ordered, scheduled or being prepared within two weeks.
func (b *builder) urological() {
	f := Fact{Name: "urological-procedure-planned", State: Absent, Value: false, Reason: text("kein geplanter Eingriff in den Daten", "no planned procedure in the data")}
	soon := func(at fhir.Time) bool {
		return !at.Known() || b.moment(at).After(b.now.Add(-day)) && b.moment(at).Before(b.now.Add(2*week))
	}
	for _, kind := range []struct {
		typ   string
		codes string
		when  []string
		open  []string
	}{
		{"ServiceRequest", "code", []string{"occurrenceDateTime", "occurrencePeriod"}, []string{"active", "draft", "on-hold"}},
		{"Appointment", "serviceType", []string{"start"}, []string{"proposed", "pending", "booked", "arrived"}},
		{"Procedure", "code", []string{"performedDateTime", "performedPeriod"}, []string{"preparation"}},
	} {
		for _, r := range b.byType[kind.typ] {
			n := r.Root()
			planned := false
			for _, st := range kind.open {
				planned = planned || n.Child("status").String() == st
			}
			if !planned || !soon(when(n, kind.when...)) {
				continue
			}
			for _, code := range append(n.Children(kind.codes), n.Children("reasonCode")...) {
				if c := code.CodeableConcept(); breaches(c) && f.State != Known {
					f = Fact{Name: f.Name, State: Known, Value: true, Source: r.Ref(), Date: when(n, kind.when...), Reason: text("geplant: "+c.Display(), "planned: "+c.Display())}
				}
			}
		}
	}
	if r := b.in.Request; r != nil && f.State != Known {
		for _, sentence := range sentences.Split(r.FreeText, -1) {
			if plannedWords.MatchString(sentence) && says(urologicalWords, sentence) {
				f = Fact{Name: f.Name, State: Known, Value: true, Source: "request", Reason: text("in der Anfrage angegeben", "stated in the request")}
			}
		}
	}
	b.put(f)
}

var plannedWords = regexp.MustCompile(`(?i)geplant|bevorsteh|vor (?:einer?|der|dem)|planned|upcoming|scheduled|before`)

func breaches(c fhir.CodeableConcept) bool {
	for _, coding := range c.Codings {
		if coding.System == ops && begins(coding.Code, urologicalOPS) {
			return true
		}
	}
	return written(urologicalWords, c)
}

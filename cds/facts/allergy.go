package facts

import (
	"regexp"
	"strings"

	"cdss/cds"
	"cdss/cds/stewardship"
	"cdss/cds/stewardship/allergy"
	"cdss/fhir"
)

// readAllergies keeps the allergies that count and decides what the list as a
// whole may be read as. An empty list is never "no allergy" (SAFETY rule D3).
func (b *builder) readAllergies() {
	c := b.chart
	noneKnown := ""
	for _, r := range b.byType["AllergyIntolerance"] {
		n := r.Root()
		ref := r.Ref()
		switch status(n.Child("verificationStatus")) {
		case "entered-in-error":
			b.ignore(ref, "als irrtümlich erfasst gekennzeichnet", "marked as entered in error")
			continue
		case "refuted":
			b.ignore(ref, "Allergie widerlegt", "allergy refuted")
			continue
		}
		switch clinical := status(n.Child("clinicalStatus")); clinical {
		case "inactive", "resolved":
			b.ignore(ref, "nicht mehr aktiv ("+clinical+")", "no longer active ("+clinical+")")
			continue
		}
		recorded := when(n, "recordedDate", "onsetDateTime", "lastOccurrence")
		if b.future(recorded) {
			b.ignore(ref, "liegt in der Zukunft", "lies in the future")
			continue
		}
		entry := readEntry(n)
		before := len(c.allergies)
		if b.keep(ref, entry, recorded, status(n.Child("verificationStatus")) == "confirmed") {
			noneKnown = ref
		}
		if reacted := reactedAt(n); reacted.Known() && len(c.allergies) > before {
			c.allergies[before].Reacted = b.moment(reacted)
		}
	}
	for _, condition := range c.conditions {
		if hasICD(condition.Concept, "Z88") {
			b.keep(condition.Reference, allergy.Entry{Concept: condition.Concept}, condition.Recorded, condition.Confirmed)
		}
	}
	b.statedAllergies()
	b.allergyState(noneKnown)
	b.putAllergies(noneKnown)
}

// reactedAt is when the reaction happened: the latest that the entry tells.
func reactedAt(n *fhir.Node) fhir.Time {
	latest := when(n, "lastOccurrence")
	for _, r := range n.Children("reaction") {
		if at := when(r, "onset"); at.Known() && (!latest.Known() || at.After(latest.Time)) {
			latest = at
		}
	}
	if !latest.Known() {
		latest = when(n, "onsetDateTime", "onsetPeriod")
	}
	return latest
}

var allergyWords = regexp.MustCompile(`(?i)allerg|anaphyla|unverträglich|intoleran|überempfindlich|hypersensitiv`)

// statedAllergies takes the allergies that the form affirms in its free text. What
// it denies proves nothing: a person who writes "no allergies" there has not filled
// the list.
func (b *builder) statedAllergies() {
	if b.in.Request == nil || b.in.Allergy == nil {
		return
	}
	for _, sentence := range sentences.Split(stewardship.Clip(b.in.Request.FreeText, stewardship.MaxText), -1) {
		if !allergyWords.MatchString(sentence) {
			continue
		}
		entry := allergy.Entry{Concept: fhir.CodeableConcept{Text: strings.TrimSpace(sentence)}}
		if r := b.in.Allergy.Read(entry); !r.NoneKnown && !r.NoneKnownMedication && !r.Negated {
			b.keep("request", entry, fhir.Time{}, false)
		}
	}
}

// readEntry takes an AllergyIntolerance apart.
func readEntry(n *fhir.Node) allergy.Entry {
	e := allergy.Entry{
		Concept: n.Child("code").CodeableConcept(), Type: n.Child("type").String(), Criticality: n.Child("criticality").String(),
	}
	for _, category := range n.Children("category") {
		e.Categories = append(e.Categories, category.String())
	}
	var notes []string
	for _, note := range n.Children("note") {
		notes = append(notes, note.Child("text").String())
	}
	e.Note = strings.Join(notes, ". ")
	for _, reaction := range n.Children("reaction") {
		x := allergy.Reaction{Severity: reaction.Child("severity").String(), Text: reaction.Child("description").String()}
		for _, note := range reaction.Children("note") {
			x.Text += ". " + note.Child("text").String()
		}
		for _, m := range reaction.Children("manifestation") {
			x.Manifestations = append(x.Manifestations, m.CodeableConcept())
		}
		// The substance of a reaction may be more exact than the entry's own.
		if s := reaction.Child("substance").CodeableConcept(); !s.IsZero() {
			e.Concept.Codings = append(e.Concept.Codings, s.Codings...)
			if e.Concept.Text == "" {
				e.Concept.Text = s.Text
			}
		}
		e.Reactions = append(e.Reactions, x)
	}
	return e
}

// keep files an entry; none is true for a statement that no allergy is known.
func (b *builder) keep(ref string, e allergy.Entry, recorded fhir.Time, confirmed bool) (none bool) {
	display := e.Concept.Display()
	if display == "" {
		display = ref
	}
	if b.in.Allergy == nil {
		b.chart.allergies = append(b.chart.allergies, Allergy{
			Reference: ref, Display: display, Medication: true, Mechanism: allergy.UnknownMechanism,
			Basis: text("Regelwerk nicht geladen", "rules not loaded"), Criticality: e.Criticality, Confirmed: confirmed, Recorded: recorded.Time,
		})
		return false
	}
	r := b.in.Allergy.Read(e)
	switch {
	case r.NoneKnown || r.NoneKnownMedication:
		return true
	case r.Negated:
		b.ignore(ref, "Text verneint die Allergie: „"+display+"“", "the text denies the allergy: \""+display+"\"")
		return false
	}
	b.chart.allergies = append(b.chart.allergies, Allergy{
		Reference: ref, Display: display, ATC: r.ATC, Recognised: r.Recognised, Medication: r.Medication,
		Mechanism: r.Mechanism, Basis: r.Basis, Criticality: e.Criticality, Confirmed: confirmed, Recorded: recorded.Time,
	})
	return false
}

// allergyState says whether the list may be relied on.
func (b *builder) allergyState(noneKnown string) {
	c := b.chart
	medication := 0
	for _, a := range c.allergies {
		if a.Medication {
			medication++
		}
	}
	c.allergyState = Unknown
	switch received := b.received("AllergyIntolerance"); {
	case received == Truncated:
		c.allergyReason = text("Allergieliste unvollständig übermittelt", "allergy list was sent incompletely")
	case received == Failed:
		c.allergyReason = text("Abfrage der Allergien fehlgeschlagen", "the query for allergies failed")
	case received == Wrong:
		c.allergyReason = text("Allergien eines anderen Patienten übermittelt", "allergies of another patient were sent")
	case medication > 0 && noneKnown != "":
		c.allergyState = Known
		c.allergyReason = text("Angaben widersprechen sich: „keine bekannte Allergie“ neben einer Allergie", "the entries contradict each other: \"no known allergy\" beside an allergy")
	case medication > 0:
		c.allergyState = Known
	case noneKnown != "":
		c.allergyState = Absent
		c.allergyReason = text("ausdrücklich keine Allergie bekannt", "explicitly no known allergy")
	case len(c.allergies) > 0:
		c.allergyReason = text("nur Einträge, die keine Arzneimittel betreffen; keine Aussage zu Arzneimitteln", "only entries that are not about medicines; no statement about medicines")
	case received == NotReceived:
		c.allergyReason = text("keine Allergieangaben übermittelt", "no allergy data were sent")
	default:
		c.allergyReason = text("keine dokumentiert; das ist keine Aussage, dass keine bestehen", "none recorded; that does not say there are none")
	}
}

// groups are the facts that expressions ask for: an allergy to a class, mere
// intolerances left out.
var allergyFacts = []struct {
	name     string
	prefixes []string
}{
	{"allergy-penicillin", []string{"J01C"}},
	{"allergy-cephalosporin", []string{"J01DB", "J01DC", "J01DD", "J01DE", "J01DI"}},
	{"allergy-beta-lactam", []string{"J01C", "J01D"}},
	{"allergy-fluoroquinolone", []string{"J01MA"}},
	{"allergy-macrolide", []string{"J01FA"}},
}

func (b *builder) putAllergies(noneKnown string) {
	c := b.chart
	list := Fact{Name: "allergies", State: c.allergyState, Reason: c.allergyReason, Source: noneKnown}
	var names []string
	for _, a := range c.allergies {
		if !a.Medication {
			continue
		}
		names = append(names, a.Display)
		list.Inputs = append(list.Inputs, Value{Reference: a.Reference, Display: both(func(l cds.Lang) string {
			return a.Display + " – " + a.Mechanism.Name().In(l) + " (" + a.Basis.In(l) + ")"
		})})
	}
	if len(names) > 0 {
		list.Value = names
		list.Source = list.Inputs[0].Reference
	}
	if c.allergyState == Unknown {
		list.Missing = []string{"allergies"}
	}
	b.put(list)
	for _, g := range allergyFacts {
		f := Fact{Name: g.name, State: Unknown, Reason: c.allergyReason, Missing: []string{"allergies"}}
		unread := false
		for _, a := range c.allergies {
			if !a.Medication {
				continue
			}
			unread = unread || !a.Recognised
			if a.Mechanism == allergy.Intolerance || !overlaps(a.ATC, g.prefixes) {
				continue
			}
			f.State, f.Value, f.Source, f.Missing = Known, true, a.Reference, nil
			f.Reason = a.Mechanism.Name()
			break
		}
		switch {
		case f.State == Known:
		case unread:
			f.Reason = text("ein Allergietext wurde nicht erkannt", "an allergy text was not recognised")
		case c.allergyState != Unknown:
			f.State, f.Value, f.Missing = Absent, false, nil
			f.Reason = text("nicht unter den dokumentierten Allergien", "not among the recorded allergies")
		}
		b.put(f)
	}
}

// overlaps tells whether one of the codes lies in one of the groups, or names a
// group around it.
func overlaps(codes, prefixes []string) bool {
	for _, code := range codes {
		for _, p := range prefixes {
			if strings.HasPrefix(code, p) || strings.HasPrefix(p, code) {
				return true
			}
		}
	}
	return false
}

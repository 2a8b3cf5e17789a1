package facts

import (
	"math"
	"regexp"
	"strconv"

	"cdss/cds"
	"cdss/cds/stewardship"
	"cdss/cds/stewardship/dose"
	"cdss/fhir"
)

// readOrders takes the draft orders apart. What is missing is named; nothing is
// filled in.
func (b *builder) readOrders() {
	for _, r := range b.in.Drafts {
		if r == nil {
			continue
		}
		if id, ok := subject(r); ok && b.chart.patient != "" && id != b.chart.patient {
			b.ignore(r.Ref(), "Verordnung für einen anderen Patienten", "order for another patient")
			continue
		}
		if r.Type() != "MedicationRequest" {
			continue
		}
		n := r.Root()
		dosage := n.Children("dosageInstruction")
		o := Order{
			Resource: r, Authored: when(n, "authoredOn"),
			Reasoned: len(n.Children("reasonCode")) > 0 || len(n.Children("reasonReference")) > 0,
		}
		list := b.substances(n, dosage)
		if len(list) == 0 {
			list = []Medication{{Regimen: readDosage(dosage)}}
			o.Missing = append(o.Missing, "substance")
		}
		if len(dosage) > 0 {
			o.Text = dosage[0].Child("text").String()
			o.Conflicts = conflicts(codedDosage(dosage[0]), ParseDosage(o.Text), firstPart(o.Text))
			o.Days = b.planned(n, dosage[0])
		}
		for _, m := range list {
			one := o
			one.Medication = m
			one.Reference = r.Ref()
			if len(dosage) > 0 {
				one.Start = dosage[0].Get("timing", "repeat", "boundsPeriod").Period().Start
				one.StatedStart = one.Start.Known()
			}
			one.Missing = append([]string(nil), o.Missing...)
			one.lacks()
			b.begun(&one)
			b.chart.orders = append(b.chart.orders, one)
		}
	}
}

func (o *Order) lacks() {
	g := o.Regimen
	if g == nil {
		g = &cds.Ingredient{}
	}
	if g.Dose.Value == 0 {
		o.Missing = append(o.Missing, "dose")
	}
	if g.Frequency.Count == 0 {
		o.Missing = append(o.Missing, "frequency")
	}
	if g.Route == "" {
		o.Missing = append(o.Missing, "route")
	}
	if o.Days == 0 {
		o.Missing = append(o.Missing, "duration")
	}
	if !o.Reasoned {
		o.Missing = append(o.Missing, "indication")
	}
}

// conflicts compares what the codes say with what the words say; both may reach
// the nurse, so a difference is dangerous. A combination is coded by its sum or by its
// first part, in milligrams.
func conflicts(coded, written cds.Ingredient, first float64) []cds.Text {
	var out []cds.Text
	differ := func(what cds.Text, a, c func(cds.Lang) string) {
		out = append(out, text(what.DE+": codiert "+a(cds.DE)+", im Text "+c(cds.DE), what.EN+": coded "+a(cds.EN)+", in words "+c(cds.EN)))
	}
	amount := func(d cds.Dose) func(cds.Lang) string {
		return func(l cds.Lang) string { return dose.Amount(d.Value, d.Unit, l) }
	}
	interval := func(f cds.Frequency) func(cds.Lang) string {
		return func(l cds.Lang) string { return dose.Interval(f, l) }
	}
	way := func(r string) func(cds.Lang) string {
		return func(l cds.Lang) string { return dose.RouteWord(r, l) }
	}
	if coded.Dose.Value > 0 && written.Dose.Value > 0 {
		a, okA := milligrams(coded.Dose)
		c, okC := milligrams(written.Dose)
		if okA && okC && math.Abs(a-c) > 1e-6*a && math.Abs(a-first) > 1e-6*a {
			differ(text("Dosis", "dose"), amount(coded.Dose), amount(written.Dose))
		}
	}
	if coded.Frequency.Count > 0 && written.Frequency.Count > 0 {
		if a, c := interval(coded.Frequency), interval(written.Frequency); a(cds.DE) != c(cds.DE) {
			differ(text("Häufigkeit", "frequency"), a, c)
		}
	}
	if coded.Route != "" && written.Route != "" && coded.Route != written.Route {
		differ(text("Applikationsweg", "route"), way(coded.Route), way(written.Route))
	}
	return out
}

func milligrams(d cds.Dose) (float64, bool) {
	switch d.Unit {
	case "g":
		return d.Value * 1000, true
	case "mg":
		return d.Value, true
	}
	return 0, false
}

var (
	forDays  = regexp.MustCompile(`(?i)(?:für|for|über|x|×)\s*(\d+)\s*(?:tage?n?|days?|d\b)|(\d+)[- ]*(?:tage|days|day course)`)
	fromDay  = regexp.MustCompile(`(?i)(?:ab|from|since|seit)\s+(?:tag|day)\s+(\d+)`)
	goesOn   = regexp.MustCompile(`(?i)fortführ|weiterführ|fortsetz|weitergeben|erhaltungsdosis|\bcontinue[sd]?\b|continuation|maintenance`)
	daysUnit = map[string]float64{"d": 1, "wk": 7, "h": 1.0 / 24}
)

// planned gives the planned length in days, 0 when nothing is said.
func (b *builder) planned(n, dosage *fhir.Node) float64 {
	repeat := dosage.Get("timing", "repeat")
	if q, ok := repeat.Child("boundsDuration").Quantity(); ok {
		if v, err := q.Value.Float64(); err == nil && daysUnit[q.Code] > 0 {
			return v * daysUnit[q.Code]
		}
	}
	for _, p := range []fhir.Period{repeat.Child("boundsPeriod").Period(), n.Get("dispenseRequest", "validityPeriod").Period()} {
		if p.Start.Known() && p.End.Known() {
			if d := b.ended(p.End).Sub(b.moment(p.Start)).Hours() / 24; d > 0 {
				return d
			}
		}
	}
	if q, ok := n.Get("dispenseRequest", "expectedSupplyDuration").Quantity(); ok {
		if v, err := q.Value.Float64(); err == nil && daysUnit[q.Code] > 0 {
			return v * daysUnit[q.Code]
		}
	}
	if m := forDays.FindStringSubmatch(dosage.Child("text").String()); m != nil {
		for _, part := range m[1:] {
			if v, err := strconv.ParseFloat(part, 64); err == nil && v > 0 && v < 400 {
				return v
			}
		}
	}
	return 0
}

// begun says for how long the therapy has run when the order takes effect: from the
// same substance already given, from the order's words, or from its stated start.
// Otherwise it is not known.
func (b *builder) begun(o *Order) {
	for _, m := range b.chart.medications {
		if o.ATC != "" && m.ATC == o.ATC && m.Start.Known() {
			o.Hours = stewardship.Exactly(max(0, b.now.Sub(b.moment(m.Start)).Hours()))
			o.HoursWhy = text("läuft seit "+date(m.Start, cds.DE), "running since "+date(m.Start, cds.EN))
			return
		}
	}
	if m := fromDay.FindStringSubmatch(o.Text); m != nil {
		if d, err := strconv.ParseFloat(m[1], 64); err == nil && d >= 1 && d < 400 {
			o.Hours = stewardship.Exactly((d - 1) * 24)
			o.HoursWhy = text("laut Text ab Tag "+m[1], "in words from day "+m[1])
			return
		}
	}
	if goesOn.MatchString(o.Text) {
		o.Hours = stewardship.Between(24, 24*365)
		o.HoursWhy = text("laut Text Fortführung", "in words a continuation")
		return
	}
	if o.StatedStart {
		o.Hours = stewardship.Exactly(max(0, b.now.Sub(b.moment(o.Start)).Hours()))
		o.HoursWhy = text("erste Gabe "+date(o.Start, cds.DE), "first dose "+date(o.Start, cds.EN))
		return
	}
	// What nobody gave before, by a list that came, cannot have begun before admission.
	if admitted := b.encounter.start; b.inpatient() && admitted.Known() && b.chart.medicationState != Unknown {
		if since := b.now.Sub(b.moment(admitted)); since >= 0 && since < day {
			o.Hours = stewardship.Between(0, since.Hours())
			o.HoursWhy = text("frühestens seit der Aufnahme "+date(admitted, cds.DE), "since admission at the earliest, "+date(admitted, cds.EN))
		}
	}
}

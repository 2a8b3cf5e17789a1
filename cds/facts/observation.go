package facts

import (
	"regexp"
	"slices"
	"sort"
	"strings"

	"cdss/cds"
	"cdss/cds/stewardship"
	"cdss/fhir"
	"cdss/fhir/ucum"

	"github.com/cockroachdb/apd/v3"
)

// finding is a coded statement that is no measurement: a test result, an organism,
// a status.
type finding struct {
	reference string
	code      fhir.CodeableConcept
	value     fhir.CodeableConcept
	text      string // of valueString
	yes       *bool  // of valueBoolean
	at        fhir.Time
	node      *fhir.Node
}

// readObservations sorts Observations into series of measurements and findings.
func (b *builder) readObservations() {
	for _, r := range b.byType["Observation"] {
		n := r.Root()
		ref := r.Ref()
		status := n.Child("status").String()
		at := when(n, "effectiveDateTime", "effectivePeriod", "effectiveInstant", "issued")
		code := n.Child("code").CodeableConcept()
		switch {
		case status == "entered-in-error":
			b.ignore(ref, "als irrtümlich erfasst gekennzeichnet", "marked as entered in error")
			continue
		case status == "cancelled":
			b.ignore(ref, "abgebrochene Untersuchung", "cancelled")
			continue
		case status != "final" && status != "amended" && status != "corrected" && status != "preliminary":
			b.ignore(ref, "nicht abschließend freigegeben (Status "+shown(status)+")", "not released (status "+shown(status)+")")
			continue
		case b.future(at):
			b.ignore(ref, "liegt in der Zukunft", "lies in the future")
			continue
		}
		said := len(b.chart.ignored)
		used := b.readValue(ref, code, n, at, status)
		for _, component := range n.Children("component") {
			used = b.readValue(ref, component.Child("code").CodeableConcept(), component, at, status) || used
		}
		if !used && len(b.chart.ignored) == said {
			b.ignore(ref, "wird hier nicht verwendet", "not used here")
		}
	}
	for name := range b.series {
		s := b.series[name]
		sort.SliceStable(s, func(i, j int) bool { return s[i].at.After(s[j].at) })
	}
	sort.SliceStable(b.findings, func(i, j int) bool { return b.moment(b.findings[i].at).After(b.moment(b.findings[j].at)) })
}

var correctedWords = regexp.MustCompile(`(?i)\bqtc|correct|korrigiert`)

func shown(s string) string {
	if s == "" {
		return "–"
	}
	if len(s) > 30 {
		return s[:30]
	}
	return s
}

// readValue files one value, of the Observation itself or of a component.
func (b *builder) readValue(ref string, code fhir.CodeableConcept, n *fhir.Node, at fhir.Time, status string) bool {
	value, kind := n.Choice("value")
	m, loincCode := known(code)
	switch kind {
	case "CodeableConcept", "String", "Boolean":
		if kind == "String" && m != nil {
			number, comparator, unit, ok := ParseAmount(value.String())
			if !ok {
				b.cannot(m, ref, "Wert nicht lesbar", "value not readable")
				return false
			}
			return b.number(m, loincCode, ref, at, status, number, comparator, unit, "")
		}
		f := finding{reference: ref, code: code, at: at, node: n}
		switch kind {
		case "CodeableConcept":
			f.value = value.CodeableConcept()
		case "String":
			f.text = value.String()
		default:
			if v, ok := value.Bool(); ok {
				f.yes = &v
			}
		}
		b.findings = append(b.findings, f)
		return true
	case "Quantity", "Integer":
	default:
		if m != nil && len(n.Children("component")) == 0 {
			b.cannot(m, ref, "kein Wert", "no value")
		} else if m == nil && (kind != "" || len(n.Children("hasMember")) > 0 || n.Child("interpretation") != nil) {
			b.findings = append(b.findings, finding{reference: ref, code: code, at: at, node: n})
			return true
		}
		return false
	}
	if m == nil {
		if n.Child("interpretation") != nil { // a minimal inhibitory concentration with its category
			b.findings = append(b.findings, finding{reference: ref, code: code, at: at, node: n})
			return true
		}
		return false
	}
	if kind == "Integer" {
		v, ok := value.Int()
		return ok && b.number(m, loincCode, ref, at, status, float64(v), "", "", "")
	}
	q, ok := value.Quantity()
	var number float64
	if ok {
		number, _ = q.Value.Float64()
	} else {
		// A decimal comma makes the value a string, which JSON allows and FHIR does not.
		raw := value.Child("value")
		var unit string
		if number, _, unit, ok = ParseAmount(raw.String()); !ok || unit != "" {
			b.cannot(m, ref, "Zahl nicht lesbar", "number not readable")
			return false
		}
		q = fhir.Quantity{
			Comparator: value.Child("comparator").String(), Unit: value.Child("unit").String(),
			System: value.Child("system").String(), Code: value.Child("code").String(),
		}
	}
	ucumCode := q.Code
	if q.System != "" && q.System != fhir.UCUM {
		ucumCode = ""
	}
	return b.number(m, loincCode, ref, at, status, number, q.Comparator, q.Unit, ucumCode)
}

// known gives the measure a code means. The plain QT interval counts as QTc only
// where the words say that it is corrected for the heart rate.
func known(code fhir.CodeableConcept) (*measure, string) {
	for _, c := range code.Codings {
		if c.System == loinc {
			if c.Code == "8634-8" && correctedWords.MatchString(strings.Join(texts(code), " ")) {
				return measureNamed("qtc"), c.Code
			}
			if m, ok := measureByCode[c.Code]; ok {
				return m, c.Code
			}
		}
	}
	return nil, ""
}

// cannot lists a value that was not used and keeps the reason for the fact.
func (b *builder) cannot(m *measure, ref, de, en string) {
	b.ignore(ref, m.display.DE+": "+de, m.display.EN+": "+en)
	b.unread[m.name] = append(b.unread[m.name], cds.Text{DE: de, EN: en})
}

// number checks unit and range of a measurement and files it.
func (b *builder) number(m *measure, loincCode, ref string, at fhir.Time, status string, v float64, comparator, unit, code string) bool {
	if status == "preliminary" {
		b.cannot(m, ref, "vorläufiger Wert", "preliminary value")
		return false
	}
	if !at.Known() {
		b.cannot(m, ref, "ohne Zeitangabe", "undated")
		return false
	}
	from, ok := b.unitOf(m, unit, code)
	if !ok {
		b.cannot(m, ref, "Einheit fehlt, ist unbekannt oder widersprüchlich", "unit missing, not known or contradictory")
		return false
	}
	converted, ok := convert(m, loincCode, v, from)
	if !ok {
		b.cannot(m, ref, "Einheit passt nicht zur Messgröße", "unit does not fit the measure")
		return false
	}
	if converted < m.adult && b.chart.Number("age").AtLeast(18) == stewardship.Yes {
		b.cannot(m, ref, "für Erwachsene unplausibler Wert", "implausible value for an adult")
		return false
	}
	s := sample{low: converted, high: converted, at: b.moment(at), date: at, reference: ref, display: m.display, unit: m.unit}
	if from != m.unit || converted != v {
		s.original = stewardship.Decimal(v, 3, cds.EN) + " " + from
	}
	if converted < m.low || converted > m.high {
		b.cannot(m, ref, "unplausibler Wert, Einheit prüfen; nicht umgerechnet", "implausible value, check the unit; not converted")
		return false
	}
	switch comparator {
	case "":
	case "<", "<=":
		s.low = m.low
	case ">", ">=":
		s.high = m.high
	default:
		b.cannot(m, ref, "Vergleichszeichen unbekannt", "comparator not known")
		return false
	}
	b.series[m.name] = append(b.series[m.name], s)
	return true
}

// unitOf gives the UCUM unit of a value from its code and its printed unit. When
// both are readable and mean different things the value cannot be trusted.
func (b *builder) unitOf(m *measure, printed, code string) (string, bool) {
	if code == "" && printed == "" {
		// Scores and ratios are often sent bare.
		return m.unit, slices.Contains([]string{"{score}", "{INR}"}, m.unit)
	}
	key := [2]string{printed, code}
	u, seen := b.units[key]
	if !seen {
		u.code, u.ok = readUnit(printed, code)
		b.units[key] = u
	}
	return u.code, u.ok
}

// unit is what a pair of printed unit and code was read as; a chart meets few
// different ones.
type unit struct {
	code string
	ok   bool
}

func readUnit(printed, code string) (string, bool) {
	fromText, errText := ucum.NormaliseUnit(printed)
	fromCode, errCode := ucum.NormaliseUnit(code)
	switch {
	case errCode == nil && errText == nil:
		a, errA := ucum.Parse(fromCode)
		c, errC := ucum.Parse(fromText)
		if errA == nil && errC == nil && fromCode != fromText && (!a.Comparable(c) || !equalFactor(fromCode, fromText)) {
			return "", false
		}
		return fromCode, true
	case errCode == nil:
		return fromCode, true
	case code == "" && errText == nil:
		return fromText, true
	}
	return "", false
}

func equalFactor(a, b string) bool {
	one := apd.New(1, 0)
	v, err := ucum.Convert(*one, a, b)
	return err == nil && v.Cmp(one) == 0
}

// convert gives a value in the measure's unit: by dimension, or over the molar
// mass where one side is a mass and the other an amount of substance.
func convert(m *measure, loincCode string, v float64, from string) (float64, bool) {
	if factor, ok := m.special[loincCode]; ok {
		// Urea nitrogen is a mass per volume that stands for urea.
		if mg, ok := scale(v, from, "mg/dL"); ok {
			return mg * factor, true
		}
	}
	if out, ok := scale(v, from, m.unit); ok {
		return out, true
	}
	if m.perMole == 0 {
		return 0, false
	}
	if mmol, ok := scale(v, from, "mmol/L"); ok {
		return scale(mmol*m.perMole, "mg/L", m.unit)
	}
	if mg, ok := scale(v, from, "mg/L"); ok {
		return scale(mg/m.perMole, "mmol/L", m.unit)
	}
	return 0, false
}

func scale(v float64, from, to string) (float64, bool) {
	if from == to {
		return v, true
	}
	var d apd.Decimal
	if _, err := d.SetFloat64(v); err != nil {
		return 0, false
	}
	out, err := ucum.Convert(d, from, to)
	if err != nil {
		return 0, false
	}
	f, err := out.Float64()
	return f, err == nil
}

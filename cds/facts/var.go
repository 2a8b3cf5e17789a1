package facts

import (
	"strings"
	"unicode"

	"github.com/cockroachdb/apd/v3"

	"cdss/fhir/fhirpath"
)

// Var gives the value of a name for FHIRPath expressions: a fact in camel case
// (%crb65, %egfrCkdEpi2021), or one of the lists %conditions (codes of the active
// problems), %allergies and %medications (ATC codes or prefixes), %riskFactors and
// %pathogens (of the request and the cultures). known is false for a name the
// Chart does not have; unknown is true where the value is not known or could be
// other than what is given.
func (c *Chart) Var(name string) (value fhirpath.Collection, known, unknown bool) {
	switch name {
	case "conditions":
		for _, x := range c.conditions {
			for _, coding := range x.Concept.Codings {
				value = append(value, fhirpath.FromString(coding.Code))
			}
		}
		return value, true, len(c.conditions) == 0
	case "allergies":
		state, _ := c.AllergyState()
		for _, a := range c.allergies {
			for _, code := range a.ATC {
				value = append(value, fhirpath.FromString(code))
			}
		}
		return value, true, state == Unknown || c.unreadAllergy()
	case "medications":
		state, _ := c.MedicationState()
		for _, m := range c.medications {
			if m.ATC != "" {
				value = append(value, fhirpath.FromString(m.ATC))
			}
		}
		return value, true, state == Unknown
	case "riskFactors":
		for _, r := range c.request.RiskFactors {
			value = append(value, fhirpath.FromString(riskFactor(r)))
		}
		return value, true, false
	case "pathogens":
		for _, p := range c.request.Pathogens {
			value = append(value, fhirpath.FromString(strings.ToLower(p)))
		}
		for _, i := range c.isolates {
			value = append(value, fhirpath.FromString(strings.ToLower(i.Organism.Name.EN)))
		}
		return value, true, false
	}
	i, ok := c.index[kebab(name)]
	if !ok {
		return nil, false, false
	}
	return c.facts[i].collection()
}

func (c *Chart) unreadAllergy() bool {
	for _, a := range c.allergies {
		if a.Medication && !a.Recognised {
			return true
		}
	}
	return false
}

// collection gives the fact as FHIRPath sees it. A fact known to be absent is
// false where it is a yes-or-no fact, else empty.
func (f Fact) collection() (value fhirpath.Collection, known, unknown bool) {
	switch v := f.Value.(type) {
	case bool:
		value = fhirpath.Collection{fhirpath.FromBool(v)}
	case int:
		value = fhirpath.Collection{fhirpath.FromInt(int64(v))}
	case float64:
		var d apd.Decimal
		if _, err := d.SetFloat64(v); err == nil {
			value = fhirpath.Collection{fhirpath.FromDecimal(d)}
		}
	case string:
		value = fhirpath.Collection{fhirpath.FromString(v)}
	case []string:
		for _, s := range v {
			value = append(value, fhirpath.FromString(s))
		}
	}
	return value, true, f.State == Unknown || f.State == Known && f.Value == nil
}

// kebab turns a name in camel case into a fact name: crb65 is crb-65,
// egfrCkdEpi2021 is egfr-ckd-epi-2021, priorAntibiotics90d is
// prior-antibiotics-90d, news2 stays news2.
func kebab(name string) string {
	if short, ok := unbroken[name]; ok {
		return short
	}
	var b strings.Builder
	digit := false
	for i, r := range name {
		isDigit := unicode.IsDigit(r)
		if i > 0 && (unicode.IsUpper(r) || isDigit && !digit) {
			b.WriteByte('-')
		}
		digit = isDigit
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// unbroken are names whose digits belong to the word.
var unbroken = map[string]string{"news2": "news2"}

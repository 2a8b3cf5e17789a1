package facts

import (
	"time"

	"cdss/cds/stewardship"
	"cdss/fhir"
)

// person puts age and sex.
func (b *builder) person() {
	age := Fact{Name: "age", Unit: "a", State: Unknown, Missing: []string{"age"}, Reason: text("Geburtsdatum fehlt", "date of birth is missing")}
	sex := Fact{Name: "sex", State: Unknown, Missing: []string{"sex"}, Reason: text("Geschlecht fehlt", "sex is missing")}
	if list := b.byType["Patient"]; len(list) == 1 {
		n := list[0].Root()
		age.Source, sex.Source = list[0].Ref(), list[0].Ref()
		if birth, ok := n.Child("birthDate").Time(); ok {
			b.age(&age, birth)
		}
		switch gender := n.Child("gender").String(); gender {
		case "male", "female":
			sex.State, sex.Value, sex.Missing = Known, gender, nil
			sex.Reason = text("", "")
			b.female = stewardship.Of(gender == "female")
		case "other", "unknown":
			sex.Reason = text("als „"+gender+"“ angegeben; Formeln brauchen männlich oder weiblich", "stated as "+gender+"; equations need male or female")
		}
	}
	b.put(age)
	b.put(sex)
}

// age gives completed years now. A birth date without day or month gives the two
// ages it may be.
func (b *builder) age(f *Fact, birth fhir.Time) {
	first, last := birth.Time, birth.End().Add(-time.Nanosecond)
	oldest, youngest := b.years(first), b.years(last)
	switch {
	case b.moment(birth).After(b.now):
		f.Reason = text("Geburtsdatum liegt in der Zukunft", "date of birth lies in the future")
		return
	case oldest > 125:
		f.Reason = text("Geburtsdatum unplausibel", "date of birth implausible")
		return
	}
	f.State, f.Missing, f.Date = Known, nil, birth
	f.Formula = text("vollendete Jahre", "completed years")
	if youngest < 0 {
		youngest = 0
	}
	if oldest == youngest {
		f.Value = oldest
		f.Reason = text("", "")
		return
	}
	low, high := float64(youngest), float64(oldest)
	f.Low, f.High = &low, &high
	f.Reason = text("Geburtsdatum ohne Tag oder Monat", "date of birth without day or month")
}

func (b *builder) years(birth time.Time) int {
	n := b.now
	years := n.Year() - birth.Year()
	if n.Month() < birth.Month() || n.Month() == birth.Month() && n.Day() < birth.Day() {
		years--
	}
	return years
}

// adult tells whether the patient is 18 or more.
func (b *builder) adult() stewardship.Truth { return b.chart.Number("age").AtLeast(18) }

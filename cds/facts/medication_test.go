package facts_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cdss/cds/facts"
)

// medication is a MedicationStatement with any coding and further members.
func medication(status, concept, more string) string {
	if more != "" {
		more = "," + more
	}
	return fmt.Sprintf(`{"resourceType":"MedicationStatement","id":"%s","status":"%s","subject":{"reference":"Patient/p"},"medicationCodeableConcept":%s%s}`, next(), status, concept, more)
}

func atc(system, code string) string {
	return `{"coding":[{"system":"` + system + `","code":"` + code + `"}]}`
}

const (
	german = "http://fhir.de/CodeSystem/bfarm/atc"
	who    = "http://www.whocc.no/atc"
)

func TestMedications(t *testing.T) {
	for _, tc := range []struct {
		name  string
		raw   []string
		want  []string // ATC or "?text"
		state facts.State
	}{
		{"German ATC", []string{medication("active", atc(german, "C09AA05"), "")}, []string{"C09AA05"}, facts.Known},
		{"WHO ATC", []string{medication("active", atc(who, "n03ag01"), "")}, []string{"N03AG01"}, facts.Known},
		{"INN in words", []string{medication("active", `{"text":"Valproat 500 mg"}`, "")}, []string{"N03AG01"}, facts.Known},
		{"trade name", []string{medication("active", `{"text":"Marcumar"}`, "")}, []string{"B01AA04"}, facts.Known},
		{"two substances in one text", []string{medication("active", `{"text":"Ramipril/HCT 5/25"}`, "")}, []string{"C09AA05", "C03AA03"}, facts.Known},
		{"unknown product", []string{medication("active", `{"text":"Hustenbonbon"}`, "")}, []string{"?Hustenbonbon"}, facts.Known},
		{"group code is no substance", []string{medication("active", `{"coding":[{"system":"`+german+`","code":"C09AA"}],"text":"ACE-Hemmer"}`, "")}, []string{"?ACE-Hemmer"}, facts.Known},
		{"stopped", []string{medication("stopped", atc(german, "C09AA05"), "")}, nil, facts.Unknown},
		{"entered in error", []string{medication("entered-in-error", atc(german, "C09AA05"), "")}, nil, facts.Unknown},
		{"not taken", []string{medication("not-taken", atc(german, "C09AA05"), "")}, nil, facts.Unknown},
		{"ended", []string{medication("active", atc(german, "C09AA05"), `"effectivePeriod":{"start":"2025-01-01","end":"2026-03-10"}`)}, nil, facts.Unknown},
		{"ends today", []string{medication("active", atc(german, "C09AA05"), `"effectivePeriod":{"start":"2025-01-01","end":"2026-03-16"}`)}, []string{"C09AA05"}, facts.Known},
		{"begins tomorrow", []string{medication("active", atc(german, "C09AA05"), `"effectivePeriod":{"start":"2026-03-17"}`)}, nil, facts.Unknown},
		{"same substance twice", []string{medication("active", atc(german, "C09AA05"), ""), medication("active", atc(who, "C09AA05"), "")}, []string{"C09AA05"}, facts.Known},
		{"referenced Medication", []string{`{"resourceType":"Medication","id":"m","code":` + atc(german, "M03BX02") + `}`,
			`{"resourceType":"MedicationStatement","id":"s","status":"active","subject":{"reference":"Patient/p"},"medicationReference":{"reference":"Medication/m"}}`}, []string{"M03BX02"}, facts.Known},
		{"contained Medication", []string{`{"resourceType":"MedicationStatement","id":"s","status":"active","subject":{"reference":"Patient/p"},"contained":[{"resourceType":"Medication","id":"x","code":` + atc(german, "M03BX02") + `}],"medicationReference":{"reference":"#x"}}`}, []string{"M03BX02"}, facts.Known},
		{"given yesterday", []string{`{"resourceType":"MedicationAdministration","id":"a","status":"completed","subject":{"reference":"Patient/p"},"medicationCodeableConcept":` + atc(german, "J01GB03") + `,"effectiveDateTime":"2026-03-15T20:00:00+01:00"}`}, []string{"J01GB03"}, facts.Known},
		{"given last week", []string{`{"resourceType":"MedicationAdministration","id":"a","status":"completed","subject":{"reference":"Patient/p"},"medicationCodeableConcept":` + atc(german, "J01GB03") + `,"effectiveDateTime":"2026-03-08T20:00:00+01:00"}`}, nil, facts.Unknown},
		{"draft request is no medication", []string{`{"resourceType":"MedicationRequest","id":"d","status":"draft","intent":"order","subject":{"reference":"Patient/p"},"medicationCodeableConcept":` + atc(german, "J01GB03") + `}`}, nil, facts.Unknown},
		{"metronidazole by mouth has its own code", []string{medication("active", `{"text":"Metronidazol"}`, `"dosage":[{"text":"500 mg p.o. 3x täglich"}]`)}, []string{"P01AB01"}, facts.Known},
		{"explicitly none", []string{medication("active", `{"coding":[{"system":"http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips","code":"no-known-medications"}]}`, "")}, nil, facts.Absent},
		{"nothing sent", nil, nil, facts.Unknown},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := build(t, append([]string{adult}, tc.raw...)...)
			var got []string
			for _, m := range c.Medications() {
				if m.Recognised {
					got = append(got, m.ATC)
				} else {
					got = append(got, "?"+m.Display)
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if state, why := c.MedicationState(); state != tc.state {
				t.Errorf("state = %s (%s), want %s", state, why.EN, tc.state)
			}
		})
	}
}

func TestPriorAntibiotics(t *testing.T) {
	course := func(status, start, end string) string {
		return medication(status, atc(german, "J01MA02"), `"effectivePeriod":{"start":"`+start+`"`+end+`}`)
	}
	until := func(s string) string { return `,"end":"` + s + `"` }
	ward := encounter("IMP", "2026-03-16T06:00:00+01:00")
	community := condition("J18.9", "Ambulant erworbene Pneumonie", `"onsetDateTime":"2026-03-15"`)
	for _, tc := range []struct {
		name string
		raw  []string
		want string
	}{
		{"course of last month", []string{course("completed", "2026-02-01", until("2026-02-08"))}, "known true"},
		{"course of last year", []string{course("completed", "2025-02-01", until("2025-02-08"))}, "unknown"},
		{"course that ended 90 days ago", []string{course("completed", "2025-12-10", until("2025-12-16"))}, "known true"},
		{"other medicine only", []string{medication("active", atc(german, "C09AA05"), "")}, "absent false"},
		{"the treatment of this infection is no history", []string{ward, community, course("active", "2026-03-16T07:00:00+01:00", "")}, "absent false"},
		{"nor is one that the next order takes the place of", []string{ward, community, medication("active", atc(german, "C09AA05"), ""), course("stopped", "2026-03-16T07:00:00+01:00", until("2026-03-16T08:30:00+01:00"))}, "absent false"},
		{"a course in this stay before an infection of the hospital", []string{encounter("IMP", "2026-03-01T06:00:00+01:00"), condition("J15.9", "Nosokomiale Pneumonie", `"onsetDateTime":"2026-03-15"`), course("completed", "2026-03-04", until("2026-03-15"))}, "known true"},
		{"running since before admission", []string{ward, community, course("active", "2026-03-10", "")}, "known true"},
		{"nothing sent", nil, "unknown"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := build(t, append([]string{adult}, tc.raw...)...)
			if got := value(c, "prior-antibiotics-90d"); got != tc.want {
				t.Errorf("got %s (%s), want %s", got, c.Fact("prior-antibiotics-90d").Reason.EN, tc.want)
			}
		})
	}
}

func draft(concept, dosage string) string {
	if dosage != "" {
		dosage = `,"dosageInstruction":[` + dosage + `]`
	}
	return fmt.Sprintf(`{"resourceType":"MedicationRequest","id":"%s","status":"draft","intent":"order","subject":{"reference":"Patient/p"},"medicationCodeableConcept":%s%s}`, next(), concept, dosage)
}

func TestOrders(t *testing.T) {
	running := `{"resourceType":"MedicationRequest","id":"run","status":"active","intent":"order","subject":{"reference":"Patient/p"},"authoredOn":"2026-03-14T09:00:00+01:00","medicationCodeableConcept":` + atc(german, "J01CR05") + `}`
	const full = `{"text":"4,5 g i.v. 3x täglich","timing":{"repeat":{"frequency":3,"period":1,"periodUnit":"d"}},"route":{"coding":[{"system":"http://snomed.info/sct","code":"47625008"}]},"doseAndRate":[{"doseQuantity":{"value":4.5,"code":"g"}}]}`
	for _, tc := range []struct {
		name, concept, dosage string
		resources             []string
		regimen               string
		missing               []string
		conflicts             int
		hours                 string
	}{
		{name: "whole", concept: atc(german, "J01CR05"), dosage: full, regimen: "J01CR05 4.5 g iv 3/1d", missing: []string{"duration", "indication"}, hours: "unknown"},
		{name: "words only", concept: `{"text":"Tazobac"}`, dosage: `{"text":"4,5 g alle 8 h i.v. für 7 Tage"}`, regimen: "J01CR05 4.5 g iv 1/8h", missing: []string{"indication"}, hours: "unknown"},
		{name: "half empty", concept: atc(german, "J01CR05"), dosage: `{"route":{"text":"intravenös"}}`, regimen: "J01CR05 0  iv 0/0", missing: []string{"dose", "frequency", "duration", "indication"}, hours: "unknown"},
		{name: "no dosage at all", concept: atc(german, "J01CR05"), regimen: "-", missing: []string{"dose", "frequency", "route", "duration", "indication"}, hours: "unknown"},
		{name: "substance missing", concept: `{}`, dosage: full, regimen: " 4.5 g iv 3/1d", missing: []string{"substance", "duration", "indication"}, hours: "unknown"},
		{name: "words contradict the code", concept: atc(german, "J01CR05"), dosage: strings.Replace(full, "3x täglich", "2x täglich", 1), regimen: "J01CR05 4.5 g iv 3/1d", missing: []string{"duration", "indication"}, conflicts: 1, hours: "unknown"},
		{name: "ten times the dose in words", concept: atc(german, "J01CR05"), dosage: strings.Replace(full, "4,5 g", "45 g", 1), regimen: "J01CR05 4.5 g iv 3/1d", missing: []string{"duration", "indication"}, conflicts: 1, hours: "unknown"},
		{name: "same substance runs already", concept: atc(german, "J01CR05"), dosage: full, resources: []string{running}, regimen: "J01CR05 4.5 g iv 3/1d", missing: []string{"duration", "indication"}, hours: "48"},
		{name: "from day three", concept: atc(german, "J01CR05"), dosage: strings.Replace(full, "3x täglich", "3x täglich, Fortführung ab Tag 3", 1), regimen: "J01CR05 4.5 g iv 3/1d", missing: []string{"duration", "indication"}, hours: "48"},
		{name: "starts now", concept: atc(german, "J01CR05"), dosage: strings.Replace(full, `"periodUnit":"d"`, `"periodUnit":"d","boundsPeriod":{"start":"2026-03-16T10:00:00+01:00","end":"2026-03-23"}`, 1), regimen: "J01CR05 4.5 g iv 3/1d", missing: []string{"indication"}, hours: "0"},
		{name: "tablets are no dose", concept: atc(german, "J01MA02"), dosage: `{"doseAndRate":[{"doseQuantity":{"value":1,"unit":"Tablette"}}],"timing":{"code":{"coding":[{"code":"BID"}]}}}`, regimen: "J01MA02 0   2/1d", missing: []string{"dose", "route", "duration", "indication"}, hours: "unknown"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := input(t)
			in.Resources = resources(t, append([]string{adult}, tc.resources...)...)
			in.Drafts = resources(t, draft(tc.concept, tc.dosage))
			orders := facts.Build(in).Orders()
			if len(orders) != 1 {
				t.Fatalf("%d orders", len(orders))
			}
			o := orders[0]
			regimen := "-"
			if g := o.Regimen; g != nil {
				regimen = fmt.Sprintf("%s %g %s %s %g/%g%s", g.ATC, g.Dose.Value, g.Dose.Unit, g.Route, g.Frequency.Count, g.Frequency.Period, g.Frequency.PeriodUnit)
			}
			if regimen != tc.regimen {
				t.Errorf("regimen = %q, want %q", regimen, tc.regimen)
			}
			if diff := cmp.Diff(tc.missing, o.Missing); diff != "" {
				t.Errorf("missing (-want +got):\n%s", diff)
			}
			if len(o.Conflicts) != tc.conflicts {
				t.Errorf("conflicts = %v", o.Conflicts)
			}
			hours := "unknown"
			if v, ok := o.Hours.Exact(); ok {
				hours = fmt.Sprintf("%.0f", v)
			}
			if hours != tc.hours {
				t.Errorf("hours since start = %s (%s), want %s", hours, o.HoursWhy.EN, tc.hours)
			}
		})
	}
}

func TestOrderForAnotherPatientIsIgnored(t *testing.T) {
	in := input(t)
	in.Resources = resources(t, adult)
	in.Drafts = resources(t, strings.Replace(draft(atc(german, "J01CR05"), ""), "Patient/p", "Patient/q", 1))
	c := facts.Build(in)
	if len(c.Orders()) != 0 || len(c.Ignored()) != 1 {
		t.Errorf("orders %d, ignored %v", len(c.Orders()), c.Ignored())
	}
}

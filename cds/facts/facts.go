// Package facts makes one patient's Chart from FHIR resources: what is known, what
// is known to be absent, and what is not known, each with its source, date and
// unit.
//
// It owns the reading of clinical data: units, plausibility, age of values, which
// of several values counts, and what must be ignored and why. It refuses I/O and
// the clock, converts no implausible value, and never reads a missing list as a
// negative finding.
package facts

import (
	"time"

	"cdss/cds"
	"cdss/cds/stewardship"
	"cdss/cds/stewardship/allergy"
	"cdss/cds/stewardship/dose"
	"cdss/cds/stewardship/formulary"
	"cdss/cds/stewardship/interaction"
	"cdss/cds/stewardship/microbiology"
	"cdss/fhir"
)

// Input is all that a Chart is made of.
type Input struct {
	Now       time.Time
	Patient   string // id; "" takes the only Patient of Resources
	Resources []*fhir.Resource
	Received  map[string]Received // by resource type; absent: Complete where resources of it came, else NotReceived
	Request   *cds.StructuredRequest
	Drafts    []*fhir.Resource // draft orders, half-empty ones included
	// Products are Medications by the references that lead to them, where Type and id
	// do not.
	Products    map[string]*fhir.Resource
	Indications []cds.Indication
	Formulary   *formulary.Formulary // names of substances; nil: only ATC codes are recognised
	Allergy     *allergy.Table       // reads allergy entries; nil: every allergy stays unrecognised
	Organisms   *microbiology.Table  // names organisms; nil: they keep the laboratory's words
}

// Received tells what is known about the completeness of one resource type.
type Received int

// How a resource type came. Only Complete lets an empty list speak, and for
// allergies, medication and pregnancy not even that (SAFETY rule D3).
const (
	NotReceived  Received = iota
	Complete              // all of them came
	NoneRecorded          // the source answered that it has none
	Truncated             // more exist than came
	Failed                // the source did not answer
	Wrong                 // resources of another patient came
)

// State is whether a fact is known.
type State string

// The states of a fact. Absent means known not to be there; a fact with a boolean
// value is then false.
const (
	Known   State = "known"
	Absent  State = "absent"
	Unknown State = "unknown"
)

// Fact is one fact with what it rests on. Value is a float64, int, string, bool,
// []string or nil; Low and High are set where only a range is known.
type Fact struct {
	Name    string // kebab case
	Display cds.Text
	State   State
	Value   any
	Low     *float64
	High    *float64
	Unit    string   // UCUM
	Formula cds.Text // equation and what it was computed with
	Source  string   // reference of the resource, or "request"
	Date    fhir.Time
	Inputs  []Value
	Others  []Value  // further values that were not used, newest first
	Reason  cds.Text // why it is unknown, or what limits it
	Missing []string // fact names that would make it known
}

// Value is one measured value as it was found.
type Value struct {
	Reference string
	Display   cds.Text
	Number    float64
	Text      string // when it is no number
	Unit      string
	Date      fhir.Time
}

// Allergy is an allergy or intolerance that counts.
type Allergy = allergy.Record

// Medication is a current medicine.
type Medication struct {
	ATC        string // "" when not recognised
	Name       cds.Text
	Display    string // as the source words it
	Recognised bool
	Reference  string
	Route      string // iv | po | im | inh | "" unknown
	Start, End fhir.Time
	Stopped    bool            // no longer taken
	Regimen    *cds.Ingredient // what could be read of the dosage, nil when nothing
}

// Interacting gives the medicine in the form the interaction list takes.
func (m Medication) Interacting() interaction.Medicine {
	return interaction.Medicine{ATC: m.ATC, Name: m.Name, Reference: m.Reference, Route: m.Route}
}

// Order is a draft order, one for each substance it names. Missing names what it
// lacks: substance, dose, frequency, route, duration, indication.
type Order struct {
	Medication
	Resource    *fhir.Resource
	Text        string // dosage text as written
	Missing     []string
	Conflicts   []cds.Text         // where the dosage text and the coded dosage differ
	Days        float64            // planned length in days, 0 when not stated
	Reasoned    bool               // an indication is stated on the order
	StatedStart bool               // the order says when its first dose is given (Start)
	Hours       stewardship.Number // since the first dose of this therapy; not known: the start is unknown
	HoursWhy    cds.Text           // what Hours rests on
	Authored    fhir.Time
}

// Condition is an active problem or diagnosis.
type Condition struct {
	Reference string
	Display   string
	Concept   fhir.CodeableConcept
	Onset     fhir.Time
	Recorded  fhir.Time
	Confirmed bool // false: provisional, differential or not stated
	Encounter bool // encounter diagnosis
}

// Ignored is a resource that came and was not used.
type Ignored struct {
	Reference string
	Reason    cds.Text
}

// Fact gives a fact by its kebab-case name; a name the Chart does not know is
// unknown with that reason.
func (c *Chart) Fact(name string) Fact {
	if i, ok := c.index[name]; ok {
		return c.facts[i]
	}
	return Fact{Name: name, Display: Display(name), State: Unknown, Reason: cds.Text{DE: "nicht ermittelt", EN: "not determined"}}
}

// Facts gives all facts in a stable order.
func (c *Chart) Facts() []Fact { return c.facts }

// Number gives a numeric fact in its unit.
func (c *Chart) Number(name string) stewardship.Number { return c.Fact(name).Number() }

// Truth gives a boolean fact.
func (c *Chart) Truth(name string) stewardship.Truth { return c.Fact(name).Truth() }

// Now is the time the Chart was made for.
func (c *Chart) Now() time.Time { return c.now }

// Request gives what the person stated beside the data, empty when nothing.
func (c *Chart) Request() cds.StructuredRequest { return c.request }

// Indication gives the indication to work with and why; nil when none was found.
func (c *Chart) Indication() (*cds.Indication, cds.Text) { return c.indication, c.indicationBasis }

// Severity gives mild, moderate, severe or septic with the reason.
func (c *Chart) Severity() (value string, basis cds.Text, known bool) {
	return c.severity, c.severityBasis, c.severity != ""
}

// Allergies gives the allergies that count. Whether the list may be read as
// complete is AllergyState's to say.
func (c *Chart) Allergies() []Allergy { return c.allergies }

// AllergyState is Known with at least one allergy, Absent on an explicit "no
// known allergy", else Unknown with the reason.
func (c *Chart) AllergyState() (State, cds.Text) { return c.allergyState, c.allergyReason }

// Medications gives the current medicines, the given antibiotics included.
func (c *Chart) Medications() []Medication { return c.medications }

// MedicationState is like AllergyState.
func (c *Chart) MedicationState() (State, cds.Text) { return c.medicationState, c.medicationReason }

// Orders gives the draft orders in the order they came.
func (c *Chart) Orders() []Order { return c.orders }

// Conditions gives the active problems, newest first.
func (c *Chart) Conditions() []Condition { return c.conditions }

// FormerConditions gives the problems that are over; some leave a disposition.
func (c *Chart) FormerConditions() []Condition { return c.former }

// Isolates gives the cultured organisms with their susceptibilities, newest first.
func (c *Chart) Isolates() []microbiology.Isolate { return c.isolates }

// Ignored gives what came and was not used, in the order it came.
func (c *Chart) Ignored() []Ignored { return c.ignored }

// Kidney gives renal function in the form that dosing takes.
func (c *Chart) Kidney() dose.Kidney { return c.kidney }

// Weights gives the body weights in the form that dosing takes.
func (c *Chart) Weights() dose.Weights { return c.weights }

// PatientID is the id of the patient the Chart is about, "" when none came.
func (c *Chart) PatientID() string { return c.patient }

// Chart is one patient's facts at one time; it never changes once built.
type Chart struct {
	now     time.Time
	patient string
	request cds.StructuredRequest

	facts []Fact
	index map[string]int

	indication      *cds.Indication
	indicationBasis cds.Text
	severity        string
	severityBasis   cds.Text

	allergies        []Allergy
	allergyState     State
	allergyReason    cds.Text
	medications      []Medication
	medicationState  State
	medicationReason cds.Text
	orders           []Order
	conditions       []Condition
	former           []Condition
	isolates         []microbiology.Isolate
	ignored          []Ignored

	kidney  dose.Kidney
	weights dose.Weights
}

// Number gives the fact as a number or a range of numbers.
func (f Fact) Number() stewardship.Number {
	switch v := f.Value.(type) {
	case float64:
		if f.State == Known {
			return stewardship.Exactly(v)
		}
	case int:
		if f.State == Known {
			return stewardship.Exactly(float64(v))
		}
	}
	if f.Low != nil && f.High != nil {
		return stewardship.Between(*f.Low, *f.High)
	}
	return stewardship.Number{}
}

// Truth gives the fact as a three-valued boolean: Absent is No.
func (f Fact) Truth() stewardship.Truth {
	switch f.State {
	case Absent:
		return stewardship.No
	case Known:
		if b, ok := f.Value.(bool); ok {
			return stewardship.Of(b)
		}
		return stewardship.Yes
	}
	return stewardship.Unknown
}

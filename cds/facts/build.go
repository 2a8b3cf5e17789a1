package facts

import (
	"fmt"
	"slices"
	"time"

	"cdss/cds"
	"cdss/cds/stewardship"
	"cdss/cds/stewardship/microbiology"
	"cdss/fhir"
)

// builder collects what a Chart is made of; it lives for one Build.
type builder struct {
	in    Input
	now   time.Time
	chart *Chart

	byType map[string][]*fhir.Resource
	refs   map[string]*fhir.Resource // "Type/id"
	strays map[string]bool           // types of which only other patients' resources came
	series map[string][]sample       // valid values by measure, newest first
	unread map[string][]cds.Text     // why values of a measure could not be used
	units  map[[2]string]unit        // units met so far, by printed form and code

	female    stewardship.Truth
	encounter encounter
	findings  []finding // coded statements about the patient that are no measurement
	onset     fhir.Time // of the infection the indication rests on
	noneMeds  bool      // an explicit statement that no medicine is taken
	past      []Medication
	screening []microbiology.Isolate // what was grown when carriers were looked for
}

// Build makes the Chart. It never fails: what cannot be read becomes an unknown
// fact or an ignored resource, with the reason.
func Build(in Input) *Chart {
	b := &builder{
		in: in, now: in.Now, chart: &Chart{now: in.Now, index: map[string]int{}},
		byType: map[string][]*fhir.Resource{}, refs: map[string]*fhir.Resource{}, strays: map[string]bool{},
		series: map[string][]sample{}, unread: map[string][]cds.Text{}, units: map[[2]string]unit{},
	}
	if in.Request != nil {
		b.chart.request = *in.Request
	}
	b.sort()
	b.person()
	b.readEncounters()
	b.readConditions()
	b.readObservations()
	b.isolates()
	b.readAllergies()
	b.readMedications()
	b.findIndication()
	b.readOrders()
	b.pregnancy()
	b.lactation()
	b.dialysis()
	b.body()
	b.kidney()
	b.vitals()
	b.laboratory()
	b.setting()
	b.colonisation()
	b.risks()
	b.scores()
	b.shock()
	b.severity()
	b.stable()
	b.culturesTaken()
	b.urological()
	b.statements()
	return b.chart
}

// put adds a fact; a name is given once.
func (b *builder) put(f Fact) {
	if _, twice := b.chart.index[f.Name]; twice {
		panic("fact " + f.Name + " is built twice") // a programmer's mistake
	}
	if f.Display.IsZero() {
		f.Display = displays[f.Name]
	}
	b.chart.index[f.Name] = len(b.chart.facts)
	b.chart.facts = append(b.chart.facts, f)
}

// ignore lists a resource that was not used.
func (b *builder) ignore(reference string, de, en string) {
	b.chart.ignored = append(b.chart.ignored, Ignored{Reference: reference, Reason: cds.Text{DE: de, EN: en}})
}

// received tells how a resource type came. Types that nobody spoke of count as
// complete where resources of them came: a Bundle is handed over as one whole.
func (b *builder) received(types ...string) Received {
	worst := NotReceived
	for _, t := range types {
		r, said := b.in.Received[t]
		switch {
		case said:
		case len(b.byType[t]) > 0:
			r = Complete
		case b.strays[t]:
			r = Wrong
		}
		switch r {
		case Truncated, Failed, Wrong:
			return r
		case Complete:
			worst = Complete
		case NoneRecorded:
			if worst == NotReceived {
				worst = NoneRecorded
			}
		}
	}
	return worst
}

// spoken tells whether the silence of these types may be read as "there is none".
func (b *builder) spoken(types ...string) bool {
	r := b.received(types...)
	return r == Complete || r == NoneRecorded
}

// sort decides whose data this is and files the resources of that patient.
func (b *builder) sort() {
	b.chart.patient = b.whose()
	for _, r := range b.in.Resources {
		if r == nil {
			continue
		}
		ref := r.Ref()
		switch {
		case r.Type() == "Patient":
			if b.chart.patient == "" || r.ID() != b.chart.patient {
				b.ignore(ref, "Daten eines anderen Patienten", "data of another patient")
				continue
			}
		case !b.belongs(r):
			b.ignore(ref, "Daten eines anderen Patienten", "data of another patient")
			b.strays[r.Type()] = true
			continue
		}
		b.byType[r.Type()] = append(b.byType[r.Type()], r)
		b.refs[ref] = r
	}
	for _, r := range b.in.Drafts { // products that drafts refer to
		if r != nil && r.Type() == "Medication" && b.refs[r.Ref()] == nil {
			b.refs[r.Ref()] = r
		}
	}
}

// whose gives the patient's id: the one asked for, else the only Patient, else
// the only one that the resources speak of.
func (b *builder) whose() string {
	if b.in.Patient != "" {
		return b.in.Patient
	}
	var patients, subjects []string
	for _, r := range b.in.Resources {
		if r == nil {
			continue
		}
		if r.Type() == "Patient" {
			patients = append(patients, r.ID())
		} else if id, ok := subject(r); ok && !slices.Contains(subjects, id) {
			subjects = append(subjects, id)
		}
	}
	switch {
	case len(patients) == 1:
		return patients[0]
	case len(patients) == 0 && len(subjects) == 1:
		return subjects[0]
	}
	return ""
}

// subject gives the id of the patient a resource is about, where it says so by a
// RESTful reference.
func subject(r *fhir.Resource) (string, bool) {
	for _, name := range []string{"subject", "patient"} {
		if typ, id, ok := r.Root().Child(name).Reference().Local(); ok && typ == "Patient" {
			return id, true
		}
	}
	return "", false
}

// belongs tells whether a resource is about the patient. One that names nobody,
// or by a reference within its own Bundle, is taken as the patient's, but not
// while it is open who that is.
func (b *builder) belongs(r *fhir.Resource) bool {
	id, ok := subject(r)
	if !ok {
		return b.chart.patient != "" || len(b.in.Resources) == 1
	}
	return id == b.chart.patient
}

// moment gives the instant of a time. One without a zone is meant in the zone of
// the asking.
func (b *builder) moment(t fhir.Time) time.Time {
	if t.HasZone || !t.Known() {
		return t.Time
	}
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), b.now.Location())
}

// ended gives the first instant after what a time may mean.
func (b *builder) ended(t fhir.Time) time.Time {
	if t.HasZone || !t.Known() {
		return t.End()
	}
	return b.moment(t).Add(t.End().Sub(t.Time))
}

// future tells whether a time has not begun yet.
func (b *builder) future(t fhir.Time) bool { return t.Known() && b.moment(t).After(b.now) }

// when gives the clinically relevant time of a resource: the first of the named
// elements that is there, a Period by its start.
func when(n *fhir.Node, names ...string) fhir.Time {
	for _, name := range names {
		if t, ok := n.Child(name).Time(); ok {
			return t
		}
		if p := n.Child(name).Period(); p.Start.Known() {
			return p.Start
		}
	}
	return fhir.Time{}
}

// date writes a day for a reader.
func date(t fhir.Time, lang cds.Lang) string {
	switch {
	case !t.Known():
		return cds.Text{DE: "ohne Datum", EN: "undated"}.In(lang)
	case t.Precision < fhir.Day:
		return t.String()
	case lang == cds.EN:
		return t.Format("2006-01-02")
	}
	return t.Format("02.01.2006")
}

func both(f func(cds.Lang) string) cds.Text { return stewardship.Both(f) }

func text(de, en string) cds.Text { return cds.Text{DE: de, EN: en} }

// ago writes how long ago a time was.
func (b *builder) ago(t fhir.Time, lang cds.Lang) string {
	d := b.now.Sub(b.moment(t))
	switch {
	case d < 2*day:
		return fmt.Sprintf(cds.Text{DE: "%d h alt", EN: "%d h old"}.In(lang), int(d.Hours()))
	}
	return fmt.Sprintf(cds.Text{DE: "%d Tage alt", EN: "%d days old"}.In(lang), int(d.Hours()/24))
}

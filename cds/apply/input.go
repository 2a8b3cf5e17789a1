package apply

import (
	"strings"
	"time"

	"cdss/cds"
	"cdss/cds/content"
	"cdss/cds/facts"
	"cdss/fhir"
	"cdss/fhir/fhirpath"
	"cdss/fhir/issue"
)

// inputs reads the data requirements of an action: each is a named value for its
// expressions, and those whose data did not come are missing.
func (w *groupWalk) inputs(n *fhir.Node) (map[string]named, []Gap) {
	var missing []Gap
	values := map[string]named{}
	for _, in := range n.Children("input") {
		v, err := w.input(in)
		if err != nil {
			w.group.notes.fail(err, in.Location(), cds.Text{DE: "Datenanforderung wird nicht verstanden", EN: "data requirement is not understood"})
		}
		if v.unknown {
			missing = addGaps(missing, v.gaps)
			w.lacking = append(w.lacking, in.Object())
		}
		if id := in.Child("id").String(); id != "" {
			values[id] = v
		}
	}
	return values, missing
}

// input gives the data that fit a requirement. They are unknown where data of that
// type did not come, or where what is required cannot be told.
func (w *groupWalk) input(in *fhir.Node) (named, error) {
	typ := in.Child("type").String()
	unknown := named{unknown: true, gaps: []Gap{{Fact: "input-" + strings.ToLower(typ), Display: both(typ)}}, source: typ}
	var found []*fhir.Node
	came := false
	for _, d := range w.in.Data {
		if d.Type() != typ {
			continue
		}
		came = true
		fits, err := w.fits(d.Root(), in)
		if err != nil {
			return unknown, err
		}
		if fits {
			found = append(found, d.Root())
		}
	}
	state, told := w.in.Received[typ]
	if !told && came {
		state = facts.Complete
	}
	v := named{value: fhirpath.FromNodes(found), source: typ}
	if state != facts.Complete && state != facts.NoneRecorded {
		v.unknown, v.gaps = true, unknown.gaps
	}
	return v, nil
}

// fits tells whether a resource is what a requirement asks for.
func (w *groupWalk) fits(r, in *fhir.Node) (bool, error) {
	for _, f := range in.Children("codeFilter") {
		nodes, err := w.at(r, f)
		if err != nil {
			return false, err
		}
		ok, err := w.coded(nodes, f)
		if !ok || err != nil {
			return false, err
		}
	}
	for _, f := range in.Children("dateFilter") {
		nodes, err := w.at(r, f)
		if err != nil {
			return false, err
		}
		ok, err := w.dated(nodes, f)
		if !ok || err != nil {
			return false, err
		}
	}
	if in.Child("limit") != nil {
		return false, issue.New(issue.NotSupported, "a limit of data requirements is not supported")
	}
	return true, nil
}

// at finds the element that a filter is about.
func (w *groupWalk) at(r, filter *fhir.Node) (fhirpath.Collection, error) {
	path := filter.Child("path").String()
	if path == "" {
		return nil, issue.New(issue.NotSupported, "a filter by search parameter is not supported; it needs a path")
	}
	compiled, err := w.in.Definitions.Compile(path)
	if err != nil {
		return nil, err
	}
	found, err := compiled.Eval(w.ctx, fhirpath.FromNode(r), fhirpath.Env{Now: w.in.Now, Resolve: w.resolve, MemberOf: w.in.MemberOf})
	return found.Values, err
}

func (w *groupWalk) coded(found fhirpath.Collection, filter *fhir.Node) (bool, error) {
	codes := filter.Children("code")
	set := filter.Child("valueSet").String()
	for _, v := range found {
		codings := v.Node().CodeableConcept().Codings
		switch {
		case v.Node().Child("code") != nil:
			codings = append(codings, v.Node().Coding())
		case len(codings) == 0 && v.String() != "":
			codings = append(codings, fhir.Coding{Code: v.String()})
		}
		for _, c := range codings {
			for _, want := range codes {
				w := want.Coding()
				if c.Code == w.Code && (w.System == "" || c.System == "" || c.System == w.System) {
					return true, nil
				}
			}
			if set == "" {
				continue
			}
			if w.in.MemberOf == nil {
				return false, issue.New(issue.NotFound, "value set %s cannot be looked up", clip(set))
			}
			in, ok := w.in.MemberOf(c, set)
			if !ok {
				return false, issue.New(issue.NotFound, "value set %s cannot tell", clip(set))
			}
			if in {
				return true, nil
			}
		}
	}
	return len(codes) == 0 && set == "", nil
}

// dated tells whether an element begins within the period of a filter, or within
// its duration before now.
func (w *groupWalk) dated(found fhirpath.Collection, filter *fhir.Node) (bool, error) {
	var from, to time.Time
	switch v, kind := filter.Choice("value"); kind {
	case "Period":
		p := v.Period()
		from, to = p.Start.Time, p.End.Time
	case "DateTime":
		t, _ := v.Time()
		from, to = t.Time, t.Time
	case "Duration":
		span, ok := spanOf(v)
		if !ok {
			return false, issue.New(issue.NotSupported, "a duration in %q is not supported", clip(v.Child("code").String()))
		}
		from, to = w.in.Now.Add(-span), w.in.Now
	default:
		return false, issue.New(issue.NotSupported, "a date filter needs a dateTime, a Period or a Duration")
	}
	for _, v := range found {
		t, ok := v.Node().Time()
		if !ok {
			t = v.Node().Period().Start
		}
		if t.Known() && !t.Before(from) && (to.IsZero() || !t.After(to)) {
			return true, nil
		}
	}
	return false, nil
}

func spanOf(n *fhir.Node) (time.Duration, bool) {
	d, ok := n.Child("value").Decimal()
	if !ok {
		return 0, false
	}
	f, err := d.Float64()
	unit, known := map[string]time.Duration{
		"s": time.Second, "min": time.Minute, "h": time.Hour, "d": 24 * time.Hour, "wk": 7 * 24 * time.Hour,
		"mo": 730 * time.Hour, "a": 8766 * time.Hour, // UCUM: 365.25 d, and a twelfth of it
	}[n.Child("code").String()]
	if err != nil || !known || f < 0 || f > 1e5 {
		return 0, false
	}
	return time.Duration(f * float64(unit)), true
}

// types of the data that a fact is read from, where it is no Observation.
var types = map[string]string{
	"subject": "Patient", "patient": "Patient", "age": "Patient", "sex": "Patient", "encounter": "Encounter", "nosocomial": "Encounter",
	"practitioner": "Practitioner", "organization": "Organization", "conditions": "Condition", "medications": "MedicationStatement",
	"allergies": "AllergyIntolerance", "allergy-penicillin": "AllergyIntolerance",
}

// lack adds a fact that would decide an action to the data that are asked for.
func (w *groupWalk) lack(g Gap) {
	if !strings.HasPrefix(g.Fact, "input-") { // there the requirement itself is asked for
		w.lacking = append(w.lacking, Requirement(g.Fact))
	}
}

// Requirement asks for the data that a fact is read from.
func Requirement(fact string) *fhir.Object {
	typ := types[fact]
	if typ == "" {
		typ = "Observation"
	}
	return fhir.NewObject().
		Append("extension", fhir.NewObject().Set("url", content.FactExtension).Set("valueCode", fact)).Set("type", typ)
}

package cql

import (
	"strings"

	"cdss/fhir"
	"cdss/fhir/fhirpath"
	"cdss/fhir/issue"
)

// codePaths are the elements that the code filter of a retrieve means where it
// names none (FHIR 4.0.1 model info, primaryCodePath); "code" for all others.
var codePaths = map[string]string{
	"MedicationRequest": "medication", "MedicationAdministration": "medication", "MedicationDispense": "medication", "MedicationStatement": "medication",
	"Encounter": "type", "Immunization": "vaccineCode", "ImmunizationEvaluation": "targetDisease", "ImmunizationRecommendation": "recommendation.vaccineCode",
	"Appointment": "serviceType", "AppointmentResponse": "participantType", "CarePlan": "category", "CareTeam": "category", "Claim": "type",
	"ClinicalImpression": "code", "Communication": "reasonCode", "CommunicationRequest": "category", "Composition": "type", "Consent": "category",
	"Coverage": "type", "DeviceUseStatement": "device.code", "DocumentReference": "type", "EpisodeOfCare": "type", "ExplanationOfBenefit": "type",
	"Goal": "category", "GuidanceResponse": "module", "HealthcareService": "type", "ImagingStudy": "procedureCode", "Library": "topic", "Location": "type",
	"MeasureReport": "type", "MessageHeader": "event", "NamingSystem": "type", "Organization": "type", "PlanDefinition": "topic", "PractitionerRole": "code",
	"Questionnaire": "name", "RelatedPerson": "relationship", "Device": "type", "DeviceRequest": "code", "Specimen": "type", "SupplyDelivery": "type",
	"SupplyRequest": "category", "ActivityDefinition": "topic", "AdverseEvent": "event", "ResearchDefinition": "topic", "Measure": "topic", "Condition": "code",
}

// retrieveCode is a compiled retrieve.
type retrieveCode struct {
	at       *site
	typ      string
	path     []string
	codes    code // or nil
	constant bool // the codes are terms of the library
	datePath []string
	dates    code
}

// retrieve compiles [Type: path in codes].
func (k *checker) retrieve(n *node) (typed, error) {
	f := n.fetch
	if f.context != nil {
		return typed{}, k.notSupported(n.pos, "a retrieve in the context of another resource")
	}
	if !k.lib.fhir {
		return typed{}, k.fail(n.pos, "a retrieve needs: using FHIR version '4.0.1'")
	}
	t, err := k.typeOf(f.typ)
	if err != nil {
		return typed{}, err
	}
	if t.kind != kFHIR || !t.fhir.IsResource() {
		return typed{}, k.fail(f.typ.pos, "a %s is no resource that could be retrieved", t)
	}
	c := &retrieveCode{at: k.site(n.pos), typ: t.name}
	need := Requirement{Type: t.name, Definition: k.name}
	if f.codes != nil {
		if err := k.codeFilter(n, t, c, &need); err != nil {
			return typed{}, err
		}
	}
	if f.dateRange != nil {
		d, err := k.expr(f.dateRange)
		if err != nil {
			return typed{}, err
		}
		c.dates, c.datePath = k.coerce(d, intervalDateTime).run, strings.Split(f.datePath, ".")
		need.DatePath = f.datePath
	}
	if k.adHoc {
		k.needs = append(k.needs, need) // the library is compiled, and shared
	} else {
		k.lib.needs = append(k.lib.needs, need)
	}
	return typed{typ: listOf(t), run: c.run}, nil
}

func (k *checker) codeFilter(n *node, t *Type, c *retrieveCode, need *Requirement) error {
	f := n.fetch
	path := f.path
	if path == "" {
		if path = codePaths[t.name]; path == "" {
			path = "code"
		}
	}
	at := t
	c.path = strings.Split(path, ".")
	for _, name := range c.path {
		if at = propertyType(at, name); at == nil {
			return k.fail(n.pos, "a %s has no %s to be retrieved by", t.name, clip(path))
		}
	}
	codes, err := k.expr(f.codes)
	if err != nil {
		return err
	}
	accepted := false
	for _, want := range []*Type{typeValueSet, typeCode, typeConcept, listOf(typeCode), listOf(typeConcept), typeCodeSystem, typeString, listOf(typeString)} {
		if _, ok := conversion(codes.typ, want, false); ok {
			accepted = true
		}
	}
	if !accepted || codes.typ.kind == kAny && codes.isNil {
		return k.fail(f.codes.pos, "a %s is no value set and no codes", codes.typ)
	}
	c.codes, c.constant = codes.run, !isNull(codes.konst)
	need.Path = path
	switch v := codes.konst.Composite().(type) {
	case *ValueSet:
		need.ValueSet = v.ID
		if v.Version != "" {
			need.ValueSet += "|" + v.Version
		}
	default:
		need.Codes = codings(codes.konst)
	}
	return nil
}

// at gives the values at a path of an element.
func atPath(v Value, path []string) []Value {
	items := []Value{v}
	for _, name := range path {
		var next []Value
		for _, item := range items {
			m := member(item, name)
			if l, ok := asList(m); ok {
				next = append(next, l...)
			} else if !isNull(m) {
				next = append(next, m)
			}
		}
		items = next
	}
	return items
}

func (c *retrieveCode) run(ev *evaluation, f *frame) (Value, error) {
	if !c.constant || c.dates != nil {
		return c.fetch(ev, f)
	}
	r, ok := ev.fetched[c]
	if !ok {
		var err error
		if r, err = ev.apart(func() (Value, error) { return c.fetch(ev, f) }); err != nil {
			return null, err
		}
		if ev.fetched == nil {
			ev.fetched = map[*retrieveCode]remembered{}
		}
		ev.fetched[c] = r
	}
	return ev.recall(r), nil
}

func (c *retrieveCode) fetch(ev *evaluation, f *frame) (Value, error) {
	ev.at = c.at
	list, err := ev.resources(c.typ)
	if err != nil {
		return null, err
	}
	if c.codes != nil {
		codes, err := c.codes(ev, f)
		if err != nil {
			return null, err
		}
		if list, err = c.filter(ev, list, codes); err != nil {
			return null, err
		}
	}
	if c.dates != nil {
		dates, err := c.dates(ev, f)
		if err != nil {
			return null, err
		}
		if list, err = c.during(ev, list, dates); err != nil {
			return null, err
		}
	}
	return composite(list), nil
}

// filter keeps what has one of the codes.
func (c *retrieveCode) filter(ev *evaluation, list List, codes Value) (List, error) {
	if isNull(codes) {
		return nil, c.at.fail(issue.Processing, "the codes to retrieve %s by are null", c.typ)
	}
	codes = plain(codes)
	set, _ := codes.Composite().(*ValueSet)
	system, _ := codes.Composite().(*CodeSystem)
	var wanted []fhir.Coding
	if l, ok := asList(codes); ok {
		for _, item := range l {
			wanted = append(wanted, codings(item)...)
		}
	} else {
		wanted = codings(codes)
	}
	out := make(List, 0, len(list))
	for _, v := range list {
		hit := false
		for _, at := range atPath(v, c.path) {
			for _, has := range codings(at) {
				if err := ev.work(1); err != nil {
					return nil, err
				}
				switch {
				case set != nil:
					in, _ := ev.memberOf(has, set)
					hit = hit || in
				case system != nil:
					hit = hit || has.System == system.ID
				default:
					for _, w := range wanted {
						hit = hit || has.Code == w.Code && (has.System == w.System || w.System == "" || has.System == "" && at.TypeID().Primitive() == fhirpath.String)
					}
				}
			}
		}
		if hit {
			out = append(out, v)
		}
	}
	return out, nil
}

// during keeps what lies in an interval.
func (c *retrieveCode) during(ev *evaluation, list List, dates Value) (List, error) {
	out := make(List, 0, len(list))
	for _, v := range list {
		if err := ev.work(1); err != nil {
			return nil, err
		}
		for _, at := range atPath(v, c.datePath) {
			if ev.includes(dates, at, precNone) == yes {
				out = append(out, v)
				break
			}
		}
	}
	return out, nil
}

package cql

import (
	"encoding/json"
	"strings"

	"cdss/fhir"
	"cdss/fhir/fhirpath"
	"cdss/fhir/issue"
)

// ToFHIR gives a value as items of FHIR: null is none, a list its items, an
// interval of moments a Period, one of Quantities a Range, a Code a Coding, and a
// Concept a CodeableConcept. An error tells what has no form in FHIR: a tuple, a
// list within a list, an uncertain number.
func ToFHIR(v Value) (fhirpath.Collection, error) {
	if isNull(v) {
		return nil, nil
	}
	if l, ok := asList(v); ok {
		var out fhirpath.Collection
		for _, item := range l {
			if isNull(item) {
				continue
			}
			one, err := itemToFHIR(item)
			if err != nil {
				return nil, err
			}
			out = append(out, one)
		}
		return out, nil
	}
	one, err := itemToFHIR(v)
	if err != nil {
		return nil, err
	}
	return fhirpath.Collection{one}, nil
}

func itemToFHIR(v Value) (Value, error) {
	if v.Kind() == fhirpath.Long {
		return fhirpath.FromString(v.String()), nil
	}
	if v.Kind() != fhirpath.Composite {
		return v, nil
	}
	raw, typ, err := FHIRJSON(v)
	if err != nil {
		return null, err
	}
	n, err := fhir.ParseJSON(raw, fhir.Limits{})
	if err != nil {
		return null, err
	}
	id, _ := fhirpath.TypeByName(typ)
	return fhirpath.FromElement(n, id), nil
}

// FHIRJSON writes one value as FHIR does, with its FHIR type.
func FHIRJSON(v Value) (raw []byte, fhirType string, err error) {
	object := func(o *fhir.Object, typ string) ([]byte, string, error) { return o.JSON(), typ, nil }
	switch c := v.Composite().(type) {
	case nil:
		if v.Kind() == fhirpath.Long {
			raw, err := json.Marshal(v.String())
			return raw, "string", err
		}
		raw, typ := v.JSON()
		return raw, typ, nil
	case *Code:
		return object(codingObject(*c), "Coding")
	case *Concept:
		o := fhir.NewObject()
		for _, code := range c.Codes {
			o.Append("coding", codingObject(code))
		}
		return object(o.Set("text", c.Display), "CodeableConcept")
	case *Ratio:
		o := fhir.NewObject()
		for n, q := range []Value{c.Numerator, c.Denominator} {
			if q.Kind() == fhirpath.Quantity {
				raw, _ := q.JSON()
				o.Set([]string{"numerator", "denominator"}[n], json.RawMessage(raw))
			}
		}
		return object(o, "Ratio")
	case *ValueSet:
		raw, err := json.Marshal(c.ID)
		return raw, "canonical", err
	case *Interval:
		return intervalJSON(c)
	case *Tuple:
		if c.Type == "" {
			return nil, "", issue.New(issue.NotSupported, "a tuple has no form in FHIR")
		}
		o := fhir.NewObject()
		typ := strings.TrimPrefix(c.Type, "FHIR.")
		if id, ok := fhirpath.TypeByName(typ); ok && id.IsResource() {
			o.Set("resourceType", typ)
		}
		for i, name := range c.Names {
			if err := setMember(o, typ, name, c.Values[i]); err != nil {
				return nil, "", err
			}
		}
		return object(o, typ)
	}
	return nil, "", issue.New(issue.NotSupported, "a %s has no form in FHIR", kindName(v))
}

// setMember writes an element of an instance that an expression made.
func setMember(o *fhir.Object, typ, name string, v Value) error {
	if isNull(v) {
		return nil
	}
	id, _ := fhirpath.TypeByName(typ)
	types, list, _ := id.Element(name)
	items := List{v}
	if l, ok := asList(v); ok {
		items = l
	}
	for _, item := range items {
		if t, ok := item.Composite().(*Tuple); ok && len(t.Names) == 1 && t.Names[0] == "value" {
			item = t.Values[0] // FHIR.string { value: 'x' }
		}
		if isNull(item) {
			continue
		}
		raw, of, err := FHIRJSON(item)
		if err != nil {
			return err
		}
		member := name
		if len(types) > 1 && of != "" {
			member += strings.ToUpper(of[:1]) + of[1:]
		}
		if list {
			o.Append(member, json.RawMessage(raw))
		} else {
			o.Set(member, json.RawMessage(raw))
		}
	}
	return nil
}

func codingObject(c Code) *fhir.Object {
	return fhir.NewObject().Set("system", c.System).Set("version", c.Version).Set("code", c.Code).Set("display", c.Display)
}

// intervalJSON writes an interval; FHIR's bounds are always closed.
func intervalJSON(i *Interval) ([]byte, string, error) {
	if i.uncertain {
		return nil, "", issue.New(issue.Incomplete, "the number is not known exactly, since dates are not")
	}
	ev := &evaluation{env: &Env{}}
	pick := func(v Value, high bool) Value {
		if isNull(v) {
			return v
		}
		return ev.bound(i, high)
	}
	low, high := pick(i.Low, false), pick(i.High, true)
	names, typ := [2]string{"low", "high"}, "Range"
	if low.Moment() != nil || high.Moment() != nil || i.point != nil && (i.point.name == "DateTime" || i.point.name == "Date") {
		names, typ = [2]string{"start", "end"}, "Period"
	}
	o := fhir.NewObject()
	for n, v := range []Value{low, high} {
		if isNull(v) {
			continue
		}
		if m := v.Moment(); m != nil && m.IsTime() {
			return nil, "", issue.New(issue.NotSupported, "an interval of times has no form in FHIR")
		}
		if typ == "Range" {
			q, ok := toQuantity(v)
			if !ok {
				return nil, "", issue.New(issue.NotSupported, "an interval of %s has no form in FHIR", kindName(v))
			}
			v = q
		}
		raw, _ := v.JSON()
		o.Set(names[n], json.RawMessage(raw))
	}
	return o.JSON(), typ, nil
}

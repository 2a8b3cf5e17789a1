package cql

import (
	"math"
	"strconv"
	"strings"

	"cdss/fhir/fhirpath"
)

func conversionOperators() map[string]*operator {
	m := map[string]*operator{
		"ToConcept": strict("(Code)Concept (Concept)Concept (List<Code>)Concept", func(_ *evaluation, _ *site, a []Value) (Value, error) { return toConcept(a[0]), nil }),
		"ToCode":    strict("(Code)Code", func(_ *evaluation, _ *site, a []Value) (Value, error) { return a[0], nil }),
		"ToInterval": strict("(Interval<T>)Interval<T>", func(_ *evaluation, _ *site, a []Value) (Value, error) {
			return a[0], nil
		}),
		"ConvertQuantity": strict("(Quantity,String)Quantity", func(_ *evaluation, _ *site, a []Value) (Value, error) {
			v, _ := fhirpath.ConvertUnit(a[0], a[1].Text())
			return v, nil
		}),
		"CanConvertQuantity": strict("(Quantity,String)Boolean", func(_ *evaluation, _ *site, a []Value) (Value, error) {
			_, ok := fhirpath.ConvertUnit(a[0], a[1].Text())
			return boolean(ok), nil
		}),
	}
	for name, sigs := range map[string]string{
		"Boolean":  "(Boolean) (Integer) (Long) (Decimal) (String)",
		"Integer":  "(Integer) (Boolean) (Long) (Decimal) (String)",
		"Long":     "(Long) (Integer) (Boolean) (Decimal) (String)",
		"Decimal":  "(Decimal) (Integer) (Long) (Boolean) (String)",
		"String":   "(String) (Boolean) (Integer) (Long) (Decimal) (Quantity) (Ratio) (Date) (DateTime) (Time)",
		"Date":     "(Date) (DateTime) (String)",
		"DateTime": "(DateTime) (Date) (String)",
		"Time":     "(Time) (DateTime) (String)",
		"Quantity": "(Quantity) (Integer) (Long) (Decimal) (String) (Ratio)",
		"Ratio":    "(Ratio) (String)",
	} {
		name := name
		m["To"+name] = strict(strings.ReplaceAll(sigs, ")", ")"+name), func(_ *evaluation, _ *site, a []Value) (Value, error) {
			if v, ok := convertTo(a[0], name); ok {
				return v, nil
			}
			return null, nil
		})
		m["ConvertsTo"+name] = strict("(Any)Boolean", func(_ *evaluation, _ *site, a []Value) (Value, error) {
			_, ok := convertTo(a[0], name)
			return boolean(ok), nil
		})
	}
	return m
}

func toConcept(v Value) Value {
	switch c := v.Composite().(type) {
	case *Concept:
		return v
	case *Code:
		return composite(&Concept{Codes: []Code{*c}, Display: c.Display})
	case List:
		out := &Concept{}
		for _, item := range c {
			if code, ok := plain(item).Composite().(*Code); ok {
				out.Codes = append(out.Codes, *code)
			}
		}
		return composite(out)
	}
	return null
}

// convertTo gives a value as another System type, as convert … to does.
func convertTo(v Value, name string) (Value, bool) {
	switch name {
	case "Boolean":
		if v.Kind() == fhirpath.Long {
			v = fhirpath.FromInt(v.Num())
		}
		return fhirpath.Convert(v, fhirpath.Boolean)
	case "Integer":
		n, ok := toWhole(v, math.MinInt32, math.MaxInt32)
		return fhirpath.FromInt(n), ok
	case "Long":
		n, ok := toWhole(v, math.MinInt64, math.MaxInt64)
		return fhirpath.FromLong(n), ok
	case "Decimal":
		if v.Kind() == fhirpath.Long {
			return fhirpath.FromDec(numberOf(v)), true
		}
		d, ok := fhirpath.Convert(v, fhirpath.Decimal)
		if !ok {
			return null, false
		}
		return decimal(d.Dec())
	case "String":
		return toText(v)
	case "Date", "DateTime", "Time":
		return toMoment(v, name)
	case "Quantity":
		if r, ok := v.Composite().(*Ratio); ok {
			return divideQuantities(r.Numerator, r.Denominator)
		}
		if v.Kind() == fhirpath.Long {
			return toQuantity(v)
		}
		if v.Kind() == fhirpath.Boolean {
			return null, false
		}
		return fhirpath.Convert(v, fhirpath.Quantity)
	case "Ratio":
		return toRatio(v)
	case "Concept":
		c := toConcept(v)
		return c, !isNull(c)
	case "Code":
		_, ok := v.Composite().(*Code)
		return v, ok
	}
	return null, false
}

func toWhole(v Value, low, high int64) (int64, bool) {
	var n int64
	switch v.Kind() {
	case fhirpath.Integer, fhirpath.Long, fhirpath.Boolean:
		n = v.Num()
	case fhirpath.Decimal:
		w, ok := whole(v.Dec())
		if !ok {
			return 0, false
		}
		n = w
	case fhirpath.String:
		i, err := strconv.ParseInt(v.Text(), 10, 64)
		if err != nil {
			return 0, false
		}
		n = i
	default:
		return 0, false
	}
	return n, n >= low && n <= high
}

func toText(v Value) (Value, bool) {
	switch v.Kind() {
	case 0, fhirpath.Element:
		return null, false
	case fhirpath.Composite:
		if r, ok := v.Composite().(*Ratio); ok {
			return fhirpath.FromString(r.Numerator.String() + ":" + r.Denominator.String()), true
		}
		return null, false
	}
	return fhirpath.FromString(v.String()), true
}

func toMoment(v Value, name string) (Value, bool) {
	m := v.Moment()
	switch {
	case v.Kind() == fhirpath.String && name == "Time":
		s := strings.TrimPrefix(v.Text(), "T")
		if z := strings.IndexAny(s, "Z+-"); z >= 0 {
			if _, ok := parseDateTime("2000-01-01T00:00:00" + s[z:]); !ok {
				return null, false
			}
			s = s[:z]
		}
		t, ok := parseTime(s)
		return fhirpath.FromMoment(fhirpath.Time, t), ok
	case v.Kind() == fhirpath.String:
		t, ok := parseDateTime(v.Text())
		if !ok {
			return null, false
		}
		if name == "Date" {
			return fhirpath.FromMoment(fhirpath.Date, fhirpath.NewMoment(t.Wall(), min(t.Precision(), fhirpath.Day), false, false, 0)), true
		}
		return fhirpath.FromMoment(fhirpath.DateTime, t), true
	case m == nil:
		return null, false
	case m.IsTime():
		return v, name == "Time"
	case name == "Time":
		if m.Precision() < fhirpath.Hour {
			return null, false
		}
		return fhirpath.FromMoment(fhirpath.Time, fhirpath.NewMoment(m.Wall(), m.Precision(), true, false, 0)), true
	case name == "Date":
		return fhirpath.FromMoment(fhirpath.Date, fhirpath.NewMoment(m.Wall(), min(m.Precision(), fhirpath.Day), false, false, 0)), true
	}
	return fhirpath.FromMoment(fhirpath.DateTime, m), true
}

func toRatio(v Value) (Value, bool) {
	if _, ok := v.Composite().(*Ratio); ok {
		return v, true
	}
	num, den, ok := strings.Cut(v.Text(), ":")
	if v.Kind() != fhirpath.String || !ok {
		return null, false
	}
	a, ok1 := fhirpath.Convert(fhirpath.FromString(strings.TrimSpace(num)), fhirpath.Quantity)
	b, ok2 := fhirpath.Convert(fhirpath.FromString(strings.TrimSpace(den)), fhirpath.Quantity)
	return composite(&Ratio{a, b}), ok1 && ok2
}

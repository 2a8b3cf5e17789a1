package cql

import (
	"strings"
	"time"

	"github.com/cockroachdb/apd/v3"

	"cdss/fhir/fhirpath"
	"cdss/fhir/issue"
)

func momentOperators() map[string]*operator {
	pairs := "(DateTime,DateTime)Integer (Date,Date)Integer (Time,Time)Integer"
	counted := func(count func(x, y time.Time, prec precision) int64) *operator {
		return strict(pairs, func(ev *evaluation, s *site, a []Value) (Value, error) {
			if a[0].Moment() == nil || a[1].Moment() == nil {
				return null, nil
			}
			return between(a[0], a[1], s.prec, count, ev.offset), nil
		})
	}
	integers := func(from, to int, result string) string {
		var list []string
		for n := from; n <= to; n++ {
			list = append(list, "("+strings.TrimSuffix(strings.Repeat("Integer,", n), ",")+")"+result)
		}
		return strings.Join(list, " ")
	}
	return map[string]*operator{
		"Now": lenient("()DateTime", func(ev *evaluation, s *site, _ []Value) (Value, error) {
			return ev.now(s, fhirpath.DateTime, fhirpath.Millisecond)
		}),
		"Today": lenient("()Date", func(ev *evaluation, s *site, _ []Value) (Value, error) {
			return ev.now(s, fhirpath.Date, fhirpath.Day)
		}),
		"TimeOfDay": lenient("()Time", func(ev *evaluation, s *site, _ []Value) (Value, error) {
			return ev.now(s, fhirpath.Time, fhirpath.Millisecond)
		}),
		"Date":     lenient(integers(1, 3, "Date"), makeOf(fhirpath.Date)),
		"Time":     lenient(integers(1, 4, "Time"), makeOf(fhirpath.Time)),
		"DateTime": lenient(integers(1, 7, "DateTime")+" (Integer,Integer,Integer,Integer,Integer,Integer,Integer,Decimal)DateTime", makeOf(fhirpath.DateTime)),
		"DateFrom": strict("(DateTime)Date (Date)Date", func(_ *evaluation, _ *site, a []Value) (Value, error) {
			m := a[0].Moment()
			if m == nil {
				return null, nil
			}
			return fhirpath.FromMoment(fhirpath.Date, fhirpath.NewMoment(m.Wall(), min(m.Precision(), fhirpath.Day), false, false, 0)), nil
		}),
		"TimeFrom": strict("(DateTime)Time (Time)Time", func(_ *evaluation, _ *site, a []Value) (Value, error) {
			m := a[0].Moment()
			if m == nil || m.Precision() < fhirpath.Hour {
				return null, nil
			}
			return fhirpath.FromMoment(fhirpath.Time, fhirpath.NewMoment(m.Wall(), m.Precision(), true, false, 0)), nil
		}),
		"TimezoneOffsetFrom": strict("(DateTime)Decimal", func(ev *evaluation, _ *site, a []Value) (Value, error) {
			m := a[0].Moment()
			if m == nil {
				return null, nil
			}
			offset, zone := m.Zone()
			if !zone {
				offset = ev.offset
			}
			d, _ := fhirpath.Calculate(apd.New(int64(offset), 0), apd.New(60, 0), "/")
			v, _ := decimal(d)
			return v, nil
		}),
		"DateTimeComponentFrom": strict("(DateTime)Integer (Date)Integer (Time)Integer", func(_ *evaluation, s *site, a []Value) (Value, error) {
			return component(a[0], s.prec), nil
		}),
		"DurationBetween":   counted(periods),
		"DifferenceBetween": counted(boundaries),
	}
}

// now gives the moment of the evaluation.
func (ev *evaluation) now(s *site, kind fhirpath.Kind, p fhirpath.Precision) (Value, error) {
	t := ev.env.Now
	if t.IsZero() {
		return null, s.fail(issue.Processing, "the moment of the evaluation is not given")
	}
	y, mo, d := t.Date()
	h, mi, sec := t.Clock()
	wall := time.Date(y, mo, d, h, mi, sec, t.Nanosecond(), time.UTC)
	zone := kind == fhirpath.DateTime
	return fhirpath.FromMoment(kind, fhirpath.NewMoment(wall, p, kind == fhirpath.Time, zone, ev.offset)), nil
}

// makeOf builds a moment of its components; the first one that is null ends it.
func makeOf(kind fhirpath.Kind) runner {
	return func(_ *evaluation, s *site, a []Value) (Value, error) {
		var parts []int
		zone, offset := false, 0
		for i, v := range a {
			v = plain(v)
			if i == 7 && kind == fhirpath.DateTime {
				if d := numberOf(v); d != nil {
					m, ok := fhirpath.Calculate(d, apd.New(60, 0), "*")
					n, known := int64(0), false
					if ok {
						n, known = whole(m)
					}
					if !known || n < -14*60 || n > 14*60 {
						return null, s.fail(issue.Processing, "the offset lies outside of -14 to 14 hours")
					}
					zone, offset = true, int(n)
				}
				continue
			}
			if isNull(v) {
				for _, later := range a[i:min(len(a), 7)] {
					if !isNull(later) {
						return null, s.fail(issue.Processing, "a component is given and a coarser one is not")
					}
				}
				break
			}
			parts = append(parts, int(v.Num()))
		}
		if len(parts) == 0 {
			return null, nil
		}
		v, ok := makeMoment(kind, parts, zone, offset)
		if !ok {
			return null, s.fail(issue.Processing, "there is no such date or time")
		}
		return v, nil
	}
}

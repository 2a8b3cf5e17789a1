package fhirpath

import (
	"strconv"
	"strings"
	"time"

	"github.com/cockroachdb/apd/v3"

	"cdss/fhir"
)

// Conversion (N1, section 5.5).

// conversions give the value in another type, or false.
var conversions = map[string]func(v Value) (Value, bool){
	"Boolean": toBoolean, "Integer": toInteger, "Decimal": toDecimal, "String": toText,
	"Date": toDate, "DateTime": toDateTime, "Time": toTime, "Quantity": convertQuantity,
}

func conversionFunctions() map[string]function {
	list := map[string]function{}
	for name, convert := range conversions {
		most := 0
		if name == "Quantity" {
			most = 1
		}
		list["to"+name] = function{max: most, strict: func(ev *evaluation, e *expr, in set, args []set) (set, error) {
			v, ok, err := ev.converted(e, in, args, convert)
			if err != nil || !ok {
				return set{}, err
			}
			if v.kind == String {
				return ev.text(v.text, e.pos)
			}
			return ev.one(v), nil
		}}
		list["convertsTo"+name] = function{max: most, strict: func(ev *evaluation, e *expr, in set, args []set) (set, error) {
			if len(in.items) == 0 {
				return set{}, nil
			}
			_, ok, err := ev.converted(e, in, args, convert)
			if err != nil {
				return set{}, err
			}
			return boolean(ok), nil
		}}
	}
	return list
}

func (ev *evaluation) converted(e *expr, in set, args []set, convert func(Value) (Value, bool)) (Value, bool, error) {
	v, ok, err := ev.single(in, e.pos, "the input of "+e.name+"()")
	if err != nil || !ok {
		return Value{}, false, err
	}
	out, ok := convert(v)
	if !ok || len(args) == 0 {
		return out, ok, nil
	}
	unit, has, err := ev.str(args[0], e.pos, "the unit")
	if err != nil || !has || unit == out.text {
		return out, ok && err == nil, err
	}
	from, err1 := unitOf(out.text)
	to, err2 := unitOf(unit)
	if err1 != nil || err2 != nil || indefinite(calendar(out.text)) != indefinite(calendar(unit)) {
		return Value{}, false, nil
	}
	d, failed := from.Convert(*out.dec(), to)
	if failed != nil {
		return Value{}, false, nil
	}
	return FromQuantity(d, unit), true, nil
}

func toBoolean(v Value) (Value, bool) {
	switch v.kind {
	case Boolean:
		return v, true
	case Integer:
		return FromBool(v.num == 1), v.num == 0 || v.num == 1
	case Decimal:
		one := v.dec().Cmp(apd.New(1, 0)) == 0
		return FromBool(one), one || v.dec().IsZero()
	case String:
		switch strings.ToLower(v.text) {
		case "true", "t", "yes", "y", "1", "1.0":
			return FromBool(true), true
		case "false", "f", "no", "n", "0", "0.0":
			return FromBool(false), true
		}
	}
	return Value{}, false
}

func toInteger(v Value) (Value, bool) {
	switch v.kind {
	case Integer:
		return v, true
	case Boolean:
		return FromInt(v.num), true
	case String:
		i, err := strconv.ParseInt(v.text, 10, 64)
		return FromInt(i), err == nil
	}
	return Value{}, false
}

func toDecimal(v Value) (Value, bool) {
	switch v.kind {
	case Decimal:
		return v, true
	case Integer, Boolean:
		return FromDecimal(*apd.New(v.num, 0)), true
	case String:
		return plainDecimal(v.text)
	}
	return Value{}, false
}

// plainDecimal reads (+|-)?digits(.digits)?
func plainDecimal(s string) (Value, bool) {
	whole, fraction, point := strings.Cut(strings.TrimLeft(s, "+-"), ".")
	if len(s)-len(strings.TrimLeft(s, "+-")) > 1 || !allDigits(whole) || point && !allDigits(fraction) {
		return Value{}, false
	}
	d, ok := fhir.ParseDecimal(s)
	return FromDecimal(d), ok
}

func allDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

func toText(v Value) (Value, bool) {
	if v.kind == Element || v.kind == TypeInfo {
		return Value{}, false
	}
	return FromString(v.String()), true
}

func toDate(v Value) (Value, bool) {
	switch v.kind {
	case Date:
		return v, true
	case DateTime:
		m := v.moment()
		y, mo, d := m.wall.Date()
		return Value{kind: Date, x: &Moment{wall: time.Date(y, mo, d, 0, 0, 0, 0, time.UTC), prec: min(m.prec, precDay)}}, true
	case String:
		return parseAs(Date, v.text)
	}
	return Value{}, false
}

func toDateTime(v Value) (Value, bool) {
	switch v.kind {
	case DateTime:
		return v, true
	case Date:
		return Value{kind: DateTime, x: v.moment()}, true
	case String:
		return parseAs(DateTime, v.text)
	}
	return Value{}, false
}

func toTime(v Value) (Value, bool) {
	switch v.kind {
	case Time:
		return v, true
	case String:
		return parseAs(Time, v.text)
	}
	return Value{}, false
}

func convertQuantity(v Value) (Value, bool) {
	switch v.kind {
	case Quantity:
		return v, true
	case Integer, Boolean, Decimal:
		d, _ := toDecimal(v)
		return FromQuantity(*d.dec(), "1"), true
	case String:
		return parseQuantity(v.text)
	}
	return Value{}, false
}

// parseQuantity reads "4 days", "10 'mg'" or a number alone.
func parseQuantity(s string) (Value, bool) {
	end := strings.IndexFunc(s, func(r rune) bool { return !strings.ContainsRune("+-.0123456789", r) })
	if end < 0 {
		d, ok := plainDecimal(s)
		if !ok {
			return Value{}, false
		}
		return FromQuantity(*d.dec(), "1"), true
	}
	d, ok := plainDecimal(s[:end])
	if !ok {
		return Value{}, false
	}
	unit := strings.TrimSpace(s[end:])
	if quoted := strings.TrimSuffix(strings.TrimPrefix(unit, "'"), "'"); len(quoted) == len(unit)-2 && quoted != "" {
		return FromQuantity(*d.dec(), quoted), true
	}
	if calendar(unit) == nil {
		return Value{}, false
	}
	return FromQuantity(*d.dec(), unit), true
}

package cql

import (
	"strings"

	"cdss/fhir"
	"cdss/fhir/fhirpath"
	"cdss/fhir/issue"
)

func clinicalOperators() map[string]*operator {
	m := map[string]*operator{
		"ExpandValueSet": strict("(ValueSet)List<Code>", func(ev *evaluation, s *site, a []Value) (Value, error) {
			vs, ok := a[0].Composite().(*ValueSet)
			if !ok {
				return null, nil
			}
			return ev.expandValueSet(s, vs)
		}),
		"Resolve": strict("(Any)Any", func(ev *evaluation, _ *site, a []Value) (Value, error) {
			reference := a[0].Text()
			if a[0].Kind() == fhirpath.Element {
				reference = a[0].Node().Child("reference").String()
			}
			if ev.env.Resolve == nil || reference == "" {
				return null, nil
			}
			n := ev.env.Resolve(reference)
			if n == nil {
				ev.note("reference " + clip(reference))
				return null, nil
			}
			return fhirpath.FromNode(n)[0], nil
		}),
	}
	in := "(Code,ValueSet)Boolean (Concept,ValueSet)Boolean (String,ValueSet)Boolean (List<Code>,ValueSet)Boolean (List<Concept>,ValueSet)Boolean (List<String>,ValueSet)Boolean"
	for _, name := range []string{"InValueSet", "AnyInValueSet"} {
		m[name] = lenient(in, func(ev *evaluation, s *site, a []Value) (Value, error) {
			vs, ok := plain(a[1]).Composite().(*ValueSet)
			if !ok {
				return null, nil
			}
			return ev.inValueSet(s, a[0], vs)
		})
	}
	for word, prec := range pluralWords {
		name := strings.ToUpper(word[:1]) + word[1:]
		clock := prec >= precHour && prec != precWeek
		today := fhirpath.Date
		if clock {
			today = fhirpath.DateTime
		}
		at := func(ev *evaluation, s *site, birth, at Value) (Value, error) {
			birth, at = plain(birth), plain(at)
			if birth.Moment() == nil || at.Moment() == nil {
				return null, nil
			}
			if birth.Kind() != at.Kind() && !clock {
				// A birth date is a day; so is the day that it is asked for.
				birth, _ = toMoment(birth, "Date")
				at, _ = toMoment(at, "Date")
			}
			return between(birth, at, prec, periods, ev.offset), nil
		}
		own := func(ev *evaluation, s *site) (Value, error) {
			if ev.env.Patient == nil {
				return null, s.fail(issue.Processing, "there is no Patient whose age could be told")
			}
			d := ev.env.Patient.Child("birthDate")
			if d == nil {
				ev.note("Patient.birthDate")
				return null, nil
			}
			return plain(fhirpath.FromNode(d)[0]), nil
		}
		now := func(ev *evaluation, s *site) (Value, error) {
			if clock {
				return ev.now(s, today, fhirpath.Millisecond)
			}
			return ev.now(s, today, fhirpath.Day)
		}
		m["AgeIn"+name] = lenient("()Integer", func(ev *evaluation, s *site, _ []Value) (Value, error) {
			birth, err := own(ev, s)
			if err != nil {
				return null, err
			}
			day, err := now(ev, s)
			if err != nil {
				return null, err
			}
			return at(ev, s, birth, day)
		})
		m["AgeIn"+name+"At"] = lenient("(Date)Integer (DateTime)Integer", func(ev *evaluation, s *site, a []Value) (Value, error) {
			birth, err := own(ev, s)
			if err != nil {
				return null, err
			}
			return at(ev, s, birth, a[0])
		})
		m["CalculateAgeIn"+name] = lenient("(Date)Integer (DateTime)Integer", func(ev *evaluation, s *site, a []Value) (Value, error) {
			day, err := now(ev, s)
			if err != nil {
				return null, err
			}
			return at(ev, s, a[0], day)
		})
		m["CalculateAgeIn"+name+"At"] = lenient("(Date,Date)Integer (DateTime,DateTime)Integer", func(ev *evaluation, s *site, a []Value) (Value, error) {
			return at(ev, s, a[0], a[1])
		})
	}
	return m
}

// memberOf asks whether a code is in a value set, each once.
func (ev *evaluation) memberOf(c fhir.Coding, set *ValueSet) (in, ok bool) {
	url := set.ID
	if set.Version != "" {
		url += "|" + set.Version
	}
	k := c.System + "\x00" + c.Code + "\x00" + url
	a, asked := ev.members[k]
	if in, ok = a.in, a.ok; !asked && ev.env.MemberOf != nil {
		in, ok = ev.env.MemberOf(c, url)
	}
	if !ok {
		ev.note("ValueSet " + clip(url))
	}
	if ev.members == nil {
		ev.members = map[string]memberAnswer{}
	}
	ev.members[k] = memberAnswer{in, ok}
	return in, ok
}

func codings(v Value) []fhir.Coding {
	v = plain(v)
	if v.Kind() == fhirpath.String {
		return []fhir.Coding{{Code: v.Text()}}
	}
	switch c := v.Composite().(type) {
	case *Code:
		return []fhir.Coding{{System: c.System, Code: c.Code, Version: c.Version, Display: c.Display}}
	case *Concept:
		list := make([]fhir.Coding, len(c.Codes))
		for i, code := range c.Codes {
			list[i] = fhir.Coding{System: code.System, Code: code.Code, Version: code.Version, Display: code.Display}
		}
		return list
	}
	return nil
}

// inValueSet is unknown where the value set is not known; null is in none.
func (ev *evaluation) inValueSet(_ *site, v Value, set *ValueSet) (Value, error) {
	items := List{v}
	if l, ok := asList(v); ok {
		items = l
	}
	out := no
	for _, item := range items {
		for _, c := range codings(item) {
			if err := ev.work(1); err != nil {
				return null, err
			}
			in, ok := ev.memberOf(c, set)
			switch {
			case ok && in:
				return trueVal, nil
			case !ok:
				out = unknown
			}
		}
	}
	return out.value(), nil
}

// inCodeSystem compares the system alone.
func (ev *evaluation) inCodeSystem(v Value, system *CodeSystem) Value {
	list := codings(v)
	for _, c := range list {
		if c.System == system.ID {
			return trueVal
		}
	}
	return falseVal
}

func (ev *evaluation) expandValueSet(s *site, set *ValueSet) (Value, error) {
	url := set.ID
	if set.Version != "" {
		url += "|" + set.Version
	}
	if ev.env.Expand == nil {
		return null, s.fail(issue.NotFound, "the codes of the value set %s are not known", clip(url))
	}
	codes, ok := ev.env.Expand(url)
	if !ok {
		return null, s.fail(issue.NotFound, "the codes of the value set %s are not known", clip(url))
	}
	if err := ev.made(len(codes)); err != nil {
		return null, err
	}
	items := make([]Value, len(codes))
	for i, c := range codes {
		items[i] = composite(&Code{Code: c.Code, System: c.System, Version: c.Version, Display: c.Display})
	}
	return listValue(items), nil
}

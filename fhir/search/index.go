package search

import (
	"context"
	"strings"
	"time"

	"github.com/cockroachdb/apd/v3"

	"cdss/fhir"
	"cdss/fhir/fhirpath"
	"cdss/fhir/ucum"
)

// Index is what one resource can be found by. Parameter is the name of a search
// parameter of its type.
type Index struct {
	Tokens     []TokenEntry
	Strings    []StringEntry
	References []ReferenceEntry
	Dates      []DateEntry
	Numbers    []NumberEntry
	URIs       []URIEntry
	// Problems names the parameters that could not be read from this resource.
	Problems []string
}

// TokenEntry is one code, and the folded text that people know it by.
type TokenEntry struct{ Parameter, System, Code, Text string }

// StringEntry is one text as it is, and folded.
type StringEntry struct{ Parameter, Exact, Folded string }

// ReferenceEntry is one reference: to a resource of this server by type and id, to
// another by url and version, and by the identifier that it carries.
type ReferenceEntry struct{ Parameter, Type, ID, URL, Version, System, Value string }

// DateEntry is a stretch of time [Low, High); an open side is the zero time.
type DateEntry struct {
	Parameter string
	Low, High time.Time
}

// NumberEntry is a stretch of numbers [Low, High], nil where it is open. Of a
// quantity it also holds the unit, and the same in base units of the dimension
// where the unit is UCUM's.
type NumberEntry struct {
	Parameter          string
	Low, High          *apd.Decimal
	System, Code, Unit string
	Dimension          string
	BaseLow, BaseHigh  *apd.Decimal
}

// URIEntry is one uri.
type URIEntry struct{ Parameter, Value string }

// Bounds of what is indexed, so that an entry fits an index page and one resource
// cannot fill the database. What is longer is cut; what is more is left out.
const (
	maxKey     = 512
	maxText    = 4096
	maxEntries = 20_000
)

// Key cuts a code, system or url to what is indexed. Both sides of a comparison
// use it.
func Key(s string) string { return cut(s, maxKey) }

func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && s[most]&0xC0 == 0x80 {
		most--
	}
	return s[:most]
}

// IndexOf reads what r can be found by. Base is the url of this server, as in
// Options. What does not fit its definition is left out, since a resource that
// cannot be found by one parameter can still be found by the others.
func IndexOf(ctx context.Context, r *fhir.Resource, base string) (Index, error) {
	x := indexer{base: strings.TrimSuffix(base, "/") + "/"}
	env := fhirpath.Env{Resource: r.Root(), Resolve: resolve}
	focus := fhirpath.FromNode(r.Root())
	for _, p := range Parameters(r.Type()) {
		if p.Name == "_id" || p.Name == "_lastUpdated" {
			continue // the store knows them
		}
		path, err := p.path()
		if err != nil {
			return Index{}, err
		}
		result, err := path.Eval(ctx, focus, env)
		if err != nil {
			if ctx.Err() != nil {
				return Index{}, ctx.Err()
			}
			x.Problems = append(x.Problems, p.Name)
			continue
		}
		x.p = p
		for _, v := range result.Values {
			if x.count++; x.count > maxEntries {
				return x.Index, nil
			}
			x.add(v)
		}
	}
	return x.Index, nil
}

// resolve gives of a reference no more than the type, which is all that search
// expressions ask ("where(resolve() is Patient)").
func resolve(reference string) *fhir.Node {
	typ, _, ok := fhir.Reference{Reference: reference}.Local()
	if !ok || !IsType(typ) {
		return nil
	}
	r, err := fhir.NewResource(typ, "").Resource()
	if err != nil {
		return nil
	}
	return r.Root()
}

type indexer struct {
	Index
	base  string
	p     Parameter
	count int
}

func (x *indexer) add(v fhirpath.Value) {
	typ := v.Type()
	typ = typ[strings.IndexByte(typ, '.')+1:]
	switch x.p.Type {
	case TypeToken:
		x.token(v, typ)
	case TypeString:
		x.text(v, typ)
	case TypeReference:
		x.reference(v, typ)
	case TypeDate:
		x.date(v, typ)
	case TypeNumber, TypeQuantity:
		x.number(v, typ)
	case TypeURI:
		if s := v.String(); s != "" && (v.Node() == nil || v.Node().HasValue()) {
			x.URIs = append(x.URIs, URIEntry{x.p.Name, Key(s)})
		}
	}
}

func (x *indexer) addToken(system, code, text string) {
	if system == "" && code == "" && text == "" {
		return
	}
	x.Tokens = append(x.Tokens, TokenEntry{x.p.Name, Key(system), Key(code), cut(Fold(text), maxText)})
}

// booleans is the system of true and false (R4, 3.1.1.4.10).
const booleans = "http://hl7.org/fhir/special-values"

func (x *indexer) token(v fhirpath.Value, typ string) {
	n := v.Node()
	switch typ {
	case "Coding":
		c := n.Coding()
		x.addToken(c.System, c.Code, c.Display)
	case "CodeableConcept":
		c := n.CodeableConcept()
		for _, coding := range c.Codings {
			x.addToken(coding.System, coding.Code, coding.Display)
		}
		x.addToken("", "", c.Text)
	case "Identifier":
		i := n.Identifier()
		x.addToken(i.System, i.Value, n.Get("type").CodeableConcept().Display())
	case "ContactPoint":
		x.addToken(n.Child("system").String(), n.Child("value").String(), "")
	case "boolean", "Boolean":
		if b, ok := v.Bool(); ok {
			text := "false"
			if b {
				text = "true"
			}
			x.addToken(booleans, text, "")
		}
	default:
		if n == nil || n.HasValue() {
			x.addToken(x.p.System, v.String(), "")
		}
	}
}

func (x *indexer) addText(s string) {
	if strings.TrimSpace(s) == "" {
		return
	}
	x.Strings = append(x.Strings, StringEntry{x.p.Name, cut(s, maxText), cut(Fold(s), maxText)})
}

// text indexes a text, or the parts of a name or address (R4, 3.1.1.4.8).
func (x *indexer) text(v fhirpath.Value, typ string) {
	n := v.Node()
	var parts []string
	switch typ {
	case "HumanName":
		parts = []string{"text", "family", "given", "prefix", "suffix"}
	case "Address":
		parts = []string{"text", "line", "city", "district", "state", "postalCode", "country"}
	default:
		if n == nil || n.HasValue() {
			x.addText(v.String())
		}
		return
	}
	for _, part := range parts {
		for _, s := range n.Strings(part) {
			x.addText(s)
		}
	}
}

func (x *indexer) reference(v fhirpath.Value, typ string) {
	n := v.Node()
	e := ReferenceEntry{Parameter: x.p.Name}
	switch {
	case n.HasValue(): // canonical or uri
		c := fhir.ParseCanonical(n.String())
		e.URL, e.Version = Key(c.URL), Key(c.Version)
	case typ == "Reference":
		ref := n.Reference()
		e.System, e.Value = Key(ref.Identifier.System), Key(ref.Identifier.Value)
		at := ref.Reference
		if local, ok := strings.CutPrefix(at, x.base); ok && x.base != "/" {
			at = local
		}
		switch target, id, ok := (fhir.Reference{Reference: at}).Local(); {
		case ok && IsID(id) && (at == target+"/"+id || strings.HasPrefix(at, target+"/"+id+"/_history/")):
			e.Type, e.ID = target, id
		case at != "" && at[0] != '#':
			c := fhir.ParseCanonical(at)
			e.URL, e.Version = Key(c.URL), Key(c.Version)
			if ok {
				e.Type = target
			}
		}
		if e.Type == "" && IsType(ref.Type) {
			e.Type = ref.Type
		}
	}
	if e.ID != "" || e.URL != "" || e.Value != "" {
		x.References = append(x.References, e)
	}
}

func (x *indexer) date(v fhirpath.Value, typ string) {
	n := v.Node()
	var low, high time.Time
	known := false
	widen := func(from, to time.Time) {
		if !known || !low.IsZero() && (from.IsZero() || from.Before(low)) {
			low = from
		}
		if !known || !high.IsZero() && (to.IsZero() || to.After(high)) {
			high = to
		}
		known = true
	}
	period := func(n *fhir.Node) {
		p := n.Period()
		if p.Start.Known() || p.End.Known() {
			widen(p.Start.Time, p.End.End())
		}
	}
	switch typ {
	case "Period":
		period(n)
	case "Timing":
		for _, e := range n.Children("event") {
			if t, ok := e.Time(); ok {
				widen(t.Time, t.End())
			}
		}
		period(n.Get("repeat", "boundsPeriod"))
	default:
		if t, ok := fhir.ParseTime(v.String()); ok {
			widen(t.Time, t.End())
		}
	}
	if known {
		x.Dates = append(x.Dates, DateEntry{x.p.Name, utc(low), utc(high)})
	}
}

func utc(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC()
}

func (x *indexer) number(v fhirpath.Value, typ string) {
	n := v.Node()
	switch typ {
	case "Range":
		low, okLow := n.Child("low").Quantity()
		high, okHigh := n.Child("high").Quantity()
		unit := low
		if !okLow {
			unit = high
		}
		if okLow || okHigh {
			x.addNumber(some(low.Value, okLow), some(high.Value, okHigh), unit)
		}
	case "SampledData":
		// Its values are factors on an origin; what can be compared are its limits.
		low, okLow := n.Child("lowerLimit").Decimal()
		high, okHigh := n.Child("upperLimit").Decimal()
		if q, ok := n.Child("origin").Quantity(); ok && (okLow || okHigh) {
			x.addNumber(some(low, okLow), some(high, okHigh), q)
		}
	case "Money":
		if d, ok := n.Child("value").Decimal(); ok {
			x.addNumber(&d, &d, fhir.Quantity{System: "urn:iso:std:iso:4217", Code: n.Child("currency").String()})
		}
	default:
		if q, ok := n.Quantity(); ok {
			low, high := &q.Value, &q.Value
			switch q.Comparator {
			case "<", "<=":
				low = nil
			case ">", ">=":
				high = nil
			}
			x.addNumber(low, high, q)
		} else if d, ok := v.Decimal(); ok {
			x.addNumber(&d, &d, fhir.Quantity{})
		}
	}
}

func some(d apd.Decimal, ok bool) *apd.Decimal {
	if !ok {
		return nil
	}
	out := new(apd.Decimal)
	return out.Set(&d)
}

func (x *indexer) addNumber(low, high *apd.Decimal, q fhir.Quantity) {
	e := NumberEntry{Parameter: x.p.Name, Low: low, High: high, System: Key(q.System), Code: Key(q.Code), Unit: Key(q.Unit)}
	if q.System == fhir.UCUM && q.Code != "" {
		e.Dimension, e.BaseLow, e.BaseHigh = Base(q.Code, low, high)
	}
	x.Numbers = append(x.Numbers, e)
}

// Base gives low and high in base units of the dimension that a UCUM code
// measures; the dimension is "" where the code is not known.
func Base(code string, low, high *apd.Decimal) (dimension string, baseLow, baseHigh *apd.Decimal) {
	unit, err := ucum.Parse(code)
	if err != nil {
		return "", nil, nil
	}
	to := func(d *apd.Decimal) (*apd.Decimal, bool) {
		if d == nil {
			return nil, true
		}
		v, ok := unit.Base(*d)
		return &v, ok
	}
	baseLow, ok := to(low)
	baseHigh, ok2 := to(high)
	if !ok || !ok2 {
		return "", nil, nil
	}
	return unit.Dimension(), baseLow, baseHigh
}

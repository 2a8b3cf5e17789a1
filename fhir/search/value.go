package search

import (
	"strings"

	"github.com/cockroachdb/apd/v3"

	"cdss/fhir"
)

// split cuts s at every separator that no backslash guards. The parts keep their
// escapes.
func split(s string, separator byte) []string {
	var parts []string
	start := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case separator:
			parts = append(parts, s[start:i])
			start = i + 1
		}
	}
	return append(parts, s[start:])
}

// plain takes the escapes \, \| \$ \\ out of s (R4, 3.1.1.5.7).
func plain(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) && strings.IndexByte(`,|$\`, s[i+1]) >= 0 {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// value reads one value of a criterion; why says what is wrong with it.
func (p *parser) value(c Criterion, s string) (v Value, why string) {
	switch c.Parameter.Type {
	case TypeString:
		return Text(plain(s)), ""
	case TypeURI:
		return URI(plain(s)), ""
	case TypeToken:
		if c.Modifier == ModifierText {
			return Text(plain(s)), ""
		}
		return readToken(s)
	case TypeReference:
		if c.Modifier == ModifierIdentifier {
			return readToken(s)
		}
		return p.reference(c, plain(s))
	case TypeDate:
		return p.date(plain(s))
	case TypeNumber:
		return readNumber(s)
	}
	return readQuantity(s)
}

func readToken(s string) (Value, string) {
	parts := split(s, '|')
	switch len(parts) {
	case 1:
		return Token{Code: plain(s), AnySystem: true}, ""
	case 2:
		t := Token{System: plain(parts[0]), Code: plain(parts[1]), AnyCode: parts[1] == ""}
		if t.System == "" && t.AnyCode {
			return nil, "names neither system nor code"
		}
		return t, ""
	}
	return nil, "has more than one |: a token is system|code"
}

func (p *parser) reference(c Criterion, s string) (Value, string) {
	if local, ok := strings.CutPrefix(s, strings.TrimSuffix(p.opt.Base, "/")+"/"); ok && p.opt.Base != "" {
		s = local
	}
	if strings.HasPrefix(s, "urn:") || strings.Contains(s, "://") {
		url := fhir.ParseCanonical(s)
		return Reference{URL: url.URL, Version: url.Version}, ""
	}
	s, _, _ = strings.Cut(s, "/_history/")
	typ, id, typed := strings.Cut(s, "/")
	if !typed {
		typ, id = c.Target, s
		if typ == "" && len(c.Parameter.Targets) == 1 {
			typ = c.Parameter.Targets[0]
		}
	}
	if !IsID(id) {
		return nil, "names no resource: a reference is id, Type/id or a url"
	}
	if typed && !IsType(typ) {
		return nil, "names no resource type of FHIR R4"
	}
	if typed && c.Target != "" && typ != c.Target {
		return nil, "names another type than the modifier"
	}
	return Reference{Type: typ, ID: id}, ""
}

// IsID tells whether s is a FHIR id: 1 to 64 letters, digits, "-" and ".".
func IsID(s string) bool {
	if len(s) == 0 || len(s) > 64 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.') {
			return false
		}
	}
	return true
}

// prefix cuts the two letters of a prefix off.
func prefix(s string) (Prefix, string) {
	if len(s) > 2 {
		switch x := Prefix(s[:2]); x {
		case Equal, NotEqual, Greater, Less, AtLeast, AtMost, After, Before, Near:
			return x, s[2:]
		}
	}
	return Equal, s
}

func (p *parser) date(s string) (Value, string) {
	d := Date{}
	d.Prefix, s = prefix(s)
	// A plus sign that was not encoded has become a space.
	if len(s) > 10 && s[10] == 'T' {
		s = strings.Replace(s, " ", "+", 1)
	}
	t, ok := fhir.ParseTime(s)
	if !ok {
		return nil, "is no date: it must be YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss+zz:zz, with eq, ne, gt, lt, ge, le, sa, eb or ap before it"
	}
	d.Low, d.High = t.UTC(), t.End().UTC()
	if d.Prefix == Near && !p.opt.Now.IsZero() {
		// A tenth of the distance from now (R4, 3.1.1.5.6).
		gap := p.opt.Now.Sub(d.Low)
		if gap < 0 {
			gap = -gap
		}
		d.Low, d.High = d.Low.Add(-gap/10), d.High.Add(gap/10)
	}
	return d, ""
}

const notNumber = "is no number: it must be like 5, 5.4 or 1e2, with eq, ne, gt, lt, ge, le, sa, eb or ap before it"

func readNumber(s string) (Value, string) {
	n, why := number(s)
	if why != "" {
		return nil, why
	}
	return n, ""
}

// exact computes without loss for what ParseDecimal lets through.
var exact = apd.BaseContext.WithPrecision(400)

// number reads a number and the stretch that its digits stand for: 5.4 is
// anything from 5.35 to below 5.45 (R4, 3.1.1.4.9).
func number(s string) (Number, string) {
	var n Number
	n.Prefix, s = prefix(s)
	v, ok := fhir.ParseDecimal(s)
	if !ok {
		return n, notNumber
	}
	half := apd.New(5, v.Exponent-1)
	if n.Prefix == Near {
		half.Set(&v)
		half.Abs(half)
		half.Exponent--
	}
	n.Value.Set(&v)
	if _, err := exact.Sub(&n.Low, &v, half); err != nil {
		return n, notNumber
	}
	if _, err := exact.Add(&n.High, &v, half); err != nil {
		return n, notNumber
	}
	return n, ""
}

func readQuantity(s string) (Value, string) {
	parts := split(s, '|')
	if len(parts) != 1 && len(parts) != 3 {
		return nil, "is no quantity: it must be number or number|system|code"
	}
	n, why := number(parts[0])
	if why != "" {
		return nil, why
	}
	q := Quantity{Number: n, AnySystem: true}
	if len(parts) == 3 {
		q.System, q.Code = plain(parts[1]), plain(parts[2])
		q.AnySystem = q.System == ""
		if q.System != "" && q.Code == "" {
			return nil, "names a system of units and no unit"
		}
	}
	return q, ""
}

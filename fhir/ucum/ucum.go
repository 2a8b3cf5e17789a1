// Package ucum reads and converts the units that clinical values come in: a
// small subset of the Unified Code for Units of Measure (https://ucum.org/ucum),
// computed exactly. It owns the codes, their dimensions and the common clinical
// spellings of them.
//
// It refuses what it does not know, and two things that UCUM would let pass
// because they are no change of unit for a clinician: amount of substance is a
// dimension of its own, so that mg never becomes mmol without a molar mass, and
// a value per 1.73 m² of body surface is not the same as the value itself.
package ucum

import (
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/cockroachdb/apd/v3"

	"cdss/fhir/issue"
)

// Unit is a unit that is known: what it measures, and how much of it.
type Unit struct {
	code   string
	factor big.Rat // in base units
	offset big.Rat // added to the value before the factor, for temperatures
	dims   []power
	terms  []power // as written, for products
}

// power is a dimension or an atom with its exponent.
type power struct {
	name string
	exp  int
}

// String gives the code the unit was read from.
func (u Unit) String() string { return u.code }

// Comparable tells whether a value in u can be converted to v.
func (u Unit) Comparable(v Unit) bool { return slices.Equal(u.dims, v.dims) }

// Dimensionless tells whether the unit is a pure number, as %, {score}, 10*3.
func (u Unit) Dimensionless() bool { return len(u.dims) == 0 }

// maxCode is the longest code that is read; the longest that clinical lists
// hold has about 30 bytes.
const maxCode = 100

// maxExponent bounds exponents, so that 10*999999999 costs nothing.
const maxExponent = 30

// Parse reads a UCUM code, case sensitive ("c/s"). The empty code and "1" are
// the unity. Unknown codes are an error of kind issue.Value.
func Parse(code string) (Unit, error) {
	u := Unit{code: code}
	u.factor.SetInt64(1)
	if code == "" || code == "1" {
		u.code = "1"
		return u, nil
	}
	if len(code) > maxCode {
		return Unit{}, issue.New(issue.Value, "read unit: the code is longer than %d bytes", maxCode)
	}
	p := parser{s: code}
	if err := p.term(&u, 1, 0); err != nil {
		return Unit{}, err
	}
	if p.i < len(p.s) {
		return Unit{}, p.unknown()
	}
	if p.special && (len(u.terms) != 1 || u.terms[0].exp != 1) {
		return Unit{}, issue.New(issue.Value, "read unit %q: a temperature scale is no part of a product", code)
	}
	return u, nil
}

type parser struct {
	s       string
	i       int
	special bool
}

func (p *parser) unknown() error {
	return issue.New(issue.Value, "read unit %q: not known", p.s)
}

// term reads components joined by "." and "/" into u, to the power sign.
func (p *parser) term(u *Unit, sign, depth int) error {
	if depth > 8 {
		return p.unknown()
	}
	next := sign
	if p.peek() == '/' {
		p.i++
		next = -sign
	}
	for {
		if err := p.component(u, next, depth); err != nil {
			return err
		}
		switch p.peek() {
		case '.':
			next = sign
		case '/':
			next = -sign
		default:
			return nil
		}
		p.i++
	}
}

func (p *parser) peek() byte {
	if p.i < len(p.s) {
		return p.s[p.i]
	}
	return 0
}

func (p *parser) component(u *Unit, sign, depth int) error {
	switch c := p.peek(); {
	case c == '(':
		p.i++
		if err := p.term(u, sign, depth+1); err != nil {
			return err
		}
		if p.peek() != ')' {
			return p.unknown()
		}
		p.i++
		return nil
	case c == '{':
		return p.annotation(u, sign)
	case c >= '0' && c <= '9':
		return p.number(u, sign)
	}
	return p.simple(u, sign)
}

// annotation reads {…}. It has no meaning in UCUM; the body surface of renal
// clearances has one here.
func (p *parser) annotation(u *Unit, sign int) error {
	end := strings.IndexByte(p.s[p.i:], '}')
	if end < 0 {
		return p.unknown()
	}
	name := p.s[p.i : p.i+end+1]
	p.i += end + 1
	if name == bodySurface {
		u.dims = multiply(u.dims, power{bodySurface, sign})
	}
	u.terms = multiply(u.terms, power{name, sign})
	return nil
}

// number reads an integer factor, or a power of ten (10*6, 10^6).
func (p *parser) number(u *Unit, sign int) error {
	if strings.HasPrefix(p.s[p.i:], "10*") || strings.HasPrefix(p.s[p.i:], "10^") {
		p.i += 3
		exp, ok := p.exponent()
		if !ok {
			return p.unknown()
		}
		scale(&u.factor, pow10(exp), sign)
		u.terms = multiply(u.terms, power{"10*", exp * sign})
		return nil
	}
	start := p.i
	for p.peek() >= '0' && p.peek() <= '9' {
		p.i++
	}
	n, err := strconv.ParseInt(p.s[start:p.i], 10, 64)
	if err != nil || n == 0 {
		return p.unknown()
	}
	scale(&u.factor, new(big.Rat).SetInt64(n), sign)
	if n != 1 {
		u.terms = multiply(u.terms, power{p.s[start:p.i], sign})
	}
	p.trailingAnnotation()
	return nil
}

// exponent reads an optional exponent; absent it is 1.
func (p *parser) exponent() (int, bool) {
	start := p.i
	if c := p.peek(); c == '+' || c == '-' {
		p.i++
	}
	from := p.i
	for p.peek() >= '0' && p.peek() <= '9' {
		p.i++
	}
	if p.i == from {
		return 1, p.i == start
	}
	exp, err := strconv.Atoi(p.s[start:p.i])
	return exp, err == nil && exp >= -maxExponent && exp <= maxExponent && exp != 0
}

// simple reads an atom with its prefix and exponent.
func (p *parser) simple(u *Unit, sign int) error {
	start := p.i
	for p.i < len(p.s) && !strings.ContainsRune("./(){}+-0123456789", rune(p.s[p.i])) {
		if p.s[p.i] == '[' {
			end := strings.IndexByte(p.s[p.i:], ']')
			if end < 0 {
				return p.unknown()
			}
			p.i += end
		}
		p.i++
	}
	name := p.s[start:p.i]
	a, prefix, ok := find(name)
	if !ok {
		return p.unknown()
	}
	exp, ok := p.exponent()
	if !ok {
		return p.unknown()
	}
	p.trailingAnnotation()
	exp *= sign
	if a.special {
		p.special = true
		u.offset.Set(a.offset)
	}
	f := new(big.Rat).Mul(a.factor, prefix)
	for range max(exp, -exp) {
		scale(&u.factor, f, exp)
	}
	if u.factor.Num().BitLen() > 4096 || u.factor.Denom().BitLen() > 4096 {
		return p.unknown()
	}
	for _, d := range a.dims {
		u.dims = multiply(u.dims, power{d.name, d.exp * exp})
	}
	u.terms = multiply(u.terms, power{name, exp})
	return nil
}

// trailingAnnotation skips the annotation behind an atom: mg{creat}.
func (p *parser) trailingAnnotation() {
	if p.peek() != '{' {
		return
	}
	if end := strings.IndexByte(p.s[p.i:], '}'); end >= 0 && p.s[p.i:p.i+end+1] != bodySurface {
		p.i += end + 1
	}
}

func scale(f, by *big.Rat, sign int) {
	if sign < 0 {
		f.Quo(f, by)
		return
	}
	f.Mul(f, by)
}

func pow10(exp int) *big.Rat {
	n := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(exp, -exp))), nil)
	if exp < 0 {
		return new(big.Rat).SetFrac(big.NewInt(1), n)
	}
	return new(big.Rat).SetInt(n)
}

// multiply gives list times p, sorted by name and without zero exponents.
func multiply(list []power, p power) []power {
	at, found := slices.BinarySearchFunc(list, p, func(a, b power) int { return strings.Compare(a.name, b.name) })
	if !found {
		return slices.Insert(slices.Clone(list), at, p)
	}
	list = slices.Clone(list)
	list[at].exp += p.exp
	if list[at].exp == 0 {
		list = slices.Delete(list, at, at+1)
	}
	return list
}

// Convert gives v in another unit, both UCUM codes. It is exact where the
// result has finitely many decimals, else rounded to 34 significant digits.
// Unknown units and units that measure something else are errors of kind
// issue.Value.
func Convert(v apd.Decimal, from, to string) (apd.Decimal, error) {
	a, err := Parse(from)
	if err != nil {
		return apd.Decimal{}, err
	}
	b, err := Parse(to)
	if err != nil {
		return apd.Decimal{}, err
	}
	return a.Convert(v, b)
}

// Convert gives v, a value in u, in the unit to.
func (u Unit) Convert(v apd.Decimal, to Unit) (apd.Decimal, error) {
	if u.code == to.code {
		return v, nil
	}
	if !u.Comparable(to) {
		return apd.Decimal{}, issue.New(issue.Value, "convert %s to %s: they measure different things", u.code, to.code)
	}
	r, ok := u.base(v)
	if !ok {
		return apd.Decimal{}, issue.New(issue.Value, "convert %s to %s: the number is out of range", u.code, to.code)
	}
	r.Quo(r, &to.factor)
	r.Sub(r, &to.offset)
	return decimal(r), nil
}

// Compare orders a value in u against one in another unit: -1, 0, 1; false
// where they cannot be compared.
func (u Unit) Compare(v apd.Decimal, w apd.Decimal, other Unit) (int, bool) {
	if !u.Comparable(other) {
		return 0, false
	}
	if u.code == other.code {
		return v.Cmp(&w), true
	}
	a, ok1 := u.base(v)
	b, ok2 := other.base(w)
	if !ok1 || !ok2 {
		return 0, false
	}
	return a.Cmp(b), true
}

// base gives v in base units.
func (u Unit) base(v apd.Decimal) (*big.Rat, bool) {
	r, ok := rational(v)
	if !ok {
		return nil, false
	}
	r.Add(r, &u.offset)
	return r.Mul(r, &u.factor), true
}

// Product gives the code of u times v, atoms that stand in both joined.
func Product(u, v Unit) string { return join(u, v, 1) }

// Quotient gives the code of u divided by v.
func Quotient(u, v Unit) string { return join(u, v, -1) }

func join(u, v Unit, sign int) string {
	terms := u.terms
	for _, t := range v.terms {
		terms = multiply(terms, power{t.name, t.exp * sign})
	}
	var above, below []string
	for _, t := range terms {
		text := t.name
		exp := max(t.exp, -t.exp)
		if exp != 1 || t.name == "10*" {
			text += strconv.Itoa(exp)
		}
		if t.name[0] >= '0' && t.name[0] <= '9' && t.name != "10*" && exp != 1 {
			// A plain number has no exponent in UCUM.
			text = strings.Repeat("."+t.name, exp)[1:]
		}
		if t.exp > 0 {
			above = append(above, text)
		} else {
			below = append(below, text)
		}
	}
	code := strings.Join(above, ".")
	for _, b := range below {
		code += "/" + strings.ReplaceAll(b, ".", "/")
	}
	if code == "" {
		return "1"
	}
	return code
}

// rational gives v exactly; false beyond the range of any measured value.
func rational(v apd.Decimal) (*big.Rat, bool) {
	if v.Form != apd.Finite || v.Exponent > 128 || v.Exponent < -256 || v.NumDigits() > 256 {
		return nil, false
	}
	r := new(big.Rat).SetInt(v.Coeff.MathBigInt())
	r.Mul(r, pow10(int(v.Exponent)))
	if v.Negative {
		r.Neg(r)
	}
	return r, true
}

// roundDigits is the precision of a result that has no end; that of IEEE 754
// decimal128.
const roundDigits = 34

func decimal(r *big.Rat) apd.Decimal {
	var d apd.Decimal
	if digits, exact := r.FloatPrec(); exact {
		d.SetString(r.FloatString(digits)) // a formatted rational always reads
		return d
	}
	num, den := new(apd.BigInt).SetMathBigInt(r.Num()), new(apd.BigInt).SetMathBigInt(r.Denom())
	ctx := apd.BaseContext.WithPrecision(roundDigits)
	ctx.Quo(&d, apd.NewWithBigInt(num, 0), apd.NewWithBigInt(den, 0))
	return d
}

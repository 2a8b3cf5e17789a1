package ucum

import (
	"strconv"
	"strings"

	"github.com/cockroachdb/apd/v3"
)

// Dimension names what the unit measures, "1" for a pure number. It is the same
// for two units exactly when they are Comparable.
func (u Unit) Dimension() string {
	if len(u.dims) == 0 {
		return "1"
	}
	var b strings.Builder
	for i, d := range u.dims {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(d.name + strconv.Itoa(d.exp))
	}
	return b.String()
}

// Base gives v in the base units of the dimension, so that values in different
// units can be compared by number alone. It is exact where the result has
// finitely many decimals, else rounded to 34 significant digits; false means out
// of the range of any measured value.
func (u Unit) Base(v apd.Decimal) (apd.Decimal, bool) {
	r, ok := u.base(v)
	if !ok {
		return apd.Decimal{}, false
	}
	return decimal(r), true
}

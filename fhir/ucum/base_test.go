package ucum_test

import (
	"testing"

	"github.com/cockroachdb/apd/v3"

	"cdss/fhir/ucum"
)

func TestBaseMakesUnitsComparable(t *testing.T) {
	tests := []struct {
		a, unitA, b, unitB string
		same               bool
	}{
		{"1.5", "mg/dL", "15", "mg/L", true},
		{"37", "Cel", "310.15", "K", true},
		{"1", "g", "1", "mol", false},
		{"1", "%", "0.01", "1", true},
	}
	base := func(v, unit string) string {
		u, err := ucum.Parse(unit)
		if err != nil {
			t.Fatal(err)
		}
		d, _, err := apd.NewFromString(v)
		if err != nil {
			t.Fatal(err)
		}
		out, ok := u.Base(*d)
		if !ok {
			t.Fatalf("no base value of %s %s", v, unit)
		}
		out.Reduce(&out)
		return out.Text('f') + " " + u.Dimension()
	}
	for _, tt := range tests {
		a, b := base(tt.a, tt.unitA), base(tt.b, tt.unitB)
		if (a == b) != tt.same {
			t.Errorf("%s %s is %s, %s %s is %s; same should be %v", tt.a, tt.unitA, a, tt.b, tt.unitB, b, tt.same)
		}
	}
}

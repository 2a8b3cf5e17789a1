package launch

import (
	"slices"
	"testing"
)

func TestLacking(t *testing.T) {
	for scope, want := range map[string][]string{
		"patient/*.rs": nil, "patient/*.read": nil, "patient/*.*": nil, "user/*.cruds": nil,
		"patient/*.rs patient/Observation.rs?category=vital-signs": nil,
		"": needed, "launch openid": needed, "patient/*.c": needed, "patient/*.r": needed, "system/*.rs": needed,
		"patient/Observation.rs?category=laboratory": needed,
	} {
		if got := lacking(scope); !slices.Equal(got, append([]string{}, want...)) {
			t.Errorf("%q lacks %v, want %v", scope, got, want)
		}
	}
	if got := lacking("patient/Patient.read patient/Condition.rs patient/Observation.read"); slices.Contains(got, "Condition") || !slices.Contains(got, "AllergyIntolerance") {
		t.Errorf("lacks %v", got)
	}
}

package validate

import "testing"

// TestTable: every invariant of the table compiles, and every type it names is
// defined.
func TestTable(t *testing.T) {
	rules := 0
	for name, d := range r4().types {
		if d.kind == 0 {
			t.Errorf("%s is named and not defined", name)
		}
		for _, r := range d.rules {
			rules++
			if _, err := r.compiled(); err != nil {
				t.Errorf("%s %s: %v", name, r.key, err)
			}
			if r.where != "" && d.find(r.where) == nil {
				t.Errorf("%s stands on %s.%s, which does not exist", r.key, name, r.where)
			}
			if r.human == "" {
				t.Errorf("%s has no text", r.key)
			}
		}
	}
	if rules < 200 || len(r4().types) < 600 {
		t.Errorf("the table holds %d invariants and %d types", rules, len(r4().types))
	}
}

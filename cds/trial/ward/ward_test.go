package ward_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"cdss/cds/trial/ward"
)

// The same seed gives the same ward, another one another; every mistake occurs.
func TestWard(t *testing.T) {
	made := func(o ward.Options) string {
		var b bytes.Buffer
		if err := ward.Write(&b, o); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	o := ward.Usual
	o.Wrong = 0.5
	first := made(o)
	if first != made(o) {
		t.Error("the same seed gives another ward")
	}
	o.Seed++
	if first == made(o) {
		t.Error("another seed gives the same ward")
	}
	lines := strings.Split(strings.TrimSuffix(first, "\n"), "\n")
	if len(lines) != o.Admissions {
		t.Fatalf("%d admissions, want %d", len(lines), o.Admissions)
	}
	for i, l := range lines {
		if !json.Valid([]byte(l)) || !strings.Contains(l, "HTEST") {
			t.Fatalf("line %d is no JSON, or not marked as test data", i+1)
		}
	}
	for _, kind := range []string{"right", "allergy", "overdose", "renal-dose", "duplicate", "interaction", "no-antibiotic", "too-broad", "resistant", "pregnancy"} {
		if !strings.Contains(first, `"code":"`+kind+`"`) {
			t.Errorf("no order is labelled %q", kind)
		}
	}
}

package pocket_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"cdss/cds"
	"cdss/cds/content"
	"cdss/cds/knowledge"
	"cdss/cds/render/pocket"
)

func shipped(t *testing.T, o knowledge.Options) *knowledge.Snapshot {
	t.Helper()
	artifacts, err := content.Artifacts()
	if err != nil {
		t.Fatal(err)
	}
	s, err := knowledge.Load(artifacts, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var at = time.Date(2026, 3, 16, 8, 0, 0, 0, time.UTC)

// The same rules at the same moment give the same bytes; both languages are whole.
func TestWrite(t *testing.T) {
	s := shipped(t, knowledge.Options{Demo: true, LoadedAt: at})
	for _, lang := range []cds.Lang{cds.DE, cds.EN} {
		one, err := pocket.Write(s, lang, at)
		if err != nil {
			t.Fatal(err)
		}
		two, err := pocket.Write(s, lang, at)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(one, []byte("%PDF-")) || !bytes.Equal(one, two) {
			t.Errorf("%s: %d and %d bytes, not the same PDF", lang, len(one), len(two))
		}
	}
}

// Without rules in force there is nothing to print but that, and another hash.
func TestWithoutRules(t *testing.T) {
	none := shipped(t, knowledge.Options{LoadedAt: at})
	if _, err := pocket.Write(none, cds.DE, at); err != nil {
		t.Fatal(err)
	}
	if pocket.Hash(none) == pocket.Hash(shipped(t, knowledge.Options{Demo: true, LoadedAt: at})) {
		t.Error("the hash does not tell rules from none")
	}
}

func TestLine(t *testing.T) {
	r := &knowledge.Regimen{
		Name: cds.Text{DE: "Ampicillin/Sulbactam", EN: "ampicillin/sulbactam"}, Dose: 1.5, DoseHigh: 3, Unit: "g",
		Count: 3, CountHigh: 4, Period: 1, PeriodUnit: "d", Route: "iv", DurationLow: 5, DurationHigh: 7, DurationUnit: "d",
	}
	for lang, want := range map[cds.Lang]string{
		cds.DE: "Ampicillin/Sulbactam 1,5–3 g i.v. 3–4× täglich, 5–7 Tage",
		cds.EN: "ampicillin/sulbactam 1.5–3 g IV 3–4× daily, 5–7 days",
	} {
		if got := strings.ReplaceAll(pocket.Line(r, lang), "\u00a0", " "); got != want {
			t.Errorf("%s: %q, want %q", lang, got, want)
		}
	}
}

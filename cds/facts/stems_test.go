package facts

import (
	"regexp"
	"regexp/syntax"
	"strings"
	"testing"
)

// TestFindLosesNothing: a text that a pattern matches is never passed over for want of
// its literals.
func TestFindLosesNothing(t *testing.T) {
	patterns := []*regexp.Regexp{dialysisWords, confusionWords, sepsisWords, hospitalWords, intensive}
	for _, s := range signsOfRisk {
		patterns = append(patterns, s.words)
	}
	texts := []string{
		"", "MRSA-Träger", "Zustand nach 3 MRGN", "4-MRGN", "ESBL-bildende E. coli", "Carbapenemase", "LVRE", "Vancomycin-resistent", "Glykopeptidresistenz",
		"Bronchiektasen", "MUKOVISZIDOSE", "cystic fibrosis", "maschinell beatmet", "Invasive Beatmung", "INTUBIERT", "Harnblasendauerkatheter", "Foley", "Suprapubisch",
		"Immunsuppression", "Neutropenie", "organ transplant", "Endoprothese", "Gefäßprothese", "GEFÄSSPROTHESE", "pacemaker", "Hämodialyse", "HÄMODIALYSE", "dialysis",
		"neu verwirrt", "delirious", "Sepsis", "Urosepsis", "septischer Schock", "nosokomial", "Intensivstation", "ICU", "mrſa", "Grippe", "Hypertonie",
	}
	for _, p := range patterns {
		for _, text := range texts {
			for _, s := range []string{text, strings.ToUpper(text), "Verdacht auf " + text + ", sonst nichts"} {
				want, got := p.FindStringIndex(s), find(p, s)
				if len(want) != len(got) || len(want) > 0 && (want[0] != got[0] || want[1] != got[1]) {
					t.Errorf("%s in %q: %v, want %v", p, s, got, want)
				}
			}
		}
		if literals(mustParse(t, p)) == nil {
			t.Errorf("nothing is gained for %s", p)
		}
	}
	for expression, want := range map[string]string{
		`(?i)a+b|cd`: "a|cd", `(?i)(?:harn|blasen)\w*katheter`: "katheter", `x*`: "", `a|b*`: "", `(?i)\bicu\b`: "icu", `(?:ab){2}c`: "ab",
	} {
		got := strings.Join(literals(mustParse(t, regexp.MustCompile(expression))), "|")
		if got != want {
			t.Errorf("%s: %q, want %q", expression, got, want)
		}
	}
}

func mustParse(t *testing.T, p *regexp.Regexp) *syntax.Regexp {
	t.Helper()
	tree, err := syntax.Parse(p.String(), syntax.Perl)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

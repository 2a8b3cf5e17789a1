package answer_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"cdss/rag/answer"
)

func TestFind(t *testing.T) {
	for _, c := range []struct {
		name, quote, text, want string // want "" where nothing is found
	}{
		{"as it stands", "given for three days only", "It is given for three days only.", "given for three days only"},
		{"another letter case", "GIVEN for Three days", "It is given for three days only.", "given for three days"},
		{"over a line end", "the therapy of pneumonia", "Start the therapy\n   of pneumonia now", "the therapy\n   of pneumonia"},
		{"hyphen of the layout", "kalkulierte Therapie beginnen", "die kalkulierte Thera-\npie beginnen", "kalkulierte Thera-\npie beginnen"},
		{"hyphen of the word", "bei Penicillin-Allergie immer", "bei Penicillin-\nAllergie immer", "bei Penicillin-\nAllergie immer"},
		{"soft hyphen", "Harnwegsinfektion behandeln", "Harn\u00adwegs\u00adinfektion behandeln", "Harn\u00adwegs\u00adinfektion behandeln"},
		{"dashes and quotation marks", `the "first" choice - always`, "the „first“ choice – always", "the „first“ choice – always"},
		{"letters with marks", "für ältere Patienten", "gilt fu\u0308r a\u0308ltere Patienten hier", "fu\u0308r a\u0308ltere Patienten"},
		{"ligature", "oflaxacin findet man", "die ﬁndet oﬂaxacin ﬁndet man", "oﬂaxacin ﬁndet man"},
		{"not within a number", "5 mg of the drug", "give 25 mg of the drug", ""},
		{"not within a word", "allergy is known", "Nonallergy is known", ""},
		{"a later place that is whole", "5 mg of the drug", "not 25 mg of the drug but 5 mg of the drug", "5 mg of the drug"},
		{"too short", "5 mg daily", "give 5 mg daily", ""},
		{"left out words", "give … the drug daily", "give 5 mg of the drug daily", ""},
		{"another sign", "3 x 1 g daily of it", "3 × 1 g daily of it", ""},
		{"another word", "should not be given", "should now be given", ""},
		{"invalid bytes", "given for three days", "given \xff for three\xfe days", "given \xff for three\xfe days"},
	} {
		t.Run(c.name, func(t *testing.T) {
			start, end, ok := answer.Find(c.quote, c.text)
			if got := c.text[start:end]; ok != (c.want != "") || got != c.want {
				t.Errorf("found %q (%v), want %q", got, ok, c.want)
			}
		})
	}
}

// Whatever the bytes are, what is found is a part of the text that says what the
// quotation says.
func FuzzFind(f *testing.F) {
	f.Add("given for three days", "It is given for three days only.")
	f.Add("Thera-\npie beginnen", "kalkulierte Thera-\npie beginnen")
	f.Add("u\u0308ber \xff alle Grenzen", "u\u0308ber \xff alle\u00ad Grenzen hinweg")
	f.Add("İstanbul und anderswo", "in İstanbul und anderswo")
	f.Fuzz(func(t *testing.T, quote, text string) {
		start, end, ok := answer.Find(quote, text)
		if !ok {
			return
		}
		if start < 0 || end > len(text) || start >= end {
			t.Fatalf("range %d to %d of %d bytes", start, end, len(text))
		}
		if utf8.ValidString(text) && !utf8.ValidString(text[start:end]) {
			t.Fatalf("cut a character: %q", text[start:end])
		}
		if _, _, again := answer.Find(text[start:end], text); !again && len([]rune(strings.TrimSpace(text[start:end]))) >= 40 {
			t.Fatalf("what was found is not found again: %q", text[start:end])
		}
	})
}

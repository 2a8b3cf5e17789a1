package apply

import (
	"strings"
	"testing"
)

func TestSplit(t *testing.T) {
	for _, tc := range []struct{ text, said, denied string }{
		{"AECOPD, Stockley Typ II (purulentes Sputum)", "aecopd, stockley typ ii (purulentes sputum)", ""},
		{"AECOPD, kein purulentes Sputum", "aecopd", "kein purulentes sputum"},
		{"Sputum purulent: nein", "", "sputum purulent: nein"},
		{"C. difficile nicht nachgewiesen", "", "c. difficile nicht nachgewiesen"},
		{"Pneumonie, nicht näher bezeichnet", "pneumonie", "nicht näher bezeichnet"},
		{"Enterokolitis ohne Megakolon", "enterokolitis", "ohne megakolon"},
		{"Legionellen negativ; Fieber", "fieber", "legionellen negativ"},
		{"No perforation. Local peritonitis", "local peritonitis", "no perforation"},
		{"Notfall, Knochenbruch", "notfall, knochenbruch", ""},
		{"", "", ""},
	} {
		said, denied := split(tc.text)
		if got := strings.Join(said, "|"); got != tc.said {
			t.Errorf("%q says %q, want %q", tc.text, got, tc.said)
		}
		if got := strings.Join(denied, "|"); got != tc.denied {
			t.Errorf("%q denies %q, want %q", tc.text, got, tc.denied)
		}
	}
}

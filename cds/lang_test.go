package cds_test

import (
	"testing"

	"cdss/cds"
)

func TestParseLang(t *testing.T) {
	for _, tc := range []struct {
		name, tag string
		want      cds.Lang
	}{
		{"nothing named", "", cds.DE},
		{"English", "en", cds.EN},
		{"region", "en-GB,en;q=0.9", cds.EN},
		{"first wins", "de-AT, en;q=0.8", cds.DE},
		{"other language, then English", "fr-FR, en;q=0.5", cds.EN},
		{"no part of another tag", "sen, men", cds.DE},
		{"region is not a language", "nl-DE, en", cds.EN},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := cds.ParseLang(tc.tag); got != tc.want {
				t.Errorf("ParseLang(%q) = %q, want %q", tc.tag, got, tc.want)
			}
		})
	}
}

package render

import "testing"

// FuzzPlain: a text that is taken as it is has nothing in it that would have to go.
func FuzzPlain(f *testing.F) {
	for _, s := range []string{"", " ", "a", " a", "a ", "a  b", "a b", "ä ö", "a\tb", "a\u00a0b", "a\u200bb", "a\u202eb", "a\ufe0fb", "a\xffb", "a\u00adb", "\U000e0041", "日本"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if isPlain(s) && squeeze(s) != s {
			t.Errorf("%q is taken as it is, and should be %q", s, squeeze(s))
		}
	})
}

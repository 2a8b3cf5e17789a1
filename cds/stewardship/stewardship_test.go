package stewardship_test

import (
	"math"
	"strings"
	"testing"
	"testing/fstest"

	"cdss/cds"
	"cdss/cds/stewardship"
)

const (
	yes     = stewardship.Yes
	no      = stewardship.No
	unknown = stewardship.Unknown
)

func TestKleene(t *testing.T) {
	for _, tc := range []struct{ a, b, and, or stewardship.Truth }{
		{yes, yes, yes, yes}, {yes, no, no, yes}, {no, no, no, no},
		{unknown, no, no, unknown}, {unknown, yes, unknown, yes}, {unknown, unknown, unknown, unknown},
	} {
		if tc.a.And(tc.b) != tc.and || tc.b.And(tc.a) != tc.and || tc.a.Or(tc.b) != tc.or || tc.b.Or(tc.a) != tc.or {
			t.Errorf("%d, %d: and %d, or %d", tc.a, tc.b, tc.a.And(tc.b), tc.a.Or(tc.b))
		}
	}
	var forgotten stewardship.Truth
	if forgotten != unknown || forgotten.Not() != unknown {
		t.Error("a forgotten truth is not unknown")
	}
}

func TestNumber(t *testing.T) {
	for _, tc := range []struct {
		name                            string
		n                               stewardship.Number
		atLeast30, above30, below, most stewardship.Truth
	}{
		{"limit itself", stewardship.Exactly(30), yes, no, no, yes},
		{"below", stewardship.Exactly(29.9), no, no, yes, yes},
		{"range over the limit", stewardship.Between(29, 31), unknown, unknown, unknown, unknown},
		{"more than 30", stewardship.Between(30, math.Inf(1)), yes, unknown, no, unknown},
		{"nothing known", stewardship.Number{}, unknown, unknown, unknown, unknown},
	} {
		if tc.n.AtLeast(30) != tc.atLeast30 || tc.n.Above(30) != tc.above30 || tc.n.Below(30) != tc.below || tc.n.AtMost(30) != tc.most {
			t.Errorf("%s: at least %d, above %d, below %d, at most %d", tc.name, tc.n.AtLeast(30), tc.n.Above(30), tc.n.Below(30), tc.n.AtMost(30))
		}
	}
	if _, ok := (stewardship.Number{}).Exact(); ok {
		t.Error("nothing known has an exact value")
	}
}

func TestDecimal(t *testing.T) {
	for _, tc := range []struct {
		v      float64
		digits int
		lang   cds.Lang
		want   string
	}{{4.5, 1, cds.DE, "4,5"}, {4.5, 1, cds.EN, "4.5"}, {100, 2, cds.DE, "100"}, {0.996, 2, cds.EN, "1"}, {16.24, 1, cds.DE, "16,2"}} {
		if got := stewardship.Decimal(tc.v, tc.digits, tc.lang); got != tc.want {
			t.Errorf("Decimal(%g, %d) = %q, want %q", tc.v, tc.digits, got, tc.want)
		}
	}
}

func TestFold(t *testing.T) {
	for in, want := range map[string]string{
		"Penizillin": "penicillin", "Cephazolin": "cefacolin", "Cefazolin": "cefacolin", "Erythromycin": "eritromicin",
		"Clavulansäure": "clavulansaeure", "Amoxicillin / Clavulansäure®": "amoxicillin clavulansaeure", "β-Lactam": "β lactam",
	} {
		if got := stewardship.Fold(in); got != want {
			t.Errorf("Fold(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzFoldText(f *testing.F) {
	for _, s := range []string{"Penicillin-Allergie", "ß", "ph", "th", "\xff\xfe", "a\u00adb", "İ", " / "} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		folded := stewardship.FoldText(s)
		last := 0
		for i := range len(folded.Text) + 1 {
			at := folded.Origin(i)
			if at < last || at > len(s) {
				t.Fatalf("byte %d of %q comes from %d of %d", i, folded.Text, at, len(s))
			}
			last = at
		}
	})
}

func TestReadTable(t *testing.T) {
	fsys := fstest.MapFS{
		"sources.csv": {Data: []byte("id,title,version,url,read\nbook,A book,2020,,yes\n")},
		"good.csv":    {Data: []byte("# list: de=Liste|version=1\nname,page,source\na,12,book\n")},
		"bad.csv":     {Data: []byte("name,page,source\na,12,book\nb,twelve,book\n")},
		"ragged.csv":  {Data: []byte("name,page,source\na,12\n")},
	}
	sources, err := stewardship.LoadSources(fsys)
	if err != nil {
		t.Fatal(err)
	}
	var got []stewardship.Source
	if err := stewardship.ReadTable(fsys, "good.csv", sources, func(r *stewardship.Row) { got = append(got, r.Source()) }); err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || got[0].Page != 12 || got[0].Title != "A book" || got[0].Locator("x").Page != 12 {
		t.Errorf("sources = %+v", got)
	}
	head, err := stewardship.TableHead(fsys, "good.csv")
	if err != nil || head["version"] != "1" || head["de"] != "Liste" {
		t.Errorf("head = %v, %v", head, err)
	}
	for name, want := range map[string]string{"bad.csv": "line 3", "ragged.csv": "ragged.csv", "absent.csv": "absent.csv"} {
		err := stewardship.ReadTable(fsys, name, sources, func(r *stewardship.Row) { r.Source() })
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one naming %q", name, err, want)
		}
	}
}

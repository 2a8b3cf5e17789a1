package formulary_test

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"cdss/cds/stewardship/formulary"
)

func shipped(t testing.TB) *formulary.Formulary {
	t.Helper()
	f, err := formulary.Load(os.DirFS("../../content/source"))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestFind(t *testing.T) {
	f := shipped(t)
	for _, tc := range []struct {
		name, text string
		drugs      []string
		classes    []string
	}{
		{"INN German", "Ciprofloxacin", []string{"J01MA02"}, nil},
		{"INN with c for z", "Cephazolin 2 g", []string{"J01DB04"}, nil},
		{"German spelling of the group", "Penizillin", nil, []string{"J01C"}},
		{"compound word", "Penicillinallergie seit Kindheit", nil, []string{"J01C"}},
		{"compound with hyphen", "Amoxicillin-Unverträglichkeit", []string{"J01CA04"}, nil},
		{"combination wins over its part", "Amoxicillin/Clavulansäure 875/125 mg", []string{"J01CR02"}, nil},
		{"combination spelled with plus", "Ampicillin + Sulbactam", []string{"J01CR01"}, nil},
		{"trade name", "Tazobac 4,5 g", []string{"J01CR05"}, nil},
		{"short trade name stands alone", "Unacid", []string{"J01CR01"}, nil},
		{"short name does not run on", "Assistenz beim Essen", nil, nil},
		{"single letter is no prefix of the next word", "Penicillin gegeben", nil, []string{"J01C"}},
		{"penicillin G", "Penicillin G 5 Mio", []string{"J01CE01"}, nil},
		{"levofloxacin is not ofloxacin", "levofloxacin", []string{"J01MA12"}, nil},
		{"penicillamine is no penicillin", "D-Penicillamin", nil, nil},
		{"sulfasalazine is no sulfa drug", "Sulfasalazin", nil, nil},
		{"sulfa", "Sulfa allergy", nil, []string{"J01EC|J01EE"}},
		{"two substances", "Cotrimoxazol und Metronidazol", []string{"J01EE01", "J01XD01"}, nil},
		{"salt", "Metoprololsuccinat 47,5 mg", []string{"C07AB02"}, nil},
		{"group at the end of a compound", "Breitspektrumpenicilline", nil, []string{"J01C"}},
		{"calcium channel blocker is no calcium", "Calciumantagonist", nil, nil},
		{"case and trade mark", "AUGMENTAN®", []string{"J01CR02"}, nil},
		{"nothing", "Pollen, Hausstaubmilben", nil, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			drugs, classes := f.Find(tc.text)
			var gotDrugs, gotClasses []string
			for _, d := range drugs {
				gotDrugs = append(gotDrugs, d.ATC)
			}
			for _, c := range classes {
				gotClasses = append(gotClasses, strings.Join(c.Prefixes, "|"))
			}
			if diff := cmp.Diff(tc.drugs, gotDrugs); diff != "" {
				t.Errorf("drugs (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.classes, gotClasses); diff != "" {
				t.Errorf("classes (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLookup(t *testing.T) {
	f := shipped(t)
	s, ok := f.Lookup("j01cr05 ")
	if !ok || s.Name.DE != "Piperacillin/Tazobactam" || s.Class != formulary.Penicillin || s.AWaRe != "watch" {
		t.Errorf("Lookup = %+v, %v", s, ok)
	}
	if _, ok := f.Lookup("J01ZZ99"); ok {
		t.Error("an unknown code was found")
	}
	fosfomycin, _ := f.Lookup("J01XX01")
	if got := fosfomycin.AWaReBy("iv") + " " + fosfomycin.AWaReBy("po") + " " + fosfomycin.AWaReBy(""); got != "reserve watch reserve" {
		t.Errorf("AWaRe of fosfomycin = %q, want reserve by vein, watch by mouth, the stricter without a route", got)
	}
}

// Every substance a clinician may be offered carries what a card has to say, and
// every statement can be opened somewhere.
func TestShippedTablesNameTheirSources(t *testing.T) {
	f := shipped(t)
	for _, s := range f.Substances() {
		notes := append(append(append([]formulary.Note{}, s.Monitoring...), s.SideEffects...), s.Restrictions...)
		if s.Pregnancy.Verdict != formulary.NotCited {
			notes = append(notes, s.Pregnancy.Note)
		}
		for _, n := range notes {
			if n.Text.DE == "" || n.Text.EN == "" || n.Source.IsZero() {
				t.Errorf("%s: note without both languages or source: %+v", s.ATC, n)
			}
		}
		for _, b := range s.Renal {
			if b.Source.IsZero() || b.Source.Section == "" && b.Source.URL == "" && b.Source.Page == 0 {
				t.Errorf("%s: band without a place in its source: %+v", s.ATC, b)
			}
		}
	}
}

func TestBandsDoNotOverlap(t *testing.T) {
	f := shipped(t)
	for _, s := range f.Substances() {
		byRoute := map[string][]formulary.Band{}
		for _, b := range s.Renal {
			if b.Dialysis == "" {
				for _, r := range b.Routes {
					byRoute[r] = append(byRoute[r], b)
				}
			}
		}
		for route, bands := range byRoute {
			for v := 0.0; v <= 150; v += 0.5 {
				n := 0
				for _, b := range bands {
					if b.Range.Contains(v) {
						n++
					}
				}
				if n > 1 {
					t.Errorf("%s %s: %g mL/min lies in %d bands", s.ATC, route, v, n)
					break
				}
			}
		}
	}
}

func TestParseRange(t *testing.T) {
	r, err := formulary.ParseRange("(10,30]")
	if err != nil {
		t.Fatal(err)
	}
	for v, want := range map[float64]bool{10: false, 10.1: true, 30: true, 30.1: false} {
		if r.Contains(v) != want {
			t.Errorf("(10,30] contains %g = %v, want %v", v, !want, want)
		}
	}
	for _, bad := range []string{"", "10", "[10", "[a,b]", "[30,10]", "10,30", "[10,30", "[NaN,1]"} {
		if _, err := formulary.ParseRange(bad); err == nil {
			t.Errorf("ParseRange(%q) was accepted", bad)
		}
	}
}

// A fault in a table stops the load and names the place.
func TestLoadRefusesFaults(t *testing.T) {
	read := func(name string) string {
		raw, err := os.ReadFile("../../content/source/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	for _, tc := range []struct{ name, file, old, new, want string }{
		{"unknown class", "formulary.csv", "basocef,cephalosporin", "basocef,cefalosporine", "class"},
		{"source that is not listed", "renal.csv", "renal-dosing-table,Cefazolin", "somewhere,Cefazolin", "somewhere"},
		{"dose without frequency", "renal.csv", `"[10,30]",,,dose,1.5,1.5,g,,3,1,d`, `"[10,30]",,,dose,1.5,1.5,g,,,1,d`, "frequency"},
		{"class of Child-Pugh", "hepatic.csv", "J01MA14,C,", "J01MA14,D,", "class"},
		{"no version", "formulary.csv", "version=", "edition=", "version"},
		{"daily dose by a route it is not given", "formulary.csv", "po:1.5|iv:3", "im:1.5|iv:3", "daily dose"},
		{"verdict", "pregnancy.csv", "J01M,contraindicated", "J01M,forbidden", "forbidden"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			fsys := fstest.MapFS{}
			for _, name := range []string{"sources.csv", "formulary.csv", "drugs.csv", "renal.csv", "hepatic.csv", "pregnancy.csv", "lactation.csv", "notes.csv", "amounts.csv"} {
				text := read(name)
				if name == tc.file {
					if !strings.Contains(text, tc.old) {
						t.Fatalf("%s does not hold %q", name, tc.old)
					}
					text = strings.Replace(text, tc.old, tc.new, 1)
				}
				fsys[name] = &fstest.MapFile{Data: []byte(text)}
			}
			_, err := formulary.Load(fsys)
			if err == nil || !strings.Contains(err.Error(), tc.file) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error = %v, want one naming %s and %q", err, tc.file, tc.want)
			}
		})
	}
}

// A hostile text costs no more than a long one.
func TestFindIsBounded(t *testing.T) {
	f := shipped(t)
	drugs, _ := f.Find(strings.Repeat("amoxicillin ", 100_000))
	if len(drugs) == 0 || len(drugs) > 400 {
		t.Errorf("%d matches", len(drugs))
	}
}

func FuzzFind(f *testing.F) {
	names := shipped(f)
	for _, seed := range []string{"Penicillinallergie", "Amoxicillin/Clavulansäure", "ß", "ph th", "\xff\xfe", "Pénicilline\u00adallergie", "ẞẞ", "İstanbul"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		drugs, classes := names.Find(text)
		for _, d := range drugs {
			if d.Start < 0 || d.End > len(text) || d.Start >= d.End {
				t.Errorf("match %q at %d-%d of %d bytes", d.Term, d.Start, d.End, len(text))
			}
		}
		for _, c := range classes {
			if c.Start < 0 || c.End > len(text) || c.Start >= c.End {
				t.Errorf("class match %q at %d-%d of %d bytes", c.Term, c.Start, c.End, len(text))
			}
		}
	})
}

func TestAmounts(t *testing.T) {
	f := shipped(t)
	s, _ := f.Lookup("J01CR05")
	if a, ok := formulary.By(s.HighDoses, "iv"); !ok || a.Dose != 4.5 || a.Count != 4 || a.Source.IsZero() {
		t.Errorf("high dose of piperacillin/tazobactam = %+v, %v", a, ok)
	}
	if _, ok := formulary.By(s.HighDoses, "po"); ok {
		t.Error("a dose by mouth of what is given by vein")
	}
	if a, ok := formulary.By(s.Maximum, "iv"); !ok || a.Dose != 18 {
		t.Errorf("label maximum = %+v, %v", a, ok)
	}
}

// The defined daily doses are those of the WHO index, by route.
func TestDDD(t *testing.T) {
	f := shipped(t)
	for _, tc := range []struct {
		atc, route string
		want       float64
	}{{"J01CA04", "po", 1.5}, {"J01CA04", "iv", 3}, {"J01CR05", "iv", 14}, {"J01DD04", "iv", 2}, {"J01MA02", "po", 1}, {"J01EE01", "po", 0}} {
		s, _ := f.Lookup(tc.atc)
		if got, ok := s.DDD(tc.route); got != tc.want || ok != (tc.want > 0) {
			t.Errorf("%s %s: %g g, %v, want %g", tc.atc, tc.route, got, ok, tc.want)
		}
	}
}

// What a label says of the liver counts from a class on.
func TestInLiver(t *testing.T) {
	f := shipped(t)
	for _, tc := range []struct {
		atc, class string
		want       formulary.Verdict
		dose       float64
	}{
		{"J01AA12", "B", formulary.Usable, 0}, {"J01AA12", "C", formulary.Caution, 25}, {"J02AX04", "A", formulary.Usable, 0}, {"J02AX04", "B", formulary.Caution, 35},
		{"J01MA14", "A", formulary.Caution, 0}, {"J01MA14", "C", formulary.Contraindicated, 0}, {"J01DE01", "C", formulary.Usable, 0}, {"J01DI01", "C", formulary.NotCited, 0},
	} {
		s, _ := f.Lookup(tc.atc)
		a, cited := s.InLiver(tc.class)
		if a.Verdict != tc.want || a.Dose.Dose != tc.dose || cited != (tc.want != formulary.NotCited) {
			t.Errorf("%s at class %s: %s %g (cited %v), want %s %g", tc.atc, tc.class, a.Verdict, a.Dose.Dose, cited, tc.want, tc.dose)
		}
	}
}

package concept_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cdss/cds/stewardship/concept"
	"cdss/fhir/issue"
	"cdss/rag"
)

func found(text string) []string {
	var ids []string
	for _, m := range concept.Default().Annotate(text) {
		if !slices.Contains(ids, m.Concept) {
			ids = append(ids, m.Concept)
		}
	}
	return ids
}

func TestAnnotate(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		want       []string
	}{
		{"German and English are one", "Harnwegsinfektion / urinary tract infection", []string{"urinary-tract-infection"}},
		{"inflected", "bei ambulant erworbenen Pneumonien", []string{"community-acquired-pneumonia", "outpatient", "pneumonia"}},
		{"compound", "Pneumonietherapie", []string{"pneumonia", "treatment"}},
		{"abbreviation", "HWI mit ESBL", []string{"urinary-tract-infection", "esbl"}},
		{"abbreviation that is a word", "diese Art von Gas, er und op", nil},
		{"the same as abbreviation", "GAS, ER, OP", []string{"group-a-streptococci", "emergency", "surgery"}},
		{"trade name and lay word", "Tazobac bei Lungenentzündung", []string{"piperacillin-tazobactam", "pneumonia"}},
		{"combination however written", "Amoxicillin + Clavulansäure, amoxicillin/clavulanic acid", []string{"amoxicillin-clavulanate", "amoxicillin"}},
		{"umlaut spelled out", "Hirnhautentzuendung", []string{"meningitis"}},
		{"longest name and its parts", "tuberkulöse Meningitis", []string{"tuberculous-meningitis", "tuberculosis", "meningitis"}},
		{"negating part", "hämodynamisch instabil", nil},
		{"codes", "J69.0; N10; J01DD04", []string{"aspiration-pneumonia", "pyelonephritis", "ceftriaxone"}},
		{"no code within a word", "XJ69", nil},
		{"line break within a name", "septischer\nSchock", []string{"septic-shock", "sepsis"}},
		{"nothing", "", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, found(tc.text)); diff != "" {
				t.Errorf("concepts (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMentionsHavePlaces(t *testing.T) {
	text := "Übelkeit unter Linezolid"
	for _, m := range concept.Default().Annotate(text) {
		if m.Concept == "linezolid" && text[m.Start:m.End] != "Linezolid" {
			t.Errorf("place %d-%d is %q", m.Start, m.End, text[m.Start:m.End])
		}
		if m.Weight <= 0 || m.Weight > 1 {
			t.Errorf("weight of %s is %v", m.Concept, m.Weight)
		}
	}
}

// Every name finds its own concept, alone and within a sentence: an entry that
// another one hides would be dead.
func TestEveryNameFindsItsConcept(t *testing.T) {
	for _, c := range concept.Default().All() {
		for _, name := range append([]string{c.DE, c.EN}, c.Names...) {
			name = strings.TrimPrefix(name, "=")
			for _, text := range []string{name, "Bei " + name + " gilt: x."} {
				if !slices.Contains(found(text), c.ID) {
					t.Errorf("%s is not found by %q, but %v", c.ID, text, found(text))
				}
			}
		}
	}
}

func TestRelated(t *testing.T) {
	weight := func(from, to string) float64 {
		for _, m := range concept.Default().Related(from) {
			if m.Concept == to {
				return m.Weight
			}
		}
		return 0
	}
	up, down := weight("ceftriaxone", "cephalosporins-3"), weight("cephalosporins-3", "ceftriaxone")
	if up <= 0 || down <= up || weight("cephalosporins", "ceftriaxone") <= 0 || weight("ceftriaxone", "meropenem") != 0 {
		t.Errorf("to the class %v, to the member %v, siblings %v", up, down, weight("ceftriaxone", "meropenem"))
	}
}

func TestExpand(t *testing.T) {
	terms, concepts := concept.Default().Expand("Blasenentzündung", "en")
	if len(concepts) != 1 || concepts[0] != (rag.Concept{ID: "cystitis", DE: "Zystitis", EN: "cystitis"}) {
		t.Fatalf("concepts %v", concepts)
	}
	if terms[0].Text != "cystitis" || terms[0].Origin != rag.FromConcept {
		t.Errorf("the name in the reader's language does not come first: %v", terms[0])
	}
	for _, term := range terms {
		if strings.EqualFold(term.Text, "Blasenentzündung") {
			t.Error("the question's own word was added")
		}
	}
	many := strings.Repeat("Sepsis Pneumonie Meropenem Ceftriaxon Endokarditis Meningitis ", 200)
	if terms, _ := concept.Default().Expand(many, "de"); len(terms) > 200 {
		t.Errorf("%d terms", len(terms))
	}
}

func TestCodes(t *testing.T) {
	for _, tc := range []struct{ system, code, want string }{
		{"ICD10", "N10", "pyelonephritis"}, {"ICD10", "J18.8", "pneumonia"}, {"ICD10", "J18.9", "community-acquired-pneumonia"},
		{"ATC", "J01DD04", "ceftriaxone"}, {"ATC", "J01DD99", "cephalosporins-3"}, {"LOINC", "33959-8", "pct"},
		{"ICD10", "X99", ""}, {"ATC", "", ""}, {"other", "N10", ""},
	} {
		if c, _ := concept.Default().Code(tc.system, tc.code); c.ID != tc.want {
			t.Errorf("%s %s is %q, want %q", tc.system, tc.code, c.ID, tc.want)
		}
	}
}

func TestBuild(t *testing.T) {
	icd, atc := "http://fhir.de/CodeSystem/bfarm/icd-10-gm", "http://fhir.de/CodeSystem/bfarm/atc"
	for _, tc := range []struct {
		name     string
		req      rag.Request
		language string
		text     string
	}{
		{"our code and the prototype's value are one", rag.Request{Indication: "AMBULANT_ERWORBENE_PNEUMONIE", Severity: "SCHWER"}, "de", "ambulant erworbene Pneumonie; schwer"},
		{"in English", rag.Request{Indication: "community-acquired-pneumonia", Pathogens: []string{"mrsa"}}, "en", "community-acquired pneumonia; MRSA"},
		{"coded facts by the table's names, denied ones left out", rag.Request{Indication: "urosepsis", Facts: []rag.CodedFact{
			{System: icd, Code: "N39.0", Display: "whatever the system says"}, {System: atc, Code: "J01CR05"},
			{Display: "Penicillinallergie", Negated: true}, {Display: "Nierentransplantation"}}}, "de",
			"Urosepsis; Harnwegsinfektion; Piperacillin/Tazobactam; Transplantation"},
		{"each fact once", rag.Request{Indication: "sepsis", Facts: []rag.CodedFact{{Display: "Sepsis"}, {System: icd, Code: "A41.9"}, {Display: "Blutvergiftung"}}}, "de", "Sepsis"},
		{"a display is one fact", rag.Request{Facts: []rag.CodedFact{{Display: "Xyz; with a semicolon"}}}, "de", "Xyz, with a semicolon"},
		{"what the table does not know", rag.Request{Indication: "SELTENE_KRANKHEIT"}, "de", "seltene krankheit"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := concept.Default().Build(tc.req, tc.language); got.Text != tc.text || got.Language != tc.language {
				t.Errorf("got %q (%s), want %q", got.Text, got.Language, tc.text)
			}
		})
	}
}

// Free text helps to find and is kept apart from the line, which may leave the server.
func TestBuildKeepsFreeTextApart(t *testing.T) {
	q := concept.Default().Build(rag.Request{Indication: "sepsis", FreeText: "Frau M. hat eine Penicillinallergie"}, "de")
	if strings.Contains(q.Text, "Frau") || strings.Contains(q.Text, "Penicillin") {
		t.Errorf("text %q", q.Text)
	}
	if !slices.ContainsFunc(q.Concepts, func(c rag.Concept) bool { return c.ID == "penicillin-allergy" }) {
		t.Errorf("concepts %v", q.Concepts)
	}
	if !slices.ContainsFunc(q.Terms, func(t rag.Term) bool { return t.Origin == rag.FromQuery }) {
		t.Errorf("terms %v", q.Terms)
	}
}

func TestBuildIsBounded(t *testing.T) {
	var facts []rag.CodedFact
	for _, c := range concept.Default().All() {
		facts = append(facts, rag.CodedFact{Display: c.DE})
	}
	if q := concept.Default().Build(rag.Request{Facts: facts}, "de"); strings.Count(q.Text, ";") > 12 {
		t.Errorf("%d facts", strings.Count(q.Text, ";"))
	}
}

func TestEndlessWordIsBounded(t *testing.T) {
	if got := found(strings.Repeat("pneumonie", 1<<17)); len(got) != 0 {
		t.Errorf("found %v", got)
	}
}

func TestReadRefuses(t *testing.T) {
	const head = "id,kind,de,en,names,parents,codes\n"
	for _, tc := range []struct {
		name, csv, says string
	}{
		{"other columns", "id,name\na,b\n", "columns"},
		{"nothing", "", "columns"},
		{"no name", head + "a,disease,,b,,,\n", "lacks"},
		{"unknown kind", head + "a,thing,x,y,,,\n", "kind"},
		{"same id", head + "a,disease,xa,ya,,,\na,disease,xb,yb,,,\n", "twice"},
		{"a code of two", head + "a,disease,xa,ya,,,ICD10:A1\nb,disease,xb,yb,,,ICD10:A1\n", "belongs to a and b"},
		{"a name of two", head + "a,disease,xa,ya,,,\nb,disease,xa,yb,,,\n", "belongs to a and b"},
		{"unknown parent", head + "a,disease,xa,ya,,q,\n", "parent q"},
		{"each other's parent", head + "a,disease,xa,ya,,b,\nb,disease,xb,yb,,a,\n", "each other"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := concept.Read(strings.NewReader(tc.csv))
			if err == nil || !strings.Contains(err.Error(), tc.says) || issue.KindOf(err) == issue.Exception {
				t.Errorf("error %v, want %q in it", err, tc.says)
			}
		})
	}
}

func TestVersionFollowsContent(t *testing.T) {
	const head = "id,kind,de,en,names,parents,codes\n"
	a, err := concept.Read(strings.NewReader(head + "a,disease,xa,ya,,,\n"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := concept.Read(strings.NewReader(head + "a,disease,xa,yb,,,\n"))
	if err != nil {
		t.Fatal(err)
	}
	if a.Version() == b.Version() || a.Version() == "" {
		t.Errorf("versions %q and %q", a.Version(), b.Version())
	}
}

func FuzzAnnotate(f *testing.F) {
	for _, seed := range []string{"Harnwegsinfektion mit ESBL", "J18.9; N10", "β-Lactam, 4.5 g Tazobac", "\xff\xfe x", "ÄÖÜß-ae"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		last := 0
		for _, m := range concept.Default().Annotate(text) {
			if m.Start < 0 || m.End > len(text) || m.Start >= m.End || m.Weight <= 0 {
				t.Fatalf("mention %+v of a text of %d bytes", m, len(text))
			}
			if m.Start < last && m.End < last {
				t.Fatalf("mention %+v goes back", m)
			}
			last = m.Start
		}
	})
}

// A site adds names to what ships and concepts of its own, and is told what is wrong.
func TestSiteConcepts(t *testing.T) {
	const head = "id,kind,de,en,names,parents,codes\n"
	table, err := concept.DefaultWith(strings.NewReader(head + "pneumonia,,,,Lungenzauber,,\nhouse-score,score,Hausscore,house score,HS7,pneumonia,\n"))
	if err != nil {
		t.Fatal(err)
	}
	if table.Version() == concept.Default().Version() {
		t.Error("the version did not change, so that vectors of the shipped table would be taken for these")
	}
	for text, want := range map[string]string{"V. a. Lungenzauber": "pneumonia", "HS7 von 4": "house-score", "Pneumonie": "pneumonia"} {
		if got := table.Annotate(text); len(got) != 1 || got[0].Concept != want {
			t.Errorf("%q: %v, want %s", text, got, want)
		}
	}
	if got := concept.Default().Annotate("Lungenzauber"); len(got) != 0 {
		t.Errorf("the shipped table knows it: %v", got)
	}
	for name, rows := range map[string]string{
		"columns": "id,kind\n", "taken name": head + "x,disease,Pneumonie,x,,,\n", "unknown kind": head + "x,y,X,X,,,\n", "unknown parent": head + "x,disease,Xyz,Xyz,,nobody,\n",
		"twice": head + "x,disease,Xyz,Xyz,,,\nx,disease,Xyz,Xyz,,,\n", "no name": head + "x,disease,,,,,\n",
	} {
		if _, err := concept.DefaultWith(strings.NewReader(rows)); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

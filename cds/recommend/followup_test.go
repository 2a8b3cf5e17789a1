package recommend_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"cdss/cds"
	"cdss/cds/stewardship/antibiogram"
)

var (
	pneumonia = dx("J18.9", "Ambulant erworbene Pneumonie", "2026-03-12")
	moderate  = &cds.StructuredRequest{Severity: "moderate"}
)

func TestReviewIsDue(t *testing.T) {
	w := newWard(t)
	running := func(start string) string {
		return takes("J01CR05", "Piperacillin/Tazobactam", start, "4,5 g i.v. 3x täglich")
	}
	for start, want := range map[string]int{"2026-03-13T08:00:00+01:00": 1, "2026-03-15T20:00:00+01:00": 0} {
		rec := w.ask(t, moderate, adult(pneumonia, running(start))...)
		if got := warned(rec.Warnings, "review-due"); len(got) != want {
			t.Errorf("begun %s: %+v", start, got)
		} else if want == 1 && (!strings.Contains(got[0].Detail, "no end date") || got[0].Indicator != cds.Info) {
			t.Errorf("begun %s: %+v", start, got[0])
		}
	}
	rec := w.ask(t, moderate, adult(pneumonia, takes("J01DD04", "Ceftriaxon", "2026-03-05T08:00:00+01:00", "2 g i.v. 1x täglich"))...)
	if got := warned(rec.Warnings, "duration-reached"); len(got) != 1 || !strings.Contains(got[0].Detail, "7 days") {
		t.Errorf("day 12 of 5 to 7: %+v", rec.Warnings)
	}
}

// Every option says when it is looked at again and when it ends.
func TestOptionsHaveAnEnd(t *testing.T) {
	w := newWard(t)
	rec := w.ask(t, moderate, adult(pneumonia)...)
	for _, o := range rec.Options {
		if !strings.Contains(o.Deescalation, "Review on 2026-03-18–2026-03-19; end on 2026-03-21–2026-03-23 (when begun today)") {
			t.Errorf("%s: %s", o.Ingredients[0].Name, o.Deescalation)
		}
	}
	rec = w.ask(t, moderate, adult(pneumonia, takes("J01DD04", "Ceftriaxon", "2026-03-15T08:00:00+01:00", "2 g i.v. 1x täglich"))...)
	for _, o := range rec.Options {
		if o.Ingredients[0].ATC == "J01DD04" && !strings.Contains(o.Deescalation, "end on 2026-03-20–2026-03-22 (begun 2026-03-15)") {
			t.Errorf("a running course: %s", o.Deescalation)
		}
	}
}

// stable are the vital signs of somebody who is well again.
var stable = []string{
	value("8867-4", 80, "/min"), value("9279-1", 16, "/min"), value("8480-6", 128, "mm[Hg]"), value("8462-4", 76, "mm[Hg]"), value("8310-5", 36.9, "Cel"),
	value("59408-5", 96, "%"), value("9269-2", 15, "{score}"),
}

func TestIVToOral(t *testing.T) {
	w := newWard(t)
	prostatitis := dx("N41.0", "Akute Prostatitis", "2026-03-11")
	iv := takes("J01MA12", "Levofloxacin", "2026-03-12T08:00:00+01:00", "500 mg i.v. 2x täglich")
	rec := w.ask(t, &cds.StructuredRequest{Severity: "moderate"}, adult(append(slices.Clone(stable), prostatitis, iv)...)...)
	if got := warned(rec.Warnings, "iv-to-oral"); len(got) != 1 || !strings.Contains(got[0].Detail, "bioavailability 99 %") {
		t.Errorf("well on day 5: %+v", rec.Warnings)
	}
	endocarditis := dx("I33.0", "Endokarditis", "2026-03-01")
	rec = w.ask(t, nil, adult(append(slices.Clone(stable), endocarditis, takes("J01CE01", "Benzylpenicillin", "2026-03-02T08:00:00+01:00", "5 Mio. I.E. i.v. 6x täglich"))...)...)
	if got := warned(rec.Warnings, "iv-to-oral"); len(got) != 1 || !strings.Contains(got[0].Summary, "specialist") {
		t.Errorf("endocarditis: %+v", rec.Warnings)
	}
	fever := strings.Replace(strings.Replace(value("8310-5", 38.9, "Cel"), "o-8310-5", "o-night", 1), "T08:00", "T02:00", 1)
	rec = w.ask(t, moderate, adult(append(slices.Clone(stable), prostatitis, iv, fever)...)...)
	if len(warned(rec.Warnings, "iv-to-oral-not-yet")) != 1 {
		t.Errorf("fever in the night: %+v", rec.Warnings)
	}
}

func TestAllergyLabel(t *testing.T) {
	w := newWard(t)
	label := func(reaction, onset string) string {
		return fmt.Sprintf(`{"resourceType":"AllergyIntolerance","id":"a","patient":{"reference":"Patient/p"},"code":{"coding":[{"system":"http://fhir.de/CodeSystem/bfarm/atc","code":"J01CA04","display":"Amoxicillin"}]},"onsetDateTime":"%s","reaction":[{"manifestation":[{"text":"%s"}]}]}`, onset, reaction)
	}
	for _, tc := range []struct{ reaction, onset, want string }{
		{"Exanthem", "1998-01-01", "PEN-FAST 0–1"}, {"Exanthem", "2025-01-01", "PEN-FAST 2–3"}, {"unbekannt", "1998-01-01", "PEN-FAST 0–3"},
		{"Übelkeit", "1998-01-01", "intolerance"}, {"Anaphylaxie", "1998-01-01", ""},
	} {
		raw := adult(pneumonia, label(tc.reaction, tc.onset))
		got := warned(w.ask(t, moderate, slices.DeleteFunc(raw, func(s string) bool { return s == nka })...).Warnings, "allergy-label")
		if (len(got) == 1) != (tc.want != "") || len(got) == 1 && !strings.Contains(got[0].Detail, tc.want) {
			t.Errorf("%s %s: %+v, want %q", tc.reaction, tc.onset, got, tc.want)
		}
	}
}

func TestCultureBeforeTheFirstDose(t *testing.T) {
	w := newWard(t)
	meningitis := dx("G00.9", "Bakterielle Meningitis", "2026-03-16")
	other := `{"resourceType":"ServiceRequest","id":"sr","status":"active","intent":"order",` + patientRef + `,"authoredOn":"2026-03-16T08:00:00+01:00","code":{"text":"%s"}}`
	order := draft("J01DD04", "Ceftriaxon", "2 g i.v. 2x täglich")
	for _, tc := range []struct {
		name string
		more []string
		want int
	}{
		{"orders are not known: silence", nil, 0},
		{"orders are known, none of a culture", []string{fmt.Sprintf(other, "CT Schädel")}, 1},
		{"a culture is ordered", []string{fmt.Sprintf(other, "Blutkultur")}, 0},
	} {
		f := w.orders(t, adult(append([]string{meningitis}, tc.more...)...), order)
		got := warned(f.Warnings, "culture-missing")
		if len(got) != tc.want {
			t.Errorf("%s: %+v", tc.name, f.Warnings)
		}
		if len(got) == 1 && (len(got[0].Fix) != 1 || got[0].Fix[0].Actions[0].Type != "create") {
			t.Errorf("%s: nothing to accept: %+v", tc.name, got[0])
		}
	}
}

// What an order lacks is told beside what is wrong with it, and never alone.
func TestIncompleteOrder(t *testing.T) {
	w := newWard(t)
	right := draft("J01CR01", "Ampicillin/Sulbactam", "3 g i.v. 3x täglich")
	if f := w.orders(t, adult(pneumonia), right); len(f.Warnings)+len(f.NotChecked) != 0 {
		t.Errorf("a right order without an end: %+v %+v", f.Warnings, f.NotChecked)
	}
	f := w.orders(t, adult(pneumonia, takes("J01CR01", "Ampicillin/Sulbactam", "2026-03-16T07:30:00+01:00", "3 g i.v. 3x täglich")), right)
	if len(warned(f.Warnings, "duplicate")) != 1 || len(warned(f.Warnings, "order-incomplete")) != 1 {
		t.Errorf("a duplicate without an end: %+v", f.Warnings)
	}
	f = w.orders(t, adult(pneumonia), draft("J01CR01", "Ampicillin/Sulbactam", "3 g i.v. 3x täglich für 21 Tage"))
	if got := warned(f.Warnings, "duration-long"); len(got) != 1 || got[0].Indicator != cds.Info {
		t.Errorf("21 days for pneumonia: %+v", f.Warnings)
	}
}

func TestBacteriuriaBeforeAProcedure(t *testing.T) {
	w := newWard(t)
	bacteriuria := dx("R82.7", "Asymptomatische Bakteriurie", "2026-03-12")
	planned := func(words, at string) string {
		return `{"resourceType":"ServiceRequest","id":"sr","status":"active","intent":"order",` + patientRef + `,"code":{"text":"` + words + `"},"occurrenceDateTime":"` + at + `"}`
	}
	for _, tc := range []struct {
		name, more string
		treat      bool
	}{
		{"nothing planned", "", false}, {"resection", planned("TUR-Prostata", "2026-03-18"), true}, {"change of catheter", planned("DK-Wechsel", "2026-03-18"), false},
		{"long ago", planned("TUR-Prostata", "2025-03-18"), false}, {"biopsy", planned("Transrektale Prostatabiopsie", "2026-03-20"), true},
	} {
		raw := adult(bacteriuria)
		if tc.more != "" {
			raw = append(raw, tc.more)
		}
		f := w.orders(t, raw, draft("J01XX01", "Fosfomycin", "3 g p.o. einmalig"))
		if got := len(warned(f.Warnings, "no-antibiotic")) == 0; got != tc.treat {
			t.Errorf("%s: %+v", tc.name, f.Warnings)
		}
	}
}

// The hospital's own figures decide between equals, and between nothing else.
func TestAntibiogramDecidesBetweenEquals(t *testing.T) {
	w := newWard(t)
	uti := dx("N10", "Akute Pyelonephritis", "2026-03-15")
	order := func(csv string) []string {
		w.tables.Antibiogram = nil
		if csv != "" {
			table, _, err := antibiogram.Load("Klinik 2025", strings.NewReader(csv), w.tables.Formulary, w.tables.Organisms)
			if err != nil {
				t.Fatal(err)
			}
			w.tables.Antibiogram = table
		}
		var out []string
		for _, o := range w.ask(t, &cds.StructuredRequest{Severity: "moderate"}, append([]string{woman("1990-01-15")}, adult(uti)[1:]...)...).Options {
			out = append(out, fmt.Sprint(o.Rank, " ", o.Ingredients[0].ATC))
		}
		return out
	}
	plain := order("")
	const head = "organism,substance,n,%S,specimen\n"
	better := order(head + "E. coli,Cefotaxim,200,95,urine\nE. coli,Ceftriaxon,200,80,urine\n")
	if slices.Equal(plain, better) || better[0] != "1 J01DD01" {
		t.Errorf("cefotaxime at 95 against 80 percent: %v, without figures %v", better, plain)
	}
	if few := order(head + "E. coli,Cefotaxim,29,95,urine\nE. coli,Ceftriaxon,200,80,urine\n"); !slices.Equal(few, plain) {
		t.Errorf("29 isolates counted: %v, want %v", few, plain)
	}
	if quinolone := order(head + "E. coli,Ciprofloxacin,200,99,urine\nE. coli,Ceftriaxon,200,80,urine\nE. coli,Cefotaxim,200,80,urine\n"); !slices.Equal(quinolone, plain) {
		t.Errorf("figures moved a fluoroquinolone over its betters: %v, want %v", quinolone, plain)
	}
}

// The pathogen is known: what runs may be narrowed.
func TestDeescalation(t *testing.T) {
	w := newWard(t)
	uti := dx("N39.0", "Komplizierte Harnwegsinfektion", "2026-03-12")
	grew := grown("630-4", "112283007", "2026-03-13T10:00:00+01:00", "Ceftriaxon", "S", "Meropenem", "S", "Amoxicillin/Clavulansäure", "S")
	for running, want := range map[string]int{"J01DH02": 1, "J01CR02": 0} {
		rec := w.ask(t, moderate, adult(append(slices.Clone(grew), uti, takes(running, "Antibiotikum", "2026-03-12T08:00:00+01:00", "1 g i.v. 3x täglich"))...)...)
		if got := warned(rec.Warnings, "deescalate"); len(got) != want {
			t.Errorf("%s runs: %+v, options %v", running, got, lines(rec.Options))
		}
	}
}

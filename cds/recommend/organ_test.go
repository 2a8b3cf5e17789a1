package recommend_test

import (
	"strings"
	"testing"

	"cdss/cds"
)

// cirrhosis of Child-Pugh class C: bilirubin, albumin and INR worst, ascites and
// encephalopathy stated.
var cirrhosisC = []string{
	dx("K70.3", "Alkoholische Leberzirrhose", "2020-01-01"), dx("R18", "Massiver Aszites", "2026-03-01"), dx("K72.72", "Hepatische Enzephalopathie Grad 2", "2026-03-10"),
	value("1975-2", 4.1, "mg/dL"), value("1751-7", 2.4, "g/dL"), value("6301-6", 2.5, "{INR}"),
}

func TestLiver(t *testing.T) {
	w := newWard(t)
	pneumonia := dx("J18.9", "Ambulant erworbene Pneumonie", "2026-03-15")
	rec := w.ask(t, &cds.StructuredRequest{Severity: "moderate"}, adult(append(cirrhosisC, pneumonia)...)...)
	if offers(rec.Options, "J01MA14") || !excludes(rec.Excluded, "J01MA14", "hepatic") {
		t.Errorf("moxifloxacin in Child-Pugh C: %v, excluded %v", lines(rec.Options), rec.Excluded)
	}
	if len(rec.Options) == 0 {
		t.Fatal("nothing is left")
	}
	rec = w.ask(t, &cds.StructuredRequest{Severity: "moderate"}, adult(cirrhosisC[0], pneumonia)...)
	if !gap(rec.NotChecked, "hepatic dose: moxifloxacin") {
		t.Errorf("class open, and nothing says so: %v", rec.NotChecked)
	}
	rec = w.ask(t, &cds.StructuredRequest{Severity: "moderate"}, adult(pneumonia)...)
	if gap(rec.NotChecked, "hepatic") || excludes(rec.Excluded, "J01MA14", "hepatic") {
		t.Errorf("a healthy liver is spoken of: %v %v", rec.NotChecked, rec.Excluded)
	}
}

func TestOrderInLiverDisease(t *testing.T) {
	w := newWard(t)
	peritonitis := dx("K65.0", "Peritonitis", "2026-03-10")
	sick := adult(append(cirrhosisC, peritonitis)...)
	f := w.orders(t, sick, draft("J01AA12", "Tigecyclin", "50 mg i.v. 2x täglich, Fortführung"))
	if got := warned(f.Warnings, "hepatic-dose"); len(got) != 1 || !strings.Contains(got[0].Detail, "25 mg") || len(got[0].Fix) != 1 {
		t.Errorf("full dose of tigecycline in Child-Pugh C: %+v", f.Warnings)
	}
	f = w.orders(t, sick, draft("J01AA12", "Tigecyclin", "25 mg i.v. 2x täglich, Fortführung"))
	if got := warned(f.Warnings, "hepatic-dose"); len(got) != 0 {
		t.Errorf("the right dose: %+v", got)
	}
	f = w.orders(t, sick, draft("J04AB02", "Rifampicin", "600 mg p.o. 1x täglich"))
	if got := warned(f.Warnings, "hepatic"); len(got) != 1 || got[0].Indicator != cds.Critical {
		t.Errorf("rifampicin in Child-Pugh C: %+v", f.Warnings)
	}
}

func TestBreastFeeding(t *testing.T) {
	w := newWard(t)
	mother := append([]string{woman("1994-01-15")}, adult(dx("O91.1", "Abszess der Brust im Wochenbett, stillt", "2026-03-14"))[1:]...)
	f := w.orders(t, mother, draft("J01BA01", "Chloramphenicol", "1 g i.v. 3x täglich"))
	if got := warned(f.Warnings, "lactation"); len(got) != 1 || got[0].Indicator != cds.Critical {
		t.Errorf("chloramphenicol while breast-feeding: %+v", f.Warnings)
	}
	f = w.orders(t, mother, draft("J01CF05", "Flucloxacillin", "2 g i.v. 4x täglich"))
	if got := warned(f.Warnings, "lactation"); len(got) != 0 {
		t.Errorf("flucloxacillin while breast-feeding: %+v", got)
	}
}

// A dose of haemodialysis is none of a continuous procedure.
func TestContinuousRenalReplacement(t *testing.T) {
	w := newWard(t)
	crrt := `{"resourceType":"Procedure","id":"crrt","status":"in-progress",` + patientRef + `,"code":{"coding":[{"system":"http://fhir.de/CodeSystem/bfarm/ops","code":"8-854.71"}],"text":"CVVHD"},"performedPeriod":{"start":"2026-03-15T10:00:00+01:00"}}`
	rec := w.ask(t, &cds.StructuredRequest{Severity: "moderate"}, adult(crrt, dx("N18.5", "Chronische Nierenkrankheit", "2020-01-01"), dx("J18.9", "Ambulant erworbene Pneumonie", "2026-03-15"))...)
	for _, o := range rec.Options {
		if i := o.Ingredients[len(o.Ingredients)-1]; i.ATC == "J01CR01" && len(o.Ingredients) > 1 {
			t.Errorf("reduced as for haemodialysis: %v", lines(rec.Options))
		}
	}
	if !gap(rec.NotChecked, "renal dose: ampicillin/sulbactam") {
		t.Errorf("nothing says that the dose was not checked: %v", rec.NotChecked)
	}
}

// A cephalosporin of the third generation against an AmpC producer is warned of,
// and stays an option: the laboratory is not overruled.
func TestAmpCIsAWarning(t *testing.T) {
	w := newWard(t)
	blood := grown("600-7", "14385002", "2026-03-15T10:00:00+01:00", "Ceftriaxon", "S", "Cefepim", "S")
	patient := adult(append(blood, dx("N39.0", "Komplizierte Harnwegsinfektion", "2026-03-14"))...)
	f := w.orders(t, patient, draft("J01DD04", "Ceftriaxon", "2 g i.v. 1x täglich"))
	if got := warned(f.Warnings, "ampc"); len(got) != 1 || got[0].Indicator != cds.WarningI {
		t.Errorf("ceftriaxone against Enterobacter: %+v", f.Warnings)
	}
	if f = w.orders(t, patient, draft("J01DE01", "Cefepim", "2 g i.v. 3x täglich")); len(warned(f.Warnings, "ampc")) != 0 {
		t.Errorf("cefepime against Enterobacter: %+v", f.Warnings)
	}
}

// A combination is coded by its sum or its first part, and written with both.
func TestDosageOfACombination(t *testing.T) {
	w := newWard(t)
	patient := adult(dx("J18.9", "Ambulant erworbene Pneumonie", "2026-03-15"))
	coded := func(mg string) string {
		return strings.Replace(draft("J01CR02", "Amoxicillin/Clavulansäure", "875/125 mg p.o. 2x täglich"), `"text":"875`,
			`"doseAndRate":[{"doseQuantity":{"value":`+mg+`,"unit":"mg","system":"http://unitsofmeasure.org","code":"mg"}}],"text":"875`, 1)
	}
	for mg, want := range map[string]int{"875": 0, "1000": 0, "500": 1} {
		if got := warned(w.orders(t, patient, coded(mg)).Warnings, "dosage-conflict"); len(got) != want {
			t.Errorf("coded %s mg: %+v", mg, got)
		}
	}
}

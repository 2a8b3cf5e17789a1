package allergy_test

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cdss/cds/stewardship/allergy"
	"cdss/cds/stewardship/formulary"
	"cdss/fhir"
)

func load(t testing.TB) (*allergy.Table, *formulary.Formulary) {
	t.Helper()
	fsys := os.DirFS("../../content/source")
	f, err := formulary.Load(fsys)
	if err != nil {
		t.Fatal(err)
	}
	table, err := allergy.Load(fsys, f)
	if err != nil {
		t.Fatal(err)
	}
	return table, f
}

func record(m allergy.Mechanism, atc ...string) []allergy.Record {
	return []allergy.Record{{Display: "entry", ATC: atc, Recognised: true, Medication: true, Mechanism: m}}
}

func TestCheck(t *testing.T) {
	table, f := load(t)
	const (
		ok, warn, specialist, excluded = allergy.OK, allergy.Warn, allergy.Specialist, allergy.Excluded
		immediate                      = allergy.ImmediateSevere
		delayed                        = allergy.DelayedSevere
		mild                           = allergy.Mild
		unknown                        = allergy.UnknownMechanism
		side                           = allergy.Intolerance
	)
	for _, tc := range []struct {
		name      string
		culprit   string
		mechanism allergy.Mechanism
		substance string
		want      allergy.Outcome
	}{
		{"penicillin anaphylaxis: no penicillin at all", "J01C", immediate, "J01CR05", excluded},
		{"amoxicillin anaphylaxis: other penicillin", "J01CA04", immediate, "J01CF05", excluded},
		{"penicillin anaphylaxis: aminocephalosporin", "J01C", immediate, "J01DB01", excluded},
		{"amoxicillin anaphylaxis: cefaclor has a similar R1", "J01CA04", immediate, "J01DC04", excluded},
		{"penicillin anaphylaxis: ceftriaxone is dissimilar", "J01C", immediate, "J01DD04", specialist},
		{"penicillin anaphylaxis: cefazolin is dissimilar", "J01C", immediate, "J01DB04", specialist},
		{"penicillin anaphylaxis: meropenem, its label", "J01C", immediate, "J01DH02", specialist},
		{"penicillin anaphylaxis: aztreonam", "J01C", immediate, "J01DF01", warn},
		{"penicillin anaphylaxis: levofloxacin", "J01C", immediate, "J01MA12", ok},
		{"unknown reaction is treated as severe immediate", "J01C", unknown, "J01CA04", excluded},
		{"unknown reaction: dissimilar cephalosporin", "J01C", unknown, "J01DD01", specialist},
		{"unknown reaction: carbapenem", "J01C", unknown, "J01DH02", warn},
		{"severe delayed: whole group", "J01C", delayed, "J01DD04", excluded},
		{"severe delayed: carbapenem too", "J01C", delayed, "J01DH02", excluded},
		{"severe delayed: aztreonam only by specialist", "J01C", delayed, "J01DF01", specialist},
		{"mild rash: same substance", "J01CA04", mild, "J01CR02", excluded},
		{"mild rash: same R1", "J01CA01", mild, "J01DB01", excluded},
		{"mild rash: dissimilar cephalosporin", "J01CA04", mild, "J01DD04", warn},
		{"mild rash: penicillin with another R1", "J01CA04", mild, "J01CF05", specialist},
		{"mild rash: carbapenem", "J01C", mild, "J01DH02", warn},
		{"nausea is no allergy", "J01CA04", side, "J01CR02", warn},
		{"nausea says nothing of others", "J01CA04", side, "J01DD04", ok},
		{"ceftazidime and aztreonam share R1", "J01DD02", immediate, "J01DF01", excluded},
		{"ceftazidime and cefiderocol share R1", "J01DD02", immediate, "J01DI04", excluded},
		{"ceftriaxone and cefotaxime share R1", "J01DD04", immediate, "J01DD01", excluded},
		{"ceftriaxone and cefuroxime are similar", "J01DD04", immediate, "J01DC02", excluded},
		{"cefazolin stands alone: ceftriaxone", "J01DB04", immediate, "J01DD04", specialist},
		{"cefazolin stands alone: flucloxacillin", "J01DB04", immediate, "J01CF05", specialist},
		{"cefalexin anaphylaxis: ampicillin shares R1", "J01DB01", immediate, "J01CA01", excluded},
		{"carbapenem anaphylaxis: other carbapenem", "J01DH02", immediate, "J01DH03", excluded},
		{"ciprofloxacin anaphylaxis: the class", "J01MA02", immediate, "J01MA14", excluded},
		{"ciprofloxacin rash: another one by specialist", "J01MA02", mild, "J01MA12", specialist},
		{"sulfonamide allergy: co-trimoxazole", "J01EE", immediate, "J01EE01", excluded},
		{"sulfonamide allergy: trimethoprim is none", "J01EE", immediate, "J01EA01", ok},
		{"co-trimoxazole itself: trimethoprim may be the culprit", "J01EE01", immediate, "J01EA01", excluded},
		{"trimethoprim: co-trimoxazole holds it", "J01EA01", immediate, "J01EE01", excluded},
		{"vancomycin by mouth is vancomycin", "J01XA01", immediate, "A07AA09", excluded},
		{"piperacillin in the combination", "J01CA12", mild, "J01CR05", excluded},
		{"macrolide allergy: clindamycin", "J01FA", immediate, "J01FF01", ok},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, known := f.Lookup(tc.substance)
			if !known {
				t.Fatalf("%s is not in the formulary", tc.substance)
			}
			got := table.Check(record(tc.mechanism, tc.culprit), s)
			if got.Outcome != tc.want {
				t.Errorf("outcome = %d, want %d; %s", got.Outcome, tc.want, got.Reason.EN)
			}
			if got.Outcome != allergy.OK && (got.Reason.DE == "" || got.Reason.EN == "" || len(got.Records) != 1) {
				t.Errorf("a verdict without reason or record: %+v", got)
			}
			if got.Outcome >= allergy.Specialist && len(got.Sources) == 0 {
				t.Error("a strict verdict without a source")
			}
		})
	}
}

// No substance may be judged safer after an unknown reaction than after a mild
// one, nor safer after a severe one than after an unknown one.
func TestStricterMechanismNeverLoosens(t *testing.T) {
	table, f := load(t)
	for _, culprit := range f.Substances() {
		for _, s := range f.Substances() {
			at := func(m allergy.Mechanism) allergy.Outcome { return table.Check(record(m, culprit.ATC), s).Outcome }
			if at(allergy.Intolerance) > at(allergy.Mild) || at(allergy.UnknownMechanism) > at(allergy.ImmediateSevere) ||
				at(allergy.ImmediateSevere) > at(allergy.DelayedSevere) && s.Class.BetaLactam() {
				t.Errorf("%s after %s: intolerance %d, mild %d, unknown %d, immediate %d, delayed %d", s.ATC, culprit.ATC,
					at(allergy.Intolerance), at(allergy.Mild), at(allergy.UnknownMechanism), at(allergy.ImmediateSevere), at(allergy.DelayedSevere))
			}
			if s.ATC == culprit.ATC && at(allergy.UnknownMechanism) != allergy.Excluded {
				t.Errorf("%s is not excluded after an unknown reaction to itself", s.ATC)
			}
		}
	}
}

func TestWorstRecordCounts(t *testing.T) {
	table, f := load(t)
	s, _ := f.Lookup("J01DD04")
	records := append(record(allergy.Mild, "J01CA04"), record(allergy.ImmediateSevere, "J01DD01")...)
	got := table.Check(records, s)
	if got.Outcome != allergy.Excluded || len(got.Records) != 2 || got.Records[0].ATC[0] != "J01DD01" {
		t.Errorf("got %+v, want excluded by the cefotaxime record with the other one listed", got)
	}
	unread := []allergy.Record{{Display: "something", Medication: true, Mechanism: allergy.UnknownMechanism}}
	if got := table.Check(unread, s); got.Outcome != allergy.OK {
		t.Errorf("an unreadable culprit was judged: %+v; it is the caller's to say not checked", got)
	}
}

func text(s string) allergy.Entry { return allergy.Entry{Concept: fhir.CodeableConcept{Text: s}} }

func coded(system, code, display string) fhir.CodeableConcept {
	return fhir.CodeableConcept{Codings: []fhir.Coding{{System: system, Code: code, Display: display}}}
}

const (
	sct   = "http://snomed.info/sct"
	icd   = "http://fhir.de/CodeSystem/bfarm/icd-10-gm"
	atcDE = "http://fhir.de/CodeSystem/bfarm/atc"
)

func TestReadCulprit(t *testing.T) {
	table, _ := load(t)
	type want struct {
		ATC        string
		NoneKnown  bool
		NoneMeds   bool
		Negated    bool
		Recognised bool
		Medication bool
	}
	for _, tc := range []struct {
		name  string
		entry allergy.Entry
		want  want
	}{
		{"SNOMED finding", allergy.Entry{Concept: coded(sct, "91936005", "Allergy to penicillin")}, want{ATC: "J01C", Recognised: true, Medication: true}},
		{"SNOMED substance", allergy.Entry{Concept: coded(sct, "764146007", "Penicillin")}, want{ATC: "J01C", Recognised: true, Medication: true}},
		{"code and display disagree: both count", allergy.Entry{Concept: coded(sct, "91936005", "Allergy to sulfonamide")}, want{ATC: "J01C,J01EC,J01EE", Recognised: true, Medication: true}},
		{"display of an unknown code", allergy.Entry{Concept: coded(sct, "294499007", "Allergy to ciprofloxacin")}, want{ATC: "J01MA02", Recognised: true, Medication: true}},
		{"unknown code without display", allergy.Entry{Concept: coded(sct, "1234567890", "")}, want{Medication: true}},
		{"ICD-10-GM", allergy.Entry{Concept: coded(icd, "Z88.0", "")}, want{ATC: "J01C", Recognised: true, Medication: true}},
		{"ICD-10-GM other antibiotics", allergy.Entry{Concept: coded(icd, "Z88.1", "")}, want{Medication: true}},
		{"ATC", allergy.Entry{Concept: coded(atcDE, "J01FF01", "")}, want{ATC: "J01FF01", Recognised: true, Medication: true}},
		{"ATC group", allergy.Entry{Concept: coded(atcDE, "J01FA", "")}, want{ATC: "J01FA", Recognised: true, Medication: true}},
		{"German text", text("Penizillinallergie"), want{ATC: "J01C", Recognised: true, Medication: true}},
		{"English text", text("allergic to Augmentin"), want{ATC: "J01CR02", Recognised: true, Medication: true}},
		{"two culprits", text("Amoxicillin, Cotrimoxazol"), want{ATC: "J01CA04,J01EE01", Recognised: true, Medication: true}},
		{"no known allergy, coded", allergy.Entry{Concept: coded(sct, "716186003", "No known allergy")}, want{NoneKnown: true, NoneMeds: true, Medication: true}},
		{"no known drug allergy, coded", allergy.Entry{Concept: coded(sct, "409137002", "No known drug allergy")}, want{NoneKnown: true, NoneMeds: true, Medication: true}},
		{"no known allergy, German", text("Keine bekannten Allergien"), want{NoneKnown: true, NoneMeds: true, Medication: true}},
		{"no known allergy, abbreviated", text("NKDA"), want{NoneKnown: true, NoneMeds: true, Medication: true}},
		{"list without entry", text("Allergien: keine"), want{NoneKnown: true, NoneMeds: true, Medication: true}},
		{"allergies not known is no statement", text("Allergien nicht bekannt"), want{Medication: true}},
		{"denied", text("keine Penicillinallergie"), want{Negated: true, Medication: true}},
		{"refuted in words", text("Penicillinallergie allergologisch ausgeschlossen"), want{Negated: true, Medication: true}},
		{"one denied, one affirmed", text("keine Allergie gegen Cefuroxim, aber Penicillin: Anaphylaxie"), want{ATC: "J01C", Recognised: true, Medication: true}},
		{"a denial of something else", text("keine Nüsse, Penicillin Exanthem"), want{ATC: "J01C", Recognised: true, Medication: true}},
		{"something else ruled out", text("Penicillin: Exanthem, Asthma ausgeschlossen"), want{ATC: "J01C", Recognised: true, Medication: true}},
		{"not readable", text("Tbl. von der Oma"), want{Medication: true}},
		{"pollen", text("Gräserpollen"), want{}},
		{"food by category", allergy.Entry{Concept: fhir.CodeableConcept{Text: "Schalentiere"}, Categories: []string{"food"}}, want{}},
		{"category wrong, text names a medicine", allergy.Entry{Concept: fhir.CodeableConcept{Text: "Penicillin"}, Categories: []string{"food"}}, want{ATC: "J01C", Recognised: true, Medication: true}},
		{"culprit in the reaction", allergy.Entry{Concept: fhir.CodeableConcept{Text: "Antibiotikum"}, Reactions: []allergy.Reaction{{Text: "Exanthem nach Clindamycin"}}}, want{ATC: "J01FF01", Recognised: true, Medication: true}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := table.Read(tc.entry)
			got := want{strings.Join(r.ATC, ","), r.NoneKnown, r.NoneKnownMedication, r.Negated, r.Recognised, r.Medication}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestReadMechanism(t *testing.T) {
	table, _ := load(t)
	penicillin := coded(sct, "764146007", "Penicillin")
	reaction := func(code, display, severity, description string) []allergy.Reaction {
		r := allergy.Reaction{Severity: severity, Text: description}
		if code != "" || display != "" {
			r.Manifestations = []fhir.CodeableConcept{coded(sct, code, display)}
		}
		return []allergy.Reaction{r}
	}
	for _, tc := range []struct {
		name  string
		entry allergy.Entry
		want  allergy.Mechanism
	}{
		{"anaphylaxis coded", allergy.Entry{Concept: penicillin, Reactions: reaction("39579001", "", "severe", "")}, allergy.ImmediateSevere},
		{"anaphylaxis in words", allergy.Entry{Concept: penicillin, Reactions: reaction("", "", "", "anaphylaktischer Schock")}, allergy.ImmediateSevere},
		{"angioedema", allergy.Entry{Concept: penicillin, Reactions: reaction("41291007", "Angioedema", "", "")}, allergy.ImmediateSevere},
		{"DRESS", allergy.Entry{Concept: penicillin, Reactions: reaction("702809001", "", "", "")}, allergy.DelayedSevere},
		{"Stevens-Johnson in words", allergy.Entry{Concept: penicillin, Note: "Stevens-Johnson-Syndrom 2015"}, allergy.DelayedSevere},
		{"delayed severe beside a rash", allergy.Entry{Concept: penicillin, Reactions: reaction("271807003", "Rash", "", "später toxische epidermale Nekrolyse")}, allergy.DelayedSevere},
		{"mild rash", allergy.Entry{Concept: penicillin, Reactions: reaction("271807003", "Eruption of skin", "mild", "")}, allergy.Mild},
		{"rash in words", allergy.Entry{Concept: penicillin, Reactions: reaction("", "", "", "makulopapulöses Exanthem am 8. Tag")}, allergy.Mild},
		{"rash called severe is not mild", allergy.Entry{Concept: penicillin, Reactions: reaction("271807003", "", "severe", "")}, allergy.UnknownMechanism},
		{"rash of high criticality is not mild", allergy.Entry{Concept: penicillin, Criticality: "high", Reactions: reaction("271807003", "", "", "")}, allergy.UnknownMechanism},
		{"rash within minutes is not mild", allergy.Entry{Concept: penicillin, Reactions: reaction("", "", "", "Ausschlag wenige Minuten nach Einnahme")}, allergy.UnknownMechanism},
		{"urticaria alone", allergy.Entry{Concept: penicillin, Reactions: reaction("126485001", "Urticaria", "", "")}, allergy.UnknownMechanism},
		{"urticaria within minutes", allergy.Entry{Concept: penicillin, Reactions: reaction("126485001", "Urticaria", "", "10 minutes after the first dose")}, allergy.ImmediateSevere},
		{"nausea", allergy.Entry{Concept: penicillin, Type: "intolerance", Reactions: reaction("422587007", "Nausea", "mild", "")}, allergy.Intolerance},
		{"diarrhoea in words", allergy.Entry{Concept: penicillin, Reactions: reaction("", "", "", "Durchfall")}, allergy.Intolerance},
		{"nausea of high criticality", allergy.Entry{Concept: penicillin, Criticality: "high", Reactions: reaction("422587007", "", "", "")}, allergy.UnknownMechanism},
		{"nothing known", allergy.Entry{Concept: penicillin, Type: "allergy"}, allergy.UnknownMechanism},
		{"intolerance without reaction stays unknown", allergy.Entry{Concept: penicillin, Type: "intolerance"}, allergy.UnknownMechanism},
		{"anaphylaxis denied", allergy.Entry{Concept: penicillin, Note: "keine Anaphylaxie, nur Exanthem"}, allergy.Mild},
		{"denial ends at a comma", allergy.Entry{Concept: penicillin, Note: "kein Fieber, Anaphylaxie"}, allergy.ImmediateSevere},
		{"denial ends at but", allergy.Entry{Concept: penicillin, Note: "no rash but anaphylaxis"}, allergy.ImmediateSevere},
		{"in the text of the entry", text("Penicillin (Quincke-Ödem)"), allergy.ImmediateSevere},
		{"red man", allergy.Entry{Concept: coded(sct, "372735009", "Vancomycin"), Reactions: reaction("", "", "", "Red-Man-Syndrom bei schneller Infusion")}, allergy.Intolerance},
		{"moderate rash", allergy.Entry{Concept: penicillin, Reactions: reaction("247471006", "", "moderate", "")}, allergy.Mild},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := table.Read(tc.entry)
			if r.Mechanism != tc.want {
				t.Errorf("mechanism = %s (%s), want %s", r.Mechanism, r.Basis.EN, tc.want)
			}
			if r.Basis.DE == "" || r.Basis.EN == "" {
				t.Error("no basis given")
			}
		})
	}
}

// Whatever a free text holds, an affirmed culprit is never lost to "no allergy".
func FuzzReadText(f *testing.F) {
	table, _ := load(f)
	for _, seed := range []string{"Penicillin", "keine Penicillinallergie", "NKDA", "no known allergies", "Ausschlag nach Amoxi", "\x00\xff", "Keine", "ausgeschlossen"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r := table.Read(text(s))
		if r.Recognised != (len(r.ATC) > 0) {
			t.Errorf("recognised = %v with culprits %v", r.Recognised, r.ATC)
		}
		if r.Recognised && (r.NoneKnown || r.NoneKnownMedication || !r.Medication) {
			t.Errorf("a culprit and no allergy at once: %+v", r)
		}
		if r.Mechanism == "" {
			t.Error("no mechanism")
		}
	})
}

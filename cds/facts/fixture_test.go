package facts_test

import (
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"cdss/cds"
	"cdss/cds/facts"
	"cdss/cds/stewardship/allergy"
	"cdss/cds/stewardship/formulary"
	"cdss/cds/stewardship/microbiology"
	"cdss/fhir"
)

// now is the time of all charts in these tests.
var now = time.Date(2026, 3, 16, 9, 0, 0, 0, time.FixedZone("", 3600))

var tables = sync.OnceValues(func() (facts.Input, error) {
	fsys := os.DirFS("../content/source")
	f, err := formulary.Load(fsys)
	if err != nil {
		return facts.Input{}, err
	}
	a, err := allergy.Load(fsys, f)
	if err != nil {
		return facts.Input{}, err
	}
	m, err := microbiology.Load(fsys)
	if err != nil {
		return facts.Input{}, err
	}
	return facts.Input{Now: now, Formulary: f, Allergy: a, Organisms: m, Indications: indications}, nil
})

// input gives an Input with the shipped tables and no data.
func input(t testing.TB) facts.Input {
	t.Helper()
	in, err := tables()
	if err != nil {
		t.Fatal(err)
	}
	return in
}

const (
	icd = "http://fhir.de/CodeSystem/bfarm/icd-10-gm"
	sct = "http://snomed.info/sct"
)

// indications are those the tests speak of, coded as the content codes them.
var indications = []cds.Indication{
	indication("community-acquired-pneumonia", "AMBULANT_ERWORBENE_PNEUMONIE", "J13*", "J15*", "J18*", "385093006"),
	indication("hospital-acquired-pneumonia", "NOSOKOMIAL_ERWORBENE_PNEUMONIE", "U69.00", "425464007"),
	indication("copd-exacerbation", "AKUTE_EXAZERBATION_COPD", "J44.0*", "J44.1*", "195951007"),
	indication("uncomplicated-pyelonephritis", "AKUTE_UNKOMPLIZIERTE_PYELONEPHRITIS", "N10", "36689008"),
	indication("complicated-urinary-tract-infection", "KOMPLIZIERTE_NOSOKOMIALE_HARNWEGSINFEKTION", "T83.5", "N39.0", "700372006", "68566005"),
	indication("urosepsis", "UROSEPSIS"),
	indication("sepsis", "SEPSIS", "A40*", "A41*", "R65.1", "91302008"),
	indication("acute-prostatitis", "AKUTE_PROSTATITIS", "N41.0", "9713002"),
	indication("peritonitis", "PERITONITIS", "K65*", "K35.2", "K35.3*"),
	indication("peritonsillar-abscess", "PERITONSILLARABSZESS", "J36"),
	indication("bacterial-meningitis", "BAKTERIELLE_MENINGITIS", "G00*", "95883001"),
	indication("septic-arthritis", "BAKTERIELLE_ARTHRITIS", "M00*"),
	indication("bacterial-gastrointestinal-infection", "BAKTERIELLE_GASTROINTESTINALE_INFEKTIONEN", "A04*"),
	indication("infected-bite-wound", "INFIZIERTE_BISSWUNDEN", "283782004", "words:infizierter menschenbiss"),
	indication("prosthesis-associated-infection", "ENDOPROTHESEN_FREMDKOERPER_ASSOZIIERTE_INFEKTIONEN", "T84.5", "words:protheseninfektion"),
	indication("spreading-odontogenic-infection", "ODONTOGENE_INFEKTIONEN_AUSBREITUNGSTENDENZ", "K12.2*", "299709002"),
}

func indication(code, alias string, codes ...string) cds.Indication {
	i := cds.Indication{Code: code, Alias: alias, Name: cds.Text{DE: code, EN: code}}
	for _, c := range codes {
		if phrase, ok := strings.CutPrefix(c, "words:"); ok {
			i.Words = append(i.Words, phrase)
			continue
		}
		system := sct
		if c[0] >= 'A' && c[0] <= 'Z' {
			system = icd
		}
		i.Codes = append(i.Codes, cds.Code{System: system, Code: c})
	}
	return i
}

// resources parses JSON resources.
func resources(t testing.TB, raw ...string) []*fhir.Resource {
	t.Helper()
	var out []*fhir.Resource
	for _, s := range raw {
		r, err := fhir.ParseResource([]byte(s))
		if err != nil {
			t.Fatalf("%v in %s", err, s)
		}
		out = append(out, r)
	}
	return out
}

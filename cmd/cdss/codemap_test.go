package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cdss/migrations/dbtest"
)

// TestLocalCodes: a hospital's own codes are unknown, and said to be; they are listed
// with how often they came; once they are mapped, they are read.
func TestLocalCodes(t *testing.T) {
	dsn := dbtest.DSN(t)
	p := start(t, true, "DATABASE_URL="+dsn, "CDSS_DEMO=1")
	call, _ := p.example("cap-penicillin-anaphylaxis", "order-sign")
	// The same order and the same creatinine under codes of the hospital's own.
	body := with(call)
	for _, code := range [][2]string{
		{`"http://fhir.de/CodeSystem/bfarm/atc"`, `"https://kis.example/drug"`}, {`"http://www.whocc.no/atc"`, `"https://kis.example/drug"`},
		{`"code":"J01CR01"`, `"code":"4711"`}, {`Ampicillin/Sulbactam`, `AMPSUL`}, {`ampicillin/sulbactam`, `AMPSUL`}, {`Ampicillin`, `AMPSUL`},
	} {
		body = strings.ReplaceAll(body, code[0], code[1])
	}
	if !strings.Contains(body, `"code":"4711"`) {
		t.Fatal("the example orders something else")
	}
	ask := func() string {
		status, _, answer := p.ask("POST", "/cds-services/abs-order-sign", body, "Accept-Language", "en")
		if status != 200 {
			t.Fatalf("%d %s", status, answer)
		}
		return answer
	}
	if answer := ask(); !strings.Contains(answer, "substance not recognised: not checked") || strings.Contains(answer, `"indicator":"critical"`) {
		t.Errorf("an unknown drug: %s", answer)
	}
	p.until(func() bool {
		text := mustRun(t, dsn, "map", "coverage")
		return strings.Contains(text, "https://kis.example/drug") && strings.Contains(text, "4711")
	}, "the unknown code is listed")
	file := filepath.Join(t.TempDir(), "hospital.csv")
	write := func(csv string) {
		if err := os.WriteFile(file, []byte("system;code;target_system;target_code\n"+csv), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("https://kis.example/drug;4711;atc;J01C\n")
	if text, code := operate(t, dsn, "map", "import", file); code != 1 || !strings.Contains(text, "line 2") {
		t.Errorf("a wrong line: %d %s", code, text)
	}
	write("https://kis.example/drug;4711;atc;J01CR01\n")
	mustRun(t, dsn, "map", "import", file)
	p.until(func() bool { return strings.Contains(ask(), `"indicator":"critical"`) }, "the map is used")
	if text := mustRun(t, dsn, "map", "coverage"); strings.Contains(text, "4711") {
		t.Errorf("a mapped code is still listed: %s", text)
	}
	// The map is FHIR like any other.
	_, _, got := p.ask("GET", "/fhir/ConceptMap/hospital", "")
	var m struct {
		Group []struct{ Source, Target string }
	}
	if err := json.Unmarshal([]byte(got), &m); err != nil || len(m.Group) != 1 || m.Group[0].Target != "http://www.whocc.no/atc" {
		t.Errorf("%v %s", err, got)
	}
}

package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"cdss/migrations/dbtest"
)

// outcomeCode gives the code of the only issue of an OperationOutcome, "" of anything
// else.
func outcomeCode(body string) string {
	var o struct {
		ResourceType string
		Issue        []struct{ Code string }
	}
	if json.Unmarshal([]byte(body), &o) != nil || o.ResourceType != "OperationOutcome" || len(o.Issue) != 1 {
		return ""
	}
	return o.Issue[0].Code
}

// TestManyBadTokens: an address that brings nothing but bad tokens is told to come
// later, without a look at the next one; and where good ones came from, bad ones do
// not shut anybody out.
func TestManyBadTokens(t *testing.T) {
	dsn := dbtest.DSN(t)
	call, _ := demo(t).example("cap-penicillin-anaphylaxis", "patient-view")
	a := newEHR(t, "https://a.example")
	mustRun(t, dsn, "client", "add", "a", "--issuer", a.issuer, "--jwks", a.keys())
	p := start(t, true, "DATABASE_URL="+dsn, "CDSS_AUTH=required", "CDSS_DEMO=1", "CDSS_PUBLIC_URL="+public)
	const path = "/cds-services/abs-patient-view"
	body := with(call)
	forged := newEHR(t, a.issuer) // names a, and has another key
	limited := func(most int) bool {
		for range most {
			status, header, answer := p.ask("POST", path, body, "Authorization", forged.token(public+path, nil))
			switch status {
			case 401:
			case 429:
				if outcomeCode(answer) != "throttled" || header.Get("Retry-After") == "" || strings.Contains(answer, "cards") {
					t.Errorf("%v %s", header, answer)
				}
				return true
			default:
				t.Fatalf("%d %s", status, answer)
			}
		}
		return false
	}
	if !limited(40) {
		t.Fatal("forty forged tokens were all looked at")
	}
	if status, _, _ := p.ask("POST", path, body, "Authorization", a.token(public+path, nil)); status != 429 {
		t.Errorf("a good token at once: %d", status)
	}
	p.until(func() bool {
		status, _, _ := p.ask("POST", path, body, "Authorization", a.token(public+path, nil))
		return status == 200
	}, "the address may try again")
	if limited(40) {
		t.Error("forty forged tokens keep an address out that good ones come from")
	}
	if status, _, _ := p.ask("POST", path, body, "Authorization", a.token(public+path, nil)); status != 200 {
		t.Errorf("a good token after them: %d", status)
	}
}

// TestNamesOfThisMachine: with open access a page that has its own name lead to
// loopback gets nothing, at any door.
func TestNamesOfThisMachine(t *testing.T) {
	p := start(t, false, "DATABASE_URL=postgres://nobody@127.0.0.1:1/none?connect_timeout=1", "CDSS_DEMO=1")
	for host, want := range map[string]bool{
		"localhost": true, "localhost:8000": true, "sandbox.localhost": true, "127.0.0.1:1": true, "[::1]:8000": true, "LOCALHOST.": true,
		"evil.example": false, "evil.example:8000": false, "localhost.evil.example": false, "10.0.0.1": false, "127.0.0.1.evil.example": false,
	} {
		for _, path := range []string{"/cds-services", "/fhir/metadata", "/api/status", "/"} {
			status, _, body := p.ask("GET", path, "", "Host", host)
			if refused := status == 403; refused == want {
				t.Errorf("%s at %s: %d %.200s", path, host, status, body)
			}
		}
	}
}

// TestPatientsOfAServer: a person searches a patient on a registered server and asks
// for a recommendation from there; a Medication that is only referred to is read.
func TestPatientsOfAServer(t *testing.T) {
	dsn := dbtest.DSN(t)
	_, prefetch := demo(t).example("cap-penicillin-anaphylaxis", "patient-view")
	s := newRecords(t, prefetch, nil)
	var patient struct{ ID, BirthDate string }
	if err := json.Unmarshal(prefetch["patient"], &patient); err != nil {
		t.Fatal(err)
	}
	mustRun(t, dsn, "server", "add", "hospital", s.URL+"/fhir", "--plain-http", "--allow", "127.0.0.1/32")
	p := start(t, true, "DATABASE_URL="+dsn, "CDSS_DEMO=1")
	if status, _, body := p.ask("GET", "/api/servers", ""); status != 200 || !strings.Contains(body, `"servers":["hospital"],"launchable":[]`) {
		t.Fatalf("%d %s", status, body)
	}
	status, _, body := p.ask("POST", "/api/patients/search", fmt.Sprintf(`{"server":"hospital","id":%q}`, patient.ID))
	if status != 200 || !strings.Contains(body, `"Patient/`+patient.ID+`"`) || !strings.Contains(body, `"complete":true`) {
		t.Errorf("%d %s", status, body)
	}
	status, _, body = p.ask("POST", "/api/recommendations", fmt.Sprintf(`{"server":"hospital","patient":"Patient/%s","language":"en"}`, patient.ID))
	if status != 200 || !strings.Contains(body, "community-acquired-pneumonia") || !strings.Contains(body, "anaphylaxis") {
		t.Errorf("%d %.500s", status, body)
	}
	// Who was looked for stands in no line of the log.
	if strings.Contains(p.log.String(), patient.ID) {
		t.Error("the log holds the id")
	}
	s.Close()
	p.until(func() bool {
		status, _, body = p.ask("POST", "/api/recommendations", fmt.Sprintf(`{"server":"hospital","patient":"Patient/%s"}`, patient.ID))
		return status == 503
	}, "the server is away")
	if !strings.Contains(body, "cannot be reached") && !strings.Contains(body, "not asked for a while") {
		t.Errorf("%s", body)
	}
}

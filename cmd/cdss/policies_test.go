package main

import (
	"encoding/json"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestPolicies: whatever is answered, at any door, by a page or an error, can be framed by
// nobody and is taken for nothing else than it says; and no page runs a script that stands
// in it without the nonce of its answer.
func TestPolicies(t *testing.T) {
	p := demo(t, "CDSS_AUTH=required")
	browser := p.person("")
	for _, path := range []string{
		"/", "/case/new", "/admin/", "/admin/rules", "/docs/", "/assets/nothing.js", "/smart/launch?iss=https://x.example&launch=x", "/smart/callback?code=x&state=y",
		demoPath + "/authorize", demoPath + "/authorize?client_id=x", "/api/status", "/api/nothing", "/api/session", "/fhir/metadata", "/fhir/Patient/x", "/handover", "/cds-services", "/cds-services/nothing",
	} {
		req, err := http.NewRequestWithContext(t.Context(), "GET", p.base+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := browser.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		h := res.Header
		policy := h.Get("Content-Security-Policy")
		page := strings.HasPrefix(h.Get("Content-Type"), "text/html")
		if res.ContentLength != 0 && h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %d may be sniffed: %v", path, res.StatusCode, h)
		}
		if page && (!strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'")) {
			t.Errorf("%s: %d has the policy %q", path, res.StatusCode, policy)
		}
		api := strings.HasPrefix(path, "/api/") || strings.HasPrefix(path, "/fhir/") || strings.HasPrefix(path, "/cds-services")
		if api && (policy != "default-src 'none'; frame-ancestors 'none'; sandbox" || h.Get("Referrer-Policy") != "no-referrer") {
			t.Errorf("%s: %d has the policy %q, referrer policy %q", path, res.StatusCode, policy, h.Get("Referrer-Policy"))
		}
		script := regexp.MustCompile(`script-src[^;]*`).FindString(policy)
		if strings.Contains(script, "unsafe") || strings.Contains(script, "*") || strings.Contains(script, "http") {
			t.Errorf("%s: %q", path, script)
		}
		if from := h.Get("Referrer-Policy"); page && from != "no-referrer" && from != "same-origin" {
			t.Errorf("%s: referrer policy %q", path, from)
		}
	}
}

// TestBillOfMaterials: every module that go.mod requires is in the bill, with its hash, and
// so is what browsers get; twice the same bytes.
func TestBillOfMaterials(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("the bill is written with Node, which is not here; make test has it")
	}
	script := filepath.Join("..", "..", "scripts", "sbom.mjs")
	write := func() []byte {
		raw, err := exec.CommandContext(t.Context(), node, script, "v1").Output()
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	raw := write()
	if string(write()) != string(raw) {
		t.Error("the bill is another one each time")
	}
	var bill struct {
		BOMFormat, SpecVersion string
		Components             []struct {
			PURL, Scope string
			Hashes      []any
			Properties  []any
		}
	}
	if err := json.Unmarshal(raw, &bill); err != nil || bill.BOMFormat != "CycloneDX" {
		t.Fatal(err, bill.BOMFormat)
	}
	out, err := exec.CommandContext(t.Context(), "go", "mod", "edit", "-json").Output()
	if err != nil {
		t.Fatal(err)
	}
	var mod struct {
		Require []struct{ Path, Version string }
	}
	if err := json.Unmarshal(out, &mod); err != nil || len(mod.Require) < 10 {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for _, c := range bill.Components {
		there[c.PURL] = true
		if len(c.Hashes)+len(c.Properties) == 0 {
			t.Errorf("%s has no hash", c.PURL)
		}
	}
	for _, m := range mod.Require {
		if !there["pkg:golang/"+m.Path+"@"+m.Version] {
			t.Errorf("%s %s is not in the bill", m.Path, m.Version)
		}
	}
	if !regexp.MustCompile(`pkg:npm/react@[0-9.]+",\n\s*"scope": "required"`).Match(raw) {
		t.Error("react, which browsers get, is not in the bill")
	}
}

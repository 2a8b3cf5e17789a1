package main

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cdss/migrations/dbtest"
)

// TestConformance: the kit that anyone can use passes in full on this server, open
// and with trust.
func TestConformance(t *testing.T) {
	dsn := dbtest.DSN(t)
	client := newEHR(t, "https://ehr.example")
	mustRun(t, dsn, "client", "add", "ehr", "--issuer", client.issuer, "--jwks", client.keys(), "--origin", "https://ehr.example", "--deadline", "5s")
	der, err := x509.MarshalPKCS8PrivateKey(client.key)
	if err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct{ vars, args []string }{
		"open":     {[]string{"DATABASE_URL=" + dsn, "CDSS_DEMO=1"}, nil},
		"required": {[]string{"DATABASE_URL=" + dsn, "CDSS_DEMO=1", "CDSS_AUTH=required", "CDSS_PUBLIC_URL=" + public}, []string{"--issuer", client.issuer, "--private-key", key, "--kid", "k+/=", "--as", public}},
	} {
		t.Run(name, func(t *testing.T) {
			p := start(t, true, tc.vars...)
			var out bytes.Buffer
			env := environment{out: &out, err: &out}
			if err := run(t.Context(), append([]string{"conformance", p.base, "--origin", "https://ehr.example"}, tc.args...), env); err != nil {
				t.Fatalf("%v\n%s", err, out.String())
			}
			for line := range strings.Lines(out.String()) {
				if strings.HasPrefix(line, "advice") || strings.HasPrefix(line, "skip") || strings.HasPrefix(line, "FAIL") {
					t.Error(line)
				}
			}
			if !strings.Contains(out.String(), "abs-medication-verify") {
				t.Errorf("not every service was called:\n%s", out.String())
			}
		})
	}
}

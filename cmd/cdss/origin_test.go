package main

import "testing"

// TestPagesOfThisMachineMayCall: with open access a browser client on another
// port works at once, and a page from elsewhere does not.
func TestPagesOfThisMachineMayCall(t *testing.T) {
	p := start(t, false, "DATABASE_URL=postgres://nobody@127.0.0.1:1/none?connect_timeout=1", "CDSS_DEMO=1")
	for origin, want := range map[string]bool{
		"http://localhost:3000": true, "https://sandbox.localhost": true, "http://127.0.0.1:8080": true, "http://127.9.9.9": true, "http://[::1]:9": true,
		"https://ehr.example": false, "http://localhost.ehr.example": false, "http://10.0.0.1": false, "null": false, "file://localhost": false,
		"http://127.0.0.1@ehr.example": false, "http://mylocalhost": false,
	} {
		for _, path := range []string{"/cds-services", "/cds-services/abs-order-sign/feedback", "/fhir/metadata", "/fhir/Patient/_search"} {
			for _, method := range []string{"OPTIONS", "GET"} {
				_, header, _ := p.ask(method, path, "", "Origin", origin, "Access-Control-Request-Method", "POST")
				allowed, credentials := header.Get("Access-Control-Allow-Origin"), header.Get("Access-Control-Allow-Credentials")
				if want && (allowed != origin || credentials != "true") || !want && (allowed != "" || credentials != "") {
					t.Errorf("%s %s from %s: allowed %q, credentials %q", method, path, origin, allowed, credentials)
				}
			}
		}
	}
}

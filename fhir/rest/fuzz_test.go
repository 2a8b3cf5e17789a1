package rest_test

import (
	"net/http/httptest"
	"strings"
	"testing"
)

// FuzzRequest sends whatever comes: every answer is below 500, and an error is an
// OperationOutcome.
func FuzzRequest(f *testing.F) {
	d := open(f)
	d.send("PUT", "/Library/l", `{"resourceType":"Library","id":"l","url":"http://x/l"}`).ok(201)
	for _, seed := range [][4]string{
		{"GET", "Library/l", "_summary=true", ""},
		{"GET", "Library", "url=http://x/l&_sort=-url&_include=*", ""},
		{"POST", "Library/_search", "", "status:not=draft&_count=3"},
		{"GET", "Library/l/_history/1", "_pretty=1", ""},
		{"GET", "_history", "_since=2024-01-01T00:00:00Z&_offset=3", ""},
		{"POST", "$fhirpath", "", parameters(parameter("expression", "Patient.name.first() & 'x'"), `{"name":"resource","resource":`+chalmers+`}`)},
		{"POST", "", "", `{"resourceType":"Bundle","type":"transaction","entry":[{"fullUrl":"urn:uuid:1","resource":{"resourceType":"Patient","link":[{"other":{"reference":"Patient?_id=1"}}]},"request":{"method":"POST","url":"Patient"}}]}`},
		{"POST", "", "", `{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"GET","url":"Library?_id=l"}}]}`},
		{"PUT", "Observation/o", "", observation},
		{"DELETE", "Library", "url=none", ""},
		{"POST", "Observation", "", `{"resourceType":"Observation","effectiveTiming":{"event":["9999-12-31T23:59:60Z"]},"valueQuantity":{"value":1e-128,"system":"http://unitsofmeasure.org","code":"Cel"},"subject":{"reference":"Patient/"}}`},
		{"GET", "%2e%2e/x", "%", "\x00"},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3])
	}
	f.Fuzz(func(t *testing.T, method, path, query, body string) {
		if method == "" || strings.ContainsAny(method, " \t\r\n/:") {
			method = "GET"
		}
		r := httptest.NewRequest("GET", "/fhir/", strings.NewReader(body))
		r.Method, r.URL.Path, r.URL.RawQuery = method, "/fhir/"+path, query
		r.Header.Set("Content-Type", "application/fhir+json")
		if strings.HasSuffix(path, "_search") {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		w := httptest.NewRecorder()
		d.ServeHTTP(w, r)
		if w.Code >= 500 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		if w.Code >= 400 && method != "HEAD" && !strings.HasPrefix(w.Body.String(), `{"resourceType":"OperationOutcome"`) {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	})
}

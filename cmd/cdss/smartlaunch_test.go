package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	demoehr "cdss/fhir/access/launch/ehr"
	"cdss/migrations/dbtest"
)

// A clinician launches the app in his EHR: the patient of the launch is read with the
// token of the launch, and with nothing else.
func TestSMARTLaunch(t *testing.T) {
	dsn := dbtest.DSN(t)
	p := start(t, true, "DATABASE_URL="+dsn, "CDSS_DEMO=1")
	upstream, err := url.Parse(p.base + "/fhir")
	if err != nil {
		t.Fatal(err)
	}
	var server *demoehr.EHR
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { server.ServeHTTP(w, r) }))
	defer web.Close()
	server = demoehr.New(demoehr.Config{Base: web.URL, App: p.base, Upstream: upstream, ClientID: "cdss", Patients: []string{"example-cap-anaphylaxis"}})
	var out buffer
	if err := run(t.Context(), []string{"server", "add", "ward", web.URL + "/fhir", "--client-id", "cdss", "--plain-http", "--allow", "127.0.0.0/8"},
		environment{vars: []string{"DATABASE_URL=" + dsn, "LOG_LEVEL=error"}, out: &out, err: &out}); err != nil {
		t.Fatalf("register: %v %s", err, out.String())
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar}
	request := func(method, address, body string) (int, string) {
		t.Helper()
		req, err := http.NewRequest(method, address, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if body != "" {
			req.Header.Set("Content-Type", "application/json")
		}
		res, err := browser.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		raw, _ := io.ReadAll(res.Body)
		return res.StatusCode, res.Request.URL.Path + "?" + res.Request.URL.RawQuery + "\n" + string(raw)
	}
	// The registration is read within seconds.
	for until := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		_, _, servers := p.ask("GET", "/api/servers", "")
		if strings.Contains(servers, `"ward"`) {
			break
		}
		if time.Now().After(until) {
			t.Fatalf("the registration is not known: %s", servers)
		}
	}
	const ask = `{"server":"ward","patient":"Patient/example-cap-anaphylaxis","language":"de"}`
	if _, text := request("POST", p.base+"/api/recommendations", ask); strings.Contains(text, "moxifloxacin") {
		t.Error("the patient was read without a launch")
	}
	if _, text := request("GET", p.base+"/smart/launch?iss="+url.QueryEscape(web.URL+"/fhir")+"&launch=example-cap-anaphylaxis", ""); !strings.HasPrefix(text, "/case/new/launch?\n") {
		t.Fatalf("the launch ends with %.200s", text)
	}
	_, text := request("GET", p.base+"/api/launch", "")
	var launch struct{ Server, Patient string }
	if err := json.Unmarshal([]byte(text[strings.IndexByte(text, '\n')+1:]), &launch); err != nil || launch.Server != "ward" || launch.Patient != "Patient/example-cap-anaphylaxis" {
		t.Fatalf("launch %s", text)
	}
	status, text := request("POST", p.base+"/api/recommendations", ask)
	if status != 200 || !strings.Contains(text, `"J01MA14"`) || strings.Contains(strings.SplitN(text, `"excluded"`, 2)[0], `"J01CA`) {
		t.Errorf("the recommendation is %d %.600s", status, text)
	}
	if status, _ := request("DELETE", p.base+"/api/launch", ""); status != 204 {
		t.Errorf("end: %d", status)
	}
	if _, text := request("POST", p.base+"/api/recommendations", ask); strings.Contains(text, `"J01MA14"`) {
		t.Error("the patient is read after the end of the launch")
	}
}

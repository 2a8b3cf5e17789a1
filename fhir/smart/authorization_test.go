package smart_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"cdss/fhir"
	"cdss/fhir/smart"
)

const secret = "some-opaque-fhir-access-token"

func authorization(t *testing.T, text string) (smart.Authorization, error) {
	t.Helper()
	root, err := fhir.ParseJSON([]byte(`{"fhirAuthorization":`+text+`}`), fhir.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return smart.ParseAuthorization(root.Child("fhirAuthorization"), start)
}

func TestUsable(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		after      time.Duration
		want       smart.Unusable
	}{
		{"as the specification shows it", `{"access_token":"` + secret + `","token_type":"Bearer","expires_in":300,"scope":"user/Patient.read user/Observation.read","subject":"cds-service4"}`, 0, ""},
		{"restricted to the patient", `{"access_token":"t","token_type":"bearer","expires_in":300,"scope":"patient/*.rs","subject":"cds-service4","patient":"p"}`, 0, ""},
		{"patient as a reference", `{"access_token":"t","expires_in":300,"patient":"Patient/p"}`, 0, ""},
		{"restricted to another", `{"access_token":"t","expires_in":300,"patient":"q"}`, 0, smart.OtherPatient},
		{"issued to another", `{"access_token":"t","expires_in":300,"subject":"cds-service5"}`, 0, smart.OtherSubject},
		{"one second before its end", `{"access_token":"t","expires_in":300}`, 299 * time.Second, ""},
		{"at its end", `{"access_token":"t","expires_in":300}`, 300 * time.Second, smart.AccessOver},
		{"over at once", `{"access_token":"t","expires_in":0}`, 0, smart.AccessOver},
		{"without an end", `{"access_token":"t"}`, 0, ""},
		{"of a thousand years", `{"access_token":"t","expires_in":31536000000}`, 0, ""},
		{"null", `null`, 0, smart.NoAccess},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a, err := authorization(t, tc.text)
			if err != nil {
				t.Fatal(err)
			}
			if got := a.Usable(start.Add(tc.after), "cds-service4", "p"); got != tc.want {
				t.Errorf("unusable for %q, want %q", got, tc.want)
			}
		})
	}
}

func TestBrokenAuthorizationIsNoToken(t *testing.T) {
	for _, text := range []string{
		`"` + secret + `"`, `[]`, `[{"access_token":"` + secret + `"}]`, `{}`, `{"access_token":""}`, `{"access_token":5}`,
		`{"access_token":"` + secret + `\r\nX-Other: 1"}`, `{"access_token":"a ` + secret + `"}`, `{"access_token":"tökén"}`,
		`{"access_token":"` + secret + `","token_type":"mac"}`, `{"access_token":"` + secret + `","expires_in":"soon"}`,
		`{"access_token":"` + secret + `","expires_in":-5}`,
	} {
		a, err := authorization(t, text)
		if text == `[]` { // an empty array leaves no node
			continue
		}
		if err == nil || !a.Token.IsZero() {
			t.Errorf("%s is understood as %+v", text, a)
		} else if strings.Contains(err.Error(), secret) {
			t.Errorf("the error shows the token: %v", err)
		}
	}
}

func TestCovers(t *testing.T) {
	for _, tc := range []struct {
		scope  string
		read   smart.Coverage
		search smart.Coverage
	}{
		{"", smart.Fully, smart.Fully},
		{"openid launch", smart.NotAtAll, smart.NotAtAll},
		{"user/Observation.read", smart.Fully, smart.Fully},
		{"patient/*.read", smart.Fully, smart.Fully},
		{"system/Observation.*", smart.Fully, smart.Fully},
		{"user/*.*", smart.Fully, smart.Fully},
		{"user/Observation.write", smart.NotAtAll, smart.NotAtAll},
		{"user/Patient.read user/Condition.read", smart.NotAtAll, smart.NotAtAll},
		{"patient/Observation.rs", smart.Fully, smart.Fully},
		{"patient/Observation.r", smart.Fully, smart.NotAtAll},
		{"patient/Observation.s", smart.NotAtAll, smart.Fully},
		{"patient/*.cruds", smart.Fully, smart.Fully},
		{"patient/Observation.cud", smart.NotAtAll, smart.NotAtAll},
		{"patient/Observation.", smart.NotAtAll, smart.NotAtAll},
		{"patient/Observation", smart.NotAtAll, smart.NotAtAll},
		{"practitioner/Observation.rs", smart.NotAtAll, smart.NotAtAll},
		{"patient/Observation.rs?category=laboratory", smart.Partly, smart.Partly},
		{"patient/Observation.rs?category=laboratory patient/Observation.rs?category=vital-signs", smart.Partly, smart.Partly},
		{"patient/Observation.rs?category=laboratory patient/*.rs", smart.Fully, smart.Fully},
		{"patient/Observation.rs?", smart.Fully, smart.Fully},
	} {
		a := smart.Authorization{Scope: tc.scope}
		if read, search := a.Covers("Observation", false), a.Covers("Observation", true); read != tc.read || search != tc.search {
			t.Errorf("%q covers %v, %v; want %v, %v", tc.scope, read, search, tc.read, tc.search)
		}
	}
}

// TestTokenIsNeverShown: T2, test 9.
func TestTokenIsNeverShown(t *testing.T) {
	a, err := authorization(t, `{"access_token":"`+secret+`","expires_in":300}`)
	if err != nil {
		t.Fatal(err)
	}
	if a.Token.Reveal() != secret {
		t.Fatal("the token is lost")
	}
	type inner struct{ token smart.Token }
	var out bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&out, nil))
	text := slog.New(slog.NewTextHandler(&out, nil))
	for _, v := range []any{a, &a, a.Token, &a.Token, inner{a.Token}, map[string]smart.Token{"t": a.Token}, []any{a}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&out, verb, v)
		}
		log.Info("shown", "value", v)
		text.Info("shown", "value", v)
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(raw)
	}
	if strings.Contains(out.String(), secret) || strings.Contains(out.String(), fmt.Sprintf("%x", secret)) {
		t.Errorf("the token is shown:\n%s", &out)
	}
}

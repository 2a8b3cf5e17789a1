package trial_test

import (
	"strings"
	"testing"

	"cdss/cds/trial"
	"cdss/fhir"
	"cdss/fhir/issue"
)

const small = `{"resourceType":"Bundle","id":"x","type":"collection","timestamp":"2026-05-20T10:00:00+02:00","entry":[
{"resource":{"resourceType":"Parameters","id":"case","parameter":[
{"name":"title","valueString":"t"},{"name":"artifact","valueCanonical":"https://cdss.example/fhir/PlanDefinition/x|1"}MORE]}},
{"resource":{"resourceType":"Patient","id":"p"}},
{"resource":{"resourceType":"MedicationRequest","id":"d","status":"draft","intent":"order","subject":{"reference":"Patient/p"}}}]}`

func bundle(t testing.TB, text string) *fhir.Resource {
	t.Helper()
	r, err := fhir.ParseResource([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// What is read is written again byte for byte, with nothing lost of what a curator
// may say.
func TestCaseIsReadAndWritten(t *testing.T) {
	more := `,{"name":"request","part":[{"name":"indication","valueCode":"sepsis"},{"name":"pathogen","valueString":"E. coli"},{"name":"maxOptions","valueInteger":2}]},
{"name":"offers","part":[{"name":"substance","part":[{"name":"atc","valueCode":"J01DD04"},{"name":"dose","valueString":"2 g"},{"name":"or","part":[{"name":"atc","valueCode":"J01DD01"}]}]}]},
{"name":"excludes","part":[{"name":"atc","valueCode":"J01CR05"},{"name":"reason","valueCode":"allergy"}]},
{"name":"says","part":[{"name":"indicator","valueCode":"critical"},{"name":"words","valueString":"allergie|allergy"}]},
{"name":"fact","part":[{"name":"name","valueCode":"age"},{"name":"value","valueDecimal":60},{"name":"tolerance","valueDecimal":0.5}]},
{"name":"fact","part":[{"name":"name","valueCode":"mrsa"},{"name":"value","valueBoolean":false}]},
{"name":"silent","valueBoolean":true}`
	c, err := trial.ReadCase(bundle(t, strings.Replace(small, "MORE", more, 1)))
	if err != nil {
		t.Fatal(err)
	}
	if c.Request.MaxOptions != 2 || len(c.Expect.OffersOneOf) != 1 || len(c.Expect.OffersOneOf[0][0]) != 2 || len(c.Orders) != 1 || len(c.Patient) != 1 {
		t.Errorf("%+v", c)
	}
	if c.Artifacts[0] != "https://cdss.example/fhir/PlanDefinition/x" {
		t.Errorf("artifact %q: a case belongs to every version", c.Artifacts[0])
	}
	if f := c.Expect.Facts; len(f) != 2 || f[0].Boolean || f[0].Value != 60 || f[0].Tolerance != 0.5 || !f[1].Boolean || f[1].Is {
		t.Errorf("facts %+v", f)
	}
	once, err := c.Bundle()
	if err != nil {
		t.Fatal(err)
	}
	again, err := trial.ReadCase(once)
	if err != nil {
		t.Fatal(err)
	}
	twice, err := again.Bundle()
	if err != nil {
		t.Fatal(err)
	}
	if string(once.Raw()) != string(twice.Raw()) {
		t.Errorf("differs after being read:\n%s\n%s", once.Raw(), twice.Raw())
	}
}

func TestCaseThatIsNone(t *testing.T) {
	for _, tc := range []struct {
		name, old, new string
		kind           issue.Kind
		place          string
	}{
		{"no time", `"timestamp":"2026-05-20T10:00:00+02:00",`, ``, issue.Required, "Bundle.timestamp"},
		{"no expectations", `"id":"case"`, `"id":"other"`, issue.Required, "Bundle.entry"},
		{"no title", `{"name":"title","valueString":"t"},`, ``, issue.Required, "Parameters.parameter"},
		{"no artifact", `,{"name":"artifact","valueCanonical":"https://cdss.example/fhir/PlanDefinition/x|1"}`, ``, issue.Required, "Parameters.parameter"},
		{"a word nobody knows", `MORE`, `,{"name":"offer","part":[]}`, issue.Invalid, "parameter[2]"},
		{"a page of several", `"type":"collection"`, `"type":"collection","link":[{"relation":"next","url":"https://x.example"}]`, issue.Invalid, ""},
		{"no Bundle", `"resourceType":"Bundle"`, `"resourceType":"Basic"`, issue.Invalid, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			text := strings.Replace(small, tc.old, tc.new, 1)
			_, err := trial.ReadCase(bundle(t, strings.Replace(text, "MORE", "", 1)))
			if err == nil {
				t.Fatal("it was read")
			}
			found := issue.Issues(err)
			if len(found) == 0 || found[0].Code != string(tc.kind) || !strings.Contains(strings.Join(found[0].Expression, " "), tc.place) {
				t.Errorf("%+v", found)
			}
		})
	}
}

func FuzzReadCase(f *testing.F) {
	f.Add([]byte(strings.Replace(small, "MORE", "", 1)))
	f.Add([]byte(strings.Replace(small, "MORE", `,{"name":"offers","part":[{"part":[{"name":"or"}]}]}`, 1)))
	f.Add([]byte(strings.Replace(small, "MORE", `,{"name":"fact","part":[{"name":"value","valueDecimal":1e999}]}`, 1)))
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := fhir.ParseResource(raw)
		if err != nil {
			return
		}
		c, err := trial.ReadCase(r)
		if err != nil {
			return
		}
		if _, err := c.Bundle(); err != nil {
			t.Errorf("a case that was read cannot be written: %v", err)
		}
	})
}

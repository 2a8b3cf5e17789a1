package validate_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cdss/fhir"
	"cdss/fhir/fhirpath"
	"cdss/fhir/issue"
	"cdss/fhir/validate"
)

func parse(t testing.TB, s string) *fhir.Resource {
	t.Helper()
	r, err := fhir.ParseResource([]byte(s))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func observation(members string) string {
	return `{"resourceType":"Observation","status":"final","code":{"text":"x"}` + members + `}`
}

// TestAccepted: what looks odd and is legal is not refused by any layer.
func TestAccepted(t *testing.T) {
	tests := []struct{ name, in string }{
		{"decimals and components", observation(`,"valueQuantity":{"value":1.50,"unit":"mg"},"component":[{"code":{"text":"a"},"valueString":"b"}]`)},
		{"decimal with an exponent", observation(`,"valueQuantity":{"value":1.5E-3}`)},
		{"decimal of 400 digits", observation(`,"valueQuantity":{"value":` + strings.Repeat("9", 400) + `}`)},
		{"status by extension only", `{"resourceType":"Observation","_status":{"extension":[{"url":"http://x","valueCode":"unknown"}]},"code":{"text":"x"}}`},
		{"code among others in a concept", `{"resourceType":"AllergyIntolerance","patient":{"reference":"Patient/1"},"clinicalStatus":{"coding":[{"system":"urn:x","code":"1"},{"system":"http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical","code":"active"}]}}`},
		{"dateTime of a year", observation(`,"effectiveDateTime":"2024"`)},
		{"leap day", patient(`,"birthDate":"2024-02-29"`)},
		{"null with an extension in a list", patient(`,"name":[{"given":["a",null,"b"],"_given":[null,{"extension":[{"url":"http://x","valueCode":"y"}]}]}]`)},
		{"null first in a list", patient(`,"name":[{"given":[null,"b"],"_given":[{"id":"x"},null]}]`)},
		{"extension of a canonical", plan(`,"library":["http://x/Library/1"],"_library":[{"extension":[{"url":"http://x","valueBoolean":true}]}]`)},
		{"code with single spaces", patient(`,"communication":[{"language":{"coding":[{"code":"de AT"}]}}]`)},
		{"absolute reference", observation(`,"subject":{"reference":"https://x.example/fhir/Patient/1"}`)},
		{"reference with a version", observation(`,"subject":{"reference":"Patient/1/_history/2"}`)},
		{"reference by identifier", observation(`,"subject":{"identifier":{"system":"urn:x","value":"1"}}`)},
		{"contained reference", observation(`,"contained":[{"resourceType":"Patient","id":"p"}],"subject":{"reference":"#p"}`)},
		{"contained resource that names what contains it", observation(`,"contained":[{"resourceType":"Provenance","id":"p","target":[{"reference":"#"}],"recorded":"2024-01-01T00:00:00Z","agent":[{"who":{"display":"x"}}]}]`)},
		{"Parameters with a resource", `{"resourceType":"Parameters","parameter":[{"name":"a","resource":` + patient("") + `},{"name":"b","valueString":"x"}]}`},
		{"outcome in an entry", `{"resourceType":"Bundle","type":"batch-response","entry":[{"response":{"status":"404","outcome":{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"not-found"}]}}}]}`},
		{"umlauts and emoji", patient(`,"name":[{"family":"Größenwahn","given":["\ud83d\ude00"]}]`)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := validate.Resource(t.Context(), parse(t, tt.in), fhirpath.Env{})
			if err != nil {
				t.Fatal(err)
			}
			if err := issue.From(got); err != nil {
				t.Errorf("refused: %v", got)
			}
		})
	}
}

// TestReferenceTargets: a reference of the wrong type leaves the resource usable,
// unless the element is required or says whom the resource is about.
func TestReferenceTargets(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"the patient of an Observation, optional", observation(`,"subject":{"reference":"Practitioner/1"}`), "error Observation.subject.reference"},
		{"the patient by type alone", observation(`,"subject":{"type":"Practitioner","display":"x"}`), "error Observation.subject.type"},
		{"an encounter", observation(`,"encounter":{"reference":"Patient/1"}`), "warning Observation.encounter.reference"},
		{"an encounter elsewhere", observation(`,"encounter":{"reference":"https://ehr.example/fhir/Patient/1"}`), "warning Observation.encounter.reference"},
		{"in a list", observation(`,"performer":[{"reference":"Patient/1"},{"reference":"Medication/1"}]`), "warning Observation.performer[1].reference"},
		{"required", `{"resourceType":"MedicationRequest","status":"active","intent":"order","subject":{"reference":"Patient/1"},"medicationReference":{"reference":"Substance/1"}}`, "error MedicationRequest.medication.reference"},
		{"optional inside what is optional", `{"resourceType":"CarePlan","status":"active","intent":"plan","subject":{"reference":"Patient/1"},"activity":[{"reference":{"reference":"Patient/1"}}]}`, "warning CarePlan.activity[0].reference.reference"},
		{"no type of R4", observation(`,"encounter":{"reference":"Visit/1"}`), "warning Observation.encounter.reference"},
		{"no type of R4 for the patient", observation(`,"subject":{"reference":"Patent/1"}`), "error Observation.subject.reference"},
		{"an address of any kind", observation(`,"subject":{"reference":"https://ehr.example/api/Persons/1"}`), ""},
		{"of an entry", `{"resourceType":"Bundle","type":"collection","entry":[{"resource":` + observation(`,"encounter":{"reference":"Patient/1"}`) + `}]}`, "warning Bundle.entry[0].resource.encounter.reference"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := validate.Structure(parse(t, tt.in))
			text := ""
			for _, is := range got {
				text += is.Severity + " " + strings.Join(is.Expression, ",")
			}
			if text != tt.want {
				t.Errorf("got %v, want %q", got, tt.want)
			}
			if usable := issue.From(got) == nil; usable == strings.HasPrefix(tt.want, "error") {
				t.Errorf("usable: %v, with %v", usable, got)
			}
		})
	}
}

// TestManyIssues: listing ends, and however much is to be warned of, an error
// behind it is found.
func TestManyIssues(t *testing.T) {
	wrong := strings.TrimSuffix(strings.Repeat(`{"use":"x"},`, 5000), ",")
	if got := validate.Structure(parse(t, `{"resourceType":"Patient","name":[`+wrong+`]}`)); len(got) != 100 {
		t.Errorf("got %d issues", len(got))
	}
	entries := many(300, func(i int) string {
		return fmt.Sprintf(`{"fullUrl":"urn:x:%d","resource":%s},`, i, observation(`,"encounter":{"reference":"Patient/1"}`))
	})
	for _, last := range []string{
		`{"resourceType":"Patient","gender":"F"}`,
		`{"resourceType":"Patient","contact":[{"gender":"male"}]}`,
	} {
		got, err := validate.Resource(t.Context(), parse(t, bundle(`,"entry":[`+entries+`{"fullUrl":"urn:x:x","resource":`+last+`}]`)), fhirpath.Env{})
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != 100 || got[0].Severity != issue.SeverityError || got[1].Severity == issue.SeverityError {
			t.Errorf("got %d issues for %s, the first %v", len(got), last, got[0])
		}
	}
}

func TestInvariants(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"good", observation(`,` + narrative + `,"valueString":"b"`), ""},
		{"dom-6 is a warning", observation(``), "warning Observation: the invariant dom-6 does not hold"},
		{"on an element of the type", `{"resourceType":"Organization","name":"x",` + narrative + `,"telecom":[{"system":"phone","value":"1","use":"home"}]}`, "error Organization.telecom[0]: the invariant org-3 does not hold"},
		{"in a Bundle, with its own resource", bundle(`,"entry":[{"fullUrl":"urn:x:1","resource":` + patient(`,"contact":[{"gender":"male"}]`) + `}]`), "error Bundle.entry[0].resource.contact[0]: the invariant pat-1 does not hold"},
		{"narrative with a handler", `{"resourceType":"Patient","text":{"status":"generated","div":"<div><p onclick='x'>on call</p></div>"}}`, "error Patient.text.div: the invariant txt-1 does not hold"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := validate.Invariants(t.Context(), parse(t, tt.in), fhirpath.Env{})
			if err != nil {
				t.Fatal(err)
			}
			if tt.want == "" && len(got) == 0 {
				return
			}
			if len(got) == 0 || tt.want == "" || !strings.HasPrefix(fmt.Sprintf("%s %s: %s", got[0].Severity, got[0].Expression[0], got[0].Diagnostics), tt.want) {
				t.Errorf("got %v, want %q", got, tt.want)
			}
		})
	}
}

// warned are the official examples that Structure accepts with a warning, since
// they break R4 themselves.
var warned = map[string]string{
	"DeviceMetric-example.json":       "DeviceMetric.parent.reference: a reference to a DeviceDefinition; allowed: Device (value)",
	"DeviceUseStatement-example.json": "DeviceUseStatement.reasonReference[0].reference: a reference to a Procedure; allowed: Condition, Observation, DiagnosticReport, DocumentReference, Media (value)",
}

// TestExamples: at least 99 of 100 official examples are accepted, and what is
// said of them is known.
func TestExamples(t *testing.T) {
	accepted := 0
	all := examples(t)
	for name, r := range all {
		issues := validate.Structure(r)
		if issue.From(issues) == nil {
			accepted++
		}
		var got []string
		for _, is := range issues {
			if got = append(got, is.String()); is.Severity != issue.SeverityWarning {
				t.Errorf("%s: %s %s", name, is.Severity, is)
			}
		}
		if want := warned[name]; strings.Join(got, "\n") != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
		broken, err := validate.Invariants(t.Context(), r, fhirpath.Env{})
		if err != nil {
			t.Fatal(err)
		}
		for _, is := range broken {
			if is.Severity != issue.SeverityWarning {
				t.Errorf("%s: %v", name, is)
			}
		}
	}
	if rate := float64(accepted) / float64(len(all)); rate < 0.99 {
		t.Errorf("accepted %d of %d, %.1f %%", accepted, len(all), 100*rate)
	}
	t.Logf("accepted %d of %d, %d of them with a warning", accepted, len(all), len(warned))
}

// examples gives HL7's example resources by file name.
func examples(t testing.TB) map[string]*fhir.Resource {
	t.Helper()
	dir := os.Getenv("REFERENCE_DATA_DIR")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	files, _ := filepath.Glob(filepath.Join(dir, "fhir-examples", "*.json"))
	if len(files) == 0 {
		t.Skip("reference data fhir-examples is absent; set REFERENCE_DATA_DIR")
	}
	all := map[string]*fhir.Resource{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all[filepath.Base(file)] = parse(t, string(raw))
	}
	return all
}

// FuzzResource: any resource gets an answer with locations, and where the schema
// finds an error, Structure finds one too.
func FuzzResource(f *testing.F) {
	f.Add(observation(`,"valueString":null,"component":[[1],{}],"_code":[{"id":1}]`))
	f.Add(`{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Parameters","parameter":[{"part":[{}]}]}},1]}`)
	f.Add(patient(`,"name":[{"given":["a",null,1],"_given":[null,{"extension":[{"url":"http://x","valueCode":1}]}]}],"_gender":{"extension":[[]]}`))
	f.Add(observation(`,"contained":[{"resourceType":["Patient"],"id":"p"}],"subject":{"reference":"#p"},"valueQuantity":{"value":1e9}`))
	f.Add(`{"resourceType":"Parameters","parameter":[{"name":"a","resource":{"resourceType":"Bundle","type":"x","entry":[{"response":{"outcome":1}}]}}]}`)
	f.Fuzz(func(t *testing.T, s string) {
		r, err := fhir.ParseResource([]byte(s))
		if err != nil {
			return
		}
		structure := validate.Structure(r)
		if found := schema(t, r); len(found) > 0 && issue.From(structure) == nil {
			t.Errorf("the schema alone finds %v", found)
		}
		all, err := validate.Resource(t.Context(), r, fhirpath.Env{Limits: fhirpath.Limits{Steps: 10_000}})
		if err != nil {
			t.Fatal(err)
		}
		if (issue.From(structure) != nil) && issue.From(all) == nil {
			t.Errorf("%v, but accepted", structure)
		}
		for _, is := range all {
			if len(is.Expression) != 1 || !strings.HasPrefix(is.Expression[0], r.Type()) || is.Diagnostics == "" {
				t.Errorf("an issue says too little: %+v", is)
			}
		}
	})
}

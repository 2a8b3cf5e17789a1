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

func TestStructure(t *testing.T) {
	tests := []struct{ name, in, want string }{ // want: "code location: diagnostics", "" for none
		{"good", observation(`,"valueQuantity":{"value":1.50,"unit":"mg"},"component":[{"code":{"text":"a"},"valueString":"b"}]`), ""},
		{"missing status", `{"resourceType":"Observation","code":{"text":"x"}}`, "required Observation.status: status is missing"},
		{"missing inside", observation(`,"component":[{"valueString":"b"}]`), "required Observation.component[0].code: code is missing"},
		{"missing choice", `{"resourceType":"MedicationRequest","status":"active","intent":"order","subject":{"reference":"Patient/1"}}`, "required MedicationRequest.medication: medication is missing"},
		{"status by extension only", `{"resourceType":"Observation","_status":{"extension":[{"url":"http://x","valueCode":"unknown"}]},"code":{"text":"x"}}`, ""},
		{"unknown element", observation(`,"valeu":1`), "structure Observation.valeu: Observation has no element valeu"},
		{"unknown inside", observation(`,"component":[{"code":{"text":"a","txt":"b"}}]`), "structure Observation.component[0].code.txt: CodeableConcept has no element txt"},
		{"two choices", observation(`,"valueString":"a","valueBoolean":true`), "structure Observation.value: value[x] is given twice, as valueString and as valueBoolean"},
		{"wrong choice", observation(`,"valueAddress":{"city":"x"}`), "structure Observation.value: value[x] is a Address; allowed: Quantity, CodeableConcept, string"},
		{"list where one", observation(`,"subject":[{"reference":"Patient/1"}]`), "structure Observation.subject: subject is a list, and one value is allowed"},
		{"one where list", observation(`,"category":{"text":"x"}`), "structure Observation.category: category is no list, and should be one"},
		{"string for object", observation(`,"subject":"Patient/1"`), `structure Observation.subject: a Reference should stand here, not the string "Patient/1"`},
		{"object for string", observation(`,"valueString":{"a":1}`), "structure Observation.value: a string should stand here, not a JSON object"},
		{"number for string", observation(`,"valueString":1`), "structure Observation.value: a string is written as JSON string, not as the number 1"},
		{"string for number", observation(`,"valueQuantity":{"value":"1.5"}`), `structure Observation.value.value: a decimal is written as JSON number, not as the string "1.5"`},
		{"string for boolean", `{"resourceType":"Patient","active":"true"}`, "structure Patient.active: a boolean is written as JSON boolean"},
		{"wrong code", `{"resourceType":"Observation","status":"finished","code":{"text":"x"}}`, `code-invalid Observation.status: "finished" is not in http://hl7.org/fhir/ValueSet/observation-status: registered, preliminary, final`},
		{"wrong code in concept", `{"resourceType":"AllergyIntolerance","patient":{"reference":"Patient/1"},"clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical","code":"aktiv"}]}}`, `code-invalid AllergyIntolerance.clinicalStatus: "aktiv" is not in`},
		{"code of another system in concept", `{"resourceType":"AllergyIntolerance","patient":{"reference":"Patient/1"},"clinicalStatus":{"coding":[{"system":"urn:x","code":"active"}]}}`, "code-invalid AllergyIntolerance.clinicalStatus"},
		{"code among others in concept", `{"resourceType":"AllergyIntolerance","patient":{"reference":"Patient/1"},"clinicalStatus":{"coding":[{"system":"urn:x","code":"1"},{"system":"http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical","code":"active"}]}}`, ""},
		{"30 February", `{"resourceType":"Patient","birthDate":"2023-02-30"}`, `value Patient.birthDate: "2023-02-30" is no date`},
		{"date with time", `{"resourceType":"Patient","birthDate":"2023-02-20T10:00:00Z"}`, "value Patient.birthDate"},
		{"dateTime without zone", observation(`,"effectiveDateTime":"2024-01-01T10:00:00"`), "value Observation.effective"},
		{"dateTime of a year", observation(`,"effectiveDateTime":"2024"`), ""},
		{"instant without time", observation(`,"issued":"2024-01-01"`), "value Observation.issued"},
		{"id", `{"resourceType":"Patient","id":"a_b"}`, `value Patient.id: "a_b" is no id: 1 to 64 letters, digits, - and .`},
		{"positiveInt", `{"resourceType":"Patient","telecom":[{"rank":0}]}`, `value Patient.telecom[0].rank: "0" is no positiveInt`},
		{"integer with fraction", observation(`,"valueInteger":1.5`), "value Observation.value"},
		{"empty string", observation(`,"valueString":""`), "value Observation.value: \"\" is no string: not empty"},
		{"empty list", observation(`,"category":[]`), "structure Observation.category: an empty list is not allowed"},
		{"empty object", observation(`,"subject":{}`), "structure Observation.subject: an empty object is not allowed"},
		{"null", observation(`,"valueString":null`), "structure Observation.value: null is not allowed"},
		{"null with extension in a list", `{"resourceType":"Patient","name":[{"given":["a",null],"_given":[null,{"extension":[{"url":"http://x","valueCode":"y"}]}]}]}`, ""},
		{"null alone in a list", `{"resourceType":"Patient","name":[{"given":["a",null]}]}`, "structure Patient.name[0].given[1]: null is not allowed"},
		{"uri with space", `{"resourceType":"Patient","identifier":[{"system":"urn: x","value":"1"}]}`, "value Patient.identifier[0].system"},
		{"reference target", observation(`,"subject":{"reference":"Practitioner/1"}`), "value Observation.subject.reference: a reference to a Practitioner; allowed: Patient, Group, Device, Location"},
		{"absolute reference", observation(`,"subject":{"reference":"https://x.example/fhir/Patient/1"}`), ""},
		{"logical reference of wrong type", observation(`,"subject":{"type":"Practitioner","display":"x"}`), "value Observation.subject.type"},
		{"odd reference", observation(`,"subject":{"reference":"the patient"}`), `value Observation.subject.reference: "the patient" is no reference`},
		{"dangling contained reference", observation(`,"subject":{"reference":"#p"}`), `value Observation.subject.reference: "#p" names no contained resource`},
		{"contained reference", observation(`,"contained":[{"resourceType":"Patient","id":"p"}],"subject":{"reference":"#p"}`), ""},
		{"in contained", observation(`,"contained":[{"resourceType":"Patient","id":"p","gender":"F"}],"subject":{"reference":"#p"}`), "code-invalid Observation.contained[0].gender"},
		{"in a Bundle", `{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Patient","gender":"F"}}]}`, `code-invalid Bundle.entry[0].resource.gender: "F" is not in http://hl7.org/fhir/ValueSet/administrative-gender: male, female, other, unknown`},
		{"in Parameters", `{"resourceType":"Parameters","parameter":[{"name":"a","resource":{"resourceType":"Patient","gender":"F"}}]}`, "code-invalid Parameters.parameter[0].resource.gender"},
		{"unknown type", `{"resourceType":"Patent"}`, `structure Patent.resourceType: "Patent" is no resource of FHIR R4`},
		{"abstract type", `{"resourceType":"DomainResource"}`, "structure DomainResource.resourceType"},
		{"extension", `{"resourceType":"Patient","extension":[{"valueString":"x"}]}`, "required Patient.extension[0].url: url is missing"},
		{"extension of a primitive", `{"resourceType":"Patient","_gender":{"extension":[{"url":"http://x","valueFoo":"x"}]}}`, "structure Patient.gender.extension[0].valueFoo"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := validate.Structure(parse(t, tt.in))
			if tt.want == "" {
				if len(got) > 0 {
					t.Errorf("got %v", got)
				}
				return
			}
			if len(got) != 1 {
				t.Fatalf("got %d issues: %v", len(got), got)
			}
			text := got[0].Code + " " + strings.Join(got[0].Expression, ",") + ": " + got[0].Diagnostics
			if !strings.HasPrefix(text, tt.want) || got[0].Severity != issue.SeverityError {
				t.Errorf("got  %s\nwant %s", text, tt.want)
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

func TestStructureStops(t *testing.T) {
	wrong := strings.TrimSuffix(strings.Repeat(`{"use":"x"},`, 5000), ",")
	if got := validate.Structure(parse(t, `{"resourceType":"Patient","name":[`+wrong+`]}`)); len(got) != 100 {
		t.Errorf("got %d issues", len(got))
	}
}

func TestInvariants(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"good", observation(`,"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">x</div>"},"valueString":"b"`), ""},
		{"obs-6", observation(`,"text":{"status":"generated","div":"<div>x</div>"},"valueString":"b","dataAbsentReason":{"text":"x"}`), "error Observation: the invariant obs-6 does not hold"},
		{"dom-6 is a warning", observation(``), "warning Observation: the invariant dom-6 does not hold"},
		{"pat-1", `{"resourceType":"Patient","text":{"status":"generated","div":"<div>x</div>"},"contact":[{"gender":"male"}]}`, "error Patient.contact[0]: the invariant pat-1 does not hold"},
		{"per-1", observation(`,"text":{"status":"generated","div":"<div>x</div>"},"effectivePeriod":{"start":"2024-02-01","end":"2024-01-01"}`), "error Observation.effective: the invariant per-1 does not hold"},
		{"ext-1", `{"resourceType":"Patient","text":{"status":"generated","div":"<div>x</div>"},"extension":[{"url":"http://x"}]}`, "error Patient.extension[0]: the invariant ext-1 does not hold"},
		{"on an element of the type", `{"resourceType":"Organization","name":"x","text":{"status":"generated","div":"<div>x</div>"},"telecom":[{"system":"phone","value":"1","use":"home"}]}`, "error Organization.telecom[0]: the invariant org-3 does not hold"},
		{"in a Bundle, with its own resource", `{"resourceType":"Bundle","type":"collection","entry":[{"fullUrl":"urn:x:1","resource":{"resourceType":"Patient","text":{"status":"generated","div":"<div>x</div>"},"contact":[{"gender":"male"}]}}]}`, "error Bundle.entry[0].resource.contact[0]: the invariant pat-1 does not hold"},
		{"dom-3, contained and never named", observation(`,"text":{"status":"generated","div":"<div>x</div>"},"contained":[{"resourceType":"Patient","id":"p"}]`), "error Observation: the invariant dom-3 does not hold"},
		{"narrative with a script", `{"resourceType":"Patient","text":{"status":"generated","div":"<div>a <script>x</script></div>"}}`, "error Patient.text.div: the invariant txt-1 does not hold"},
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

func FuzzStructure(f *testing.F) {
	f.Add(observation(`,"valueString":null,"component":[[1],{}],"_code":[{"id":1}]`))
	f.Add(`{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Parameters","parameter":[{"part":[{}]}]}},1]}`)
	f.Fuzz(func(t *testing.T, s string) {
		r, err := fhir.ParseResource([]byte(s))
		if err != nil {
			return
		}
		validate.Structure(r)
		if _, err := validate.Invariants(t.Context(), r, fhirpath.Env{Limits: fhirpath.Limits{Steps: 10_000}}); err != nil {
			t.Error(err)
		}
	})
}

// BenchmarkStructure checks a prefetch of 20 KB; the aim is 2 ms, parsing
// included.
func BenchmarkStructure(b *testing.B) {
	var body strings.Builder
	body.WriteString(`{"resourceType":"Bundle","type":"searchset","entry":[{"resource":{"resourceType":"Patient","id":"1"}}`)
	for i := 0; body.Len() < 20_000; i++ {
		fmt.Fprintf(&body, `,{"resource":{"resourceType":"Observation","id":"%d","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"2160-0"}],"text":"Kreatinin"},"subject":{"reference":"Patient/1"},"effectiveDateTime":"2024-03-01T08:00:00+01:00","valueQuantity":{"value":1.%02d,"unit":"mg/dL","system":"http://unitsofmeasure.org","code":"mg/dL"}}}`, i, i%100)
	}
	body.WriteString("]}")
	raw := []byte(body.String())
	validate.Structure(parse(b, string(raw)))
	b.Run("structure", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if got := validate.Structure(parse(b, string(raw))); len(got) > 0 {
				b.Fatal(got)
			}
		}
	})
	b.Run("invariants", func(b *testing.B) {
		b.ReportAllocs()
		r := parse(b, string(raw))
		for b.Loop() {
			if _, err := validate.Invariants(b.Context(), r, fhirpath.Env{}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

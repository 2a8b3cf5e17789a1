package validate_test

import (
	"strings"
	"testing"

	"cdss/fhir"
	"cdss/fhir/fhirpath"
	"cdss/fhir/issue"
	"cdss/fhir/validate"
)

// narrative keeps dom-6, a warning, out of what is told.
const narrative = `"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">x</div>"}`

func patient(members string) string {
	return `{"resourceType":"Patient",` + narrative + members + `}`
}

func bundle(members string) string {
	return `{"resourceType":"Bundle","type":"collection"` + members + `}`
}

func plan(members string) string {
	return `{"resourceType":"PlanDefinition","status":"draft",` + narrative + members + `}`
}

// TestBroken: each resource has one fault, or those that are listed, and is
// refused with its FHIRPath location, what stands there and what may.
func TestBroken(t *testing.T) {
	tests := []struct {
		name, in string
		want     []string // "code location: how the text begins"
	}{
		// Elements.
		{"unknown element", observation(`,"valeu":1`), []string{"structure Observation.valeu: Observation has no element valeu"}},
		{"unknown element inside", observation(`,"component":[{"code":{"text":"a","txt":"b"}}]`), []string{"structure Observation.component[0].code.txt: CodeableConcept has no element txt"}},
		{"element of another version", `{"resourceType":"MedicationRequest","status":"active","intent":"order","subject":{"reference":"Patient/1"},"medicationReference":{"reference":"Medication/1"},"informationSource":[{"reference":"Patient/1"}]}`, []string{"structure MedicationRequest.informationSource: MedicationRequest has no element informationSource"}},
		{"element in the wrong case", patient(`,"birthdate":"1950-01-01"`), []string{"structure Patient.birthdate: Patient has no element birthdate"}},
		{"element of FHIR's XML", patient(`,"@value":"x"`), []string{"structure Patient.@value: Patient has no element @value"}},
		{"missing required", `{"resourceType":"Observation","code":{"text":"x"}}`, []string{"required Observation.status: status is missing"}},
		{"missing required object", `{"resourceType":"Observation","status":"final"}`, []string{"required Observation.code: code is missing"}},
		{"missing required inside", observation(`,"component":[{"valueString":"b"}]`), []string{"required Observation.component[0].code: code is missing"}},
		{"missing required choice", `{"resourceType":"MedicationRequest","status":"active","intent":"order","subject":{"reference":"Patient/1"}}`, []string{"required MedicationRequest.medication: medication is missing"}},
		{"two choices", observation(`,"valueString":"a","valueBoolean":true`), []string{"structure Observation.value: value[x] is given twice, as valueString and as valueBoolean"}},
		{"two choices, one wrong itself", observation(`,"valueString":"a","valueQuantity":{"value":"1"}`), []string{
			"structure Observation.value: value[x] is given twice, as valueString and as valueQuantity",
			"structure Observation.value.value: a JSON number should stand here, not the string \"1\"",
		}},
		{"choice of a type that is not allowed", observation(`,"valueAddress":{"city":"x"}`), []string{"structure Observation.value: value[x] is a Address; allowed: Quantity, CodeableConcept, string"}},
		{"choice without type", observation(`,"value":"x"`), []string{"structure Observation.value: Observation has no element value"}},
		{"too many", `{"resourceType":"SubstancePolymer",` + narrative + `,"modification":["a"],"class":[{"text":"a"}]}`, []string{"structure SubstancePolymer.class: class is a list, and one value is allowed"}},

		// JSON.
		{"list where one", observation(`,"subject":[{"reference":"Patient/1"}]`), []string{"structure Observation.subject: subject is a list, and one value is allowed"}},
		{"one where list", observation(`,"category":{"text":"x"}`), []string{"structure Observation.category: category is no list, and should be one"}},
		{"one where list, a primitive", patient(`,"name":[{"given":"A"}]`), []string{"structure Patient.name[0].given: given is no list, and should be one"}},
		{"list in a list", patient(`,"name":[[{"family":"A"}]]`), []string{"structure Patient.name[0]: a HumanName should stand here, not a JSON array"}},
		{"string for object", observation(`,"subject":"Patient/1"`), []string{`structure Observation.subject: a Reference should stand here, not the string "Patient/1"`}},
		{"object for string", observation(`,"valueString":{"a":1}`), []string{"structure Observation.value: a string should stand here, not a JSON object"}},
		{"number for string", observation(`,"valueString":1`), []string{"structure Observation.value: a string is written as JSON string, not as the number 1"}},
		{"number for string in a list", patient(`,"name":[{"given":["A",null,2],"_given":[null,{"id":"x"}]}]`), []string{"structure Patient.name[0].given[2]: a string is written as JSON string, not as the number 2"}},
		{"string for decimal", observation(`,"valueQuantity":{"value":"1.5"}`), []string{`structure Observation.value.value: a decimal is written as JSON number, not as the string "1.5"`}},
		{"string for boolean", patient(`,"active":"true"`), []string{`structure Patient.active: a boolean is written as JSON boolean, not as the string "true"`}},
		{"null", observation(`,"valueString":null`), []string{"structure Observation.value: null is not allowed"}},
		{"null alone in a list", patient(`,"name":[{"given":["a",null]}]`), []string{"structure Patient.name[0].given[1]: null is not allowed"}},
		{"null for object", observation(`,"subject":null`), []string{"structure Observation.subject: a Reference should stand here, not a JSON null"}},
		{"empty list", observation(`,"category":[]`), []string{"structure Observation.category: an empty list is not allowed"}},
		{"empty object", observation(`,"subject":{}`), []string{"structure Observation.subject: an empty object is not allowed"}},
		{"empty object in a list", patient(`,"name":[{}]`), []string{"structure Patient.name[0]: an empty object is not allowed"}},
		{"empty object with required elements", `{"resourceType":"List","status":"current","mode":"working","entry":[{}]}`, []string{"structure List.entry[0]: an empty object is not allowed"}},
		{"empty string", observation(`,"valueString":""`), []string{`value Observation.value: "" is no string: not empty`}},
		{"string of spaces", observation(`,"valueString":"  "`), []string{`value Observation.value: "  " is no string: not empty`}},
		{"control character", observation(`,"valueString":"a\u0007"`), []string{`value Observation.value: "a\a" is no string: no control characters`}},

		// Primitives.
		{"30 February", patient(`,"birthDate":"2023-02-30"`), []string{`value Patient.birthDate: "2023-02-30" is no date: YYYY, YYYY-MM or YYYY-MM-DD, and a day of the calendar`}},
		{"29 February of no leap year", patient(`,"birthDate":"2023-02-29"`), []string{`value Patient.birthDate: "2023-02-29" is no date`}},
		{"German date", patient(`,"birthDate":"01.02.1950"`), []string{`value Patient.birthDate: "01.02.1950" is no date`}},
		{"date with time", patient(`,"birthDate":"2023-02-20T10:00:00Z"`), []string{`value Patient.birthDate: "2023-02-20T10:00:00Z" is no date`}},
		{"dateTime without zone", observation(`,"effectiveDateTime":"2024-01-01T10:00:00"`), []string{`value Observation.effective: "2024-01-01T10:00:00" is no dateTime`}},
		{"dateTime of an hour that is none", observation(`,"effectiveDateTime":"2024-01-01T25:00:00Z"`), []string{`value Observation.effective: "2024-01-01T25:00:00Z" is no dateTime`}},
		{"instant without time", observation(`,"issued":"2024-01-01"`), []string{`value Observation.issued: "2024-01-01" is no instant`}},
		{"time", observation(`,"valueTime":"8:00"`), []string{`value Observation.value: "8:00" is no time: hh:mm:ss`}},
		{"id", patient(`,"id":"a_b"`), []string{`value Patient.id: "a_b" is no id: 1 to 64 letters, digits, - and .`}},
		{"id of 65 characters", patient(`,"id":"` + strings.Repeat("a", 65) + `"`), []string{`value Patient.id: "aaa`}},
		{"uri with space", patient(`,"identifier":[{"system":"urn: x","value":"1"}]`), []string{`value Patient.identifier[0].system: "urn: x" is no uri: no white space, and not empty`}},
		{"oid", patient(`,"extension":[{"url":"http://x","valueOid":"1.2.276"}]`), []string{`value Patient.extension[0].value: "1.2.276" is no oid: urn:oid: and numbers with points`}},
		{"uuid", patient(`,"extension":[{"url":"http://x","valueUuid":"urn:uuid:1"}]`), []string{`value Patient.extension[0].value: "urn:uuid:1" is no uuid`}},
		{"canonical", plan(`,"library":["http://x/ Library"]`), []string{`value PlanDefinition.library[0]: "http://x/ Library" is no canonical`}},
		{"code with spaces", patient(`,"communication":[{"language":{"coding":[{"code":" de"}]}}]`), []string{`value Patient.communication[0].language.coding[0].code: " de" is no code`}},
		{"base64", patient(`,"photo":[{"contentType":"image/png","data":"%%%"}]`), []string{`value Patient.photo[0].data: "%%%" is no base64Binary: base64`}},
		{"positiveInt", patient(`,"telecom":[{"system":"phone","rank":0}]`), []string{`value Patient.telecom[0].rank: "0" is no positiveInt: a whole number from 1`}},
		{"unsignedInt", `{"resourceType":"Bundle","type":"searchset","total":-1}`, []string{`value Bundle.total: "-1" is no unsignedInt: a whole number from 0`}},
		{"integer with fraction", observation(`,"valueInteger":1.5`), []string{`value Observation.value: "1.5" is no integer`}},
		{"integer of 64 bits", observation(`,"valueInteger":3000000000`), []string{`value Observation.value: "3000000000" is no integer`}},

		// Codes.
		{"code", `{"resourceType":"Observation","status":"finished","code":{"text":"x"}}`, []string{`code-invalid Observation.status: "finished" is not in http://hl7.org/fhir/ValueSet/observation-status: registered, preliminary, final`}},
		{"code in the wrong case", patient(`,"gender":"Female"`), []string{`code-invalid Patient.gender: "Female" is not in http://hl7.org/fhir/ValueSet/administrative-gender: male, female, other, unknown`}},
		{"code in a concept", `{"resourceType":"AllergyIntolerance","patient":{"reference":"Patient/1"},"verificationStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/allergyintolerance-verification","code":"entered-in-error"}]},"criticality":"gross"}`, []string{`code-invalid AllergyIntolerance.criticality: "gross" is not in`}},
		{"code of another system in a concept", `{"resourceType":"AllergyIntolerance","patient":{"reference":"Patient/1"},"clinicalStatus":{"coding":[{"system":"urn:x","code":"active"}]}}`, []string{`code-invalid AllergyIntolerance.clinicalStatus: "active" is not in http://hl7.org/fhir/ValueSet/allergyintolerance-clinical`}},
		{"no code in a concept", `{"resourceType":"AllergyIntolerance","patient":{"reference":"Patient/1"},"clinicalStatus":{"text":"aktiv"}}`, []string{"code-invalid AllergyIntolerance.clinicalStatus: no code is not in"}},

		// References.
		{"target of a reference", observation(`,"subject":{"reference":"Practitioner/1"}`), []string{"value Observation.subject.reference: a reference to a Practitioner; allowed: Patient, Group, Device, Location"}},
		{"target of a logical reference", observation(`,"subject":{"type":"Practitioner","display":"x"}`), []string{"value Observation.subject.type: a reference to a Practitioner"}},
		{"words for a reference", observation(`,"encounter":{"reference":"the stay"}`), []string{`value Observation.encounter.reference: "the stay" is no reference`}},
		{"reference with a space", observation(`,"encounter":{"reference":"Encounter/1 2"}`), []string{`value Observation.encounter.reference: "Encounter/1 2" is no reference`}},
		{"contained resource that is not there", observation(`,"subject":{"reference":"#p"}`), []string{`value Observation.subject.reference: "#p" names no contained resource`}},
		{"contained resource of the Bundle", bundle(`,"entry":[{"fullUrl":"urn:uuid:1","resource":` + patient(`,"id":"p"`) + `},{"fullUrl":"urn:uuid:2","resource":` + observation(`,"subject":{"reference":"#p"}`) + `}]`), []string{`value Bundle.entry[1].resource.subject.reference: "#p" names no contained resource`}},

		// Extensions.
		{"extension without url", patient(`,"extension":[{"valueString":"x"}]`), []string{"required Patient.extension[0].url: url is missing"}},
		{"extension with a value and nested", patient(`,"extension":[{"url":"http://x","valueString":"x","extension":[{"url":"y","valueString":"z"}]}]`), []string{"invariant Patient.extension[0]: the invariant ext-1 does not hold"}},
		{"extension without value", patient(`,"extension":[{"url":"http://x"}]`), []string{"invariant Patient.extension[0]: the invariant ext-1 does not hold"}},
		{"extension with two values", patient(`,"extension":[{"url":"http://x","valueCode":"a","valueString":"b"}]`), []string{"structure Patient.extension[0].value: value[x] is given twice, as valueCode and as valueString"}},
		{"extension of a primitive", patient(`,"_gender":{"extension":[{"url":"http://x","valueFoo":"x"}]}`), []string{
			"structure Patient.gender.extension[0].valueFoo: Extension has no element valueFoo",
			"invariant Patient.gender.extension[0]: the invariant ext-1 does not hold",
		}},
		{"extension of the second in a list", patient(`,"name":[{"given":["A","B"],"_given":[null,{"extension":[{"valueCode":"x"}]}]}]`), []string{"required Patient.name[0].given[1].extension[0].url: url is missing"}},
		{"one extension of a primitive", patient(`,"_gender":{"extension":{"url":"http://x","valueCode":"x"}}`), []string{"structure Patient.gender.extension: extension is no list, and should be one"}},
		{"list of lists of extensions of a primitive", patient(`,"_gender":{"extension":[[{"url":"http://x","valueCode":"x"}]]}`), []string{"structure Patient.gender.extension[0]: a Extension should stand here, not a JSON array"}},
		{"extension with a url that is none", patient(`,"extension":[{"url":"geburts zeit","valueCode":"x"}]`), []string{`value Patient.extension[0].url: "geburts zeit" is no uri: no white space, and not empty`}},
		{"_x that is no object", patient(`,"gender":"female","_gender":"x"`), []string{"structure Patient._gender: Patient has no element _gender"}},
		{"element in _x", patient(`,"gender":"female","_gender":{"text":"x"}`), []string{"structure Patient.gender.text: code has no element text"}},
		{"modifier extension on a data type", patient(`,"name":[{"family":"A","modifierExtension":[{"url":"http://x","valueCode":"y"}]}]`), []string{"structure Patient.name[0].modifierExtension: HumanName has no element modifierExtension"}},

		// Resources in resources.
		{"unknown type", `{"resourceType":"Patent"}`, []string{`structure Patent.resourceType: "Patent" is no resource of FHIR R4`}},
		{"abstract type", `{"resourceType":"DomainResource"}`, []string{`structure DomainResource.resourceType: "DomainResource" is no resource`}},
		{"code in an entry", bundle(`,"entry":[{"fullUrl":"urn:uuid:1","resource":` + patient("") + `},{"fullUrl":"urn:uuid:2","resource":` + patient(`,"gender":"F"`) + `}]`), []string{`code-invalid Bundle.entry[1].resource.gender: "F" is not in`}},
		{"code in a Bundle in a Bundle", bundle(`,"entry":[{"fullUrl":"urn:uuid:1","resource":` + bundle(`,"entry":[{"fullUrl":"urn:uuid:2","resource":`+patient(`,"gender":"F"`)+`}]`) + `}]`), []string{`code-invalid Bundle.entry[0].resource.entry[0].resource.gender: "F" is not in`}},
		{"resource without type in an entry", bundle(`,"entry":[{"fullUrl":"urn:uuid:1","resource":{"id":"1"}}]`), []string{"required Bundle.entry[0].resource.resourceType: resourceType is missing"}},
		{"unknown type in an entry", bundle(`,"entry":[{"fullUrl":"urn:uuid:1","resource":{"resourceType":"Patent","id":"1"}}]`), []string{`structure Bundle.entry[0].resource.resourceType: "Patent" is no resource of FHIR R4`}},
		{"list of types in an entry", bundle(`,"entry":[{"fullUrl":"urn:uuid:1","resource":{"resourceType":["Patient"],"id":"1"}}]`), []string{"structure Bundle.entry[0].resource.resourceType: resourceType is one string"}},
		{"string for a resource", bundle(`,"entry":[{"fullUrl":"urn:uuid:1","resource":"Patient/1"}]`), []string{`structure Bundle.entry[0].resource: a resource should stand here, not the string "Patient/1"`}},
		{"entry that is no object", bundle(`,"entry":["x"]`), []string{`structure Bundle.entry[0]: a Bundle.entry should stand here, not the string "x"`}},
		{"in contained", observation(`,"contained":[{"resourceType":"Patient","id":"p","gender":"F"}],"subject":{"reference":"#p"}`), []string{`code-invalid Observation.contained[0].gender: "F" is not in`}},
		{"element in contained", observation(`,"contained":[{"resourceType":"Patient","id":"p","nmae":[]}],"subject":{"reference":"#p"}`), []string{"structure Observation.contained[0].nmae"}},
		{"contained that nothing names", observation(`,"contained":[{"resourceType":"Patient","id":"p"}]`), []string{"invariant Observation: the invariant dom-3 does not hold"}},
		{"contained in contained", observation(`,"contained":[{"resourceType":"Patient","id":"p","contained":[{"resourceType":"Organization","id":"o","name":"O"}],"managingOrganization":{"reference":"#o"}}],"subject":{"reference":"#p"}`), []string{
			`value Observation.contained[0].managingOrganization.reference: "#o" names no contained resource`,
			"invariant Observation: the invariant dom-2 does not hold",
		}},
		{"in a parameter", `{"resourceType":"Parameters","parameter":[{"name":"a","resource":` + patient(`,"gender":"F"`) + `}]}`, []string{`code-invalid Parameters.parameter[0].resource.gender: "F" is not in`}},
		{"in a part of a parameter", `{"resourceType":"Parameters","parameter":[{"name":"a","part":[{"name":"b","resource":` + patient(`,"active":1`) + `}]}]}`, []string{"structure Parameters.parameter[0].part[0].resource.active: a boolean is written as JSON boolean, not as the number 1"}},

		// Invariants.
		{"obs-6", observation(`,"valueString":"b","dataAbsentReason":{"text":"x"}`), []string{"invariant Observation: the invariant obs-6 does not hold: dataAbsentReason SHALL only be present if"}},
		{"obs-6 and a code", `{"resourceType":"Observation","status":"finished","code":{"text":"x"},"valueString":"b","dataAbsentReason":{"text":"x"}}`, []string{
			`code-invalid Observation.status: "finished" is not in`,
			"invariant Observation: the invariant obs-6 does not hold",
		}},
		{"obs-7", `{"resourceType":"Observation","status":"final","code":{"coding":[{"system":"urn:x","code":"1"}]},"valueString":"b","component":[{"code":{"coding":[{"system":"urn:x","code":"1"}]},"valueString":"c"}]}`, []string{"invariant Observation: the invariant obs-7 does not hold"}},
		{"pat-1", patient(`,"contact":[{"gender":"male"}]`), []string{"invariant Patient.contact[0]: the invariant pat-1 does not hold"}},
		{"per-1", observation(`,"effectivePeriod":{"start":"2024-02-01","end":"2024-01-01"}`), []string{"invariant Observation.effective: the invariant per-1 does not hold"}},
		{"qty-3", observation(`,"valueQuantity":{"value":1,"code":"mg"}`), []string{"invariant Observation.value: the invariant qty-3 does not hold"}},
		{"att-1", patient(`,"photo":[{"data":"AAAA"}]`), []string{"invariant Patient.photo[0]: the invariant att-1 does not hold"}},
		{"cpt-2", patient(`,"telecom":[{"value":"030 1"}]`), []string{"invariant Patient.telecom[0]: the invariant cpt-2 does not hold"}},
		{"tim-1", `{"resourceType":"MedicationRequest",` + narrative + `,"status":"active","intent":"order","subject":{"reference":"Patient/1"},"medicationReference":{"reference":"Medication/1"},"dosageInstruction":[{"timing":{"repeat":{"duration":1}}}]}`, []string{"invariant MedicationRequest.dosageInstruction[0].timing.repeat: the invariant tim-1 does not hold"}},
		{"bdl-7", bundle(`,"entry":[{"fullUrl":"urn:uuid:1","resource":` + patient("") + `},{"fullUrl":"urn:uuid:1","resource":` + patient("") + `}]`), []string{"invariant Bundle: the invariant bdl-7 does not hold"}},
		{"exp-1", plan(`,"action":[{"condition":[{"kind":"applicability","expression":{"language":"text/fhirpath"}}]}]`), []string{"invariant PlanDefinition.action[0].condition[0].expression: the invariant exp-1 does not hold"}},
		{"script in the narrative", `{"resourceType":"Patient","text":{"status":"generated","div":"<div>a <script>x</script></div>"}}`, []string{"invariant Patient.text.div: the invariant txt-1 does not hold"}},
		{"words for a narrative", `{"resourceType":"Patient","text":{"status":"generated","div":"x"}}`, []string{`value Patient.text.div: "x" is no xhtml: a div element of XHTML`}},
	}
	refused := 0
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := fhir.ParseResource([]byte(tt.in))
			if err != nil {
				t.Fatal(err)
			}
			got, err := validate.Resource(t.Context(), r, fhirpath.Env{})
			if err != nil {
				t.Fatal(err)
			}
			var errors []string
			for _, is := range got {
				if is.Severity == issue.SeverityError || is.Severity == issue.SeverityWarning && is.Code == string(issue.Value) {
					errors = append(errors, is.Code+" "+strings.Join(is.Expression, ",")+": "+is.Diagnostics)
				}
			}
			if len(errors) != len(tt.want) {
				t.Fatalf("got %d issues, want %d:\n%s", len(errors), len(tt.want), strings.Join(errors, "\n"))
			}
			for i, want := range tt.want {
				if !strings.HasPrefix(errors[i], want) {
					t.Errorf("got  %s\nwant %s", errors[i], want)
				}
			}
			if issue.From(got) != nil {
				refused++
			}
		})
	}
	t.Logf("%d resources refused", refused)
}

package rest_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cdss/fhir"
	"cdss/fhir/rest"
)

func parameter(name, value string) string {
	return `{"name":"` + name + `","valueString":` + encode(value) + `}`
}

func parameters(list ...string) string {
	return `{"resourceType":"Parameters","parameter":[` + strings.Join(list, ",") + `]}`
}

const chalmers = `{"resourceType":"Patient","id":"example","name":[{"use":"official","family":"Chalmers","given":["Peter","James"]},{"use":"usual","given":["Jim"]}],
"contact":[{"gender":"female"}],"multipleBirthInteger":2,"birthDate":"1974-12-25","active":true}`

// values tells what the parts of a result hold: name, member and value.
func values(result *fhir.Node) []string {
	var list []string
	for _, p := range result.Children("part") {
		text := p.Child("name").String()
		v, typ := p.Choice("value")
		if v != nil {
			text += " " + typ + "=" + v.String()
		}
		for _, e := range p.Children("extension") {
			url := e.Child("url").String()
			text += " " + url[strings.LastIndexByte(url, '/')+1:] + "=" + e.Child("valueString").String()
		}
		if p.Child("name").String() == "trace" {
			text += " [" + strings.Join(values(p), "; ") + "]"
		}
		list = append(list, text)
	}
	return list
}

func TestFHIRPathLab(t *testing.T) {
	d := open(t)
	r := d.send("POST", "/$fhirpath", parameters(
		parameter("expression", "trace('trc').given.join(' ').combine(family).join(', ') | %varValue"),
		parameter("context", "name"),
		`{"name":"validate","valueBoolean":true}`,
		`{"name":"variables","part":[{"name":"varValue","valueString":"testMe"}]}`,
		`{"name":"resource","resource":`+chalmers+`}`,
		parameter("terminologyserver", "https://tx.example/fhir"),
	)).ok(200)
	if r.get("resourceType") != "Parameters" || r.get("id") != "fhirpath" {
		t.Fatalf("answer %s", r.body)
	}
	list := r.root().Children("parameter")
	var echo []string
	for _, p := range list[0].Children("part") {
		echo = append(echo, p.Child("name").String())
	}
	if diff := cmp.Diff([]string{"evaluator", "expression", "context", "resource", "variables"}, echo); diff != "" {
		t.Errorf("parameters (-want +got):\n%s", diff)
	}
	want := [][]string{
		{"Patient.name[0]", "trace String=trc [HumanName HumanName= resource-path=Patient.name[0]]", "string String=Peter James, Chalmers", "string String=testMe"},
		{"Patient.name[1]", "trace String=trc [HumanName HumanName= resource-path=Patient.name[1]]", "string String=Jim", "string String=testMe"},
	}
	var got [][]string
	for _, p := range list[1:] {
		if p.Child("name").String() != "result" {
			t.Errorf("parameter %s", p.Child("name").String())
		}
		got = append(got, append([]string{p.Child("valueString").String()}, values(p)...))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
}

func TestFHIRPathValues(t *testing.T) {
	d := open(t, func(c *rest.Config) {
		c.MemberOf = func(context.Context) (func(fhir.Coding, string) (bool, bool), error) {
			return func(c fhir.Coding, set string) (bool, bool) { return c.Code == "female" && set == "http://x/vs", true }, nil
		}
	})
	resource := `{"name":"resource","resource":` + chalmers + `}`
	tests := []struct {
		expression string
		want       []string
	}{
		{"1 + 1", []string{"integer Integer=2"}},
		{"1.50", []string{"decimal Decimal=1.50"}},
		{"active and birthDate < today()", []string{"boolean Boolean=true"}},
		{"birthDate", []string{"date Date=1974-12-25 resource-path=Patient.birthDate"}},
		{"multipleBirth", []string{"integer Integer=2 resource-path=Patient.multipleBirthInteger"}},
		{"''", []string{"empty-string"}},
		{"now()", []string{"dateTime DateTime=2025-01-01T12:00:00.000Z"}},
		{"contact", []string{`BackboneElement resource-path=Patient.contact[0] json-value={"gender":"female"}`}},
		{"contact.gender.memberOf('http://x/vs')", []string{"boolean Boolean=true"}},
		{"%resource.id | %context.id", []string{"id Id=example resource-path=Patient.id"}},
		{"name.where(use = 'none')", nil},
		{"4 'mg'", []string{"Quantity Quantity="}},
	}
	for _, tt := range tests {
		r := d.send("POST", "/$fhirpath", parameters(parameter("expression", tt.expression), resource)).ok(200)
		got := values(r.root().Children("parameter")[1])
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.expression, diff)
		}
	}
	// Without a resource there is still arithmetic; its JSON may stand in a text.
	if r := d.send("POST", "/$fhirpath", parameters(parameter("expression", "2 * 3"))).ok(200); r.get("parameter:1.part.valueInteger") != "6" {
		t.Errorf("answer %s", r.body)
	}
	if r := d.send("POST", "/$fhirpath", parameters(parameter("expression", "id"), parameter("resource", chalmers))).ok(200); r.get("parameter:1.part.valueId") != "example" {
		t.Errorf("answer %s", r.body)
	}
	bundle := `{"name":"resource","resource":{"resourceType":"Bundle","type":"collection","entry":[{"fullUrl":"urn:uuid:1","resource":{"resourceType":"Patient","id":"p","gender":"male"}},
		{"resource":{"resourceType":"Condition","subject":{"reference":"urn:uuid:1"}}}]}}`
	if r := d.send("POST", "/$fhirpath", parameters(parameter("expression", "entry.resource.subject.resolve().gender"), bundle)).ok(200); r.get("parameter:1.part.valueCode") != "male" {
		t.Errorf("answer %s", r.body)
	}
}

func TestFHIRPathFaults(t *testing.T) {
	d := open(t)
	resource := `{"name":"resource","resource":` + chalmers + `}`
	tests := []struct {
		name, body string
		status     int
		code, text string
	}{
		{"no expression", parameters(resource), 400, "required", `"expression" is missing`},
		{"no parameters", "", 400, "required", `"expression" is missing`},
		{"malformed", parameters(parameter("expression", "name.where(("), resource), 400, "invalid", "line 1, column"},
		{"malformed context", parameters(parameter("expression", "1"), parameter("context", "name.."), resource), 400, "invalid", "line 1, column"},
		{"unknown variable", parameters(parameter("expression", "%nobody"), resource), 422, "processing", "%nobody is not defined"},
		{"endless", parameters(parameter("expression", "(1).repeat($this + 1)"), resource), 413, "too-costly", "more than"},
		{"resource that is none", parameters(parameter("expression", "1"), parameter("resource", "{]")), 400, "structure", "line 1"},
		{"resource elsewhere", parameters(parameter("expression", "1"), parameter("resource", "http://elsewhere/Patient/1")), 422, "not-supported", "none is fetched"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d.t = t
			d.send("POST", "/$fhirpath", tt.body).says(tt.status, tt.code, tt.text)
		})
	}
}

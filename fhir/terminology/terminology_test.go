package terminology_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cdss/fhir"
	"cdss/fhir/issue"
	"cdss/fhir/terminology"
)

const (
	classes = `{"resourceType":"CodeSystem","id":"classes","url":"urn:classes","version":"1.10","status":"active","content":"complete","caseSensitive":false,"name":"Classes","concept":[
	  {"code":"BL","display":"Beta-lactam","designation":[{"language":"de","value":"Betalaktam"}],"property":[{"code":"notSelectable","valueBoolean":true}],"concept":[
	    {"code":"PEN","display":"Penicillin","_display":{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/translation","extension":[{"url":"lang","valueCode":"de"},{"url":"content","valueString":"Penizillin"}]}]},"property":[{"code":"route","valueCode":"po"}],"concept":[{"code":"AMX","display":"Amoxicillin","property":[{"code":"route","valueCode":"po"}]}]},
	    {"code":"CEF","display":"Cephalosporin","property":[{"code":"route","valueCode":"iv"}]}]},
	  {"code":"ML","display":"Macrolide"},
	  {"code":"OLD","display":"Sulfonamide","property":[{"code":"inactive","valueBoolean":true}]}]}`
	older = `{"resourceType":"CodeSystem","id":"classes-1-9","url":"urn:classes","version":"1.9","status":"retired","content":"complete","concept":[{"code":"ONLY","display":"Only in 1.9"}]}`
)

func set(id, compose string) string {
	return fmt.Sprintf(`{"resourceType":"ValueSet","id":"%s","url":"urn:vs:%s","version":"1","status":"active","compose":{%s}}`, id, id, compose)
}

func load(t testing.TB, texts ...string) (*terminology.Snapshot, []issue.Issue) {
	t.Helper()
	var list []*fhir.Resource
	for _, s := range texts {
		r, err := fhir.ParseResource([]byte(s))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, r)
	}
	return terminology.Load(list)
}

func codes(t *testing.T, s *terminology.Snapshot, url string, o terminology.ExpandOptions) string {
	t.Helper()
	e, err := s.Expand(url, o)
	if err != nil {
		return string(issue.KindOf(err))
	}
	var list []string
	for _, m := range e.Members {
		list = append(list, m.Code)
	}
	return strings.Join(list, " ")
}

func TestExpand(t *testing.T) {
	const from = `"include":[{"system":"urn:classes"`
	filter := func(property, op, value string) string {
		return from + fmt.Sprintf(`,"filter":[{"property":"%s","op":"%s","value":"%s"}]}]`, property, op, value)
	}
	sets := map[string]struct{ compose, want string }{
		"all":            {from + "}]", "BL PEN AMX CEF ML OLD"},
		"listed":         {from + `,"concept":[{"code":"ML"},{"code":"PEN","display":"Pen"},{"code":"ML"}]}]`, "ML PEN"},
		"is-a":           {filter("concept", "is-a", "PEN"), "PEN AMX"},
		"descendent-of":  {filter("concept", "descendent-of", "BL"), "PEN AMX CEF"},
		"is-not-a":       {filter("concept", "is-not-a", "BL"), "ML OLD"},
		"generalizes":    {filter("concept", "generalizes", "AMX"), "BL PEN AMX"},
		"property":       {filter("route", "=", "po"), "PEN AMX"},
		"in":             {filter("code", "in", "ml, pen"), "PEN ML"},
		"not-in":         {filter("route", "not-in", "po"), "BL CEF ML OLD"},
		"regex":          {filter("code", "regex", "[A-C].*"), "BL AMX CEF"},
		"exists":         {filter("route", "exists", "true"), "PEN AMX CEF"},
		"two filters":    {from + `,"filter":[{"property":"concept","op":"is-a","value":"BL"},{"property":"route","op":"=","value":"po"}]}]`, "PEN AMX"},
		"exclude":        {from + `}],"exclude":[{"valueSet":["urn:vs:is-a"]}]`, "BL CEF ML OLD"},
		"active":         {`"inactive":false,` + from + "}]", "BL PEN AMX CEF ML"},
		"imported":       {`"include":[{"valueSet":["urn:vs:is-a"]},{"valueSet":["urn:vs:listed|1"]}]`, "PEN AMX ML"},
		"intersected":    {`"include":[{"valueSet":["urn:vs:is-a","urn:vs:listed"]}]`, "PEN"},
		"with system":    {`"include":[{"system":"urn:classes","valueSet":["urn:vs:listed"]}]`, "ML PEN"},
		"old version":    {`"include":[{"system":"urn:classes","version":"1.9"}]`, "ONLY"},
		"other system":   {`"include":[{"system":"urn:elsewhere","concept":[{"code":"1"}]}]`, "1"},
		"not loaded":     {`"include":[{"system":"urn:elsewhere"}]`, "not-supported"},
		"open and known": {`"include":[{"system":"urn:elsewhere"},{"system":"urn:classes"}]`, "not-supported"},
	}
	texts := []string{classes, older}
	for id, s := range sets {
		texts = append(texts, set(strings.ReplaceAll(id, " ", "-"), s.compose))
	}
	s, issues := load(t, texts...)
	if len(issues) > 0 {
		t.Fatal(issues)
	}
	for id, want := range sets {
		if got := codes(t, s, "urn:vs:"+strings.ReplaceAll(id, " ", "-"), terminology.ExpandOptions{}); got != want.want {
			t.Errorf("%s: got %s, want %s", id, got, want.want)
		}
	}
	for _, tt := range []struct {
		o    terminology.ExpandOptions
		want string
	}{
		{terminology.ExpandOptions{Filter: "penizi"}, "PEN"},
		{terminology.ExpandOptions{Filter: "CILLIN"}, "PEN AMX"},
		{terminology.ExpandOptions{Offset: 1, Count: 2}, "PEN AMX"},
		{terminology.ExpandOptions{Offset: 99}, ""},
		{terminology.ExpandOptions{ActiveOnly: true}, "BL PEN AMX CEF ML"},
	} {
		if got := codes(t, s, "urn:vs:all", tt.o); got != tt.want {
			t.Errorf("%+v: got %s, want %s", tt.o, got, tt.want)
		}
	}
	e, err := s.Expand("urn:vs:listed", terminology.ExpandOptions{Language: "de-AT"})
	if err != nil || e.Members[1].Display != "Penizillin" || e.Members[0].Display != "Macrolide" {
		t.Errorf("got %+v, %v", e, err)
	}
	if got := codes(t, s, "urn:vs:nobody", terminology.ExpandOptions{}); got != "not-found" {
		t.Errorf("got %s", got)
	}
}

func TestLoadReports(t *testing.T) {
	s, issues := load(t, classes,
		set("a", `"include":[{"valueSet":["urn:vs:b"]}]`), set("b", `"include":[{"valueSet":["urn:vs:c"]}]`), set("c", `"include":[{"valueSet":["urn:vs:a"]}]`),
		set("self", `"include":[{"valueSet":["urn:vs:self"]}]`),
		set("lacks", `"include":[{"valueSet":["urn:vs:nobody"]}]`),
		set("op", `"include":[{"system":"urn:classes","filter":[{"property":"x","op":"resembles","value":"y"}]}]`),
		set("re", `"include":[{"system":"urn:classes","filter":[{"property":"code","op":"regex","value":"("}]}]`),
		set("anchor", `"include":[{"system":"urn:classes","filter":[{"property":"concept","op":"is-a","value":"ZZ"}]}]`),
		set("empty", `"include":[{"version":"1"}]`),
		set("good", `"include":[{"system":"urn:classes"}]`),
		`{"resourceType":"ValueSet","id":"nameless"}`, `{"resourceType":"Patient","id":"p"}`)
	var got []string
	for _, is := range issues {
		id, _, _ := strings.Cut(strings.TrimPrefix(is.Diagnostics, "load ValueSet/"), ":")
		got = append(got, id)
	}
	if diff := cmp.Diff([]string{"a", "anchor", "b", "c", "empty", "lacks", "nameless", "op", "re", "self"}, got); diff != "" {
		t.Error(diff, issues)
	}
	if got := codes(t, s, "urn:vs:good", terminology.ExpandOptions{Count: 1}); got != "BL" {
		t.Errorf("a fault elsewhere spoils a good value set: %s", got)
	}
	for url, want := range map[string]issue.Kind{
		"urn:vs:a": issue.BusinessRule, "urn:vs:b": issue.BusinessRule, "urn:vs:c": issue.BusinessRule, "urn:vs:self": issue.BusinessRule,
		"urn:vs:re": issue.BusinessRule, "urn:vs:lacks": issue.Incomplete, "urn:vs:never": issue.NotFound,
	} {
		_, err := s.Expand(url, terminology.ExpandOptions{})
		if !issue.Is(err, want) {
			t.Errorf("expanding %s gives %v, want %s", url, err, want)
		}
		circle := want == issue.BusinessRule && url != "urn:vs:re"
		if err != nil && strings.Contains(err.Error(), "includes itself") != circle {
			t.Errorf("expanding %s says %v", url, err)
		}
	}
}

func TestMemberOf(t *testing.T) {
	s, _ := load(t, classes, set("pen", `"include":[{"system":"urn:classes","filter":[{"property":"concept","op":"is-a","value":"PEN"}]}]`),
		set("mixed", `"include":[{"system":"urn:elsewhere"},{"system":"urn:classes","concept":[{"code":"ML"}]}]`),
		set("both", `"include":[{"valueSet":["urn:vs:mixed","urn:vs:pen"]}]`))
	tests := []struct {
		system, code, set string
		in, ok            bool
	}{
		{"urn:classes", "AMX", "urn:vs:pen", true, true},
		{"urn:classes", "amx", "urn:vs:pen", true, true},
		{"urn:classes", "ML", "urn:vs:pen", false, true},
		{"urn:other", "AMX", "urn:vs:pen", false, true},
		{"", "AMX", "urn:vs:pen", true, true},
		{"", "ML", "urn:vs:pen", false, true},
		{"urn:classes", "ML", "urn:vs:mixed", true, true},
		{"urn:elsewhere", "1", "urn:vs:mixed", false, false},
		{"", "1", "urn:vs:mixed", false, false},
		{"urn:elsewhere", "1", "urn:vs:both", false, true},
		{"urn:classes", "AMX", "urn:vs:nobody", false, false},
	}
	for _, tt := range tests {
		in, ok := s.MemberOf(fhir.Coding{System: tt.system, Code: tt.code}, tt.set)
		if in != tt.in || ok != tt.ok {
			t.Errorf("%s|%s in %s: got %v %v, want %v %v", tt.system, tt.code, tt.set, in, ok, tt.in, tt.ok)
		}
	}
	var none *terminology.Snapshot
	if in, ok := none.MemberOf(fhir.Coding{Code: "x"}, "urn:vs:pen"); in || ok {
		t.Error("a nil Snapshot knows something")
	}
}

func TestOperations(t *testing.T) {
	const conceptMap = `{"resourceType":"ConceptMap","id":"m","url":"urn:map","status":"active","group":[{"source":"urn:classes","target":"http://www.whocc.no/atc","element":[
	  {"code":"AMX","target":[{"code":"J01CA04","display":"amoxicillin","equivalence":"equal"}]},
	  {"code":"PEN","target":[{"code":"J01C","equivalence":"wider"}]},
	  {"code":"OLD","target":[{"equivalence":"unmatched"}]}],"unmapped":{"mode":"fixed","code":"J01"}}]}`
	s, issues := load(t, classes, conceptMap, set("pen", `"include":[{"system":"urn:classes","filter":[{"property":"concept","op":"is-a","value":"PEN"}]}]`))
	if len(issues) > 0 {
		t.Fatal(issues)
	}
	operations := map[string]fhir.Operation{}
	for _, o := range terminology.Operations(func(context.Context) (*terminology.Snapshot, error) { return s, nil }) {
		operations[o.Signature().Types[0]+"/"+o.Signature().Name] = o
	}
	tests := []struct{ op, parameters, want string }{
		{"ValueSet/expand", `{"name":"url","valueUri":"urn:vs:pen"},{"name":"count","valueInteger":1},{"name":"displayLanguage","valueCode":"de"}`,
			`{"resourceType":"ValueSet","url":"urn:vs:pen","version":"1","status":"active","expansion":{"total":2,"offset":0,"contains":[{"system":"urn:classes","version":"1.10","code":"PEN","display":"Penizillin","designation":[{"language":"de","value":"Penizillin"}]}]}}`},
		{"ValueSet/expand", `{"name":"valueSet","resource":{"resourceType":"ValueSet","status":"draft","compose":{"include":[{"system":"urn:classes","concept":[{"code":"ML"}]}]}}}`,
			`{"resourceType":"ValueSet","url":"urn:x-inline","version":"inline","status":"active","expansion":{"total":1,"offset":0,"contains":[{"system":"urn:classes","code":"ML","display":"Macrolide"}]}}`},
		{"ValueSet/expand", `{"name":"valueSet","resource":{"resourceType":"ValueSet","compose":{"include":[{"valueSet":["urn:vs:nobody"]}]}}}`, "422"},
		{"ValueSet/expand", `{"name":"url","valueUri":"urn:vs:pen"},{"name":"count","valueInteger":-1}`, "422"},
		{"ValueSet/expand", ``, "400"},
		{"ValueSet/validate-code", `{"name":"url","valueUri":"urn:vs:pen"},{"name":"code","valueCode":"AMX"},{"name":"system","valueUri":"urn:classes"},{"name":"display","valueString":"Aspirin"}`,
			`{"resourceType":"Parameters","parameter":[{"name":"result","valueBoolean":true},{"name":"message","valueString":"the display is not one of the code's"},{"name":"display","valueString":"Amoxicillin"}]}`},
		{"ValueSet/validate-code", `{"name":"url","valueUri":"urn:vs:pen"},{"name":"codeableConcept","valueCodeableConcept":{"coding":[{"system":"urn:x","code":"1"},{"system":"urn:classes","code":"ML"}]}}`,
			`{"resourceType":"Parameters","parameter":[{"name":"result","valueBoolean":false},{"name":"message","valueString":"the code 1 is not in urn:vs:pen"}]}`},
		{"CodeSystem/validate-code", `{"name":"url","valueUri":"urn:classes"},{"name":"code","valueCode":"ML"}`,
			`{"resourceType":"Parameters","parameter":[{"name":"result","valueBoolean":true},{"name":"display","valueString":"Macrolide"}]}`},
		{"CodeSystem/validate-code", `{"name":"url","valueUri":"urn:elsewhere"},{"name":"code","valueCode":"ML"}`, "404"},
		{"CodeSystem/lookup", `{"name":"system","valueUri":"urn:classes"},{"name":"code","valueCode":"PEN"},{"name":"displayLanguage","valueCode":"de"}`,
			`{"resourceType":"Parameters","parameter":[{"name":"name","valueString":"Classes"},{"name":"version","valueString":"1.10"},{"name":"display","valueString":"Penizillin"},` +
				`{"name":"designation","part":[{"name":"language","valueCode":"de"},{"name":"value","valueString":"Penizillin"}]},` +
				`{"name":"property","part":[{"name":"code","valueCode":"route"},{"name":"value","valueString":"po"}]},{"name":"property","part":[{"name":"code","valueCode":"parent"},{"name":"value","valueString":"BL"}]},{"name":"property","part":[{"name":"code","valueCode":"child"},{"name":"value","valueString":"AMX"}]}]}`},
		{"CodeSystem/lookup", `{"name":"system","valueUri":"urn:classes"},{"name":"code","valueCode":"ZZ"}`, "422"},
		{"CodeSystem/subsumes", `{"name":"system","valueUri":"urn:classes"},{"name":"codeA","valueCode":"BL"},{"name":"codeB","valueCode":"AMX"}`,
			`{"resourceType":"Parameters","parameter":[{"name":"outcome","valueCode":"subsumes"}]}`},
		{"ConceptMap/translate", `{"name":"url","valueUri":"urn:map"},{"name":"system","valueUri":"urn:classes"},{"name":"code","valueCode":"AMX"}`,
			`{"resourceType":"Parameters","parameter":[{"name":"result","valueBoolean":true},{"name":"match","part":[{"name":"equivalence","valueCode":"equal"},{"name":"concept","valueCoding":{"system":"http://www.whocc.no/atc","code":"J01CA04","display":"amoxicillin"}},{"name":"source","valueUri":"urn:map"}]}]}`},
		{"ConceptMap/translate", `{"name":"system","valueUri":"http://www.whocc.no/atc"},{"name":"code","valueCode":"J01C"},{"name":"reverse","valueBoolean":true}`,
			`{"resourceType":"Parameters","parameter":[{"name":"result","valueBoolean":true},{"name":"match","part":[{"name":"equivalence","valueCode":"narrower"},{"name":"concept","valueCoding":{"system":"urn:classes","code":"PEN"}},{"name":"source","valueUri":"urn:map"}]}]}`},
		{"ConceptMap/translate", `{"name":"system","valueUri":"urn:classes"},{"name":"code","valueCode":"OLD"}`,
			`{"resourceType":"Parameters","parameter":[{"name":"result","valueBoolean":false},{"name":"message","valueString":"no translation is known"},{"name":"match","part":[{"name":"equivalence","valueCode":"unmatched"},{"name":"source","valueUri":"urn:map"}]}]}`},
		{"ConceptMap/translate", `{"name":"system","valueUri":"urn:classes"},{"name":"code","valueCode":"CEF"}`,
			`{"resourceType":"Parameters","parameter":[{"name":"result","valueBoolean":true},{"name":"match","part":[{"name":"equivalence","valueCode":"inexact"},{"name":"concept","valueCoding":{"system":"http://www.whocc.no/atc","code":"J01"}},{"name":"source","valueUri":"urn:map"}]}]}`},
		{"ConceptMap/translate", `{"name":"url","valueUri":"urn:nobody"},{"name":"code","valueCode":"CEF"}`, "404"},
	}
	for _, tt := range tests {
		t.Run(tt.op, func(t *testing.T) {
			in, err := fhir.ParseResource([]byte(`{"resourceType":"Parameters","parameter":[` + tt.parameters + `]}`))
			if err != nil {
				t.Fatal(err)
			}
			typ, _, _ := strings.Cut(tt.op, "/")
			out, err := operations[tt.op].Run(t.Context(), fhir.Call{Type: typ, Parameters: in})
			if err != nil {
				if got := fmt.Sprint(issue.Status(err)); got != tt.want {
					t.Errorf("got %v, want %s", err, tt.want)
				}
				return
			}
			if diff := cmp.Diff(tt.want, string(out.Raw())); diff != "" {
				t.Error(diff)
			}
		})
	}
}

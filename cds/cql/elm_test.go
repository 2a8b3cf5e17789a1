package cql_test

import (
	"context"
	"strings"
	"testing"

	"cdss/cds/cql"
)

// elm is a library as the reference translator writes it, shortened by hand.
const elm = `{"library":{
 "identifier":{"id":"Elm","version":"1.0.0"},
 "schemaIdentifier":{"id":"urn:hl7-org:elm","version":"r1"},
 "usings":{"def":[{"localIdentifier":"System","uri":"urn:hl7-org:elm-types:r1"},{"localIdentifier":"FHIR","uri":"http://hl7.org/fhir","version":"4.0.1"}]},
 "includes":{"def":[{"localIdentifier":"FHIRHelpers","path":"hl7.fhir.us.cqf/FHIRHelpers","version":"4.0.1"}]},
 "parameters":{"def":[{"name":"Period","accessLevel":"Public","parameterTypeSpecifier":{"type":"IntervalTypeSpecifier","pointType":{"name":"{urn:hl7-org:elm-types:r1}DateTime","type":"NamedTypeSpecifier"}},
   "default":{"type":"Interval","lowClosed":true,"highClosed":false,"low":{"type":"DateTime","year":{"valueType":"{urn:hl7-org:elm-types:r1}Integer","value":"2026","type":"Literal"},"month":{"valueType":"{urn:hl7-org:elm-types:r1}Integer","value":"3","type":"Literal"},"day":{"valueType":"{urn:hl7-org:elm-types:r1}Integer","value":"1","type":"Literal"}},"high":{"type":"DateTime","year":{"valueType":"{urn:hl7-org:elm-types:r1}Integer","value":"2026","type":"Literal"},"month":{"valueType":"{urn:hl7-org:elm-types:r1}Integer","value":"4","type":"Literal"},"day":{"valueType":"{urn:hl7-org:elm-types:r1}Integer","value":"1","type":"Literal"}}}}]},
 "codeSystems":{"def":[{"name":"LOINC","id":"http://loinc.org","accessLevel":"Public"}]},
 "valueSets":{"def":[{"name":"Pneumonia","id":"http://example.org/ValueSet/pneumonia","accessLevel":"Public"}]},
 "codes":{"def":[{"name":"Creatinine","id":"2160-0","display":"Creatinine","accessLevel":"Public","codeSystem":{"name":"LOINC"}}]},
 "concepts":{"def":[{"name":"Lab","display":"lab","code":[{"name":"Creatinine"}]}]},
 "statements":{"def":[
  {"name":"Patient","context":"Patient","expression":{"type":"SingletonFrom","operand":{"dataType":"{http://hl7.org/fhir}Patient","type":"Retrieve"}}},
  {"name":"Pneumonias","context":"Patient","accessLevel":"Public","expression":{"dataType":"{http://hl7.org/fhir}Condition","codeProperty":"code","codeComparator":"in","type":"Retrieve","codes":{"name":"Pneumonia","type":"ValueSetRef"}}},
  {"name":"Creatinines","locator":"12:1-20:60","context":"Patient","expression":{"type":"Query",
    "source":[{"alias":"O","expression":{"dataType":"{http://hl7.org/fhir}Observation","codeProperty":"code","codeComparator":"~","type":"Retrieve","codes":{"type":"ToList","operand":{"name":"Creatinine","type":"CodeRef"}}}}],
    "relationship":[{"alias":"P","type":"With","expression":{"name":"Pneumonias","type":"ExpressionRef"},"suchThat":{"type":"SameOrAfter","precision":"Day","operand":[{"name":"ToDateTime","libraryName":"FHIRHelpers","type":"FunctionRef","operand":[{"strict":false,"type":"As","operand":{"path":"effective","scope":"O","type":"Property"},"asTypeSpecifier":{"name":"{http://hl7.org/fhir}dateTime","type":"NamedTypeSpecifier"}}]},{"name":"ToDateTime","libraryName":"FHIRHelpers","type":"FunctionRef","operand":[{"type":"As","operand":{"path":"onset","scope":"P","type":"Property"},"asType":"{http://hl7.org/fhir}dateTime"}]}]}}],
    "where":{"type":"And","operand":[{"type":"Equal","operand":[{"name":"ToString","libraryName":"FHIRHelpers","type":"FunctionRef","operand":[{"path":"status","scope":"O","type":"Property"}]},{"valueType":"{urn:hl7-org:elm-types:r1}String","value":"final","type":"Literal"}]},{"type":"Not","operand":{"type":"IsNull","operand":{"path":"value","scope":"O","type":"Property"}}}]},
    "return":{"distinct":true,"expression":{"type":"Tuple","element":[{"name":"id","value":{"path":"id.value","scope":"O","type":"Property"}},{"name":"value","value":{"name":"ToQuantity","libraryName":"FHIRHelpers","type":"FunctionRef","operand":[{"type":"As","operand":{"path":"value","scope":"O","type":"Property"},"asType":"{http://hl7.org/fhir}Quantity"}]}}]}},
    "sort":{"by":[{"direction":"desc","type":"ByExpression","expression":{"type":"Property","path":"value"}}]}}},
  {"name":"Highest","context":"Patient","expression":{"path":"value","type":"Property","source":{"type":"First","source":{"name":"Creatinines","type":"ExpressionRef"}}}},
  {"name":"High","context":"Patient","expression":{"type":"Greater","operand":[{"name":"Highest","type":"ExpressionRef"},{"value":1.2,"unit":"mg/dL","type":"Quantity"}]}},
  {"name":"Double","context":"Patient","type":"FunctionDef","operand":[{"name":"n","operandTypeSpecifier":{"name":"{urn:hl7-org:elm-types:r1}Integer","type":"NamedTypeSpecifier"}}],"expression":{"type":"Add","operand":[{"name":"n","type":"OperandRef"},{"name":"n","type":"OperandRef"}]}},
  {"name":"Six","context":"Patient","expression":{"name":"Double","type":"FunctionRef","operand":[{"valueType":"{urn:hl7-org:elm-types:r1}Integer","value":"3","type":"Literal"}]}},
  {"name":"Age","context":"Patient","expression":{"precision":"Year","type":"CalculateAgeAt","operand":[{"path":"birthDate.value","type":"Property","source":{"name":"Patient","type":"ExpressionRef"}},{"type":"Today"}]}},
  {"name":"InSet","context":"Patient","expression":{"type":"InValueSet","code":{"name":"ToConcept","libraryName":"FHIRHelpers","type":"FunctionRef","operand":[{"path":"code","type":"Property","source":{"type":"First","source":{"name":"Pneumonias","type":"ExpressionRef"}}}]},"valueset":{"name":"Pneumonia"}}},
  {"name":"Band","context":"Patient","expression":{"type":"Case","caseItem":[{"when":{"name":"High","type":"ExpressionRef"},"then":{"valueType":"{urn:hl7-org:elm-types:r1}String","value":"high","type":"Literal"}}],"else":{"type":"As","operand":{"type":"Null"},"asType":"{urn:hl7-org:elm-types:r1}String"}}},
  {"name":"Days","context":"Patient","expression":{"precision":"Day","type":"DurationBetween","operand":[{"type":"Start","operand":{"name":"Period","type":"ParameterRef"}},{"type":"Now"}]}},
  {"name":"Total","context":"Patient","expression":{"type":"Query","source":[{"alias":"X","expression":{"type":"List","element":[{"valueType":"{urn:hl7-org:elm-types:r1}Integer","value":"1","type":"Literal"},{"valueType":"{urn:hl7-org:elm-types:r1}Integer","value":"2","type":"Literal"}]}}],"relationship":[],"aggregate":{"identifier":"T","distinct":false,"starting":{"valueType":"{urn:hl7-org:elm-types:r1}Integer","value":"10","type":"Literal"},"expression":{"type":"Add","operand":[{"name":"T","type":"QueryLetRef"},{"name":"X","type":"AliasRef"}]}}}}
 ]}}}`

func TestELM(t *testing.T) {
	lib, err := cql.Compile(cql.Source{Name: "Elm", ELM: []byte(elm)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range lib.Problems {
		t.Errorf("%s: %v", p.Definition, p.Err)
	}
	run := cql.NewRun(context.Background(), wardEnv(t))
	for name, want := range map[string]string{
		"Creatinines": "{Tuple {id: 'o1', value: 1.5 'mg/dL'}, Tuple {id: 'o2', value: 0.9 'mg/dL'}}", "Highest": "1.5 'mg/dL'", "High": "true", "Six": "6",
		"Age": "69", "InSet": "true", "Band": "'high'", "Days": "Interval[13, 14]", "Total": "13",
	} {
		r, err := run.Evaluate(lib, name)
		if err != nil || cql.Text(r.Value) != want {
			t.Errorf("%s: %s, %v; want %s", name, cql.Text(r.Value), err, want)
		}
	}
	if n := len(lib.Requirements()); n != 2 {
		t.Errorf("%d requirements", n)
	}
}

func TestELMErrors(t *testing.T) {
	def := func(expression string) string {
		return `{"library":{"identifier":{"id":"E"},"statements":{"def":[{"name":"X","locator":"3:1-3:9","context":"Unfiltered","expression":` + expression + `}]}}}`
	}
	for _, c := range []struct{ elm, want string }{
		{`[]`, "no library in ELM"},
		{`{"library":1}`, "no library in ELM"},
		{def(`{"type":"Frobnicate","locator":"3:20-3:30"}`), `E, line 3, column 20: the operator "Frobnicate" is not supported`},
		{def(`{"type":"Add","locator":"3:20-3:30","operand":[{"type":"Literal","valueType":"{urn:hl7-org:elm-types:r1}Integer","value":"1"}]}`), "line 3, column 20: Add(System.Integer) has no meaning"},
		{def(`{"type":"Literal","valueType":"{urn:hl7-org:elm-types:r1}Integer","value":"x"}`), "is no Integer"},
		{def(`{"type":"ExpressionRef","name":"Y","locator":"3:4-3:5"}`), "line 3, column 4: there is no definition, parameter or alias Y"},
		{def(`{"type":"As","operand":{"type":"Null"}}`), "As needs a type"},
		{def(`{"type":"Query","source":[]}`), "a query needs between 1 and 20 sources"},
		{def(strings.Repeat(`{"type":"Not","operand":`, 5000) + `{"type":"Null"}` + strings.Repeat(`}`, 5000)), "deep within each other"},
		{def(`{"type":"Not"}`), "Not() has no meaning"},
		{`{"library":{"statements":{"def":[{"name":"X","expression":` + strings.Repeat(" ", 9<<20) + `{"type":"Null"}}]}}}`, "more than 8388608"},
	} {
		lib, err := cql.Compile(cql.Source{Name: "E", ELM: []byte(c.elm)}, nil)
		if err == nil && len(lib.Problems) > 0 {
			err = lib.Problems[0].Err
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.120s: got %v, want %q", c.elm, err, c.want)
		}
	}
}

func FuzzELM(f *testing.F) {
	f.Add([]byte(elm))
	one := func(expression string) []byte {
		return []byte(`{"library":{"usings":{"def":[{"localIdentifier":"FHIR","version":"4.0.1"}]},"statements":{"def":[{"name":"f","type":"FunctionDef","operand":[{"name":"n"}],"expression":{"type":"OperandRef","name":"n"}},{"name":"X","expression":` + expression + `}]}}}`)
	}
	for _, expression := range []string{
		`{"type":"Null"}`, `{"type":"List","element":[{"type":"Quantity","value":1,"unit":"mg"}]}`, `{"type":"FunctionRef","name":"f","operand":[{"type":"Now"}]}`,
		`{"type":"Case","caseItem":[{"when":{"type":"Null"},"then":{"type":"Null"}}],"else":{"type":"Null"}}`, `{"type":"Expand","operand":[{"type":"Interval","low":{"type":"Today"},"high":{"type":"Today"}}]}`,
		`{"type":"Retrieve","dataType":"{http://hl7.org/fhir}Condition","codes":{"type":"Null"},"dateProperty":"onset","dateRange":{"type":"Null"}}`, `{"type":"Round","operand":{"type":"Null"},"precision":{"type":"Null"}}`,
		`{"type":"Sort","source":{"type":"List"},"by":[{"type":"ByDirection","direction":"desc"}]}`, `{"type":"Filter","source":{"type":"List"},"condition":{"type":"IsNull","operand":{"type":"Current"}}}`,
		`{"type":"As","operand":{"type":"Null"},"asTypeSpecifier":{"type":"ChoiceTypeSpecifier","choice":[{"type":"NamedTypeSpecifier","name":"{urn:hl7-org:elm-types:r1}Integer"}]}}`,
		`{"type":"InValueSet","code":{"type":"Null"},"valuesetExpression":{"type":"Null"}}`, `{"type":"Property","path":"a.b","source":{"type":"Instance","classType":"{http://hl7.org/fhir}Coding","element":[{"name":"code","value":{"type":"Null"}}]}}`,
	} {
		f.Add(one(expression))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		lib, err := cql.Compile(cql.Source{Name: "F", ELM: raw}, nil)
		if err != nil || lib == nil {
			return
		}
		run := cql.NewRun(context.Background(), cql.Env{Now: suiteNow, Limits: cql.Limits{Steps: 20_000, Items: 1000, Text: 10_000}})
		for _, d := range lib.Definitions() {
			if !d.Function {
				_, _ = run.Evaluate(lib, d.Name)
			}
		}
	})
}

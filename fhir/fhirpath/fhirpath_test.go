package fhirpath_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cdss/fhir"
	"cdss/fhir/fhirpath"
	"cdss/fhir/issue"
)

const observation = `{"resourceType":"Observation","id":"k","status":"final",
  "code":{"coding":[{"system":"http://loinc.org","code":"2160-0"}]},
  "subject":{"reference":"Patient/1"},
  "performer":[{"reference":"#org"}],
  "contained":[{"resourceType":"Organization","id":"org","name":"Labor"}],
  "effectiveDateTime":"2024-02-29T08:00:00+01:00",
  "valueQuantity":{"value":2.10,"unit":"mg/dl","system":"http://unitsofmeasure.org","code":"mg/dL"},
  "component":[
    {"code":{"text":"a"},"valueInteger":1},
    {"code":{"text":"b"},"valueString":"x","_valueString":{"extension":[{"url":"http://x/y","valueBoolean":true}]}},
    {"code":{"text":"c"},"_valueString":{"extension":[{"url":"http://x/y","valueBoolean":false}]}}
  ]}`

func parse(t testing.TB, s string) *fhir.Node {
	t.Helper()
	r, err := fhir.ParseResource([]byte(s))
	if err != nil {
		t.Fatal(err)
	}
	return r.Root()
}

func compile(t testing.TB, src string) *fhirpath.Expression {
	t.Helper()
	e, err := fhirpath.Compile(src)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

var now = time.Date(2024, 3, 1, 10, 30, 0, 0, time.UTC)

func texts(c fhirpath.Collection) string {
	var list []string
	for _, v := range c {
		list = append(list, v.String())
	}
	return strings.Join(list, ",")
}

func TestEval(t *testing.T) {
	env := fhirpath.Env{
		Now: now,
		Var: func(name string) (fhirpath.Collection, bool, bool) {
			if name == "weight" {
				return fhirpath.Collection{fhirpath.FromQuantity(decimal("80"), "kg")}, true, false
			}
			return nil, false, false
		},
		Resolve: func(ref string) *fhir.Node {
			if ref == "Patient/1" {
				return parse(t, `{"resourceType":"Patient","id":"1","birthDate":"1950-05-01"}`)
			}
			return nil
		},
		MemberOf: func(c fhir.Coding, vs string) (bool, bool) { return c.Code == "2160-0", vs == "http://known" },
	}
	tests := []struct{ src, want string }{
		{"value > 2 'mg/dL'", "true"},
		{"value = 21 'mg/L'", "true"},
		{"value > 180 'umol/L'", ""},
		{"value.value", "2.10"},
		{"value.unit", "mg/dl"},
		{"(value * 2).toString()", "4.20 'mg/dL'"},
		{"%weight / 2", "40 'kg'"},
		{"%weight.value >= 80 and %weight.unit = 'kg'", "true"},
		{"15 'mg/kg' * %weight", "1200 'mg'"},
		{"component.value.ofType(integer)", "1"},
		{"component.value.ofType(string)", "x,null"},
		{"component.value.hasValue()", "false"},
		{"component[1].value.extension('http://x/y').value", "true"},
		{"component[2].value.exists()", "true"},
		{"component[2].value.hasValue()", "false"},
		{"component.where(value is integer).code.text", "a"},
		{"subject.resolve().birthDate", "1950-05-01"},
		{"subject.resolve().birthDate <= today() - 65 years", "true"},
		{"performer.resolve().name", "Labor"},
		{"contained.name", "Labor"},
		{"%resource.id & '/' & %context.id", "k/k"},
		{"contained.where(%rootResource.id = 'k').id", "org"},
		{"code.memberOf('http://known')", "true"},
		{"code.coding.memberOf('http://known')", "true"},
		{"effective < now()", "true"},
		{"effective.toDate() = @2024-02-29", "true"},
		{"@2024-01-31 + 1 month", "2024-02-29"},
		{"@2023-03-31 - 1 month", "2023-02-28"},
		{"@2024-02-29 + 1 year", "2025-02-28"},
		{"@2024 + 18 months", "2025"},
		{"@T23:30 + 45 minutes", "00:15"},
		{"@2024-02-29T23:30:00Z + 1 hour", "2024-03-01T00:30:00Z"},
		{"@0001-01-01 - 1 day", ""},
		{"(1 | 2 | 3).aggregate($this + $total, 0)", "6"},
		{"1.5 + 1", "2.5"},
		{"9223372036854775807 + 1", ""},
		{"10.power(500)", ""}, {"900.exp()", ""}, {"10.power(99).round(28)", ""}, {"10.power(99).lowBoundary()", ""}, {"10.power(99) ~ 10.power(99)", "true"},
		{"2.power(10)", "1024"},
		{"'Ä€x'.length()", "3"},
		{"'Ä€x'.substring(1, 1)", "€"},
		{"'a-b'.replaceMatches('(\\\\w)-(\\\\w)', '$2-$1')", "b-a"},
		{"type().name", "Observation"},
		{"component.first().type().name", "BackboneElement"},
		{"status.type().name", "code"},
		{"status is string", "true"},
		{"status.ofType(string)", ""},
		{"Resource.id", "k"},
		{"Patient.id", ""},
		{"descendants().ofType(Coding).code", "2160-0"},
		{"children().count() > 5", "true"},
		{"`status`", "final"},
		{"value.low", ""},
	}
	root := parse(t, observation)
	for _, tt := range tests {
		t.Run(tt.src, func(t *testing.T) {
			r, err := compile(t, tt.src).Eval(t.Context(), fhirpath.FromNode(root), env)
			if err != nil {
				t.Fatal(err)
			}
			if got := texts(r.Values); got != tt.want || r.Undetermined {
				t.Errorf("got %q (undetermined %v), want %q", got, r.Undetermined, tt.want)
			}
		})
	}
}

// TestUnknown shows what is certain when a fact is not known: %u and %v are
// unknown, %t is true, %f false, %n is known to be absent, %l holds two names.
func TestUnknown(t *testing.T) {
	env := fhirpath.Env{Now: now, Var: func(name string) (fhirpath.Collection, bool, bool) {
		switch name {
		case "u", "v":
			return nil, true, true
		case "t", "f":
			return fhirpath.Collection{fhirpath.FromBool(name == "t")}, true, false
		case "n":
			return nil, true, false
		case "l":
			return fhirpath.Collection{fhirpath.FromString("a"), fhirpath.FromString("b")}, true, false
		}
		return nil, false, false
	}, MemberOf: func(fhir.Coding, string) (bool, bool) { return false, false }}
	const (
		yes, no, open = "true", "false", "undetermined"
	)
	tests := []struct{ src, want, unknown string }{
		{"%u", open, "u"},
		{"%u.exists()", open, "u"},
		{"%u.empty()", open, "u"},
		{"%n.exists()", no, ""},
		{"%u and %f", no, ""}, {"%f and %u", no, ""}, {"%u and %t", open, "u"}, {"%u and %v", open, "u v"}, {"%n and %u", open, "u"},
		{"%u or %t", yes, ""}, {"%t or %u", yes, ""}, {"%u or %f", open, "u"}, {"%n or %u", open, "u"},
		{"%f implies %u", yes, ""}, {"%u implies %t", yes, ""}, {"%u implies %f", open, "u"}, {"%t implies %u", open, "u"},
		{"%u xor %t", open, "u"}, {"%u xor %n", no, ""},
		{"%u.not()", open, "u"},
		{"%u > 5", open, "u"}, {"%u = %v", open, "u v"}, {"%u ~ 1", open, "u"}, {"(%u + 1) > 2", open, "u"},
		{"iif(%u, true, true)", yes, ""}, {"iif(%u, true, false)", open, "u"}, {"iif(%t, true, %u)", yes, ""}, {"iif(%f, true, %u)", open, "u"},
		{"(%l | %u).exists()", yes, ""}, {"(%l | %u).empty()", no, ""}, {"(%l | %u).count() = 2", open, "u"},
		{"'a' in (%l | %u)", yes, ""}, {"'z' in (%l | %u)", open, "u"}, {"%u in %l", open, "u"}, {"%u in {}", no, ""},
		{"(%l | %u).where($this = 'a').exists()", yes, ""}, {"(%l | %u).where($this = 'z').exists()", open, "u"},
		{"%l.where($this = %u).exists()", open, "u"}, {"%l.where($this = 'a' or $this = %u).exists()", yes, ""},
		{"%l.all($this = 'a' and %u)", no, ""}, {"%l.all($this != 'z' and %u)", open, "u"}, {"(%l | %u).all($this = 'a')", no, ""},
		{"(%l | %u).first() = 'a'", open, "u"}, {"%l.exclude(%u).exists()", open, "u"}, {"%l.intersect('a' | %u).exists()", yes, ""},
		{"%l.subsetOf('a' | 'b' | %u)", yes, ""}, {"(%l | %u).subsetOf('a')", no, ""}, {"%l.subsetOf('a' | %u)", open, "u"},
		{"(true | %u).anyTrue()", yes, ""}, {"(false | %u).allTrue()", no, ""}, {"(true | %u).allTrue()", open, "u"},
		{"%l.aggregate($total + %u.toInteger(), 0) > 1", open, "u"},
		{"('a' | 'a' | %u).isDistinct()", open, "u"}, {"'a'.combine('a').combine(%u).isDistinct()", no, ""},
		{"%u.toString().startsWith('a')", open, "u"},
		{"Observation.code.memberOf('http://nowhere')", open, "memberOf(http://nowhere)"},
		{"Observation.code.memberOf('http://nowhere') and %f", no, ""},
	}
	root := parse(t, observation)
	for _, tt := range tests {
		t.Run(tt.src, func(t *testing.T) {
			r, err := compile(t, tt.src).Eval(t.Context(), fhirpath.FromNode(root), env)
			if err != nil {
				t.Fatal(err)
			}
			if got := r.Truth().String(); got != tt.want || strings.Join(r.Unknown, " ") != tt.unknown {
				t.Errorf("got %s because of %v, want %s because of [%s]", got, r.Unknown, tt.want, tt.unknown)
			}
		})
	}
}

func TestTruth(t *testing.T) {
	for src, want := range map[string]fhirpath.Truth{
		"true": fhirpath.True, "false": fhirpath.False, "{}": fhirpath.False, "'x'": fhirpath.NotBoolean, "true | false": fhirpath.NotBoolean, "1": fhirpath.NotBoolean,
	} {
		r, err := compile(t, src).Eval(t.Context(), nil, fhirpath.Env{})
		if err != nil {
			t.Fatal(err)
		}
		if r.Truth() != want {
			t.Errorf("%s is %v, want %v", src, r.Truth(), want)
		}
	}
}

func TestReads(t *testing.T) {
	e := compile(t, "%a.exists() and (%b > %`c-d` or %resource.id = 'x' or %ucum = 'y')")
	if diff := cmp.Diff([]string{"a", "b", "c-d"}, e.Variables()); diff != "" {
		t.Error(diff)
	}
	r, err := e.Eval(t.Context(), nil, fhirpath.Env{Var: func(string) (fhirpath.Collection, bool, bool) { return nil, true, false }})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a"}, r.Reads); diff != "" {
		t.Errorf("the right side was not needed: %s", diff)
	}
}

func TestCompileRefuses(t *testing.T) {
	tests := []struct{ src, want string }{
		{"", "line 1, column 1: the expression ends too early"},
		{"a.", "column 3: the expression ends too early"},
		{"a.b(", "column 5: the expression ends too early"},
		{"a +\n  * b", "line 2, column 3: unexpected \"*\""},
		{"a b", "column 3: unexpected \"b\""},
		{"'ü' ü", "column 5: unexpected character 'ü'"},
		{"'abc", "column 1: the quote is not closed"},
		{"/* x", "column 1: the comment is not closed"},
		{"a.unheardOf()", "column 3: no function unheardOf()"},
		{"a.where()", "column 3: where() takes 1 arguments, not 0"},
		{"a.substring(1,2,3)", "takes 1 to 2 arguments, not 3"},
		{"a is Foo", "column 3: no type Foo"},
		{"a.ofType()", "takes one type"},
		{"@2023-02-30", "column 1: no date"},
		{"@T25:00", "no time of day"},
		{"%", "a name should stand behind %"},
		{"$that", "no variable $that"},
		{"'\\x'", "no escape"},
		{"'a'.matches('(')", "no regular expression"},
		{"{ 1 }", "column 3: unexpected \"1\""},
		{strings.Repeat("(", 5000), "nested deeper than 500"},
		{strings.Repeat("a and ", 600) + "a", "more than 500 operators in a row"},
		{strings.Repeat("-", 5000) + "1", "nested deeper"},
		{"'" + strings.Repeat("x", 70000) + "'", "longer than"},
		{"1" + strings.Repeat("0", 300), "too many digits"},
	}
	for _, tt := range tests {
		_, err := fhirpath.Compile(tt.src)
		if issue.KindOf(err) != issue.Invalid || !strings.Contains(fmt.Sprint(err), tt.want) {
			t.Errorf("%.40q: got %v, want %q", tt.src, err, tt.want)
		}
	}
}

func TestCompileFor(t *testing.T) {
	tests := []struct{ typ, src, want string }{
		{"Patient", "name.given.first() & Patient.birthDate.toString()", ""},
		{"Patient", "name.givven", "column 6: no element givven in HumanName"},
		{"Patient", "name.Given", "it is written given"},
		{"Observation", "valueQuantity.value > 1", "a choice element is read as value"},
		{"Observation", "value.ofType(Quantity).value > 1 and component.value is string", ""},
		{"Observation", "(value as Quantity).start", "no element start in Quantity"},
		{"Observation", "Encounter.period", "the context is Observation and never a Encounter"},
		{"Observation", "code as Quantity", "CodeableConcept is never a Quantity"},
		{"Observation", "code.startsWith('a')", "startsWith() works on strings, not on CodeableConcept"},
		{"Observation", "children().first()", "order"},
		{"Observation", "iif(code.text, 1, 2)", "no boolean"},
		{"Observation", "subject.resolve().anything.goes", ""},
		{"Observation", "contained.anything", ""},
		{"Bundle", "entry.resource.ofType(Observation).where(status = 'final').value.exists()", ""},
		{"Bundle", "entry.resource.ofType(Observation).stattus", "no element stattus in Observation"},
		{"Questionnaire", "repeat(item).linkId", ""},
		{"Questionnaire", "repeat(item).lynkId", "no element lynkId"},
		{"Observation.component", "value.exists() and %fact.anything and $this.code.coding.code = 'x'", ""},
		{"", "anything.goes.here", ""},
		{"", "anything.ofType(Patient).nothing", "no element nothing in Patient"},
		{"Nobody", "id", "no type Nobody"},
	}
	for _, tt := range tests {
		_, err := fhirpath.CompileFor(tt.src, tt.typ)
		if tt.want == "" && err != nil || tt.want != "" && !strings.Contains(fmt.Sprint(err), tt.want) {
			t.Errorf("%s on %q: got %v, want %q", tt.src, tt.typ, err, tt.want)
		}
	}
}

func TestEvalRefuses(t *testing.T) {
	tests := []struct {
		src  string
		want issue.Kind
		says string
	}{
		{"1 < 'a'", issue.Processing, "column 3: a Integer cannot be compared with a String"},
		{"(1 | 2) > 0", issue.Processing, "list of 2"},
		{"%nobody", issue.Processing, "%nobody is not defined"},
		{"now()", issue.Processing, "no"},
		{"code.memberOf('x')", issue.Processing, "terminology"},
		{"$total", issue.Processing, "$total"},
		{"component.code as string", issue.Processing, "one item"},
		{"(1 | 2).single()", issue.Processing, "single()"},
		{"(1).repeat($this + 1)", issue.TooCostly, "items"},
		{"(1).repeat($this + 1 | $this + 2).count()", issue.TooCostly, "more than"},
		{"(1|2|3|4|5|6|7|8|9|10).aggregate(iif($total.empty(), 'xxxxxxxxxxxxxxxx', ($total & $total & $total & $total & $total & $total & $total & $total)))", issue.Processing, "bytes"},
		{"(1|2|3|4|5|6|7|8|9|10).aggregate(iif($total.empty(), $this, $total.combine($total).combine($total).combine($total).combine($total)))" + ".select($this.combine($this))", issue.TooCostly, "items"},
		{"descendants().select(%resource.descendants().select(%resource.descendants().select(%resource.descendants()))).count()", issue.TooCostly, "more than"},
	}
	root := parse(t, observation)
	for _, tt := range tests {
		_, err := compile(t, tt.src).Eval(t.Context(), fhirpath.FromNode(root), fhirpath.Env{})
		if issue.KindOf(err) != tt.want || !strings.Contains(fmt.Sprint(err), tt.says) {
			t.Errorf("%s: got %v, want %s %q", tt.src, err, tt.want, tt.says)
		}
	}
}

func TestEvalHonoursContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	seen := 0
	env := fhirpath.Env{Trace: func(string, fhirpath.Collection) {
		if seen++; seen == 10 {
			cancel()
		}
	}}
	_, err := compile(t, "(1).repeat(trace('n') + 1)").Eval(ctx, nil, env)
	if !errors.Is(err, context.Canceled) || seen > 5000 {
		t.Errorf("got %v after %d rounds", err, seen)
	}
	if _, err := compile(t, "true").Eval(ctx, nil, env); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v before the start", err)
	}
}

func TestTrace(t *testing.T) {
	var got []string
	env := fhirpath.Env{Trace: func(name string, c fhirpath.Collection) { got = append(got, name+"="+texts(c)) }}
	e := compile(t, "Observation.component.trace('codes', code.text).value.ofType(integer).trace('value') > 0")
	if _, err := e.Eval(t.Context(), fhirpath.FromNode(parse(t, observation)), env); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"codes=a,b,c", "value=1"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestValueJSON(t *testing.T) {
	tests := []struct{ src, json, typ string }{
		{"true", `true`, "boolean"}, {"1.50", `1.50`, "decimal"}, {"'ä\"'", `"ä\""`, "string"}, {"@2024-02", `"2024-02"`, "date"},
		{"@2024-02-01T10:00:00Z", `"2024-02-01T10:00:00Z"`, "dateTime"}, {"@T10:00", `"10:00"`, "time"},
		{"3 days", `{"value":3,"unit":"days","system":"http://unitsofmeasure.org","code":"d"}`, "Quantity"},
		{"Observation.status", `"final"`, "code"}, {"Observation.subject", `{"reference":"Patient/1"}`, "Reference"},
	}
	for _, tt := range tests {
		r, err := compile(t, tt.src).Eval(t.Context(), fhirpath.FromNode(parse(t, observation)), fhirpath.Env{})
		if err != nil || len(r.Values) != 1 {
			t.Fatal(tt.src, err, r.Values)
		}
		json, typ := r.Values[0].JSON()
		if string(json) != tt.json || typ != tt.typ {
			t.Errorf("%s: got %s %s, want %s %s", tt.src, typ, json, tt.typ, tt.json)
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	e := compile(t, "Observation.component.where(value is integer).code.text")
	root := parse(t, observation)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				r, err := e.Eval(t.Context(), fhirpath.FromNode(root), fhirpath.Env{})
				if err != nil || texts(r.Values) != "a" {
					t.Errorf("got %v, %v", texts(r.Values), err)
					return
				}
			}
		})
	}
	wg.Wait()
}

package cql_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"cdss/cds/cql"
	"cdss/fhir"
	"cdss/fhir/issue"
)

// ward is a small chart.
func ward(t testing.TB) (chart, *fhir.Node) {
	c := chart{}
	c.add(t, `{"resourceType":"Patient","id":"p","gender":"female","birthDate":"1956-05-17","name":[{"use":"official","family":"Muster","given":["Eva","Maria"]},{"given":["Evi"]}],"extension":[{"url":"http://example.org/e","valueString":"x"}]}`)
	c.add(t, `{"resourceType":"Condition","id":"c1","clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"active"}]},"code":{"coding":[{"system":"http://snomed.info/sct","code":"233604007","display":"Pneumonia"}]},"onsetDateTime":"2026-03-10"}`)
	c.add(t, `{"resourceType":"Condition","id":"c2","code":{"coding":[{"system":"http://snomed.info/sct","code":"38341003"}],"text":"Hypertonie"},"onsetPeriod":{"start":"2019-01-01","end":"2020-01-01"}}`)
	c.add(t, `{"resourceType":"Observation","id":"o1","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"2160-0"}]},"effectiveDateTime":"2026-03-14T08:00:00+01:00","valueQuantity":{"value":1.5,"unit":"mg/dl","system":"http://unitsofmeasure.org","code":"mg/dL"}}`)
	c.add(t, `{"resourceType":"Observation","id":"o2","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"2160-0"}]},"effectiveDateTime":"2026-03-12T08:00:00+01:00","valueQuantity":{"value":0.9,"unit":"mg/dl","system":"http://unitsofmeasure.org","code":"mg/dL"}}`)
	c.add(t, `{"resourceType":"Observation","id":"o3","status":"preliminary","code":{"coding":[{"system":"http://loinc.org","code":"1988-5"}]},"valueQuantity":{"value":5,"comparator":"<","unit":"mg/l","system":"http://unitsofmeasure.org","code":"mg/L"}}`)
	c.add(t, `{"resourceType":"MedicationRequest","id":"m1","status":"active","intent":"order","medicationCodeableConcept":{"coding":[{"system":"http://www.whocc.no/atc","code":"J01CR05"}]},"authoredOn":"2026-03-14"}`)
	c.add(t, `{"resourceType":"Encounter","id":"e1","status":"in-progress","class":{"code":"IMP"},"period":{"start":"2026-03-10T09:00:00Z"}}`)
	return c, c["Patient"][0]
}

const wardHead = `library Ward version '1'
using FHIR version '4.0.1'
include FHIRHelpers version '4.0.1' called FHIRHelpers
codesystem "LOINC": 'http://loinc.org'
codesystem "SNOMED": 'http://snomed.info/sct'
valueset "Pneumonia": 'http://example.org/ValueSet/pneumonia'
valueset "Penicillins": 'http://example.org/ValueSet/penicillins'
valueset "Nobody": 'http://example.org/ValueSet/nobody'
code "Creatinine": '2160-0' from "LOINC" display 'Creatinine'
code "Pneumonia code": '233604007' from "SNOMED"
concept "Lab": { "Creatinine" } display 'lab'
parameter "Period" Interval<DateTime> default Interval[@2026-03-01T00:00:00.0, @2026-04-01T00:00:00.0)
parameter "Limit" Integer
context Patient
define "Creatinines": [Observation: "Creatinine"]
define function "Twice"(n Integer): n + n
define function "Kind"(n Integer): 'integer'
define function "Kind"(n Decimal): 'decimal'
define function "Kind"(s String): 'string'
define fluent function "final"(list List<FHIR.Observation>): list O where O.status = 'final'
`

func wardEnv(t testing.TB) cql.Env {
	data, patient := ward(t)
	return cql.Env{Now: suiteNow, Patient: patient, Data: data, MemberOf: memberOf, Parameters: map[string]cql.Value{}}
}

func inWard(t testing.TB, expression string) (cql.Result, error) {
	t.Helper()
	lib, err := cql.Compile(cql.Source{Text: wardHead + "define Result: " + expression}, nil)
	if err != nil {
		return cql.Result{}, err
	}
	if len(lib.Problems) > 0 {
		return cql.Result{}, lib.Problems[0].Err
	}
	return cql.NewRun(context.Background(), wardEnv(t)).Evaluate(lib, "Result")
}

func TestFHIR(t *testing.T) {
	for _, c := range []struct{ expression, want string }{
		// properties, implicit conversion and FHIRHelpers
		{`Patient.gender = 'female'`, "true"},
		{`Patient.birthDate`, "1956-05-17"},
		{`Patient.birthDate < @1960-01-01`, "true"},
		{`Patient.birthDate.value + 1 year`, "@1957-05-17"},
		{`year from Patient.birthDate`, "1956"},
		{`AgeInYears()`, "69"},
		{`AgeInYearsAt(@2026-05-17)`, "70"},
		{`CalculateAgeInYearsAt(Patient.birthDate, @2026-05-16)`, "69"},
		{`AgeInYears() >= 18 and Patient.gender = 'female'`, "true"},
		{`Patient.name.given`, "{Eva, Maria, Evi}"},
		{`First(Patient.name.given) + '!'`, "'Eva!'"},
		{`Patient.name N where N.use = 'official' return N.family`, "{Muster}"},
		{`Patient.name.first().family`, "Muster"},
		{`Patient.name.where(use = 'official').given.count()`, "2"},
		{`Patient.extension.where(url = 'http://example.org/e').value.first() as FHIR.string`, "x"},
		{`FHIRHelpers.ToConcept(First([Condition: "Pneumonia code"]).code).codes[0].display`, "'Pneumonia'"},
		// retrieves
		{`Count([Condition])`, "2"},
		{`Count([Condition: "Pneumonia"])`, "1"},
		{`Count([Condition: code in "Pneumonia"])`, "1"},
		{`Count([Condition: "Pneumonia code"])`, "1"},
		{`Count([Condition: code ~ "Pneumonia code"])`, "1"},
		{`Count([MedicationRequest: "Penicillins"])`, "1"},
		{`Count([MedicationRequest: medication in "Penicillins"])`, "1"},
		{`Count([Observation: "Lab"])`, "2"},
		{`exists [Procedure]`, "false"},
		{`Count("Creatinines")`, "2"},
		{`Count([Observation].final())`, "2"},
		// codes
		{`exists([Condition] C where C.code ~ "Pneumonia code")`, "true"},
		{`exists([Condition] C where C.code in "Pneumonia")`, "true"},
		{`[Condition] C where C.code.coding.code contains '38341003' return C.id`, "{c2}"},
		// quantities, choices
		{`Max("Creatinines" C return (C.value as Quantity))`, "1.5 'mg/dL'"},
		{`"Creatinines" C where C.value > 1 'mg/dL' return C.id`, "{o1}"},
		{`"Creatinines" C where C.value > 10 'mg/L' return C.id`, "{o1}"},
		{`Last("Creatinines" C sort by effective).id`, "o1"},
		{`Last("Creatinines" C sort by (effective as FHIR.dateTime).value).id`, "o1"},
		{`First("Creatinines" C sort by (effective as FHIR.dateTime) desc).id`, "o1"},
		{`First([Observation] O where O.id = 'o3').value > 1 'mg/L'`, "null"}, // <5 is no definite value
		{`[Condition] C where C.onset is FHIR.Period return C.id`, "{c2}"},
		{`[Condition] C where C.onset during "Period" return C.id`, "{c1}"},
		{`[Condition] C where C.onset before "Period" return C.id`, "{c2}"},
		{`[Condition] C where C.onset starts before @2019-06-01 return C.id`, "{c2}"},
		{`First([Encounter]).period contains Now()`, "true"},
		{`First([Encounter]).period overlaps "Period"`, "true"},
		{`First([Encounter]).period starts 1 day or less before day of @2026-03-11`, "true"},
		{`First([Encounter]).period starts within 2 days of @2026-03-11T00:00:00Z`, "true"},
		{`[MedicationRequest] M with [Condition: "Pneumonia"] C such that M.authoredOn 3 days or more after C.onset return M.id`, "{m1}"},
		{`[MedicationRequest] M without [Condition: "Pneumonia"] C such that M.authoredOn before C.onset return M.id`, "{m1}"},
		// functions and parameters
		{`Twice(4)`, "8"},
		{`Kind(1) + Kind(1.0) + Kind('a') + Kind(First([Observation]).status)`, "'integerdecimalstringstring'"},
		{`"Limit" is null`, "true"},
		{`end of "Period"`, "@2026-03-31T23:59:59.999"},
		{`Tuple { a: 1, b: 'x' }.b`, "'x'"},
		{`from [Condition] C, [Encounter] E return C.id.value + E.id.value`, "{'c1e1', 'c2e1'}"},
		{`[Observation] O let q: O.value as Quantity where q > 1.0 'mg/dL' return q.value`, "{1.5}"},
		{`({3, 1, 2}) X where X > 1 return all X * 2 sort desc`, "{6, 4}"},
		{`FHIR.Quantity { value: FHIR.decimal { value: 1.0 }, code: FHIR.code { value: 'mg' } } = 1000 'ug'`, "true"},
	} {
		t.Run(c.expression, func(t *testing.T) {
			r, err := inWard(t, c.expression)
			if err != nil {
				t.Fatal(err)
			}
			if got := cql.Text(r.Value); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			if len(r.Unknown) > 0 && c.want != "null" && !strings.Contains(c.expression, "Procedure") {
				t.Errorf("unknown: %v", r.Unknown)
			}
		})
	}
}

// TestUnknown: what is not known is told, unless the answer is the same whatever it
// may be.
func TestUnknown(t *testing.T) {
	for _, c := range []struct{ expression, want, unknown string }{
		{`exists [Condition: "Nobody"]`, "false", "ValueSet http://example.org/ValueSet/nobody"},
		{`First([Condition]).code in "Nobody"`, "null", "ValueSet http://example.org/ValueSet/nobody"},
		{`exists [Procedure]`, "false", "Procedure"},
		{`exists [Procedure] and exists [Condition]`, "false", "Procedure"},
		{`(First([Condition]).code in "Nobody") and false`, "false", ""},
		{`false and (First([Condition]).code in "Nobody")`, "false", ""},
		{`(First([Condition]).code in "Nobody") or true`, "true", ""},
		{`exists [Condition]`, "true", ""},
	} {
		r, err := inWard(t, c.expression)
		if err != nil {
			t.Errorf("%s: %v", c.expression, err)
			continue
		}
		if got := cql.Text(r.Value); got != c.want || strings.Join(r.Unknown, ", ") != c.unknown {
			t.Errorf("%s: got %s, unknown %q; want %s, unknown %q", c.expression, got, r.Unknown, c.want, c.unknown)
		}
	}
}

// TestErrors: each is told with its line and column.
func TestErrors(t *testing.T) {
	for _, c := range []struct{ expression, want string }{
		{`1 +`, "line 21, column 19: an expression is expected, not the end"},
		{`Foo + 1`, "column 16: there is no definition, parameter or alias Foo"},
		{`'a' + 1`, "column 20: Add(System.String, System.Integer) has no meaning"},
		{`Patient.shoeSize`, "column 24: a FHIR.Patient has no shoeSize"},
		{`[Shoe]`, "there is no type Shoe"},
		{`[HumanName]`, "a FHIR.HumanName is no resource"},
		{`[Condition: "Unknown set"]`, "there is no definition, parameter or alias Unknown set"},
		{`[Condition: shoe in "Pneumonia"]`, "a Condition has no shoe"},
		{`if 1 then 2 else 3`, "a System.Integer is no Boolean"},
		{`[Condition] C where C.code`, "a FHIR.CodeableConcept is no Boolean"},
		{`from [Condition] C, [Condition] C return 1`, "alias C stands twice"},
		{`Twice('a')`, "Twice(System.String) has no meaning"},
		{`Nothing(1)`, "there is no function Nothing"},
		{`"FHIRHelpers"`, "is a library and no value"},
		{`Interval[1, 'a']`, "an interval cannot begin with a System.Integer and end with a System.String"},
		{`@2026-02-30`, "is no date or time of the calendar"},
		{`'open`, "a quotation has no end"},
		{`1 /* open`, "a comment has no end"},
		{`'a\q'`, "this escape is not known"},
		{`Code '1' from "LOINC"`, "is expected"},
		{`[Condition -> Procedure]`, "a retrieve in the context of another resource is not supported"},
		{`"Result" and true`, "depends on itself"},
		{`singleton from [Condition]`, "singleton from: the list holds 2 items"},
		{`Message(1, true, '7', 'Error', 'stop')`, "7: stop"},
		{`cast 'a' as Integer`, "the value is no System.Integer"},
		{`Matches('a', '(')`, "the regular expression cannot be read"},
		{`1 as Foo`, "there is no type Foo"},
	} {
		_, err := inWard(t, c.expression)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.expression, err, c.want)
		}
		if err != nil && !strings.Contains(err.Error(), "line ") {
			t.Errorf("%s: no place: %v", c.expression, err)
		}
	}
}

// TestLibraryErrors: libraries that cannot be used at all, and those of which the
// rest can.
func TestLibraryErrors(t *testing.T) {
	sources := map[string]string{
		"A": "library A include B define X: B.X",
		"B": "library B include A define X: A.X",
		"C": "library C include C define X: 1",
		"D": "library D include Nobody version '1' define X: 1",
		"E": "library E include F define Good: 1 define Bad: F.Bad define Worse: 1 + 'a' define private Mine: 2",
		"F": "library F define Bad: 1 + define private Mine: 1",
		"G": "library G include H called K define X: K.Mine define Y: K.Yours define Z: K.f(1)",
		"H": "library H define private Mine: 1 define Yours: 2 define function f(a Integer): a + 1",
		"I": "library I using QUICK define X: 1",
		"J": "library J using FHIR version '3.0.1' define X: 1",
		"K": "library K define X: Y define Y: Z define Z: X define Free: 1",
		"L": "library L define function f(n Integer): f(n - 1) define X: f(3) define Free: 1",
		"M": "library M define X: 1 define X: 2",
	}
	find := func(_, name, _ string) (cql.Source, bool) {
		text, ok := sources[name]
		return cql.Source{Name: name, Text: text}, ok
	}
	for _, c := range []struct {
		name, fatal string
		kind        issue.Kind
		problems    []string
		good        map[string]string
	}{
		{name: "A", fatal: "library A includes itself: A| > B| > A|", kind: issue.BusinessRule},
		{name: "C", fatal: "library C includes itself", kind: issue.BusinessRule},
		{name: "D", fatal: "line 1, column 11: library Nobody|1 is not there", kind: issue.NotFound},
		{name: "E", fatal: "F, line 1, column 27", kind: issue.Invalid},
		{name: "G", problems: []string{"X"}, good: map[string]string{"Y": "2", "Z": "2"}},
		{name: "I", fatal: "the model QUICK is not known", kind: issue.NotSupported},
		{name: "J", fatal: "FHIR 3.0.1 is not supported", kind: issue.NotSupported},
		{name: "K", problems: []string{"X", "Y", "Z"}, good: map[string]string{"Free": "1"}},
		{name: "L", problems: []string{"f", "X"}, good: map[string]string{"Free": "1"}},
		{name: "M", problems: []string{"X"}, good: map[string]string{"X": "1"}},
	} {
		src, _ := find("", c.name, "")
		lib, err := cql.Compile(src, find)
		if c.fatal != "" {
			if err == nil || !strings.Contains(err.Error(), c.fatal) || !issue.Is(err, c.kind) {
				t.Errorf("%s: got %v, want %q", c.name, err, c.fatal)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var problems []string
		for _, p := range lib.Problems {
			problems = append(problems, p.Definition)
			if p.Line != 1 || p.Column < 2 {
				t.Errorf("%s: %s is told at %d:%d", c.name, p.Definition, p.Line, p.Column)
			}
		}
		if strings.Join(problems, ",") != strings.Join(c.problems, ",") {
			t.Errorf("%s: problems %v, want %v (%v)", c.name, problems, c.problems, lib.Problems)
		}
		for name, want := range c.good {
			r, err := cql.NewRun(context.Background(), cql.Env{}).Evaluate(lib, name)
			if err != nil || cql.Text(r.Value) != want {
				t.Errorf("%s: %s is %s, %v", c.name, name, cql.Text(r.Value), err)
			}
		}
	}
}

// TestBounds: what would take too long, too much memory or too deep a stack is
// stopped, and the place is told.
func TestBounds(t *testing.T) {
	thousand := "expand Interval[1, 1000]"
	nested := func(n int, open, in, end string) string { return strings.Repeat(open, n) + in + strings.Repeat(end, n) }
	for _, c := range []struct{ name, text, want string }{
		{"a cross product of a million rows", "define A: " + thousand + " define Result: Count(from A X, A Y return all 1)", "a list of more than 100000 items"},
		{"a cross product that keeps nothing", "define A: " + thousand + " define Result: Count(from A X, A Y, A Z where X > Y and X < Y return all 1)", "more than 2000000 steps"},
		{"a large expansion", "define Result: expand Interval[1, 2000000000]", "a list of more than 100000 items"},
		{"parentheses", "define Result: " + nested(100_000, "(", "1", ")"), "deep within each other"},
		{"lists", "define Result: " + nested(100_000, "{", "1", "}"), "deep within each other"},
		{"signs", "define Result: " + nested(100_000, "- ", "1", ""), "deep within each other"},
		{"nots", "define Result: " + nested(100_000, "not ", "true", ""), "deep within each other"},
		{"types", "define Result: null as " + nested(100_000, "List<", "Integer", ">"), "deep within each other"},
		{"ifs", "define Result: " + nested(10_000, "if true then ", "1", " else 2"), "deep within each other"},
		{"a long sum", "define Result: 1" + strings.Repeat(" + 1", 100_000), "operators in a row"},
		{"two megabytes", "define Result: 1 /*" + strings.Repeat("x", 2<<20) + "*/", "2097188 bytes, more than 1048576"},
		{"growing text", "define A: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' define Result: (" + thousand + ") X aggregate T starting A: T + T", "a text of more than 1048576 bytes"},
		{"growing list", "define Result: (" + thousand + ") X aggregate T starting {1}: flatten { T, T }", "a list of more than 100000 items"},
		{"equal lists within lists", "define A: expand Interval[1, 90000] define B: (A) X return all A define C: A union { 0 } define Result: IndexOf(B, C union { 5 })", ""},
		{"long lists compared", "define A: expand Interval[1, 90000] define Result: { " + strings.Repeat("A, ", 30) + "A } = { " + strings.Repeat("A, ", 30) + "A }", "steps"},
		{"long lists made distinct", "define A: expand Interval[1, 3000] define Result: distinct ((A) X return all (A union { X }))", "more than 1000000 items of lists are made"},
		{"tuples within tuples", "define A: expand Interval[1, 50000] define B: (A) X aggregate T starting Tuple { a: null as Any }: Tuple { a: T } define Result: distinct { B, B }", ""},
		{"a chain of definitions", chain(5000), ""},
		{"a recursive function", "define function f(n Integer): f(n + 1) define Result: f(1)", "depends on itself"},
		{"functions that double", doubling(40), "steps"},
		{"a wide power", "define Result: Power(999999999.0, 99999.0)", ""},
		{"a long regular expression", "define Result: Matches('a', '" + strings.Repeat("(a|b)*", 1000) + "')", "more than 1000 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			start := time.Now()
			lib, err := cql.Compile(cql.Source{Name: "Bounds", Text: "library Bounds " + c.text}, nil)
			if err == nil && len(lib.Problems) > 0 {
				err = lib.Problems[0].Err
			}
			if err == nil {
				_, err = cql.NewRun(context.Background(), cql.Env{Now: suiteNow, Limits: cql.Limits{Steps: 2_000_000}}).Evaluate(lib, "Result")
			}
			if c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "Bounds")) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if c.want != "" && c.name != "two megabytes" && !strings.Contains(fmt.Sprint(err), "line ") {
				t.Errorf("no place: %v", err)
			}
			if d := time.Since(start); d > 20*time.Second {
				t.Errorf("took %v", d)
			}
		})
	}
}

// chain makes definitions that each name the next.
func chain(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "define D%d: D%d + 1\n", i, i+1)
	}
	fmt.Fprintf(&b, "define D%d: 1\ndefine Result: D0\n", n)
	return b.String()
}

// doubling makes functions that each call the next twice.
func doubling(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "define function f%d(n Integer): f%d(n) + f%d(n)\n", i, i+1, i+1)
	}
	fmt.Fprintf(&b, "define function f%d(n Integer): n\ndefine Result: f0(1)\n", n)
	return b.String()
}

func TestCancel(t *testing.T) {
	lib, err := cql.Compile(cql.Source{Text: "define A: expand Interval[1, 1000] define Result: Count(from A X, A Y, A Z where X > Y and X < Y return all 1)"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := cql.NewRun(ctx, cql.Env{Limits: cql.Limits{Steps: 1 << 40}}).Evaluate(lib, "Result"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestConcurrent evaluates one library from many goroutines, under the race
// detector in the long run.
func TestConcurrent(t *testing.T) {
	lib := compileTypical(t)
	data, patient := hospital(t, 50)
	for _, list := range data {
		for _, n := range list {
			n.All()
		}
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			run := cql.NewRun(context.Background(), cql.Env{Now: suiteNow, Patient: patient, Data: data, MemberOf: memberOf})
			for _, d := range lib.Definitions() {
				if d.Function {
					continue
				}
				if _, err := run.Evaluate(lib, d.Name); err != nil {
					t.Errorf("%s: %v", d.Name, err)
				}
			}
		}()
	}
	wg.Wait()
}

func TestParameters(t *testing.T) {
	lib, err := cql.Compile(cql.Source{Text: wardHead + `define Result: Twice("Limit")`}, nil)
	if err != nil {
		t.Fatal(err)
	}
	env := wardEnv(t)
	env.Parameters["Limit"] = cql.Value{}
	for _, c := range []struct{ json, want string }{{`{"valueInteger":21}`, "42"}, {`{}`, "null"}} {
		n, err := fhir.ParseJSON([]byte(c.json), fhir.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if v, _ := n.Choice("value"); v != nil {
			i, _ := v.Int()
			env.Parameters["Limit"] = integer(i)
		}
		r, err := cql.NewRun(context.Background(), env).Evaluate(lib, "Result")
		if err != nil || cql.Text(r.Value) != c.want {
			t.Errorf("%s: %s, %v", c.json, cql.Text(r.Value), err)
		}
		delete(env.Parameters, "Limit")
	}
}

func TestRequirements(t *testing.T) {
	lib := compileTypical(t)
	var got []string
	for _, r := range lib.Requirements() {
		s := r.Type
		if r.Path != "" {
			s += "." + r.Path
		}
		if r.ValueSet != "" {
			s += " in " + r.ValueSet
		}
		for _, c := range r.Codes {
			s += " " + c.System + "|" + c.Code
		}
		got = append(got, s)
	}
	want := []string{
		"Condition.code in http://example.org/ValueSet/pneumonia", "Observation.code http://loinc.org|2160-0",
		"MedicationRequest.medication in http://example.org/ValueSet/penicillins", "Observation.code http://loinc.org|8867-4", "Encounter",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %s", strings.Join(got, "\n"))
	}
}

func TestToFHIR(t *testing.T) {
	for _, c := range []struct{ expression, want string }{
		{`1`, "integer 1"},
		{`1.50`, "decimal 1.50"},
		{`'a"b'`, `string "a\"b"`},
		{`@2026-03`, `date "2026-03"`},
		{`@2026-03-01T10:00:00.0+01:00`, `dateTime "2026-03-01T10:00:00.000+01:00"`},
		{`@T10:00`, `time "10:00"`},
		{`5 'mg'`, `Quantity {"value":5,"unit":"mg","system":"http://unitsofmeasure.org","code":"mg"}`},
		{`"Creatinine"`, `Coding {"system":"http://loinc.org","code":"2160-0","display":"Creatinine"}`},
		{`"Lab"`, `CodeableConcept {"coding":[{"system":"http://loinc.org","code":"2160-0","display":"Creatinine"}],"text":"lab"}`},
		{`Interval[@2026-01-01, @2026-02-01)`, `Period {"start":"2026-01-01","end":"2026-01-31"}`},
		{`Interval[1 'mg', 2 'mg']`, `Range {"low":{"value":1,"unit":"mg","system":"http://unitsofmeasure.org","code":"mg"},"high":{"value":2,"unit":"mg","system":"http://unitsofmeasure.org","code":"mg"}}`},
		{`FHIR.Coding { code: FHIR.code { value: 'x' } }`, `Coding {"code":"x"}`},
		{`First([Condition]).id`, `id "c1"`},
		{`{1, null, 2}`, "integer 1, integer 2"},
		{`null`, ""},
		{`Tuple { a: 1 }`, "error"},
		{`days between DateTime(2014, 1, 15) and DateTime(2014, 2)`, "error"},
	} {
		r, err := inWard(t, c.expression)
		if err != nil {
			t.Fatal(c.expression, err)
		}
		items, err := cql.ToFHIR(r.Value)
		var parts []string
		for _, v := range items {
			raw, typ := v.JSON()
			parts = append(parts, typ+" "+string(raw))
		}
		got := strings.Join(parts, ", ")
		if err != nil {
			got = "error"
		}
		if got != c.want {
			t.Errorf("%s: got %s, want %s", c.expression, got, c.want)
		}
	}
}

// TestBothQuantities: without model, Quantity means FHIR's and System's.
func TestBothQuantities(t *testing.T) {
	const text = `library Both using FHIR version '4.0.1'
parameter "Limit" Quantity default 1.2 'mg/dL'
context Patient
define function "Double"(q Quantity): q * 2
define function "Number"(q FHIR.Quantity): q.value
define "System": "Double"(2 'mg')
define "FHIR": "Double"(First([Observation]).value)
define "Cast": (5 'mg') as Quantity
define "Is": (5 'mg') is Quantity and First([Observation]).value is Quantity and not ('a' is Quantity)
define "Above": First([Observation]).value > "Limit"
define "Value": "Number"(First([Observation]).value as FHIR.Quantity)`
	lib, err := cql.Compile(cql.Source{Text: text}, nil)
	if err != nil || len(lib.Problems) > 0 {
		t.Fatal(err, lib.Problems)
	}
	run := cql.NewRun(context.Background(), wardEnv(t))
	for name, want := range map[string]string{"System": "4 'mg'", "FHIR": "3.0 'mg/dL'", "Cast": "5 'mg'", "Is": "true", "Above": "true", "Value": "1.5"} {
		r, err := run.Evaluate(lib, name)
		if err != nil || cql.Text(r.Value) != want {
			t.Errorf("%s: %s, %v; want %s", name, cql.Text(r.Value), err, want)
		}
	}
}

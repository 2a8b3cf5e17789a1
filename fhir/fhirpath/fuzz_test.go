package fhirpath_test

import (
	"strings"
	"testing"

	"cdss/fhir"
	"cdss/fhir/fhirpath"
	"cdss/fhir/issue"
)

var seeds = []string{
	"Patient.name.where(use='official').given.first()",
	"Observation.value > 2.5 'mg/dL' and %crb65 >= 2 or {}.empty()",
	"(1 | 2).aggregate($this + $total, 0) div 2 mod 3 - -4.5 * 1e",
	"@2015-02-04T14:34:28.123+10:00 + 4 days <= now()",
	"iif(a is FHIR.string, `b` as System.Integer, %`c`)[0] ~ 'x\\u00e4\\n'",
	"descendants().select($this.type().name).distinct().sort(-$this).join(',')",
	"value.ofType(Quantity).lowBoundary(3) & '' | $index",
	"'ab'.replaceMatches('(a)(b)', '$2$1').encode('base64').toQuantity('kg')",
	"10.power(99).exp().ln().sqrt().round(2) // end", "/* x */ -1.abs() !~ {}",
	"component.all(code.memberOf('http://x')) implies contains.contains('a') in as",
}

// FuzzCompile: no text may panic, and an error is one of the language.
func FuzzCompile(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		if _, err := fhirpath.Compile(src); err != nil && issue.KindOf(err) != issue.Invalid {
			t.Errorf("%q: %v", src, err)
		}
	})
}

// FuzzEval: no expression may panic on data, run on, or fail with an error that
// has no kind.
func FuzzEval(f *testing.F) {
	for _, s := range seeds {
		f.Add(s, observation)
	}
	f.Add("descendants().value", `{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Patient","birthDate":"x","_birthDate":{"id":"1"}}},null]}`)
	f.Fuzz(func(t *testing.T, src, resource string) {
		e, err := fhirpath.Compile(src)
		if err != nil {
			return
		}
		r, err := fhir.ParseResource([]byte(resource))
		if err != nil {
			return
		}
		env := fhirpath.Env{
			Now: now,
			Var: func(name string) (fhirpath.Collection, bool, bool) {
				return fhirpath.FromNode(r.Root()), true, len(name)%2 == 0
			},
			Resolve:  func(string) *fhir.Node { return r.Root() },
			MemberOf: func(c fhir.Coding, _ string) (bool, bool) { return len(c.Code) > 3, c.System != "" },
			Limits:   fhirpath.Limits{Steps: 20_000, Items: 2_000, Text: 4096},
		}
		result, err := e.Eval(t.Context(), fhirpath.FromNode(r.Root()), env)
		if err != nil {
			if k := issue.KindOf(err); k != issue.Processing && k != issue.TooCostly {
				t.Errorf("%q: %v", src, err)
			}
			return
		}
		if result.Undetermined != (len(result.Unknown) > 0) {
			t.Errorf("%q is undetermined %v because of %v", src, result.Undetermined, result.Unknown)
		}
		for _, v := range result.Values {
			if s := v.String(); v.Kind() == fhirpath.Decimal && strings.ContainsAny(s, "NIE") {
				t.Errorf("%q gives %s", src, s)
			}
			_, _ = v.JSON()
		}
	})
}

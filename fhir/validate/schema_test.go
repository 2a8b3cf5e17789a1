package validate_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"cdss/fhir"
	"cdss/fhir/fhirpath"
	"cdss/fhir/issue"
	"cdss/fhir/validate"
)

func schema(t testing.TB, r *fhir.Resource) []issue.Issue {
	t.Helper()
	got, err := validate.Schema(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// TestSchema: what the schema alone finds is told with the location in the
// resource, not in the copy that it looked at.
func TestSchema(t *testing.T) {
	tests := []struct {
		name, in string
		want     []string
	}{
		{"good", observation(`,"valueQuantity":{"value":1.5}`), nil},
		{"unknown elements", observation(`,"b":1,"a":2`), []string{
			"structure Observation.a: by JSON Schema there is no element a here",
			"structure Observation.b: by JSON Schema there is no element b here",
		}},
		{"unknown element and its _x", observation(`,"b":1,"_b":{"id":"x"}`), []string{"structure Observation.b: by JSON Schema there is no element b here"}},
		{"missing", `{"resourceType":"Observation","status":"final"}`, []string{"required Observation.code: code is missing"}},
		{"type", observation(`,"subject":"Patient/1"`), []string{`structure Observation.subject: a JSON object should stand here, not the string "Patient/1"`}},
		{"list", observation(`,"subject":[{"reference":"Patient/1"}]`), []string{"structure Observation.subject: a JSON object should stand here, not a list"}},
		{"code", `{"resourceType":"Observation","status":"finished","code":{"text":"x"}}`, []string{`code-invalid Observation.status: the string "finished" is none of registered, preliminary, final, amended`}},
		{"pattern", patient(`,"id":"a_b"`), []string{`value Patient.id: the string "a_b" does not match ^[A-Za-z0-9\-\.]{1,64}$`}},
		{"choice", observation(`,"effectiveDateTime":"gestern"`), []string{`value Observation.effective: the string "gestern" does not match`}},
		{"behind null in a list", patient(`,"name":[{"family":"A"},{"given":[null,null,1],"_given":[{"id":"x"}]}]`), []string{"structure Patient.name[1].given[2]: a JSON string should stand here, not the number 1"}},
		{"in the _x behind null", patient(`,"name":[{"given":["A","B"],"_given":[null,{"extension":[{"url":"http://x","valueCode":1}]}]}]`), []string{"structure Patient.name[0].given[1].extension[0].value: a JSON string should stand here, not the number 1"}},
		{"in the _x of one", patient(`,"_birthDate":{"text":"x"}`), []string{"structure Patient.birthDate.text: by JSON Schema there is no element text here"}},
		{"names that a pointer escapes", patient(`,"a/b~c %":1`), []string{"structure Patient.a/b~c %: by JSON Schema there is no element a/b~c % here"}},
		{"contained", observation(`,"contained":[{"resourceType":"Patient","id":"p","active":"ja"}]`), []string{`structure Observation.contained[0].active: a JSON boolean should stand here, not the string "ja"`}},
		{"entry", bundle(`,"entry":[{"resource":` + patient("") + `},{"resource":` + patient(`,"active":"ja"`) + `}]`), []string{"structure Bundle.entry[1].resource.active"}},
		{"outcome", bundle(`,"entry":[{"response":{"status":"200","outcome":{"resourceType":"OperationOutcome","issue":[{}]}}}]`), nil},
		{"parameter", `{"resourceType":"Parameters","parameter":[{"name":"a","part":[{"name":"b","resource":` + patient(`,"active":"ja"`) + `}]}]}`, []string{"structure Parameters.parameter[0].part[0].resource.active"}},
		{"type that R4 does not have", `{"resourceType":"Patent","x":1}`, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, is := range schema(t, parse(t, tt.in)) {
				got = append(got, is.Code+" "+strings.Join(is.Expression, ",")+": "+is.Diagnostics)
			}
			if len(got) != len(tt.want) {
				t.Fatalf("got %q, want %q", got, tt.want)
			}
			for i, want := range tt.want {
				if !strings.HasPrefix(got[i], want) {
					t.Errorf("got  %s\nwant %s", got[i], want)
				}
			}
		})
	}
}

func TestSchemaAcceptsExamples(t *testing.T) {
	for name, r := range examples(t) {
		if got := schema(t, r); len(got) > 0 {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestSecondOpinion breaks the official examples in some thousand places, one at
// a time: what the JSON Schema refuses, the tables refuse at the same location.
// The two come from different sources, so a fault in either shows here.
func TestSecondOpinion(t *testing.T) {
	all := examples(t)
	random := rand.New(rand.NewPCG(1, 2))
	broken, refused := 0, 0
	for _, name := range slices.Sorted(maps.Keys(all)) {
		for range 30 {
			text, what := breakOne(t, all[name].Raw(), random)
			r, err := fhir.ParseResource(text)
			if err != nil {
				continue // no resource any more
			}
			broken++
			said := map[string]bool{}
			for _, is := range validate.Structure(r) {
				said[is.Expression[0]] = said[is.Expression[0]] || is.Severity == issue.SeverityError
			}
			got := schema(t, r)
			if len(got) > 0 {
				refused++
			}
			for _, is := range got {
				if !said[is.Expression[0]] {
					t.Errorf("%s, %s: the schema alone says %s", name, what, is)
				}
			}
		}
	}
	t.Logf("%d broken examples, %d refused by the schema", broken, refused)
	if refused < broken/3 {
		t.Errorf("the schema refused %d of %d broken examples", refused, broken)
	}
}

// breakOne changes one random member of a JSON object, and says how.
func breakOne(t *testing.T, raw []byte, random *rand.Rand) (text []byte, what string) {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(string(raw)))
	decoder.UseNumber()
	var root map[string]any
	if err := decoder.Decode(&root); err != nil {
		t.Fatal(err)
	}
	var objects []map[string]any
	var collect func(v any)
	collect = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if len(v) > 0 {
				objects = append(objects, v)
			}
			for _, name := range slices.Sorted(maps.Keys(v)) {
				collect(v[name])
			}
		case []any:
			for _, k := range v {
				collect(k)
			}
		}
	}
	collect(root)
	object := objects[random.IntN(len(objects))]
	name := slices.Sorted(maps.Keys(object))[random.IntN(len(object))]
	before := object[name]
	switch how := random.IntN(9); how {
	case 0:
		delete(object, name)
	case 1:
		delete(object, name)
		object[name+"s"] = before
	case 2:
		object["_"+name] = map[string]any{"id": "x", "more": 1}
	default:
		object[name] = []any{"x y ", 1, true, map[string]any{"a": 1}, []any{before}, []any{1, before}}[how-3]
	}
	if text, err := json.Marshal(root); err == nil {
		return text, fmt.Sprintf("%s was %v and is %v", name, before, object[name])
	}
	t.Fatal("no JSON")
	return nil, ""
}

// TestHostileSizes: what is sent to cost time or memory costs little.
func TestHostileSizes(t *testing.T) {
	long := strings.Repeat("A", 1<<20-1)
	for name, in := range map[string]string{
		"a long member name":      patient(`,"` + long + `":1`),
		"a number of many digits": observation(`,"valueQuantity":{"value":1` + strings.Repeat("0", 1<<19) + `}`),
		"a large exponent":        observation(`,"valueQuantity":{"value":1e999999999}`),
		"long base64":             patient(`,"photo":[{"contentType":"image/png","data":"` + long + `A"}]`),
		"many unknown members":    patient(many(50_000, func(i int) string { return fmt.Sprintf(`,"x%d":1`, i) })),
		"many faults":             patient(`,"name":[` + strings.TrimPrefix(many(20_000, func(int) string { return `,{"use":"x","a":1}` }), ",") + `]`),
	} {
		t.Run(name, func(t *testing.T) {
			r := parse(t, in)
			got, err := validate.Resource(t.Context(), r, fhirpath.Env{Limits: fhirpath.Limits{Steps: 100_000}})
			if err != nil {
				t.Fatal(err)
			}
			if len(got) > 100 {
				t.Errorf("%d issues", len(got))
			}
			for _, is := range got {
				if len(is.Diagnostics)+len(is.Expression[0]) > 1000 {
					t.Errorf("an issue of %d characters", len(is.Diagnostics)+len(is.Expression[0]))
				}
			}
		})
	}
}

func many(n int, f func(int) string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(f(i))
	}
	return b.String()
}

// TestExtensibleLanguage: the codes of R4 for languages of expressions may be
// extended, and published plans do so.
func TestExtensibleLanguage(t *testing.T) {
	r := parse(t, `{"resourceType":"PlanDefinition","status":"active","action":[{"condition":[{"kind":"applicability","expression":{"language":"text/cql-identifier","expression":"X"}}]}]}`)
	if issues := schema(t, r); len(issues) > 0 {
		t.Error(issues)
	}
}

package fhir_test

import (
	"strings"
	"testing"

	"cdss/fhir"
	"cdss/fhir/issue"
)

func TestScan(t *testing.T) {
	deep := func(n int) string {
		return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n)
	}
	tests := []struct {
		name string
		in   string
		want issue.Kind // "" = accepted
		says string
	}{
		{"object", ` {"a":[1,-0.5,1e3,true,false,null,"x\n\u00e4"],"b":{}} `, "", ""},
		{"surrogate pair", `{"a":"\ud83d\ude00"}`, "", ""},
		{"empty", "  ", issue.Structure, "no JSON value"},
		{"truncated", `{"a":1`, issue.Structure, "not closed"},
		{"trailing", `{"a":1} {}`, issue.Structure, "line 1, column 9"},
		{"duplicate", `{"patientId":"1",` + "\n" + `"patientId":"2"}`, issue.Structure, `line 2, column 1: the member "patientId" stands twice`},
		{"duplicate by escape", `{"ab":1,"\u0061b":2}`, issue.Structure, "twice"},
		{"same name in other objects", `{"a":{"a":1},"b":{"a":1}}`, "", ""},
		{"duplicate among many", `{` + manyMembers(40) + `,"m7":1}`, issue.Structure, `"m7" stands twice`},
		{"many", `{` + manyMembers(40) + `}`, "", ""},
		{"NUL", `{"a":"\u0000"}`, issue.Structure, "NUL"},
		{"raw control", "{\"a\":\"\x01\"}", issue.Structure, "control"},
		{"lone high surrogate", `{"a":"\ud83d"}`, issue.Structure, "surrogate"},
		{"lone low surrogate", `{"a":"\ude00"}`, issue.Structure, "surrogate"},
		{"broken UTF-8", "{\"a\":\"\xff\"}", issue.Structure, "UTF-8"},
		{"UTF-8 encoded surrogate", "{\"a\":\"\xed\xa0\x80\"}", issue.Structure, "UTF-8"},
		{"byte order mark", "\ufeff{}", issue.Structure, "byte order mark"},
		{"leading zero", `{"a":01}`, issue.Structure, "begin with 0"},
		{"plus", `{"a":+1}`, issue.Structure, "line 1"},
		{"bare point", `{"a":1.}`, issue.Structure, "number"},
		{"NaN", `{"a":NaN}`, issue.Structure, "line 1"},
		{"single quotes", `{'a':1}`, issue.Structure, "quotes"},
		{"trailing comma", `{"a":1,}`, issue.Structure, "quotes"},
		{"depth 64", deep(64), "", ""},
		{"depth 65", deep(65), issue.Structure, "deeper than 64"},
		{"depth bomb", strings.Repeat("[", 100_000), issue.Structure, "deeper than 64"},
		{"token flood", "[" + strings.Repeat("{},", 300_000) + "{}]", issue.TooLong, "200000"},
		{"long string", `{"a":"` + strings.Repeat("x", 1<<20+1) + `"}`, issue.TooLong, "longer than"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := fhir.Scan([]byte(tt.in), fhir.Limits{})
			if got := issue.KindOf(err); got != tt.want {
				t.Fatalf("kind %q, want %q (%v)", got, tt.want, err)
			}
			if err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%q does not say %q", err, tt.says)
			}
		})
	}
}

func manyMembers(n int) string {
	var parts []string
	for i := range n {
		parts = append(parts, `"m`+string(rune('0'+i%10))+strings.Repeat("x", i/10)+`":1`)
	}
	return strings.Join(parts, ",")
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		patient, `{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"A"}},{},1]}`,
		`{"resourceType":"A","_x":[null,{"id":"1"}],"x":["a"],"_y":{"extension":[]},"y":1,"_z":3,"z":"q"}`,
		`{"a":"\ud83d\ude00","b":[[1],[2,[3]]]}`, `[]`, `"x`, `{"a":tru}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		kept := string(raw)
		root, err := fhir.ParseJSON(raw, fhir.Limits{})
		if err != nil {
			return
		}
		walk(root)
		if r, err := fhir.ParseResource(raw); err == nil {
			walk(r.Root())
			if string(r.Raw()) != kept {
				t.Fatal("an unchanged resource is not given back byte for byte")
			}
			if b, err := fhir.SplitBundle(r); err == nil {
				for _, e := range b.Entries {
					walk(e.Resource.Root())
				}
			}
			if _, err := r.Root().Object().Resource(); err != nil {
				t.Fatalf("rebuilt resource is not readable: %v", err)
			}
		}
	})
}

func walk(n *fhir.Node) {
	_ = n.Location()
	_, _ = n.Decimal()
	_, _ = n.Time()
	_ = n.Translated("de")
	for _, k := range n.All() {
		walk(k)
	}
}

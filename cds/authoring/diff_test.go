package authoring_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cdss/cds/authoring"
	"cdss/fhir"
)

func TestCompare(t *testing.T) {
	plan := func(members string) *fhir.Resource {
		r, err := fhir.ParseResource([]byte(`{"resourceType":"PlanDefinition"` + members + `}`))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	for _, tc := range []struct {
		name, before, after string
		want                []string
	}{
		{"nothing", `,"title":"A"`, `,"title":"A"`, nil},
		{"id and meta", `,"id":"a","meta":{"versionId":"1"}`, `,"id":"b","meta":{"versionId":"2"}`, nil},
		{"a text that is escaped in another way", `,"title":"\u00e4"`, `,"title":"ä"`, nil},
		{"a text", `,"title":"A"`, `,"title":"B"`, []string{`changed PlanDefinition.title "A" "B"`}},
		{"a number with more digits", `,"x":1.5`, `,"x":1.50`, []string{`changed PlanDefinition.x 1.5 1.50`}},
		{"something new", ``, `,"title":"B"`, []string{`added PlanDefinition.title null "B"`}},
		{"something gone", `,"title":"B"`, ``, []string{`removed PlanDefinition.title "B" null`}},
		{"an action that moved", `,"action":[{"id":"a","title":"A"},{"id":"b","title":"B"}]`, `,"action":[{"id":"b","title":"B"},{"id":"a","title":"A"}]`, nil},
		{
			"an action put before", `,"action":[{"id":"a","title":"A"}]`, `,"action":[{"id":"n","title":"N"},{"id":"a","title":"A2"}]`,
			[]string{`added PlanDefinition.action[0] null {"id":"n","title":"N"}`, `changed PlanDefinition.action[1].title "A" "A2"`},
		},
		{"one of several without an id", `,"library":["a","b","c"]`, `,"library":["a","c"]`, []string{`removed PlanDefinition.library[1] "b" null`}},
		{"a translation", `,"title":"A","_title":{"extension":[{"url":"u","valueString":"x"}]}`, `,"title":"A","_title":{"extension":[{"url":"u","valueString":"y"}]}`, []string{`changed PlanDefinition.title.extension[0].valueString "x" "y"`}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got []string
			for _, c := range authoring.Compare(plan(tc.before), plan(tc.after)) {
				got = append(got, fmt.Sprintf("%s %s %s %s", c.Kind, c.Path, c.Before, c.After))
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

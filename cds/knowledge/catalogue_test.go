package knowledge_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cdss/cds/knowledge"
	"cdss/fhir"
)

func TestCatalogueFindsVersions(t *testing.T) {
	var list []*fhir.Resource
	for _, a := range []struct{ url, version, status string }{
		{"u", "1.9.0", "active"}, {"u", "1.10.0", "active"}, {"u", "2.0.0", "draft"}, {"only-draft", "0.1.0", "draft"}, {"only-draft", "0.1.0-a", "draft"},
	} {
		r, err := fhir.ParseResource(fmt.Appendf(nil, `{"resourceType":"PlanDefinition","url":%q,"version":%q,"status":%q}`, a.url, a.version, a.status))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, r)
	}
	c := knowledge.NewCatalogue(list)
	for _, test := range []struct {
		canonical, version string
		rivals             []string
	}{
		{"u", "1.10.0", []string{"1.9.0"}},
		{"u|1.9.0", "1.9.0", nil},
		{"u|2.0.0", "2.0.0", nil},
		{"u|3.0.0", "", nil},
		{"only-draft", "0.1.0", nil},
		{"other", "", nil},
	} {
		r, rivals := c.Find(test.canonical)
		if got := r.Root().Child("version").String(); got != test.version {
			t.Errorf("%s: version %q, want %q", test.canonical, got, test.version)
		}
		if diff := cmp.Diff(test.rivals, rivals); diff != "" {
			t.Errorf("%s: %s", test.canonical, diff)
		}
	}
}

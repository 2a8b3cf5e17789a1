package content_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"cdss/cds/content"
	"cdss/fhir/fhirpath"
	"cdss/fhir/issue"
	"cdss/fhir/r4proto"
	"cdss/fhir/validate"
)

// TestArtifactsAreValid holds every generated artifact against the structure and
// invariants of R4 and against the protocol buffers.
func TestArtifactsAreValid(t *testing.T) {
	all, err := content.Artifacts()
	if err != nil {
		t.Fatal(err)
	}
	protos, err := r4proto.New()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		name := r.Type() + "/" + r.ID()
		t.Run(name, func(t *testing.T) {
			found, err := validate.Resource(context.Background(), r, fhirpath.Env{})
			if err != nil {
				t.Fatal(err)
			}
			found = append(found, protos.Check(r)...)
			found = slices.DeleteFunc(found, func(i issue.Issue) bool {
				return r.Type() == "Bundle" && strings.Contains(i.Diagnostics, "dom-6") // single regimens go without narrative
			})
			for n, i := range found {
				if n == 10 {
					t.Fatalf("%d more", len(found)-n)
				}
				t.Errorf("%+v", i)
			}
		})
	}
}

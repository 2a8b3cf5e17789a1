package operation_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cdss/fhir/issue"
)

// TestSuiteThroughTheDoor calls the public cases as a client would, with subject and
// encounter as they stand in the case, and its definitions and value sets among
// the data. The one result that differs, package apply lists.
func TestSuiteThroughTheDoor(t *testing.T) {
	dir := os.Getenv("REFERENCE_DATA_DIR")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	dir = filepath.Join(dir, "apply")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("reference data folder absent: set REFERENCE_DATA_DIR")
	}
	b := newBench(t)
	read := func(path string) []byte {
		t.Helper()
		raw, err := os.ReadFile(filepath.Join(dir, path))
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	// parameters gives what a case says of the call.
	parameters := func(name string) []string {
		var c struct {
			Operation struct {
				PlanDefinition, Subject, Encounter, Practitioner, AdditionalData string
				Parameters                                                       json.RawMessage
			}
		}
		if err := json.Unmarshal(read(name+"/case.json"), &c); err != nil {
			t.Fatal(err)
		}
		list := []string{`{"name":"useServerData","valueBoolean":false}`}
		for parameter, value := range map[string]string{"subject": c.Operation.Subject, "encounter": c.Operation.Encounter, "practitioner": c.Operation.Practitioner} {
			if value != "" {
				list = append(list, `{"name":"`+parameter+`","valueString":"`+value+`"}`)
			}
		}
		for _, file := range []string{"content.json", "data.json", c.Operation.AdditionalData} {
			if file != "" {
				list = append(list, `{"name":"data","resource":`+string(read(name+"/"+file))+`}`)
			}
		}
		if c.Operation.Parameters != nil {
			list = append(list, `{"name":"parameters","resource":`+string(c.Operation.Parameters)+`}`)
		}
		var content struct {
			Entry []struct{ Resource json.RawMessage }
		}
		if err := json.Unmarshal(read(name+"/content.json"), &content); err != nil {
			t.Fatal(err)
		}
		for _, e := range content.Entry {
			if r := b.parse(string(e.Resource)); r.Type() == "PlanDefinition" && r.ID() == c.Operation.PlanDefinition {
				return append(list, `{"name":"planDefinition","resource":`+string(e.Resource)+`}`)
			}
		}
		t.Fatalf("%s: no plan", name)
		return nil
	}
	for _, test := range []struct{ name, operation, file string }{
		{"child-routine-visit", "apply", "expected-careplan.json"},
		{"child-routine-visit", "r5.apply", "expected-bundle.json"},
		{"prepopulate", "r5.apply", "expected-bundle.json"},
		{"ancdt17", "apply", "expected-careplan.json"},
		{"ancdt17", "r5.apply", "expected-bundle.json"},
		{"ancdt17-with-elm", "apply", "expected-careplan.json"},
		{"cds-hooks-multiple-actions", "apply", "expected-careplan.json"},
		{"cds-hooks-multiple-actions", "r5.apply", "expected-bundle.json"},
		{"hello-world-patient-view", "apply", "expected-careplan.json"},
		{"hello-world-patient-view", "r5.apply", "expected-bundle.json"},
	} {
		t.Run(test.name+"/"+test.operation, func(t *testing.T) {
			var want, got any
			if err := json.Unmarshal(read(test.name+"/"+test.file), &want); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(b.must(test.operation, "PlanDefinition", parameters(test.name)...).Raw(), &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	t.Run("discharge-instructions", func(t *testing.T) {
		got := resources(b.must("r5.apply", "PlanDefinition", parameters("discharge-instructions")...))
		if text := got["CommunicationRequest"].Get("payload", "contentString").String(); !strings.HasSuffix(text, " Alice") {
			t.Errorf("payload %q", text)
		}
	})
	t.Run("nested-definition-error", func(t *testing.T) {
		entries := b.must("r5.apply", "PlanDefinition", parameters("nested-definition-error")...).Root().Children("entry")
		if len(entries) != 2 || entries[1].Get("resource", "contained").ResourceType() != "OperationOutcome" {
			t.Errorf("%d entries", len(entries))
		}
	})
	t.Run("no-subject", func(t *testing.T) {
		if _, err := b.apply("apply", "PlanDefinition", parameters("no-subject")...); !issue.Is(err, issue.Required) {
			t.Errorf("error %v", err)
		}
	})
}

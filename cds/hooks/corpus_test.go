package hooks_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"cdss/cds/conformance"
	"cdss/cds/content"
	"cdss/cds/decide"
	"cdss/cds/hooks"
	"cdss/cds/knowledge"
	"cdss/cds/recommend"
)

// pipeline is the real decider over the knowledge that ships.
func pipeline(t *testing.T) *decide.Service {
	t.Helper()
	artifacts, err := content.Artifacts()
	if err != nil {
		t.Fatal(err)
	}
	snapshot, err := knowledge.Load(artifacts, knowledge.Options{Demo: true})
	if err != nil {
		t.Fatal(err)
	}
	tables, err := recommend.LoadTables(content.Tables())
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	return decide.New(decide.Config{
		Knowledge: func() *knowledge.Snapshot { return snapshot }, Tables: tables, Demo: true,
		Now:   time.Now,
		NewID: func() string { n++; return fmt.Sprintf("00000000-0000-7000-8000-%012d", n) },
		// The machine of a test may be busy; what takes too long is another test's matter.
		Deadline: time.Minute,
	})
}

// TestPublicRequests sends every public request body to every service. Whatever
// is wrong with it, the answer is one that a client can act on.
func TestPublicRequests(t *testing.T) {
	dir := referenceData(t, "cds-hooks")
	files, err := filepath.Glob(filepath.Join(dir, "req__*.json"))
	if err != nil {
		t.Fatal(err)
	}
	more, err := filepath.Glob(filepath.Join(dir, "fhir-test-cases/input/cdshooks-request-*.json"))
	if err != nil {
		t.Fatal(err)
	}
	files = append(files, more...)
	if len(files) < 147 {
		t.Fatalf("only %d requests", len(files))
	}
	h := door(t, pipeline(t), &keeper{})
	counts := map[string]int{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var call struct {
			Hook    string
			Context struct{ DraftOrders any }
		}
		if err := json.Unmarshal(raw, &call); err != nil {
			t.Fatal(err)
		}
		for _, s := range hooks.BuiltIn() {
			w := send(h, "POST", "/cds-services/"+s.ID, string(raw))
			name := filepath.Base(file) + " to " + s.ID
			switch w.Code {
			case 200:
				for _, v := range conformance.Response(w.Body.Bytes(), nil) {
					t.Errorf("%s: %v", name, v)
				}
			case 400, 412, 413, 415:
				outcome(t, w)
			default:
				t.Errorf("%s: %d %s", name, w.Code, w.Body)
			}
			if s.Hook != call.Hook && (s.Formerly == "" || s.Formerly != call.Hook) {
				if w.Code != 400 {
					t.Errorf("%s, a call of another hook: %d", name, w.Code)
				}
				continue
			}
			counts[fmt.Sprintf("%s %d", call.Hook, w.Code)]++
		}
	}
	var lines []string
	for k, n := range counts {
		lines = append(lines, fmt.Sprintf("%s: %d", k, n))
	}
	slices.Sort(lines)
	t.Log(strings.Join(lines, ", "))
}

// TestPublicFeedback sends every public feedback body.
func TestPublicFeedback(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(referenceData(t, "cds-hooks"), "fb__*.json"))
	if err != nil || len(files) == 0 {
		t.Fatal("no feedback", err)
	}
	k := &keeper{}
	h := door(t, &decider{}, k)
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if w := send(h, "POST", pv+"/feedback", string(raw)); w.Code != 200 {
			t.Errorf("%s: %d %s", filepath.Base(file), w.Code, w.Body)
		}
	}
	if len(k.got) < len(files) {
		t.Errorf("%d entries kept of %d bodies", len(k.got), len(files))
	}
}

func referenceData(t *testing.T, path string) string {
	t.Helper()
	root := os.Getenv("REFERENCE_DATA_DIR")
	if root == "" {
		root = "../../../shared/data"
	}
	dir := filepath.Join(root, path)
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("reference data folder absent: %s", dir)
	}
	return dir
}

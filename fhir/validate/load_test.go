package validate

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

// TestEveryTypeCompiles: each resource of R4 has a schema, all can be asked for
// at once, and no more stay in memory than may.
func TestEveryTypeCompiles(t *testing.T) {
	var s schemas
	var all sync.WaitGroup
	types := 0
	for name := range r4().types {
		if !r4().resource(name) {
			continue
		}
		types++
		all.Go(func() {
			for range 2 {
				schema, err := s.of(name)
				if err != nil {
					t.Error(err)
				} else if err := schema.Validate(map[string]any{"resourceType": "none"}); err == nil {
					t.Errorf("the schema of %s takes any resource", name)
				}
				if kept := len(*s.compiled.Load()); kept > mostSchemas {
					t.Errorf("%d types stay compiled", kept)
				}
			}
		})
	}
	all.Wait()
	if types != 146 {
		t.Errorf("%d types", types)
	}
	if _, err := s.of("Patent"); err == nil {
		t.Error("a type that R4 does not have has a schema")
	}
	if _, err := s.of("Patient"); err != nil {
		t.Errorf("after a type that is not there: %v", err)
	}
}

// TestNothingElseIsLoaded: a schema that refers to a file or an address is an
// error, which does not show what stands there.
func TestNothingElseIsLoaded(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret.json")
	if err := os.WriteFile(secret, []byte(`{"type":"canary-7f3a"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, ref := range []string{
		"file://" + secret, secret, "http://127.0.0.1:1/schema.json", "https://schema.example/x",
		"../secret.json", place + "../secret.json", place + "nothing", place, "urn:x", "types%0a#/definitions/code",
	} {
		c := jsonschema.NewCompiler()
		c.LoadURL = load
		if err := c.AddResource(place+"test", strings.NewReader(`{"$ref":"`+ref+`"}`)); err != nil {
			t.Fatal(err)
		}
		_, err := c.Compile(place + "test")
		if err == nil {
			t.Errorf("%s was loaded", ref)
		} else if strings.Contains(err.Error(), "canary") {
			t.Errorf("%s is shown: %v", ref, err)
		}
	}
}

// BenchmarkCompile is what the schemas cost in time and in memory that stays:
// the first type, with all data types; as many as a server is sent; and those of
// someone who sends every type there is.
func BenchmarkCompile(b *testing.B) {
	var types []string
	for name := range r4().types {
		if r4().resource(name) && name != "Patient" {
			types = append(types, name)
		}
	}
	slices.Sort(types)
	types = append([]string{"Patient"}, types...)
	for _, n := range []int{1, 21, mostSchemas, len(types)} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			var kept uint64
			for b.Loop() {
				before := heap()
				var s schemas
				for _, name := range types[:n] {
					if _, err := s.of(name); err != nil {
						b.Fatal(err)
					}
				}
				kept = heap() - before
				runtime.KeepAlive(&s)
			}
			b.ReportMetric(float64(kept)/1e6, "kept-MB")
		})
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

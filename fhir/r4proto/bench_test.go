package r4proto_test

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/fhir/go/fhirversion"
	"github.com/google/fhir/go/jsonformat"

	"cdss/fhir"
	"cdss/fhir/fhirpath"
	"cdss/fhir/issue"
	"cdss/fhir/validate"
)

// hospitalBundle gives a searchset Bundle of about size bytes, of the kind an
// EHR prefetches: laboratory results of one patient.
func hospitalBundle(size int) []byte {
	var b strings.Builder
	b.WriteString(`{"resourceType":"Bundle","type":"searchset","entry":[{"fullUrl":"https://ehr.example/fhir/Patient/1","resource":{"resourceType":"Patient","id":"1","gender":"female","birthDate":"1950-05-01"}}`)
	for i := 0; b.Len() < size; i++ {
		fmt.Fprintf(&b, `,{"fullUrl":"https://ehr.example/fhir/Observation/%d","resource":{"resourceType":"Observation","id":"%d","meta":{"versionId":"1","lastUpdated":"2024-03-01T08:00:00Z"},"status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"2160-0","display":"Creatinine [Mass/volume] in Serum or Plasma"}],"text":"Kreatinin"},"subject":{"reference":"Patient/1"},"effectiveDateTime":"2024-03-%02dT08:00:00+01:00","valueQuantity":{"value":%d.%02d,"unit":"mg/dL","system":"http://unitsofmeasure.org","code":"mg/dL"},"referenceRange":[{"low":{"value":0.5,"unit":"mg/dL"},"high":{"value":0.9,"unit":"mg/dL"}}]},"search":{"mode":"match"}}`,
			i, i, 1+i%28, 1+i%3, i%100)
	}
	b.WriteString("]}")
	return []byte(b.String())
}

// contender is one way to do the work, and how often it does it in a round: a
// fast one often, so that its own garbage is collected within its time.
type contender struct {
	name  string
	times int
	run   func() error
}

// compare runs the contenders in turn, so that what else the machine does hits
// all alike, and reports the CPU time of each, garbage collection included, and
// how many times dearer the last is.
func compare(b *testing.B, list []contender) {
	spent := make([]time.Duration, len(list))
	rounds := 0
	for b.Loop() {
		rounds++
		for i, c := range list {
			runtime.GC()
			start := cpu(b)
			for range c.times {
				if err := c.run(); err != nil {
					b.Fatalf("%s: %v", c.name, err)
				}
			}
			spent[i] += cpu(b) - start
		}
	}
	each := func(i int) float64 { return float64(spent[i]) / float64(rounds*list[i].times) }
	last := len(list) - 1
	b.ReportMetric(0, "ns/op")
	for i, c := range list {
		b.ReportMetric(each(i)/1e3, c.name+"-cpu-us")
		if i < last {
			b.ReportMetric(each(last)/each(i), list[last].name+"/"+c.name)
		}
	}
}

// cpu gives the CPU time of this process so far.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func toMap(raw []byte) func() error {
	return func() error {
		var m map[string]any
		return json.Unmarshal(raw, &m)
	}
}

func toProto(b *testing.B, raw []byte) func() error {
	in, err := jsonformat.NewUnmarshaller("UTC", fhirversion.R4)
	if err != nil {
		b.Fatal(err)
	}
	return func() error {
		_, err := in.Unmarshal(raw)
		return err
	}
}

// BenchmarkBundle is what it costs to make a Bundle of 257 KB usable: split it;
// read from each result what a rule asks for; encoding/json into a map; google's
// jsonformat. The aim is to read ten times cheaper than jsonformat.
func BenchmarkBundle(b *testing.B) {
	raw := hospitalBundle(257_000)
	split := func() (*fhir.Bundle, error) {
		r, err := fhir.ParseResource(raw)
		if err != nil {
			return nil, err
		}
		return fhir.SplitBundle(r)
	}
	compare(b, []contender{
		{"split", 50, func() error { _, err := split(); return err }},
		{"read", 20, func() error {
			bundle, err := split()
			if err != nil {
				return err
			}
			found := 0
			for _, e := range bundle.Entries {
				root := e.Resource.Root()
				value, _ := root.Choice("value")
				when, _ := root.Choice("effective")
				_, measured := value.Quantity()
				_, dated := when.Time()
				_, patient, _ := root.Child("subject").Reference().Local()
				if measured && dated && patient == "1" && root.Child("status").String() == "final" &&
					root.Child("code").CodeableConcept().Has("http://loinc.org", "2160-0") {
					found++
				}
			}
			if found != len(bundle.Entries)-1 {
				return fmt.Errorf("read %d of %d", found, len(bundle.Entries))
			}
			return nil
		}},
		{"map", 20, toMap(raw)},
		{"jsonformat", 3, toProto(b, raw)},
	})
}

// BenchmarkCheck is what each layer of fhir/validate costs on what is parsed, and
// Structure with parsing, which is what a hook pays: the aim is 2 ms for 20 KB.
// Jsonformat, which checks while it reads, is the measure.
func BenchmarkCheck(b *testing.B) {
	small := hospitalBundle(1000)
	r, err := fhir.ParseResource(small)
	if err != nil {
		b.Fatal(err)
	}
	for _, in := range []struct {
		name string
		raw  []byte
	}{
		{"observation", r.Root().Children("entry")[1].Child("resource").JSON()},
		{"20KB", hospitalBundle(20_000)},
		{"257KB", hospitalBundle(257_000)},
	} {
		b.Run(in.name, func(b *testing.B) { compareChecks(b, in.raw) })
	}
}

func compareChecks(b *testing.B, raw []byte) {
	parsed, err := fhir.ParseResource(raw)
	if err != nil {
		b.Fatal(err)
	}
	structure := func(r *fhir.Resource) error { return issue.From(validate.Structure(r)) }
	schema := func() error {
		found, err := validate.Schema(b.Context(), parsed)
		if err != nil {
			return err
		}
		return issue.From(found)
	}
	if err := schema(); err != nil { // compiles
		b.Fatal(err)
	}
	times := max(1, 2_000_000/len(raw))
	compare(b, []contender{
		{"structure", times, func() error { return structure(parsed) }},
		{"parse+structure", times, func() error {
			r, err := fhir.ParseResource(raw)
			if err != nil {
				return err
			}
			return structure(r)
		}},
		{"schema", max(1, times/5), schema},
		{"invariants", max(1, times/5), func() error {
			found, err := validate.Invariants(b.Context(), parsed, fhirpath.Env{})
			if err != nil {
				return err
			}
			return issue.From(found)
		}},
		{"map", times, toMap(raw)},
		{"jsonformat", max(1, times/5), toProto(b, raw)},
	})
}

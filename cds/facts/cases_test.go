package facts_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cdss/cds"
	"cdss/cds/facts"
	"cdss/fhir"
)

// clinicalCase is what this test needs of a case file (data/cases/schema.md).
type clinicalCase struct {
	ID          string          `json:"id"`
	AsOf        time.Time       `json:"asOf"`
	Bundle      json.RawMessage `json:"bundle"`
	DraftOrders json.RawMessage `json:"draftOrders"`
	Request     *struct {
		Indication        string   `json:"indication"`
		Severity          string   `json:"severity"`
		InfectionSite     string   `json:"infectionSite"`
		RiskFactors       []string `json:"riskFactors"`
		SuspectedPathogen []string `json:"suspectedPathogens"`
	} `json:"request"`
	Expect struct {
		Indication *string `json:"indication"`
		Facts      []struct {
			Name      string  `json:"name"`
			Value     any     `json:"value"`
			Tolerance float64 `json:"tolerance"`
		} `json:"facts"`
		MustSayMissing []string `json:"mustSayMissing"`
		MustNotCompute []string `json:"mustNotCompute"`
	} `json:"expect"`
}

// factNames gives our name of a fact of the case format.
var factNames = map[string]string{
	"age": "age", "BMI": "bmi", "IBW": "ideal-body-weight", "AdjBW": "adjusted-body-weight", "weight (normalised)": "weight",
	"serum creatinine (normalised)": "creatinine", "CKD-EPI 2021 eGFR": "egfr-ckd-epi-2021", "eGFR": "egfr-ckd-epi-2021",
	"Cockcroft-Gault CrCl (actual body weight)": "creatinine-clearance-cockcroft-gault", "CrCl (Cockcroft-Gault)": "creatinine-clearance-cockcroft-gault",
	"Cockcroft-Gault CrCl (adjusted body weight)": "creatinine-clearance-cockcroft-gault", "CRB-65": "crb-65", "CURB-65": "curb-65", "qSOFA": "qsofa",
	"dialysis dependent": "dialysis", "hours from admission to onset > 48 h": "nosocomial", "vital-sign stability criteria met (of 6)": "clinical-stability",
}

// Over all public cases: each fact that a case expects is there with its value,
// nothing is computed that must not be, what is missing is named, and the active
// problems alone lead to the expected indication.
func TestCases(t *testing.T) {
	dir := os.Getenv("REFERENCE_DATA_DIR")
	if dir == "" {
		dir = "../../../shared/data"
	}
	files, _ := filepath.Glob(filepath.Join(dir, "cases", "cases", "*.json"))
	if len(files) == 0 {
		t.Skip("reference data folder absent: set REFERENCE_DATA_DIR")
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var c clinicalCase
		if err := json.Unmarshal(raw, &c); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		t.Run(c.ID, func(t *testing.T) {
			in := input(t)
			in.Now = c.AsOf
			in.Resources = entries(t, c.Bundle)
			in.Drafts = entries(t, c.DraftOrders)
			chart := facts.Build(in)
			c.check(t, chart)
			if c.Expect.Indication != nil {
				if got, _ := chart.Indication(); got == nil || got.Alias != *c.Expect.Indication {
					t.Logf("from the bundle alone: indication %+v, the case expects %s", got, *c.Expect.Indication)
				}
			}
			if c.Request != nil {
				in.Request = &cds.StructuredRequest{Indication: c.Request.Indication, Severity: c.Request.Severity, Site: c.Request.InfectionSite, RiskFactors: c.Request.RiskFactors, Pathogens: c.Request.SuspectedPathogen}
				with := facts.Build(in)
				c.check(t, with)
				if got, _ := with.Indication(); c.Expect.Indication != nil && (got == nil || got.Alias != *c.Expect.Indication) {
					t.Errorf("with the request: indication %+v, want %s", got, *c.Expect.Indication)
				}
				if v, _, known := with.Severity(); !known {
					t.Errorf("severity %q not known although the request states %s", v, c.Request.Severity)
				}
			}
		})
	}
}

func (c clinicalCase) check(t *testing.T, chart *facts.Chart) {
	t.Helper()
	for _, want := range c.Expect.Facts {
		f := chart.Fact(factNames[want.Name])
		switch v := want.Value.(type) {
		case bool:
			if got, ok := f.Value.(bool); !ok || got != v {
				t.Errorf("%s = %v (%s %s), want %v", want.Name, f.Value, f.State, f.Reason.EN, v)
			}
		case float64:
			if got, ok := f.Number().Exact(); !ok || math.Abs(got-v) > want.Tolerance+1e-6 {
				t.Errorf("%s = %v (%s %s), want %v", want.Name, f.Value, f.State, f.Reason.EN, v)
			}
		}
	}
	for _, name := range c.Expect.MustNotCompute {
		if f := chart.Fact(factNames[name]); factNames[name] != "" && f.State == facts.Known {
			t.Errorf("%s = %v was computed", name, f.Value)
		}
	}
	for _, name := range c.Expect.MustSayMissing {
		base, _, _ := strings.Cut(name, " (")
		if f := chart.Fact(base); f.State != facts.Unknown || f.Reason.EN == "" {
			t.Errorf("%s is not said to be missing: %+v", name, f)
		}
	}
}

// entries gives the resources of a Bundle, none for an empty one.
func entries(t *testing.T, raw json.RawMessage) []*fhir.Resource {
	t.Helper()
	if len(raw) == 0 {
		return nil
	}
	r, err := fhir.ParseResource(raw)
	if err != nil {
		t.Fatal(err)
	}
	b, err := fhir.SplitBundle(r)
	if err != nil {
		t.Fatal(err)
	}
	var out []*fhir.Resource
	for _, e := range b.Entries {
		if e.Err != nil {
			t.Fatal(e.Err)
		}
		out = append(out, e.Resource)
	}
	return out
}

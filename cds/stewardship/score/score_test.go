package score_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"cdss/cds/stewardship"
	"cdss/cds/stewardship/score"
)

var (
	n    = stewardship.Exactly
	none = stewardship.Number{}
)

const (
	yes     = stewardship.Yes
	no      = stewardship.No
	unknown = stewardship.Unknown
)

type outcome struct {
	Low, High int
	Missing   []string
}

func got(r score.Result) outcome { return outcome{r.Low, r.High, r.Missing} }

// The criteria of Lim 2003: each sign at its limit and just below it.
func TestCRB65(t *testing.T) {
	in := func(confusion stewardship.Truth, rr, sys, dia, age stewardship.Number) score.CRB65Input {
		return score.CRB65Input{Confusion: confusion, RespiratoryRate: rr, Systolic: sys, Diastolic: dia, Age: age}
	}
	for _, tc := range []struct {
		name string
		in   score.CRB65Input
		want outcome
	}{
		{"none", in(no, n(29), n(90), n(61), n(64)), outcome{}},
		{"all", in(yes, n(30), n(89), n(61), n(65)), outcome{Low: 4, High: 4}},
		{"diastolic alone", in(no, n(18), n(130), n(60), n(50)), outcome{Low: 1, High: 1}},
		{"both pressures give one point", in(no, n(18), n(80), n(50), n(50)), outcome{Low: 1, High: 1}},
		{"respiratory rate missing", in(no, none, n(130), n(80), n(70)), outcome{Low: 1, High: 2, Missing: []string{"respiratory-rate"}}},
		{"diastolic missing, systolic decides", in(no, n(18), n(85), none, n(50)), outcome{Low: 1, High: 1}},
		{"diastolic missing, systolic does not decide", in(no, n(18), n(120), none, n(50)), outcome{Low: 0, High: 1, Missing: []string{"blood-pressure"}}},
		{"nothing known", in(unknown, none, none, none, none), outcome{Low: 0, High: 4, Missing: []string{"confusion", "respiratory-rate", "blood-pressure", "age"}}},
		{"rate given as more than 30", in(no, stewardship.Between(30, 60), n(130), n(80), n(50)), outcome{Low: 1, High: 1}},
		{"birth year only, 64 or 65", in(no, n(18), n(130), n(80), stewardship.Between(64, 65)), outcome{Low: 0, High: 1, Missing: []string{"age"}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, got(score.CRB65(tc.in))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestCURB65(t *testing.T) {
	base := score.CRB65Input{Confusion: no, RespiratoryRate: n(18), Systolic: n(130), Diastolic: n(80), Age: n(70)}
	for urea, want := range map[float64]int{7: 1, 7.1: 2} {
		if v, ok := score.CURB65(base, n(urea)).Value(); !ok || v != want {
			t.Errorf("urea %g mmol/L: %d, want %d", urea, v, want)
		}
	}
	if diff := cmp.Diff(outcome{1, 2, []string{"urea"}}, got(score.CURB65(base, none))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if m, ok := score.Mortality30(2); !ok || m != 13 {
		t.Errorf("mortality of two points = %g, want 13 percent as in the derivation cohort", m)
	}
	if _, ok := score.Mortality30(6); ok {
		t.Error("a mortality for six points was given")
	}
}

func TestQSOFA(t *testing.T) {
	for _, tc := range []struct {
		name    string
		rr, sys stewardship.Number
		altered stewardship.Truth
		want    outcome
	}{
		{"at the limits", n(22), n(100), yes, outcome{Low: 3, High: 3}},
		{"just inside", n(21), n(101), no, outcome{}},
		{"pressure missing", n(22), none, no, outcome{Low: 1, High: 2, Missing: []string{"blood-pressure"}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, got(score.QSOFA(tc.rr, tc.sys, tc.altered))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	if r := score.QSOFA(n(30), n(80), unknown); r.AtLeast(2) != yes {
		t.Error("two points of three with the third unknown are two or more for certain")
	}
}

// Bands of Vincent 1996, organ by organ.
func TestSOFA(t *testing.T) {
	healthy := score.SOFAInput{
		OxygenationIndex: n(450), Ventilated: no, Platelets: n(200), Bilirubin: n(0.5), MeanPressure: n(80), Dopamine: n(0), Dobutamine: n(0),
		Adrenaline: n(0), Noradrenaline: n(0), Glasgow: n(15), Creatinine: n(0.9), Urine: n(1500),
	}
	if v, ok := score.SOFA(healthy).Value(); !ok || v != 0 {
		t.Fatalf("healthy = %d, %v", v, ok)
	}
	for _, tc := range []struct {
		name string
		set  func(*score.SOFAInput)
		want int
	}{
		{"oxygenation 399", func(i *score.SOFAInput) { i.OxygenationIndex = n(399) }, 1},
		{"oxygenation 299", func(i *score.SOFAInput) { i.OxygenationIndex = n(299) }, 2},
		{"below 200 without support stays 2", func(i *score.SOFAInput) { i.OxygenationIndex = n(150) }, 2},
		{"below 200 with support", func(i *score.SOFAInput) { i.OxygenationIndex = n(150); i.Ventilated = yes }, 3},
		{"below 100 with support", func(i *score.SOFAInput) { i.OxygenationIndex = n(90); i.Ventilated = yes }, 4},
		{"platelets 150", func(i *score.SOFAInput) { i.Platelets = n(150) }, 0},
		{"platelets 149", func(i *score.SOFAInput) { i.Platelets = n(149) }, 1},
		{"platelets 19", func(i *score.SOFAInput) { i.Platelets = n(19) }, 4},
		{"bilirubin 1.2", func(i *score.SOFAInput) { i.Bilirubin = n(1.2) }, 1},
		{"bilirubin 5.9", func(i *score.SOFAInput) { i.Bilirubin = n(5.9) }, 2},
		{"bilirubin 12 closes the printed gap", func(i *score.SOFAInput) { i.Bilirubin = n(12) }, 4},
		{"mean pressure 69", func(i *score.SOFAInput) { i.MeanPressure = n(69) }, 1},
		{"any dobutamine", func(i *score.SOFAInput) { i.Dobutamine = n(2) }, 2},
		{"dopamine 5", func(i *score.SOFAInput) { i.Dopamine = n(5) }, 2},
		{"dopamine 6", func(i *score.SOFAInput) { i.Dopamine = n(6) }, 3},
		{"noradrenaline 0.1", func(i *score.SOFAInput) { i.Noradrenaline = n(0.1) }, 3},
		{"noradrenaline 0.2", func(i *score.SOFAInput) { i.Noradrenaline = n(0.2) }, 4},
		{"coma scale 14", func(i *score.SOFAInput) { i.Glasgow = n(14) }, 1},
		{"coma scale 5", func(i *score.SOFAInput) { i.Glasgow = n(5) }, 4},
		{"creatinine 3.4", func(i *score.SOFAInput) { i.Creatinine = n(3.4) }, 2},
		{"creatinine 5 closes the printed gap", func(i *score.SOFAInput) { i.Creatinine = n(5) }, 4},
		{"urine 400 outweighs a normal creatinine", func(i *score.SOFAInput) { i.Urine = n(400) }, 3},
		{"urine unknown is left out", func(i *score.SOFAInput) { i.Urine = none }, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := healthy
			tc.set(&in)
			if v, ok := score.SOFA(in).Value(); !ok || v != tc.want {
				t.Errorf("SOFA = %d (known %v), want %d", v, ok, tc.want)
			}
		})
	}
	in := healthy
	in.Platelets, in.Noradrenaline = none, none
	if diff := cmp.Diff(outcome{0, 8, []string{"platelets", "circulation"}}, got(score.SOFA(in))); diff != "" {
		t.Errorf("two organs missing (-want +got):\n%s", diff)
	}
}

// Limits as printed in the chart of the Royal College of Physicians.
func TestNEWS2(t *testing.T) {
	healthy := score.NEWS2Input{RespiratoryRate: n(16), Saturation: n(97), Oxygen: no, Systolic: n(120), Pulse: n(70), Alert: yes, Temperature: n(37)}
	for _, tc := range []struct {
		name string
		set  func(*score.NEWS2Input)
		want int
	}{
		{"healthy", func(*score.NEWS2Input) {}, 0},
		{"rate 8", func(i *score.NEWS2Input) { i.RespiratoryRate = n(8) }, 3},
		{"rate 9", func(i *score.NEWS2Input) { i.RespiratoryRate = n(9) }, 1},
		{"rate 21", func(i *score.NEWS2Input) { i.RespiratoryRate = n(21) }, 2},
		{"rate 25", func(i *score.NEWS2Input) { i.RespiratoryRate = n(25) }, 3},
		{"saturation 91", func(i *score.NEWS2Input) { i.Saturation = n(91) }, 3},
		{"saturation 95", func(i *score.NEWS2Input) { i.Saturation = n(95) }, 1},
		{"oxygen", func(i *score.NEWS2Input) { i.Oxygen = yes }, 2},
		{"pressure 90", func(i *score.NEWS2Input) { i.Systolic = n(90) }, 3},
		{"pressure 110", func(i *score.NEWS2Input) { i.Systolic = n(110) }, 1},
		{"pressure 220", func(i *score.NEWS2Input) { i.Systolic = n(220) }, 3},
		{"pulse 40", func(i *score.NEWS2Input) { i.Pulse = n(40) }, 3},
		{"pulse 91", func(i *score.NEWS2Input) { i.Pulse = n(91) }, 1},
		{"pulse 131", func(i *score.NEWS2Input) { i.Pulse = n(131) }, 3},
		{"confusion", func(i *score.NEWS2Input) { i.Alert = no }, 3},
		{"temperature 35.0", func(i *score.NEWS2Input) { i.Temperature = n(35) }, 3},
		{"temperature 35.1", func(i *score.NEWS2Input) { i.Temperature = n(35.1) }, 1},
		{"temperature 38.0", func(i *score.NEWS2Input) { i.Temperature = n(38) }, 0},
		{"temperature 38.1", func(i *score.NEWS2Input) { i.Temperature = n(38.1) }, 1},
		{"temperature 39.1", func(i *score.NEWS2Input) { i.Temperature = n(39.1) }, 2},
		{"hypercapnic 90 on air", func(i *score.NEWS2Input) { i.Hypercapnic = true; i.Saturation = n(90) }, 0},
		{"hypercapnic 97 on air", func(i *score.NEWS2Input) { i.Hypercapnic = true }, 0},
		{"hypercapnic 97 on oxygen", func(i *score.NEWS2Input) { i.Hypercapnic = true; i.Oxygen = yes }, 5},
		{"hypercapnic 83", func(i *score.NEWS2Input) { i.Hypercapnic = true; i.Saturation = n(83) }, 3},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := healthy
			tc.set(&in)
			if v, ok := score.NEWS2(in).Value(); !ok || v != tc.want {
				t.Errorf("NEWS2 = %d (known %v), want %d", v, ok, tc.want)
			}
		})
	}
	in := healthy
	in.Pulse = none
	if diff := cmp.Diff(outcome{0, 3, []string{"heart-rate"}}, got(score.NEWS2(in))); diff != "" {
		t.Errorf("pulse missing (-want +got):\n%s", diff)
	}
}

func TestChildPugh(t *testing.T) {
	for _, tc := range []struct {
		name  string
		in    score.ChildPughInput
		want  outcome
		class string
	}{
		{"best", score.ChildPughInput{Bilirubin: n(1), Albumin: n(4), INR: n(1.2), Ascites: n(0), Encephalopathy: n(0)}, outcome{Low: 5, High: 5}, "A"},
		{"middle", score.ChildPughInput{Bilirubin: n(2), Albumin: n(3), INR: n(1.7), Ascites: n(1), Encephalopathy: n(2)}, outcome{Low: 10, High: 10}, "C"},
		{"worst", score.ChildPughInput{Bilirubin: n(5), Albumin: n(2), INR: n(3), Ascites: n(2), Encephalopathy: n(4)}, outcome{Low: 15, High: 15}, "C"},
		{"edges of the middle band", score.ChildPughInput{Bilirubin: n(3), Albumin: n(2.8), INR: n(2.3), Ascites: n(0), Encephalopathy: n(0)}, outcome{Low: 8, High: 8}, "B"},
		{"clinical signs missing", score.ChildPughInput{Bilirubin: n(1), Albumin: n(4), INR: n(1)}, outcome{5, 9, []string{"ascites", "encephalopathy"}}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := score.ChildPugh(tc.in)
			if diff := cmp.Diff(tc.want, got(r)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if c := score.ChildPughClass(r); c != tc.class {
				t.Errorf("class = %q, want %q", c, tc.class)
			}
		})
	}
}

func TestPENFAST(t *testing.T) {
	for _, tc := range []struct {
		name                    string
		recent, severe, treated stewardship.Truth
		want                    outcome
	}{
		{"old rash untreated", no, no, no, outcome{}},
		{"recent anaphylaxis treated", yes, yes, yes, outcome{Low: 5, High: 5}},
		{"nothing known", unknown, unknown, unknown, outcome{0, 5, []string{"within-five-years", "severe-reaction", "treatment"}}},
		{"old, severe, treatment unknown", no, yes, unknown, outcome{2, 3, []string{"treatment"}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, got(score.PENFAST(tc.recent, tc.severe, tc.treated))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestStability(t *testing.T) {
	stable := score.StabilityInput{Pulse: n(100), RespiratoryRate: n(24), Systolic: n(90), Temperature: n(37.8), Saturation: n(90), NormalMentation: yes}
	if v, ok := score.Stability(stable).Value(); !ok || v != 6 {
		t.Errorf("at every limit = %d, %v; want 6", v, ok)
	}
	ill := score.StabilityInput{Pulse: n(101), RespiratoryRate: n(25), Systolic: n(89), Temperature: n(37.9), Saturation: n(89), NormalMentation: no}
	if v, ok := score.Stability(ill).Value(); !ok || v != 0 {
		t.Errorf("beyond every limit = %d, %v; want 0", v, ok)
	}
}

package facts

import (
	"errors"
	"slices"

	"cdss/cds"
	"cdss/cds/stewardship"
	"cdss/cds/stewardship/dose"
	"cdss/cds/stewardship/formulary"
)

// body puts weight, height and what follows from them.
func (b *builder) body() {
	b.measured("weight")
	b.measured("height")
	weight, okW := b.chart.Number("weight").Exact()
	height, okH := b.chart.Number("height").Exact()
	if !okW {
		weight = 0
	}
	if !okH {
		height = 0
	}
	b.chart.weights = dose.WeighUp(weight, height, b.female == stewardship.Yes)
	derived := func(name, unit string, formula cds.Text, value float64, ok bool, needs ...string) {
		f := Fact{Name: name, Unit: unit, Formula: formula, State: Unknown}
		for _, n := range needs {
			in := b.chart.Fact(n)
			if in.State != Known {
				f.Missing = append(f.Missing, n)
			}
			f.Inputs = append(f.Inputs, in.Inputs...)
		}
		switch {
		case len(f.Missing) > 0:
			f.Reason, f.Inputs = text("Angaben fehlen", "inputs are missing"), nil
		case ok && value > 0:
			f.State, f.Value, f.Source = Known, value, "computed"
		default:
			f.Reason, f.Inputs = text("außerhalb des Bereichs der Formel", "outside the range of the formula"), nil
		}
		b.put(f)
	}
	w := b.chart.weights
	derived("bmi", "kg/m2", text("Gewicht / Größe²", "weight / height²"), w.BMI, okW && okH, "weight", "height")
	if b.female == stewardship.Unknown {
		b.chart.weights.Ideal, b.chart.weights.Adjusted, w.Ideal, w.Adjusted = 0, 0, 0, 0
	}
	derived("ideal-body-weight", "kg", text("Devine 1974", "Devine 1974"), w.Ideal, w.Ideal > 0, "height", "sex")
	derived("adjusted-body-weight", "kg", text("Idealgewicht + 0,4 × (Gewicht − Idealgewicht)", "ideal weight + 0.4 × (weight − ideal weight)"), w.Adjusted, w.Adjusted > 0, "weight", "height", "sex")
	surface := 0.0
	if okW && okH {
		surface = dose.SurfaceMosteller(weight, height)
	}
	derived("body-surface-area", "m2", text("Mosteller 1987", "Mosteller 1987"), surface, surface > 0, "weight", "height")
	b.chart.kidney.Surface = surface
}

// kidney puts creatinine and what is computed from it.
func (b *builder) kidney() {
	b.measured("creatinine")
	k := &b.chart.kidney
	k.Adult, k.Dialysis, k.Pregnant = b.adult(), b.chart.Truth("dialysis"), b.chart.Truth("pregnancy")
	k.Mode = formulary.Mode(b.chart.Fact("dialysis-mode").code())
	creatinine := b.chart.Fact("creatinine")
	scr, exact := creatinine.Number().Exact()
	if exact {
		k.Creatinine = scr
	}
	var samples []dose.Sample
	for _, s := range b.series["creatinine"] {
		if s.low == s.high {
			samples = append(samples, dose.Sample{Value: s.low, At: s.at, Reference: s.reference})
		}
	}
	if exact {
		k.Unstable, k.UnstableWhy = dose.Unstable(samples)
	}
	stability := Fact{Name: "creatinine-unstable", State: kleene(k.Unstable), Reason: k.UnstableWhy,
		Formula: text("≥ 0,3 mg/dl in 48 h oder ≥ 1,5-fach in 7 Tagen (KDIGO 2012)", "≥ 0.3 mg/dL in 48 h or ≥ 1.5 times in 7 days (KDIGO 2012)")}
	switch k.Unstable {
	case stewardship.Unknown:
		stability.Reason, stability.Missing = text("kein Vergleichswert der letzten 7 Tage", "no value of the last 7 days to compare with"), []string{"creatinine"}
	default:
		stability.Value = k.Unstable == stewardship.Yes
	}
	b.put(stability)
	b.rate()
	b.clearance()
	for _, name := range []string{"egfr-laboratory-2021", "egfr-laboratory-2009", "egfr-laboratory-mdrd"} {
		b.measuredIfAny(name)
	}
	for _, name := range []string{"egfr-ckd-epi-2021", "creatinine-clearance-cockcroft-gault"} {
		for _, m := range b.chart.Fact(name).Missing {
			if !slices.Contains(k.Missing, m) {
				k.Missing = append(k.Missing, m)
			}
		}
	}
}

// formulaAge is the age an equation is computed with: of two possible ages the
// higher, which gives the lower rate.
func (b *builder) formulaAge() (float64, bool) {
	n := b.chart.Number("age")
	return n.High, n.Known
}

// needs lists which of the facts are not known.
func (b *builder) needs(names ...string) (missing []string) {
	for _, n := range names {
		f := b.chart.Fact(n)
		if f.State != Known || n == "creatinine" && f.Value == nil || n == "weight" && f.Value == nil {
			missing = append(missing, n)
		}
	}
	return missing
}

// notFor says what limits a rate that was computed all the same.
func (b *builder) notFor() cds.Text {
	switch {
	case b.chart.kidney.Dialysis == stewardship.Yes:
		return text("unter Dialyse nicht aussagekräftig", "not meaningful on dialysis")
	case b.chart.kidney.Pregnant == stewardship.Yes:
		return text("in der Schwangerschaft nicht zur Dosierung geeignet", "not fit for dosing in pregnancy")
	case b.chart.kidney.Unstable == stewardship.Yes:
		return text("Kreatinin instabil: nicht zur Dosierung geeignet", "creatinine unstable: not fit for dosing")
	}
	return cds.Text{}
}

func (b *builder) rate() {
	f := Fact{Name: "egfr-ckd-epi-2021", Unit: "mL/min/{1.73_m2}", State: Unknown, Formula: text("CKD-EPI 2021, Kreatinin (Inker 2021)", "CKD-EPI 2021, creatinine (Inker 2021)")}
	f.Missing = b.needs("creatinine", "age", "sex")
	age, _ := b.formulaAge()
	switch {
	case b.chart.kidney.Adult == stewardship.No:
		f.Missing, f.Reason = nil, text("Formel gilt nur für Erwachsene", "the equation is for adults only")
	case len(f.Missing) > 0:
		if lab, ok, _ := b.newest("egfr-laboratory-2021"); ok && lab.low == lab.high {
			f.State, f.Value, f.Source, f.Date, f.Missing = Known, lab.low, lab.reference, lab.date, nil
			f.Formula = text("CKD-EPI 2021, vom Labor berechnet", "CKD-EPI 2021, computed by the laboratory")
			f.Inputs = []Value{lab.value()}
			break
		}
		f.Reason = b.why(f.Missing)
	default:
		v, err := dose.CKDEPI2021(b.chart.kidney.Creatinine, age, b.female == stewardship.Yes)
		if err != nil {
			f.Reason = equation(err)
			break
		}
		f.State, f.Value, f.Source, f.Date = Known, v, "computed", b.chart.Fact("creatinine").Date
		f.Reason = b.notFor()
		f.Inputs = b.inputs("creatinine", "age", "sex")
	}
	b.chart.kidney.EGFR = f.Number()
	b.put(f)
}

func (b *builder) clearance() {
	f := Fact{Name: "creatinine-clearance-cockcroft-gault", Unit: "mL/min", State: Unknown, Formula: text("Cockcroft-Gault 1976", "Cockcroft-Gault 1976")}
	f.Missing = b.needs("creatinine", "weight", "age", "sex")
	age, _ := b.formulaAge()
	weight, basis, _ := b.chart.weights.ForClearance()
	switch {
	case b.chart.kidney.Adult == stewardship.No:
		f.Missing, f.Reason = nil, text("Formel gilt nur für Erwachsene", "the equation is for adults only")
	case len(f.Missing) > 0:
		f.Reason = b.why(f.Missing)
	default:
		v, err := dose.CockcroftGault(b.chart.kidney.Creatinine, age, weight, b.female == stewardship.Yes)
		if err != nil {
			f.Reason = equation(err)
			break
		}
		f.State, f.Value, f.Source, f.Date = Known, v, "computed", b.chart.Fact("creatinine").Date
		f.Reason = b.notFor()
		f.Inputs = b.inputs("creatinine", "weight", "age", "sex")
		f.Formula = both(func(l cds.Lang) string {
			return "Cockcroft-Gault 1976, " + map[dose.Basis]cds.Text{
				dose.ActualWeight:   {DE: "tatsächliches Gewicht", EN: "actual weight"},
				dose.AdjustedBasis:  {DE: "adjustiertes Gewicht (BMI ≥ 30)", EN: "adjusted weight (BMI ≥ 30)"},
				dose.ActualNoHeight: {DE: "tatsächliches Gewicht, Größe unbekannt", EN: "actual weight, height unknown"},
			}[basis].In(l) + " " + stewardship.Decimal(weight, 1, l) + " kg"
		})
		b.chart.kidney.ClearanceBasis = basis
	}
	b.chart.kidney.Clearance = f.Number()
	b.put(f)
}

func equation(err error) cds.Text {
	if errors.Is(err, dose.ErrChild) {
		return text("Formel gilt nur für Erwachsene", "the equation is for adults only")
	}
	return text("Werte außerhalb des Bereichs der Formel", "values outside the range of the equation")
}

// why joins the reasons of what is missing.
func (b *builder) why(missing []string) cds.Text {
	return both(func(l cds.Lang) string {
		out := ""
		for _, m := range missing {
			f := b.chart.Fact(m)
			if out != "" {
				out += "; "
			}
			out += f.Display.In(l)
			if r := f.Reason.In(l); r != "" {
				out += ": " + r
			}
		}
		return out
	})
}

// inputs gives the values that facts rest on.
func (b *builder) inputs(names ...string) []Value {
	var out []Value
	for _, n := range names {
		f := b.chart.Fact(n)
		switch {
		case len(f.Inputs) > 0:
			out = append(out, f.Inputs...)
		case f.State == Known:
			v := Value{Reference: f.Source, Display: f.Display, Unit: f.Unit, Date: f.Date}
			if x, ok := f.Number().Exact(); ok {
				v.Number = x
			} else if s, ok := f.Value.(string); ok {
				v.Text = s
			}
			out = append(out, v)
		}
	}
	return out
}

package dose

import (
	"fmt"
	"math"
	"sort"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"cdss/cds"
	"cdss/cds/stewardship"
	"cdss/cds/stewardship/formulary"
)

// epsilon absorbs the binary error of differences such as 1.2 - 0.9.
const epsilon = 1e-9

func unstable(samples []Sample) (stewardship.Truth, cds.Text) {
	if len(samples) < 2 {
		return stewardship.Unknown, cds.Text{}
	}
	sorted := append([]Sample(nil), samples...)
	sort.SliceStable(sorted, func(i, j int) bool { return sorted[i].At.After(sorted[j].At) })
	newest := sorted[0]
	inWeek := false
	for _, earlier := range sorted[1:] {
		age := newest.At.Sub(earlier.At)
		if age > 7*24*time.Hour {
			break
		}
		inWeek = true
		rise := newest.Value - earlier.Value
		if age <= 48*time.Hour && rise >= 0.3-epsilon || newest.Value >= 1.5*earlier.Value-epsilon {
			return stewardship.Yes, stewardship.Both(func(lang cds.Lang) string {
				from, to := stewardship.Decimal(earlier.Value, 2, lang), stewardship.Decimal(newest.Value, 2, lang)
				return fmt.Sprintf(pick(lang,
					"Kreatinin in %s h von %s auf %s mg/dl gestiegen",
					"creatinine rose from %[2]s to %[3]s mg/dL in %[1]s h"),
					stewardship.Decimal(age.Hours(), 0, lang), from, to)
			})
		}
	}
	if !inWeek {
		return stewardship.Unknown, cds.Text{}
	}
	return stewardship.No, cds.Text{}
}

// measure is the renal function a band is entered with.
type measure struct {
	value stewardship.Number
	text  func(cds.Lang) string
	id    string // fact name, for Adjustment.Basis
}

// measured gives what a band's equation asks for. A source that only says "GFR"
// is entered with Cockcroft-Gault, else with the de-indexed, else with the
// indexed CKD-EPI rate; which one is always said.
func (k Kidney) measured(e formulary.Equation) (measure, bool) {
	if e == formulary.EGFR {
		return measure{k.EGFR, func(lang cds.Lang) string {
			return "eGFR (CKD-EPI 2021) " + number(k.EGFR, lang) + area(lang)
		}, "egfr-ckd-epi-2021"}, k.EGFR.Known
	}
	if k.Clearance.Known {
		return measure{k.Clearance, func(lang cds.Lang) string {
			return pick(lang, "Kreatinin-Clearance (Cockcroft-Gault, ", "creatinine clearance (Cockcroft-Gault, ") +
				weightWord(k.ClearanceBasis, lang) + ") " + number(k.Clearance, lang) + perMinute(lang)
		}, "creatinine-clearance-cockcroft-gault"}, true
	}
	if e != formulary.GFR || !k.EGFR.Known {
		return measure{}, false
	}
	if k.Surface > 0 {
		absolute := stewardship.Between(Deindex(k.EGFR.Low, k.Surface), Deindex(k.EGFR.High, k.Surface))
		return measure{absolute, func(lang cds.Lang) string {
			return "eGFR (CKD-EPI 2021, " + pick(lang, "auf die Körperoberfläche umgerechnet) ", "de-indexed to body surface) ") +
				number(absolute, lang) + perMinute(lang)
		}, "egfr-ckd-epi-2021"}, true
	}
	return measure{k.EGFR, func(lang cds.Lang) string {
		return "eGFR (CKD-EPI 2021) " + number(k.EGFR, lang) + area(lang) +
			pick(lang, " (Gewicht fehlt, daher keine Clearance)", " (no weight, hence no clearance)")
	}, "egfr-ckd-epi-2021"}, true
}

func perMinute(lang cds.Lang) string { return pick(lang, " ml/min", " mL/min") }

func area(lang cds.Lang) string { return pick(lang, " ml/min/1,73 m²", " mL/min/1.73 m²") }

func weightWord(b Basis, lang cds.Lang) string {
	switch b {
	case AdjustedBasis:
		return pick(lang, "adjustiertes Gewicht", "adjusted weight")
	case IdealBasis:
		return pick(lang, "Idealgewicht", "ideal weight")
	case ActualNoHeight:
		return pick(lang, "tatsächliches Gewicht, Größe unbekannt", "actual weight, height unknown")
	}
	return pick(lang, "tatsächliches Gewicht", "actual weight")
}

func number(n stewardship.Number, lang cds.Lang) string {
	low := stewardship.Decimal(n.Low, 1, lang)
	if high := stewardship.Decimal(n.High, 1, lang); high != low {
		return low + "–" + high
	}
	return low
}

// impaired tells whether anything hints at reduced renal function; unknown does.
func (k Kidney) impaired() bool {
	if k.Dialysis == stewardship.Yes || k.Unstable == stewardship.Yes {
		return true
	}
	if k.Clearance.Known {
		return k.Clearance.AtLeast(90) != stewardship.Yes
	}
	return k.EGFR.AtLeast(90) != stewardship.Yes
}

func adjust(regimen cds.Ingredient, s formulary.Substance, k Kidney, p Plan, lang cds.Lang) Adjusted {
	out := Adjusted{Status: NoBand, Phases: []cds.Ingredient{regimen}, Matters: k.impaired()}
	bands := routed(s.Renal, regimen.Route)
	if len(bands) == 0 {
		out.Reason = cds.Text{
			DE: "Nierendosis nicht geprüft: für " + s.Name.DE + " ist hier kein Bereich mit Quelle hinterlegt.",
			EN: "Renal dose not checked: no cited band is held for " + s.Name.EN + ".",
		}
		return out
	}
	if k.Adult != stewardship.Yes {
		return out.unchecked(cds.Text{DE: "Alter unter 18 Jahren oder unbekannt", EN: "age below 18 years or unknown"}, "age")
	}
	if k.Dialysis == stewardship.Yes {
		return out.dialysis(regimen, bands, k, p, s, lang)
	}
	plain := withoutDialysis(bands)
	if free, ok := always(plain); ok {
		out.Status, out.Source = Full, free.Source
		out.Reason = cds.Text{DE: "Keine Anpassung an die Nierenfunktion nach Quelle.", EN: "No adjustment to renal function according to the source."}
		return out
	}
	if k.Pregnant == stewardship.Yes {
		return out.unchecked(cds.Text{DE: "in der Schwangerschaft keine Dosierung nach berechneter Nierenfunktion",
			EN: "no dosing by calculated renal function in pregnancy"})
	}
	if len(plain) == 0 {
		return out.unchecked(cds.Text{DE: "nur für Dialyse ist eine Dosis mit Quelle hinterlegt", EN: "a cited dose is held for dialysis only"})
	}
	m, ok := k.measured(plain[0].Equation)
	if !ok {
		return out.unchecked(cds.Text{DE: "Nierenfunktion nicht berechenbar", EN: "renal function cannot be computed"}, k.Missing...)
	}
	low, lowOK := enter(plain, m.value.Low)
	high, highOK := enter(plain, m.value.High)
	if !lowOK || !highOK || low != high {
		return out.unchecked(cds.Text{DE: "die Nierenfunktion fällt in keinen eindeutigen Bereich der Quelle", EN: "renal function falls into no single band of the source"})
	}
	unstable := func() Adjusted {
		out.Status = UnstableKidney
		out.Reason = cds.Text{
			DE: "Instabiles Kreatinin (" + k.UnstableWhy.DE + "): keine automatische Dosisreduktion; Verlauf und Spiegel prüfen.",
			EN: "Unstable creatinine (" + k.UnstableWhy.EN + "): no automatic dose reduction; follow the course and levels.",
		}
		return out
	}
	if low < 0 && k.Unstable == stewardship.Yes {
		out.Source = plain[0].Source
		return unstable() // the true rate lies below the computed one, so that no band is ruled out
	}
	if low < 0 {
		out.Status, out.Source = Full, plain[0].Source
		out.Reason = stewardship.Both(func(lang cds.Lang) string {
			return m.text(lang) + pick(lang, ": über dem höchsten Bereich der Quelle, keine Anpassung.", ": above the highest band of the source, no adjustment.")
		})
		return out
	}
	band := plain[low]
	out.Source = band.Source
	if !band.Range.Contains(m.value.Low) {
		band.Note.DE += " Unter dem niedrigsten Bereich der Quelle: höchstens diese Dosis."
		band.Note.EN += " Below the lowest band of the source: at most this dose."
	}
	if band.Action == formulary.DoNotUse {
		out.Status, out.Phases = Contraindicated, nil
		out.Reason = stewardship.Both(func(lang cds.Lang) string {
			return m.text(lang) + pick(lang, ": nach Quelle in diesem Bereich nicht anzuwenden.", ": not to be used in this range according to the source.") + note(band, lang)
		})
		return out
	}
	if k.Unstable == stewardship.Yes {
		return unstable()
	}
	return out.apply(regimen, band, m, p, s, lang)
}

// unchecked says that a band exists and why it was not used.
func (out Adjusted) unchecked(why cds.Text, missing ...string) Adjusted {
	out.Status, out.Missing = NotChecked, missing
	out.Reason = cds.Text{DE: "Nierendosis nicht geprüft: " + why.DE + ".", EN: "Renal dose not checked: " + why.EN + "."}
	return out
}

// dialysis takes the row for this way of dialysis that fits the severity. Where
// the way is not stated haemodialysis is meant, as nearly always, and that is said.
// No row of one way stands for another: a continuous procedure clears several times
// what haemodialysis three times a week does.
func (out Adjusted) dialysis(regimen cds.Ingredient, bands []formulary.Band, k Kidney, p Plan, s formulary.Substance, lang cds.Lang) Adjusted {
	want := "moderate"
	if p.Severity == "severe" || p.Severity == "septic" {
		want = "severe"
	}
	way := k.Mode
	if way == "" {
		way = formulary.Haemodialysis
	}
	var rows []formulary.Band
	for _, b := range bands {
		if b.Dialysis == way && (b.Severity == "" || b.Severity == want) {
			rows = append(rows, b)
		}
	}
	name := way.Name()
	if k.Mode == "" {
		name = cds.Text{DE: "Dialyse (Verfahren nicht angegeben, Hämodialyse angenommen)", EN: "dialysis (kind not stated, haemodialysis assumed)"}
	}
	if len(rows) == 0 && way != formulary.Haemodialysis {
		if free, ok := always(withoutDialysis(bands)); ok {
			out.Status, out.Source = Full, free.Source
			out.Reason = cds.Text{
				DE: name.DE + ": nach Quelle bei keiner Nierenfunktion anzupassen.", EN: name.EN + ": no adjustment at any renal function according to the source.",
			}
			return out
		}
	}
	switch {
	case len(rows) == 0:
		return out.unchecked(cds.Text{DE: "keine Dosis mit Quelle für " + name.DE + " hinterlegt", EN: "no cited dose for " + name.EN + " is held"})
	case rows[0].Severity != "" && p.Severity == "":
		return out.unchecked(cds.Text{DE: "die Dialysedosis der Quelle hängt vom Schweregrad ab", EN: "the source's dialysis dose depends on severity"}, "severity")
	}
	m := measure{text: func(lang cds.Lang) string { return name.In(lang) }, id: "dialysis"}
	return out.apply(regimen, rows[0], m, p, s, lang)
}

func (out Adjusted) apply(regimen cds.Ingredient, band formulary.Band, m measure, p Plan, s formulary.Substance, lang cds.Lang) Adjusted {
	out.Source = band.Source
	why := func(lang cds.Lang) string { return m.text(lang) }
	switch band.Action {
	case formulary.NoChange:
		out.Status = Full
		out.Reason = stewardship.Both(func(lang cds.Lang) string {
			return why(lang) + pick(lang, ": keine Anpassung nach Quelle.", ": no adjustment according to the source.") + note(band, lang)
		})
		return out
	case formulary.ByLevel:
		out.Status = Level
		out.Reason = stewardship.Both(func(lang cds.Lang) string {
			return why(lang) + pick(lang, ": Dosierung nach Spiegel.", ": dose by drug level.") + note(band, lang)
		})
		if m.id == "dialysis" || m.value.Below(byLevelOnly) == stewardship.Yes {
			out.Phases = []cds.Ingredient{firstOnly(regimen, lang)}
		}
		return out
	}
	adjusted, changed, ok := lower(regimen, band)
	if !ok {
		return out.unchecked(cds.Text{
			DE: "die Dosiseinheit der Quelle passt nicht zum Regime (" + bandText(band, cds.DE) + ")",
			EN: "the source's unit does not fit the regimen (" + bandText(band, cds.EN) + ")",
		})
	}
	if !changed {
		out.Status = Full
		out.Reason = stewardship.Both(func(lang cds.Lang) string {
			return why(lang) + ": " + pick(lang, "Dosis liegt im Bereich der Quelle", "dose lies within the source's band") + " (" + bandText(band, lang) + ")." + note(band, lang)
		})
		return out
	}
	out.Status = Reduced
	out.Reason = stewardship.Both(func(lang cds.Lang) string { return why(lang) + ": " + bandText(band, lang) + "." + note(band, lang) })
	adjusted.Adjustments = append(append([]cds.Adjustment(nil), regimen.Adjustments...), cds.Adjustment{Kind: "renal", Basis: why(lang), Text: bandText(band, lang) + "." + note(band, lang)})
	out.Phases = phases(regimen, adjusted, s, p, lang)
	return out
}

// byLevelOnly is the renal function, in mL/min, below which a substance that is
// dosed by level gets its first dose only: the intervals of regimens are meant for
// kidneys that clear it (KDIGO stage 4 and 5).
const byLevelOnly = 30

// firstOnly is a regimen cut down to its first dose.
func firstOnly(regimen cds.Ingredient, lang cds.Lang) cds.Ingredient {
	once, course := 1.0, Length(regimen.Duration, lang)
	if perDay, ok := perDay(regimen.Frequency); ok && regimen.Dose.Unit == "mg/kg/d" {
		regimen.Dose.Value, regimen.Dose.Unit = regimen.Dose.Value/perDay, "mg/kg"
	}
	regimen.Frequency = cds.Frequency{Count: 1, Period: 1, PeriodUnit: "d"}
	regimen.Duration = &cds.Duration{Low: 1, High: &once, Unit: "d"}
	schedule := pick(lang, "Einzeldosis, weitere Gaben nur nach Spiegel", "single dose, further doses only by level")
	if course != "" {
		schedule += pick(lang, " (Therapiedauer ", " (duration of therapy ") + course + ")"
	}
	regimen.Schedule = &schedule
	return regimen
}

// phases puts the full dose before the reduced one for as long as the plan asks,
// except for classes that are toxic by accumulation, whose own label counts.
func phases(full, reduced cds.Ingredient, s formulary.Substance, p Plan, lang cds.Lang) []cds.Ingredient {
	hours := p.FullDoseHours
	if p.StartedHours.Known {
		hours -= p.StartedHours.Low
	}
	switch s.Class {
	case formulary.Aminoglycoside, formulary.Polymyxin, formulary.Glycopeptide:
		hours = 0
	}
	if hours <= 0 {
		return []cds.Ingredient{reduced}
	}
	first := full
	first.Duration = &cds.Duration{Low: hours, High: &hours, Unit: "h"}
	first.Adjustments = append(append([]cds.Adjustment(nil), full.Adjustments...), cds.Adjustment{
		Kind: "renal", Basis: pick(lang, "erste Phase", "first phase"),
		Text: pick(lang, "Volle Dosis in den ersten ", "Full dose for the first ") + stewardship.Decimal(hours, 0, lang) +
			pick(lang, " h unabhängig von der Nierenfunktion, danach angepasst.", " h whatever the renal function, adjusted afterwards."),
	})
	reduced.LoadingDose = nil // given in the first phase
	return []cds.Ingredient{first, reduced}
}

// lower fits a regimen to a band. Dose and interval are taken from the band only
// as far as they lower the amount per day; ok is false when units do not compare.
//
// A share of the dose ("half the dose every 12 h") is applied only while the
// interval is still the unadjusted one; a longer interval means that the regimen
// was adjusted already, and what it is a share of is not known.
func lower(regimen cds.Ingredient, band formulary.Band) (out cds.Ingredient, changed, ok bool) {
	high, ok := convert(band.DoseHigh, band.Unit, regimen.Dose.Unit)
	if band.Unit == formulary.Share {
		high, ok = band.DoseHigh*regimen.Dose.Value, true
	}
	now, fine := perDay(regimen.Frequency)
	if !ok || !fine || regimen.Dose.Value <= 0 {
		return regimen, false, false
	}
	if regimen.Frequency.CountMax > regimen.Frequency.Count {
		now *= regimen.Frequency.CountMax / regimen.Frequency.Count
	}
	frequency := cds.Frequency{Count: band.Count, Period: band.Period, PeriodUnit: band.PeriodUnit}
	most, fine := perDay(frequency)
	if !fine {
		return regimen, false, false
	}
	value := regimen.Dose.Value
	if band.Unit == formulary.Share && now <= most+epsilon {
		return regimen, false, true
	}
	if value <= high+epsilon && value*now <= high*most+epsilon {
		return regimen, false, true
	}
	out = regimen
	out.Dose.Value = math.Min(value, high)
	if out.Dose.Value != value {
		out.Dose.Parts = scale(regimen.Dose.Parts, out.Dose.Value/value)
	}
	out.Frequency = frequency
	if band.CountLow > 0 && band.CountLow < band.Count {
		out.Frequency.Count, out.Frequency.CountMax = band.CountLow, band.Count
	}
	if out.Dose.Value*most > value*now+epsilon {
		return regimen, false, true // the band would raise the amount per day
	}
	return out, true, true
}

func scale(parts []cds.Amount, by float64) []cds.Amount {
	if parts == nil {
		return nil
	}
	out := make([]cds.Amount, len(parts))
	for i, p := range parts {
		out[i] = cds.Amount{Value: p.Value * by, Unit: p.Unit}
	}
	return out
}

// convert changes between g and mg, with or without "/kg"; other units must be
// equal.
func convert(v float64, from, to string) (float64, bool) {
	switch {
	case from == to:
		return v, true
	case from == "g" && to == "mg":
		return v * 1000, true
	case from == "mg" && to == "g":
		return v / 1000, true
	}
	return 0, false
}

func bandText(b formulary.Band, lang cds.Lang) string {
	amount := Amount(b.DoseHigh, b.Unit, lang)
	switch {
	case b.Unit == formulary.Share && b.DoseHigh == 1:
		amount = pick(lang, "volle Einzeldosis", "full single dose")
	case b.Unit == formulary.Share && b.DoseHigh == 0.5:
		amount = pick(lang, "halbe Einzeldosis", "half the single dose")
	case b.Unit == formulary.Share:
		amount = stewardship.Decimal(b.DoseHigh*100, 0, lang) + pick(lang, " % der Einzeldosis", "% of the single dose")
	case b.DoseLow != b.DoseHigh:
		amount = stewardship.Decimal(b.DoseLow, 3, lang) + "–" + amount
	}
	f := cds.Frequency{Count: b.Count, Period: b.Period, PeriodUnit: b.PeriodUnit}
	if b.CountLow > 0 && b.CountLow < b.Count {
		f.Count, f.CountMax = b.CountLow, b.Count
	}
	return amount + " " + Interval(f, lang)
}

func note(b formulary.Band, lang cds.Lang) string {
	if b.Note.IsZero() {
		return ""
	}
	text := strings.TrimSpace(b.Note.In(lang)) // stands after a full stop
	first, size := utf8.DecodeRuneInString(text)
	return " " + string(unicode.ToUpper(first)) + text[size:]
}

func routed(bands []formulary.Band, route string) []formulary.Band {
	var out []formulary.Band
	for _, b := range bands {
		fits := len(b.Routes) == 0
		for _, r := range b.Routes {
			fits = fits || r == route
		}
		if fits {
			out = append(out, b)
		}
	}
	return out
}

func withoutDialysis(bands []formulary.Band) []formulary.Band {
	var out []formulary.Band
	for _, b := range bands {
		if b.Dialysis == "" {
			out = append(out, b)
		}
	}
	return out
}

// always gives the band that covers every renal function without a change.
func always(bands []formulary.Band) (formulary.Band, bool) {
	if len(bands) == 1 && bands[0].Action == formulary.NoChange && bands[0].Range.Contains(0) && math.IsInf(bands[0].Range.High, 1) {
		return bands[0], true
	}
	return formulary.Band{}, false
}

// enter gives the index of the band that holds v, -1 when v lies above all of
// them. Below all of them the lowest counts, as an upper bound, unless it leaves
// the dose as it is: that binds nobody. ok is false then, and in a gap between bands.
func enter(bands []formulary.Band, v float64) (int, bool) {
	above, below := true, true
	for i, b := range bands {
		if b.Range.Contains(v) {
			return i, true
		}
		above = above && v >= b.Range.High
		below = below && v <= b.Range.Low
	}
	if below && bands[0].Action != formulary.NoChange {
		return 0, true
	}
	return -1, above
}

package build

import (
	"encoding/json"
	"io/fs"
	"strconv"
	"strings"

	"cdss/cds"
	"cdss/cds/content"
	"cdss/cds/stewardship"
	"cdss/cds/stewardship/dose"
	"cdss/fhir"
)

// Code systems of the substances.
const (
	atcDE  = "http://fhir.de/CodeSystem/bfarm/atc"
	atcWHO = "http://www.whocc.no/atc"
)

// routes are SNOMED CT route of administration concepts.
var routes = map[string]struct{ code, display string }{
	"iv":     {"47625008", "Intravenous route"},
	"po":     {"26643006", "Oral route"},
	"im":     {"78421000", "Intramuscular route"},
	"rectal": {"37161004", "Rectal route"},
}

// doseUnits are the units of a dose with their part of an id.
var doseUnits = map[string]string{"g": "g", "mg": "mg", "mg/kg": "mgkg", "mg/kg/d": "mgkgd", "10*6.[iU]": "miu"}

// readNames reads the names of the substances from the formulary's table.
func readNames(fsys fs.FS) (map[string]cds.Text, error) {
	t, err := readTable(fsys, "formulary.csv",
		"atc", "name_de", "name_en", "synonyms", "class", "sidechain", "aware", "routes", "bioavailability", "weight", "ddd")
	if err != nil {
		return nil, err
	}
	out := map[string]cds.Text{}
	for _, r := range t.rows {
		out[r.need("atc")] = cds.Text{DE: r.need("name_de"), EN: r.need("name_en")}
	}
	return out, t.err()
}

// activities collects ActivityDefinitions: each regimen with its source once.
type activities struct {
	of     Options
	names  map[string]cds.Text
	source source
	bodies map[string]string
	list   []*fhir.Object
}

// add makes the ActivityDefinition of a row, unless it is there already, and
// gives its canonical and the regimen as people read it.
func (a *activities) add(r row) (canonical string, text cds.Text) {
	name, ok := a.names[r.need("atc")]
	if !ok {
		r.wrong("atc", "%s is not in the formulary", clip(r.text("atc")))
	}
	if _, ok := routes[r.need("route")]; !ok {
		r.wrong("route", "unknown route %q", clip(r.text("route")))
	}
	if _, ok := doseUnits[r.need("unit")]; !ok {
		r.wrong("unit", "unknown unit %q", clip(r.text("unit")))
	}
	if low, high := r.number("dose"), r.number("dose_high"); low <= 0 || high != 0 && high <= low {
		r.wrong("dose", "dose is missing or no rising range")
	}
	if low, high := r.number("count"), r.number("count_high"); low <= 0 || high != 0 && high <= low {
		r.wrong("count", "frequency is missing or no rising range")
	}
	text = stewardship.Both(func(l cds.Lang) string { return regimenLine(r, name, l) })
	build := func(id string) *fhir.Object { return a.activity(r, id, name, text) }
	body := string(build("").JSON())
	base := activityID(r)
	for n := 1; ; n++ {
		id := base
		if n > 1 {
			id += "-" + strconv.Itoa(n)
		}
		if len(id) > 64 {
			r.fail("id %q is longer than 64", id)
		}
		old, taken := a.bodies[id]
		if taken && old != body {
			continue
		}
		if !taken {
			a.bodies[id] = body
			a.list = append(a.list, build(id))
		}
		return a.of.Base + "/ActivityDefinition/" + id + "|" + a.of.Version, text
	}
}

func (a *activities) activity(r row, id string, name, text cds.Text) *fhir.Object {
	unit := r.text("unit")
	quantity := func(v float64) *fhir.Object {
		return fhir.NewObject().Set("value", decimal(v)).Set("unit", strings.TrimPrefix(dose.Amount(1, unit, cds.DE), "1 ")).
			Set("system", fhir.UCUM).Set("code", unit)
	}
	amount := fhir.NewObject()
	if high := r.number("dose_high"); high > 0 {
		amount.Set("doseRange", fhir.NewObject().Set("low", quantity(r.number("dose"))).Set("high", quantity(high)))
	} else {
		amount.Set("doseQuantity", quantity(r.number("dose")))
	}
	repeat := fhir.NewObject()
	if low := r.number("duration_low"); low > 0 {
		bound := func(v float64) *fhir.Object {
			return fhir.NewObject().Set("value", decimal(v)).Set("system", fhir.UCUM).Set("code", r.need("duration_unit"))
		}
		bounds := fhir.NewObject().Set("low", bound(low))
		if v := r.number("duration_high"); v > 0 {
			bounds.Set("high", bound(v))
		}
		repeat.Set("boundsRange", bounds)
	}
	repeat.Set("frequency", decimal(r.number("count")))
	if high := r.number("count_high"); high > 0 {
		repeat.Set("frequencyMax", decimal(high))
	}
	repeat.Set("period", decimal(r.number("period"))).Set("periodUnit", r.need("period_unit"))
	dosage := fhir.NewObject()
	for _, x := range []struct{ url, column string }{
		{content.LoadingExtension, "loading"}, {content.InfusionExtension, "infusion"}, {content.ScheduleExtension, "schedule"},
	} {
		if de := r.text(x.column + "_de"); de != "" {
			dosage.Append("extension", translated(x.url, de, r.need(x.column+"_en")))
		}
	}
	route := routes[r.text("route")]
	dosage.SetText("text", text.DE, english(text.EN)).
		Set("timing", fhir.NewObject().Set("repeat", repeat)).
		Set("route", concept1(snomed, route.code, route.display)).
		Append("doseAndRate", amount)
	return fhir.NewResource("ActivityDefinition", id).
		Set("language", "de").
		Set("url", a.of.Base+"/ActivityDefinition/"+id).
		Set("version", a.of.Version).
		Set("name", "Regimen"+r.text("atc")).
		SetText("title", text.DE, english(text.EN)).
		Set("status", "draft").
		Set("experimental", !a.of.House).
		Set("date", a.of.Date).
		Append("relatedArtifact", a.source.citation(r.whole("page"), r.need("section"), r.terms("terms"))).
		Set("kind", "MedicationRequest").
		Set("intent", "proposal").
		Set("productCodeableConcept", fhir.NewObject().
			Append("coding", coding(atcDE, r.text("atc"), name.DE)).
			Append("coding", coding(atcWHO, r.text("atc"), name.EN)).
			SetText("text", name.DE, english(name.EN))).
		Append("dosage", dosage)
}

// regimenLine writes a regimen as one line, a range of doses as a range.
func regimenLine(r row, name cds.Text, lang cds.Lang) string {
	pair := func(column string) *string {
		t := cds.Text{DE: r.text(column + "_de"), EN: r.text(column + "_en")}.In(lang)
		if t == "" {
			return nil
		}
		return &t
	}
	i := cds.Ingredient{
		Name:      name.In(lang),
		Dose:      cds.Dose{Value: r.number("dose"), Unit: r.text("unit")},
		Frequency: cds.Frequency{Count: r.number("count"), CountMax: r.number("count_high"), Period: r.number("period"), PeriodUnit: r.text("period_unit")},
		Route:     r.text("route"), LoadingDose: pair("loading"), Infusion: pair("infusion"), Schedule: pair("schedule"),
	}
	if low := r.number("duration_low"); low > 0 {
		i.Duration = &cds.Duration{Low: low, Unit: r.text("duration_unit")}
		if high := r.number("duration_high"); high > 0 {
			i.Duration.High = &high
		}
	}
	line := dose.Line(i, lang)
	if high := r.number("dose_high"); high > 0 {
		one := dose.Amount(i.Dose.Value, i.Dose.Unit, lang)
		span := stewardship.Decimal(i.Dose.Value, 3, lang) + "–" + dose.Amount(high, i.Dose.Unit, lang)
		line = strings.Replace(line, one, span, 1)
	}
	return line
}

func decimal(v float64) json.Number { return json.Number(strconv.FormatFloat(v, 'f', -1, 64)) }

// activityID says what the regimen is: j01cr02-iv-2.2g-3to4per1d-5to7d-p100.
func activityID(r row) string {
	span := func(low, high string) string {
		if high != "" && high != low {
			return low + "to" + high
		}
		return low
	}
	id := strings.ToLower(r.text("atc")) + "-" + r.text("route") +
		"-" + span(r.text("dose"), r.text("dose_high")) + doseUnits[r.text("unit")] +
		"-" + span(r.text("count"), r.text("count_high")) + "per" + r.text("period") + r.text("period_unit")
	if low := r.text("duration_low"); low != "" {
		high := r.text("duration_high")
		id += "-" + span(low, high)
		if high == "" {
			id += "plus"
		}
		id += r.text("duration_unit")
	}
	return id + "-p" + r.text("page")
}

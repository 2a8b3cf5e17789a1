package build

import (
	"fmt"
	"io/fs"
	"sort"
	"strings"

	"cdss/cds"
	"cdss/cds/content"
	"cdss/fhir"
)

// priorities map the urgency of an advice to the priority of its action, as the
// card mapping of PlanDefinitions reads it.
var priorities = map[string]string{"info": "routine", "warning": "urgent", "critical": "stat"}

// regimens builds the PlanDefinitions of the regimen pack, one for each
// indication, and the ActivityDefinitions they use.
type regimens struct {
	of        Options
	catalogue *catalogue
	source    source
	acts      *activities
}

func (g *regimens) build(fsys fs.FS) ([]*fhir.Object, error) {
	populations, err := readTable(fsys, "populations.csv", "plan", "population", "role", "condition", "assume",
		"title_de", "title_en", "note_de", "note_en", "deescalation_de", "deescalation_en",
		"full_dose_h", "full_dose_basis", "page", "section", "terms", "also")
	if err != nil {
		return nil, err
	}
	options, err := readTable(fsys, "regimens.csv", "plan", "population", "option", "line", "condition", "seq",
		"atc", "substance", "dose", "dose_high", "unit", "count", "count_high", "period", "period_unit", "route",
		"duration_low", "duration_high", "duration_unit", "loading_de", "loading_en", "infusion_de", "infusion_en",
		"schedule_de", "schedule_en", "grade", "note_de", "note_en", "page", "section", "terms")
	if err != nil {
		return nil, err
	}
	advice, err := optionalTable(fsys, "advice.csv", "plan", "code", "condition", "assume", "indicator",
		"summary_de", "summary_en", "detail_de", "detail_en", "page", "section", "terms")
	if err != nil {
		return nil, err
	}
	var plans []*fhir.Object
	for _, i := range g.catalogue.list {
		choice := fhir.NewObject().Set("id", "choice").
			Append("extension", extension(content.AnyApplicable, "Code", "any")).
			SetText("title", i.de, english(i.en)).
			Append("code", role(content.RoleChoice))
		found := false
		for _, p := range populations.rows {
			if p.need("plan") == i.code {
				found = true
				choice.Append("action", g.population(p, options))
			}
		}
		if !found {
			continue
		}
		plan := g.plan(i).Append("action", choice)
		for _, a := range advice.rows {
			if a.need("plan") == i.code {
				plan.Append("action", g.advice(a))
			}
		}
		plans = append(plans, plan)
	}
	g.orphans(populations, options, advice)
	return plans, mistakes(populations, options, advice)
}

// orphans finds rows that belong to no plan or population.
func (g *regimens) orphans(populations, options, advice *table) {
	known := map[string]bool{}
	for _, p := range populations.rows {
		if _, ok := g.catalogue.by[p.text("plan")]; !ok {
			p.wrong("plan", "plan %q is no indication", clip(p.text("plan")))
		}
		known[p.text("plan")+"/"+p.text("population")] = true
	}
	for _, o := range options.rows {
		if key := o.text("plan") + "/" + o.text("population"); !known[key] {
			o.wrong("population", "population %q is not among the populations", clip(key))
		}
	}
	for _, a := range advice.rows {
		if _, ok := g.catalogue.by[a.text("plan")]; !ok {
			a.wrong("plan", "plan %q is no indication", clip(a.text("plan")))
		}
	}
}

func (g *regimens) plan(i indication) *fhir.Object {
	id := "regimens-" + i.code
	title := cds.Text{DE: "Beispielschemata", EN: "Example regimens"}
	about := cds.Text{DE: content.BannerDE, EN: content.BannerEN}
	description := cds.Text{DE: content.BannerDE + ". Geprüft von: noch niemandem.", EN: content.BannerEN + ". Reviewed by: nobody yet."}
	if g.of.House {
		title = cds.Text{DE: "Therapieschemata des Hauses", EN: "Regimens of the house"}
		about = cds.Text{DE: strings.TrimSpace(g.source.title + " " + g.source.version), EN: strings.TrimSpace(g.source.title + " " + g.source.version)}
		description = about
	}
	focus := fhir.NewObject().Append("coding", coding(content.IndicationSystem, i.code, i.de))
	for _, c := range i.icd {
		if !strings.HasSuffix(c, "*") {
			focus.Append("coding", fhir.NewObject().Set("system", icd10gm).Set("code", c))
		}
	}
	for _, c := range i.sct {
		focus.Append("coding", fhir.NewObject().Set("system", snomed).Set("code", c))
	}
	context := func(code, display string) *fhir.Object {
		return fhir.NewObject().Set("code", coding("http://terminology.hl7.org/CodeSystem/usage-context-type", code, display))
	}
	years := fhir.NewObject().Set("value", 18).Set("unit", "Jahre").Set("system", fhir.UCUM).Set("code", "a")
	return fhir.NewResource("PlanDefinition", id).
		Set("language", "de").
		Set("text", narrative(i.de, i.en, about.DE, about.EN)).
		Set("url", g.of.Base+"/PlanDefinition/"+id).
		Set("version", g.of.Version).
		Set("name", "Regimens"+camel(i.code)).
		SetText("title", title.DE+": "+i.de, english(title.EN+": "+i.en)).
		Set("type", concept1("http://terminology.hl7.org/CodeSystem/plan-definition-type", "order-set", "Order Set")).
		Set("status", "draft").
		Set("experimental", !g.of.House).
		Set("date", g.of.Date).
		SetText("description", description.DE, english(description.EN)).
		Append("useContext", context("focus", "Clinical Focus").Set("valueCodeableConcept", focus)).
		Append("useContext", context("age", "Age Range").Set("valueRange", fhir.NewObject().Set("low", years))).
		Append("jurisdiction", concept1("urn:iso:std:iso:3166", "DE", "Germany")).
		Append("topic", concept1(content.PackSystem, content.PackRegimens, "Regimens")).
		Append("relatedArtifact", fhir.NewObject().Set("type", "derived-from").Set("label", g.source.id).
			Set("display", g.source.title+" ("+g.source.version+")").Set("url", g.source.url)).
		Append("library", findingsCanonical)
}

func (g *regimens) population(p row, options *table) *fhir.Object {
	use := p.need("role")
	o := fhir.NewObject().Set("id", p.need("population"))
	if h := p.number("full_dose_h"); h > 0 {
		o.Append("extension", g.fullDose(p, h))
	}
	if de := p.text("deescalation_de"); de != "" {
		o.Append("extension", translated(content.DeescalationExtension, de, p.need("deescalation_en")))
	}
	o.SetText("title", p.need("title_de"), english(p.need("title_en"))).
		SetText("description", p.text("note_de"), english(p.text("note_en"))).
		Append("code", role(use)).
		Append("documentation", g.source.citation(p.whole("page"), p.need("section"), p.terms("terms")))
	for _, place := range also(p, "also") {
		o.Append("documentation", g.source.citation(place.page, place.section, place.terms))
	}
	if c := condition(p.need("condition"), p.yes("assume")); c != nil {
		o.Append("condition", c)
	}
	order, of := []string{}, map[string][]row{}
	for _, r := range options.rows {
		if r.text("plan") == p.text("plan") && r.text("population") == p.text("population") {
			id := r.need("option")
			if of[id] == nil {
				order = append(order, id)
			}
			of[id] = append(of[id], r)
		}
	}
	switch use {
	case content.RolePopulation:
		if len(order) == 0 {
			p.fail("population without an option")
		}
		o.Set("groupingBehavior", "visual-group").Set("selectionBehavior", "at-most-one")
	case content.RoleNoAntibiotic, content.RoleOutOfScope:
		if len(order) > 0 {
			p.fail("options where none is due")
		}
	default:
		p.wrong("role", "unknown role %q", clip(use))
	}
	for _, id := range order {
		o.Append("action", g.option(id, of[id]))
	}
	return o
}

func (g *regimens) fullDose(p row, hours float64) *fhir.Object {
	e := fhir.NewObject().Set("url", content.FullDoseExtension).
		Append("extension", extension("hours", "Decimal", decimal(hours)))
	basis := p.need("full_dose_basis")
	if basis == "consensus" {
		return e.Append("extension", translated("basis",
			"Konsens: in den ersten 24 Stunden einer schweren Infektion volle Dosis",
			"Consensus: full dose in the first 24 hours of severe infection"))
	}
	var page int
	var section string
	if _, err := fmt.Sscanf(strings.Replace(basis, ":", " ", 1), "%d", &page); err == nil {
		_, section, _ = strings.Cut(basis, ":")
	}
	if page == 0 || section == "" {
		p.fail("full_dose_basis %q is neither consensus nor page:section", basis)
	}
	return e.
		Append("extension", translated("basis",
			fmt.Sprintf("Leitlinie S. %d: in den ersten 24 Stunden volle Tagesdosis unabhängig von der Nierenfunktion", page),
			fmt.Sprintf("Guideline p. %d: full daily dose in the first 24 hours irrespective of renal function", page))).
		Append("extension", g.source.locator(page, section, []string{"ersten 24 Stunden", "volle Tagesdosis"}))
}

func (g *regimens) option(id string, rows []row) *fhir.Object {
	sort.SliceStable(rows, func(i, j int) bool { return rows[i].whole("seq") < rows[j].whole("seq") })
	head := rows[0]
	o := fhir.NewObject().Set("id", head.text("population")+"."+id)
	o.Append("extension", extension(content.LineExtension, "Integer", head.whole("line")))
	if grade := head.text("grade"); grade != "" {
		o.Append("extension", extension(content.GradeExtension, "String", grade))
	}
	var ingredients []*fhir.Object
	var de, en []string
	for n, r := range rows {
		if r.whole("seq") != n+1 {
			r.fail("seq is %d, want %d", r.whole("seq"), n+1)
		}
		canonical, text := g.acts.add(r)
		de, en = append(de, text.DE), append(en, text.EN)
		ingredients = append(ingredients, fhir.NewObject().
			Set("id", fmt.Sprintf("%s.%s.%d", head.text("population"), id, n+1)).
			Append("code", role(content.RoleIngredient)).
			Set("definitionCanonical", canonical))
	}
	o.SetText("title", strings.Join(de, " + "), english(strings.Join(en, " + "))).
		SetText("description", head.text("note_de"), english(head.text("note_en"))).
		Append("code", role(content.RoleOption))
	if head.text("condition") != "" {
		o.Append("condition", condition(head.text("condition"), false))
	}
	o.Set("groupingBehavior", "logical-group").Set("selectionBehavior", "all")
	return o.Append("action", ingredients)
}

func (g *regimens) advice(r row) *fhir.Object {
	priority, ok := priorities[r.need("indicator")]
	if !ok {
		r.fail("unknown indicator %q", r.text("indicator"))
	}
	for _, c := range []string{"summary_de", "summary_en"} {
		if len([]rune(r.need(c))) >= 140 {
			r.fail("%s has 140 characters or more", c)
		}
	}
	o := fhir.NewObject().Set("id", "advice-"+r.need("code")).
		SetText("title", r.need("summary_de"), english(r.need("summary_en"))).
		SetText("description", r.text("detail_de"), english(r.text("detail_en"))).
		Set("priority", priority).
		Append("code", role(content.RoleAdvice)).
		Append("documentation", g.source.citation(r.whole("page"), r.text("section"), r.terms("terms")))
	if c := condition(r.need("condition"), r.yes("assume")); c != nil {
		o.Append("condition", c)
	}
	return o
}

// condition is an applicability condition; "true" needs none.
func condition(expression string, assume bool) *fhir.Object {
	if expression == "true" {
		return nil
	}
	c := fhir.NewObject()
	if assume {
		c.Append("extension", extension(content.AssumeExtension, "Boolean", true))
	}
	return c.Set("kind", "applicability").
		Set("expression", fhir.NewObject().Set("language", "text/fhirpath").Set("expression", expression))
}

func role(code string) *fhir.Object { return concept1(content.ActionSystem, code, "") }

func camel(kebab string) string {
	var b strings.Builder
	for _, part := range strings.Split(kebab, "-") {
		b.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	return b.String()
}

package build

import (
	"io/fs"

	"cdss/cds/content"
	"cdss/fhir"
)

// consensus stands in a table where practice is undisputed and no page says it.
const consensus = "consensus"

// safetyPlans builds the active pack: rules on substances, and the statements that
// no antibiotic is due.
func safetyPlans(fsys fs.FS, sources map[string]source) ([]*fhir.Object, error) {
	rules, err := readTable(fsys, "safety.csv", "rule", "substances", "route", "applies", "condition", "effect", "reason",
		"indicator", "summary_de", "summary_en", "detail_de", "detail_en", "source", "page", "section", "terms")
	if err != nil {
		return nil, err
	}
	statements, err := readTable(fsys, "statements.csv", "code", "role", "condition", "unless", "title_de", "title_en",
		"detail_de", "detail_en", "source", "page", "section", "terms")
	if err != nil {
		return nil, err
	}
	safety := safetyPlan("safety-rules", "SafetyRules",
		"Sicherheitsregeln zu Substanzen", "Safety rules on substances",
		"Was eine Option ausschließt oder eine Verordnung beanstandet, jede Regel mit ihrer Quelle.",
		"What excludes an option or objects to an order, each rule with its source.")
	for _, r := range rules.rows {
		safety.Append("action", ruleAction(r, sources))
	}
	none := safetyPlan("no-antibiotic", "NoAntibiotic",
		"Kein Antibiotikum", "No antibiotic",
		"Zustände, in denen kein Antibiotikum angezeigt ist.",
		"Conditions in which no antibiotic is indicated.")
	for _, r := range statements.rows {
		o := fhir.NewObject().Set("id", r.need("code")).
			SetText("title", r.need("title_de"), english(r.need("title_en"))).
			SetText("description", r.need("detail_de"), english(r.need("detail_en"))).
			Append("code", role(r.need("role")))
		cite(o, r, sources)
		if c := condition(r.need("condition"), false); c != nil {
			o.Append("condition", c)
		}
		if unless := r.text("unless"); unless != "" {
			o.Append("condition", condition("("+unless+").not()", true))
		}
		none.Append("action", o)
	}
	for _, t := range []*table{rules, statements} {
		if err := t.err(); err != nil {
			return nil, err
		}
	}
	return []*fhir.Object{safety, none}, nil
}

func safetyPlan(id, name, titleDE, titleEN, de, en string) *fhir.Object {
	return fhir.NewResource("PlanDefinition", id).
		Set("language", "de").
		Set("text", narrative(titleDE, titleEN, de, en)).
		Set("url", content.Base+"/PlanDefinition/"+id).
		Set("version", contentVersion).
		Set("name", name).
		SetText("title", titleDE, english(titleEN)).
		Set("type", concept1("http://terminology.hl7.org/CodeSystem/plan-definition-type", "eca-rule", "ECA Rule")).
		Set("status", "active").
		Set("experimental", false).
		Set("date", contentDate).
		SetText("description", de, english(en)).
		Append("topic", concept1(content.PackSystem, content.PackSafety, "Safety")).
		Append("library", findingsCanonical)
}

func ruleAction(r row, sources map[string]source) *fhir.Object {
	priority, ok := priorities[r.need("indicator")]
	if !ok {
		r.fail("unknown indicator %q", r.text("indicator"))
	}
	within(r, "applies", "options", "orders", "both")
	within(r, "effect", "exclude", "specialist", "warn")
	within(r, "reason", "renal", "hepatic", "pregnancy", "age", "interaction", "resistance", "restricted", "other")
	effect := fhir.NewObject().Set("url", content.EffectExtension)
	for _, c := range []string{"effect", "reason", "applies", "route"} {
		if v := r.text(c); v != "" {
			effect.Append("extension", extension(c, "Code", v))
		}
	}
	o := fhir.NewObject().Set("id", r.need("rule")).Append("extension", effect)
	for _, s := range r.list("substances") {
		o.Append("extension", extension(content.SubstanceExtension, "Code", s))
	}
	o.SetText("title", r.need("summary_de"), english(r.need("summary_en"))).
		SetText("description", r.need("detail_de"), english(r.need("detail_en"))).
		Set("priority", priority).
		Append("code", role(content.RoleRule))
	cite(o, r, sources)
	if c := condition(r.need("condition"), false); c != nil {
		o.Append("condition", c)
	}
	return o
}

// cite adds the source of a row; consensus has none.
func cite(o *fhir.Object, r row, sources map[string]source) {
	id := r.need("source")
	if id == consensus {
		return
	}
	s, ok := sources[id]
	if !ok {
		r.fail("unknown source %q", id)
		return
	}
	o.Append("documentation", s.citation(r.whole("page"), r.text("section"), r.terms("terms")))
}

func within(r row, column string, allowed ...string) {
	for _, a := range allowed {
		if r.text(column) == a {
			return
		}
	}
	r.fail("%s is %q", column, r.text(column))
}

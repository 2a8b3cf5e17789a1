package decide

import (
	"net/http"
	"slices"
	"strings"

	"cdss/cds"
	"cdss/cds/facts"
	"cdss/cds/prefetch"
	"cdss/cds/translate"
	"cdss/fhir/issue"
)

// What a check that could not run is called.
var (
	checkAll        = cds.Text{DE: "alle Prüfungen", EN: "all checks"}
	checkIndication = cds.Text{DE: "Indikation für ein Antibiotikum", EN: "indication for an antibiotic"}
	checkOrder      = cds.Text{DE: "Verordnung", EN: "order"}
	checkContext    = cds.Text{DE: "neuer Eintrag", EN: "new entry"}
)

// essential are the resource types that the checks of an order rest on.
var essential = []string{"Patient", "AllergyIntolerance", "Condition", "MedicationRequest", "MedicationStatement", "Observation"}

// names are what a clinician calls the data of a resource type.
var names = map[string]cds.Text{
	"Patient":             {DE: "Alter und Geschlecht", EN: "age and sex"},
	"Encounter":           {DE: "Aufenthalt", EN: "encounter"},
	"Condition":           {DE: "Diagnosen", EN: "diagnoses"},
	"AllergyIntolerance":  {DE: "Allergien", EN: "allergies"},
	"MedicationRequest":   {DE: "Medikation", EN: "medication"},
	"MedicationStatement": {DE: "Hausmedikation", EN: "home medication"},
	"Observation":         {DE: "Labor- und Vitalwerte", EN: "laboratory values and vital signs"},
	"Procedure":           {DE: "Prozeduren", EN: "procedures"},
	"Device":              {DE: "Katheter und Implantate", EN: "catheters and implants"},
	"DeviceUseStatement":  {DE: "liegende Katheter", EN: "devices in use"},
	"Flag":                {DE: "Warnhinweise", EN: "flags"},
}

// miss adds a check that was not made.
func (c *call) miss(check, reason cds.Text, why string) {
	lang := c.req.Language
	c.rec.NotChecked = append(c.rec.NotChecked, cds.NotChecked{Check: check.In(lang), Reason: reason.In(lang), Missing: []string{}, Why: why})
}

// brings are the facts that a resource type brings, as checks name what they lacked.
var brings = map[string][]string{
	"Patient":             {"age", "sex"},
	"Condition":           {"indication"},
	"AllergyIntolerance":  {"allergies"},
	"MedicationRequest":   {"medications"},
	"MedicationStatement": {"medications"},
	"Observation": {
		"creatinine", "weight", "height", "egfr-ckd-epi-2021", "creatinine-clearance-cockcroft-gault", "qtc", "potassium", "lactate",
		"respiratory-rate", "systolic-blood-pressure", "mean-blood-pressure", "oxygen-saturation", "temperature", "heart-rate",
	},
}

// lacks tells whether a check that was not made lacked what a resource type brings.
func lacks(n cds.NotChecked, typ string) bool {
	return slices.ContainsFunc(brings[typ], func(fact string) bool { return slices.Contains(n.Missing, fact) })
}

// because adds to the checks that were not made for want of data why these are
// wanting. What the client did the checks know themselves; what its FHIR server did
// is known here alone.
func (c *call) because() {
	for _, k := range c.came.Problems() {
		for i := range c.rec.NotChecked {
			n := &c.rec.NotChecked[i]
			if n.Why != "" || !lacks(*n, k.Type) {
				continue
			}
			n.Why = k.Name + ": " + k.Why
			if !k.ServerFailed() {
				continue
			}
			reason := k.Reason.In(c.req.Language)
			if name := names[k.Type].In(c.req.Language); name != n.Check {
				reason = name + ": " + reason
			}
			if n.Reason != "" {
				reason = strings.TrimSuffix(n.Reason, ".") + " – " + reason
			}
			n.Reason = reason
		}
	}
}

// gaps says of each of these resource types that could not be relied on that it
// was not checked: an answer without a card would say that all is well (D2). What
// a check said already is not said twice.
func (c *call) gaps(types ...string) {
	for _, k := range c.came.Problems() {
		if k.Type == "" || !slices.Contains(types, k.Type) {
			continue
		}
		if slices.ContainsFunc(c.rec.NotChecked, func(n cds.NotChecked) bool { return lacks(n, k.Type) }) {
			continue
		}
		check := names[k.Type]
		if k.Type == "Condition" && c.req.Question == cds.AskOptions {
			check = checkIndication
		}
		c.miss(check, cds.Text{DE: names[k.Type].DE + ": " + k.Reason.DE, EN: names[k.Type].EN + ": " + k.Reason.EN}, k.Name+": "+k.Why)
	}
}

// otherKinds says of each draft that holds a medicine in another form than a
// MedicationRequest of FHIR R4, such as the MedicationOrder of DSTU2, that it was not
// checked; unless its code says that it is none of ours.
func (s *Service) otherKinds(c *call) {
	if c.req.Question != cds.AskOrders {
		return
	}
	for _, r := range c.own(c.req.DraftOrders) {
		medicine, form := r.Root().Choice("medication")
		if r.Type() == "MedicationRequest" || medicine.Empty() {
			continue
		}
		r = s.c.Local().Resource(r)
		concept := r.Root().Child("medication" + form).CodeableConcept()
		ours := true
		for _, coding := range concept.Codings {
			if coding.System == translate.ATC && coding.Code != "" {
				ours = antimicrobial(coding.Code)
			}
		}
		if !ours {
			continue
		}
		what := concept.Display()
		if what == "" {
			what = r.Ref()
		}
		c.miss(cds.Text{DE: checkOrder.DE + " „" + what + "“", EN: checkOrder.EN + " \"" + what + "\""},
			cds.Text{DE: "kein MedicationRequest nach FHIR R4: nicht geprüft", EN: "no MedicationRequest of FHIR R4: not checked"}, "unreadable")
	}
}

// unnamed says of each order whose substance is not known, since it refers to a
// Medication that could not be had, why not.
func (c *call) unnamed() {
	for _, o := range c.input.Chart.Orders() {
		why, reason := c.products.Lacking(o.Resource)
		if o.Recognised || why == "" {
			continue
		}
		what := o.Display
		if what == "" {
			what = o.Reference
		}
		for i := range c.rec.NotChecked {
			if n := &c.rec.NotChecked[i]; slices.Contains(n.Missing, "substance") && strings.Contains(n.Check, what) {
				text := cds.Text{DE: "Arzneimittel nicht bekannt: ", EN: "the medication is not known: "}
				n.Reason, n.Why = text.In(c.req.Language)+reason.In(c.req.Language), "product: "+why
			}
		}
	}
}

// tried tells whether data of a type were asked for, by the client or by us, and not
// had as they should be.
func (c *call) tried(typ string) bool {
	return slices.ContainsFunc(c.came.Problems(), func(k prefetch.Key) bool { return k.Type == typ && k.Why != prefetch.NotSent })
}

// fail notes that a step did not end: nothing it should have found is known.
func (c *call) fail(err error) {
	c.broken, c.input.Trace = true, nil // the step may still write to it
	c.rec.NotChecked = append(c.rec.NotChecked, failed(err, checkAll, c.req.Language))
}

// strays tells what of the call itself could not be used.
func (c *call) strays() {
	check := checkOrder
	unreadable := cds.Text{DE: "ein Verordnungsentwurf ist keine lesbare FHIR-Ressource", EN: "a draft order is no readable FHIR resource"}
	foreign := cds.Text{DE: "ein Verordnungsentwurf gehört zu einem anderen Patienten", EN: "a draft order belongs to another patient"}
	if c.req.Question != cds.AskOrders {
		check = checkContext
		unreadable = cds.Text{DE: "ein neuer Eintrag ist keine lesbare FHIR-Ressource", EN: "a new entry is no readable FHIR resource"}
		foreign = cds.Text{DE: "ein neuer Eintrag gehört zu einem anderen Patienten", EN: "a new entry belongs to another patient"}
	}
	if c.req.Unreadable > 0 {
		c.miss(check, unreadable, "unreadable")
	}
	if c.foreign > 0 {
		c.miss(check, foreign, "other-patient")
	}
	for _, reference := range c.absent {
		c.miss(cds.Text{DE: checkOrder.DE + ": " + reference, EN: checkOrder.EN + ": " + reference},
			cds.Text{DE: "nicht unter den Patientendaten", EN: "not among the patient's data"}, "not-sent")
	}
}

// blocked is the answer when no check can run: it names each key, and what is
// wrong with it.
func (c *call) blocked() error {
	var reasons []string
	keys := map[string][]string{} // by reason
	problems := c.came.Problems()
	for _, p := range problems {
		if keys[p.Reason.EN] == nil {
			reasons = append(reasons, p.Reason.EN)
		}
		keys[p.Reason.EN] = append(keys[p.Reason.EN], p.Name)
	}
	for i, reason := range reasons {
		reasons[i] = strings.Join(keys[reason], ", ") + ": " + reason
	}
	err := issue.New(issue.Required, "service %s knows nothing of the patient; prefetch %s", c.req.Service, strings.Join(reasons, "; ")).
		WithStatus(http.StatusPreconditionFailed)
	for _, p := range problems {
		err = err.At("prefetch." + p.Name)
	}
	return err
}

// references names the resources that the values of the Chart were read from, each
// once, the Patient left out: a decision is kept without naming whose it is.
func references(chart *facts.Chart) []string {
	const most = 500
	var list []string
	seen := map[string]bool{}
	add := func(reference string) {
		if reference == "" || seen[reference] || len(list) == most || !strings.Contains(reference, "/") || strings.HasPrefix(reference, "Patient/") {
			return
		}
		seen[reference] = true
		list = append(list, reference)
	}
	if chart == nil {
		return nil
	}
	for _, f := range chart.Facts() {
		add(f.Source)
		for _, in := range f.Inputs {
			add(in.Reference)
		}
	}
	for _, a := range chart.Allergies() {
		add(a.Reference)
	}
	for _, m := range chart.Medications() {
		add(m.Reference)
	}
	for _, x := range chart.Conditions() {
		add(x.Reference)
	}
	for _, o := range chart.Orders() {
		add(o.Reference)
	}
	return list
}

package decide

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"time"

	"cdss/cds"
	"cdss/cds/facts"
	"cdss/cds/knowledge"
	"cdss/cds/prefetch"
	"cdss/cds/recommend"
	"cdss/cds/render"
	"cdss/fhir"
	"cdss/fhir/issue"
)

// What a check that could not run is called.
var (
	checkAll        = cds.Text{DE: "alle Prüfungen", EN: "all checks"}
	checkIndication = cds.Text{DE: "Indikation für ein Antibiotikum", EN: "indication for an antibiotic"}
	checkOrder      = cds.Text{DE: "Verordnung", EN: "order"}
)

// Hook answers a hook call. Its error has status 412 when nothing is known about
// the patient, so that no check at all could run (CDS Hooks 2.0.1, "Prefetch";
// SAFETY rule D4), and 413 when a prefetch value is too large. Everything else
// that goes wrong is said on the card of what was not checked.
func (s *Service) Hook(ctx context.Context, req cds.Request) (cds.Response, error) {
	start := time.Now() // measures; what the clock says is Config.Now's
	call, err := s.open(ctx, req)
	if err != nil {
		return cds.Response{}, err
	}
	defer call.cancel()
	if call.orders && len(req.DraftOrders) == 0 && req.Unreadable == 0 {
		return s.close(call, start), nil
	}
	if !call.orders && call.blind() {
		return cds.Response{}, s.block(call, start)
	}
	chart, err := within(call.ctx, s, "facts", func(context.Context) *facts.Chart { return facts.Build(call.facts) })
	if err != nil {
		call.fail(err)
		return s.close(call, start), nil
	}
	call.input.Chart = chart
	if call.orders {
		return s.checkOrders(call, start)
	}
	rec, err := within(call.ctx, s, "recommend", func(ctx context.Context) cds.Recommendation { return s.c.Rules.Recommend(ctx, call.input) })
	if err != nil {
		call.fail(err)
		return s.close(call, start), nil
	}
	call.rec = rec
	if rec.Indication == nil {
		call.gaps("Condition")
	}
	return s.close(call, start), nil
}

// call is one hook call on its way.
type call struct {
	ctx     context.Context
	cancel  context.CancelFunc
	req     cds.Request
	id      string
	now     time.Time
	orders  bool // the hook is about draft orders
	came    *prefetch.Result
	facts   facts.Input
	input   recommend.Input
	rec     cds.Recommendation
	foreign int // draft orders of another patient
	broken  bool
}

func (s *Service) open(ctx context.Context, req cds.Request) (*call, error) {
	c := &call{req: req, id: s.c.NewID(), now: s.c.Now(), orders: req.Hook == "order-select" || req.Hook == "order-sign"}
	came, err := prefetch.Read(req.Patient, prefetch.Templates(), req.Prefetch)
	if err != nil {
		return nil, err
	}
	c.came = came
	snapshot := s.c.Knowledge()
	c.rec = cds.Recommendation{ID: c.id, Language: req.Language, CreatedAt: c.now.Format(time.RFC3339)}
	c.facts = facts.Input{
		Now: c.now, Patient: req.Patient, Resources: came.Resources, Received: came.Received,
		Indications: indications(snapshot), Formulary: s.c.Tables.Formulary, Allergy: s.c.Tables.Allergy, Organisms: s.c.Tables.Organisms,
	}
	for _, draft := range req.DraftOrders {
		if !prefetch.OfPatient(req.Patient, draft) {
			c.foreign++
			continue
		}
		c.facts.Drafts = append(c.facts.Drafts, draft)
	}
	c.input = recommend.Input{
		Snapshot: snapshot, Tables: s.c.Tables, Lang: req.Language, Demo: s.c.Demo,
		Cite: cite(s.c.Evidence()), ID: c.id, Now: c.now, Received: came.Received,
	}
	c.ctx, c.cancel = context.WithTimeout(ctx, s.c.Deadline)
	return c, nil
}

func indications(s *knowledge.Snapshot) []cds.Indication {
	if s == nil {
		return nil
	}
	return s.Indications()
}

// checkOrders answers the two order hooks.
func (s *Service) checkOrders(c *call, start time.Time) (cds.Response, error) {
	findings, err := within(c.ctx, s, "check orders", func(ctx context.Context) recommend.Findings { return s.c.Rules.CheckOrders(ctx, c.input) })
	if err != nil {
		c.fail(err)
		return s.close(c, start), nil
	}
	c.rec.Warnings, c.rec.NotChecked = withoutReturn(findings.Warnings), findings.NotChecked
	c.rec.Knowledge, c.rec.Banner = findings.Knowledge, findings.Banner
	applies := applicable(c.input.Chart)
	if c.blind() && applies && len(findings.Warnings) == 0 {
		return cds.Response{}, s.block(c, start)
	}
	if applies {
		// What did not come of the patient's problems and person is told whatever else
		// was; of the rest the checks themselves say what they lacked.
		c.gaps("Patient", "Condition")
		if len(c.rec.NotChecked) == 0 {
			c.gaps("AllergyIntolerance", "MedicationRequest", "MedicationStatement", "Observation")
		}
	}
	return s.close(c, start), nil
}

// withoutReturn takes out every fix that would keep an order which a critical
// warning speaks against: what one warning has the prescriber remove, another one
// must not offer in a better dose.
func withoutReturn(warnings []cds.Warning) []cds.Warning {
	against := map[string]bool{}
	for _, w := range warnings {
		if w.Indicator == cds.Critical && w.OrderRef != "" {
			against[w.OrderRef] = true
		}
	}
	list := slices.Clone(warnings)
	for i, w := range list {
		if w.Indicator == cds.Critical || !against[w.OrderRef] {
			continue
		}
		list[i].Fix = slices.DeleteFunc(slices.Clone(w.Fix), func(f cds.Fix) bool {
			return slices.ContainsFunc(f.Actions, func(a cds.Action) bool { return a.Type == "update" })
		})
	}
	return list
}

// applicable tells whether there is an order our checks are about: an
// antimicrobial, or one whose substance nobody could read (SAFETY rule D9).
func applicable(chart *facts.Chart) bool {
	for _, o := range chart.Orders() {
		if antimicrobial(o.ATC) || o.ATC == "" && !o.Recognised && o.Display != "" {
			return true
		}
	}
	return false
}

// antimicrobial tells whether an ATC code is one of the groups this server knows:
// antibacterials and antimycotics for systemic use, intestinal anti-infectives,
// drugs against mycobacteria.
func antimicrobial(code string) bool {
	for _, prefix := range []string{"J01", "J02", "J04A", "A07AA", "P01AB"} {
		if strings.HasPrefix(code, prefix) {
			return true
		}
	}
	return false
}

// blind tells whether nothing at all is known about the patient.
func (c *call) blind() bool { return len(c.came.Resources) == 0 && !c.empty() }

// empty tells whether the client looked for some data and found none, which is an
// answer, if a poor one.
func (c *call) empty() bool {
	for _, state := range c.came.Received {
		if state == facts.NoneRecorded {
			return true
		}
	}
	return false
}

// blocked is the answer when no check can run: it names each key, and what is
// wrong with it.
func (c *call) blocked() error {
	var reasons []string
	keys := map[string][]string{} // by reason
	for _, p := range c.came.Problems {
		if keys[p.Reason.EN] == nil {
			reasons = append(reasons, p.Reason.EN)
		}
		keys[p.Reason.EN] = append(keys[p.Reason.EN], p.Key)
	}
	for i, reason := range reasons {
		reasons[i] = strings.Join(keys[reason], ", ") + ": " + reason
	}
	err := issue.New(issue.Required, "service %s knows nothing of the patient; prefetch %s", c.req.Service, strings.Join(reasons, "; ")).
		WithStatus(http.StatusPreconditionFailed)
	for _, p := range c.came.Problems {
		err = err.At("prefetch." + p.Key)
	}
	return err
}

// block records that no check could run, and gives the answer that says so.
func (s *Service) block(c *call, start time.Time) error {
	c.gaps("Patient", "AllergyIntolerance", "Condition", "MedicationRequest", "MedicationStatement", "Observation")
	s.keep(c, start, nil)
	return c.blocked()
}

// gaps says of each of these resource types that could not be relied on that it
// was not checked: an answer without a card would say that all is well (D2).
func (c *call) gaps(types ...string) {
	lang := c.req.Language
	for _, t := range prefetch.Templates() {
		wanted := false
		for _, typ := range types {
			wanted = wanted || typ == t.Type
		}
		if !wanted {
			continue
		}
		for _, p := range c.came.Problems {
			if p.Key == t.Key {
				check := names[t.Type]
				if t.Type == "Condition" && !c.orders {
					check = checkIndication
				}
				c.rec.NotChecked = append(c.rec.NotChecked, cds.NotChecked{
					Check: check.In(lang), Reason: names[t.Type].In(lang) + ": " + p.Reason.In(lang), Missing: []string{},
				})
			}
		}
	}
}

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
	"Flag":                {DE: "Warnhinweise", EN: "flags"},
}

// fail notes that a step did not end: nothing it should have found is known.
func (c *call) fail(err error) {
	c.broken = true
	c.rec.NotChecked = append(c.rec.NotChecked, failed(err, checkAll, c.req.Language))
}

// close writes the cards and records the decision.
func (s *Service) close(c *call, start time.Time) cds.Response {
	lang := c.req.Language
	if c.req.Unreadable > 0 {
		c.rec.NotChecked = append(c.rec.NotChecked, cds.NotChecked{
			Check:   checkOrder.In(lang),
			Reason:  cds.Text{DE: "ein Verordnungsentwurf ist keine lesbare FHIR-Ressource", EN: "a draft order is no readable FHIR resource"}.In(lang),
			Missing: []string{},
		})
	}
	if c.foreign > 0 {
		c.rec.NotChecked = append(c.rec.NotChecked, cds.NotChecked{
			Check:   checkOrder.In(lang),
			Reason:  cds.Text{DE: "ein Verordnungsentwurf gehört zu einem anderen Patienten", EN: "a draft order belongs to another patient"}.In(lang),
			Missing: []string{},
		})
	}
	c.rec.Language = lang
	if c.rec.CreatedAt == "" {
		c.rec.CreatedAt = c.now.Format(time.RFC3339)
	}
	cards := render.Cards(c.rec, render.Options{
		Service: c.req.Service, Lang: lang,
		NewUUID: func(key string) string { return derive(c.id, key) },
	})
	s.keep(c, start, cards)
	return cds.Response{Cards: cards}
}

// keep records the decision about a call.
func (s *Service) keep(c *call, start time.Time, cards []cds.Card) {
	s.record(cds.Decision{
		ID: c.id, At: c.now, Service: c.req.Service, Hook: c.req.Hook, HookInstance: c.req.HookInstance, Client: c.req.Client,
		Language: c.req.Language, Inputs: inputs(c.came.Hashes, c.req.DraftOrders), Artifacts: c.rec.Knowledge,
		Ran: ran(c.rec), Skipped: skipped(c.rec.NotChecked), Duration: time.Since(start), Degraded: c.broken, Cards: issued(cards),
	})
}

// inputs adds the hash of the draft orders to those of the prefetch values.
func inputs(hashes map[string]string, drafts []*fhir.Resource) map[string]string {
	if len(drafts) == 0 {
		return hashes
	}
	h := sha256.New()
	for _, d := range drafts {
		h.Write(d.Raw())
	}
	out := map[string]string{"draftOrders": hex.EncodeToString(h.Sum(nil))}
	for key, sum := range hashes {
		out[key] = sum
	}
	return out
}

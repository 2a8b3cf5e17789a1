package decide

import (
	"context"
	"slices"
	"strings"
	"time"

	"cdss/cds"
	"cdss/cds/facts"
	"cdss/cds/knowledge"
	"cdss/cds/prefetch"
	"cdss/cds/recommend"
	"cdss/cds/render"
	"cdss/cds/translate"
	"cdss/fhir"
)

// Hook answers a hook call. Its error has status 412 when nothing is known about
// the patient, so that no check at all could run (CDS Hooks 2.0.1, "Prefetch";
// SAFETY rule D4), 413 when a prefetch value is too large, and 403 when the call
// names a FHIR server that is registered for somebody else. Everything else that
// goes wrong is said on the card of what was not checked.
func (s *Service) Hook(ctx context.Context, req cds.Request) (cds.Response, error) {
	if req.Hook == "order-select" {
		req.DraftOrders = slices.DeleteFunc(slices.Clone(req.DraftOrders), begun)
	}
	c, err := s.open(ctx, req)
	if err != nil {
		return cds.Response{}, err
	}
	defer c.cancel()
	if req.Question == cds.AskOrders && len(req.DraftOrders)+len(req.Dispatched)+req.Unreadable == 0 {
		return s.close(c), nil
	}
	if err := s.gather(c); err != nil {
		return cds.Response{}, err
	}
	if req.Question != cds.AskOrders && c.came.Blind() {
		return s.block(c)
	}
	s.chart(c)
	switch {
	case c.broken:
		return s.close(c), nil
	case req.Question == cds.AskPlan:
		return s.plan(c)
	case req.Question == cds.AskOrders, req.Question == cds.AskTherapy:
		return s.checkOrders(c)
	}
	rec, err := within(c.ctx, s, "recommend", func(ctx context.Context) cds.Recommendation { return s.c.Rules.Recommend(ctx, c.input) })
	c.step("rules")
	if err != nil {
		c.fail(err)
		return s.close(c), nil
	}
	c.rec = rec
	c.because()
	if rec.Indication == nil {
		c.gaps("Condition")
	}
	return s.close(c), nil
}

// call is one hook call on its way.
type call struct {
	ctx      context.Context
	cancel   context.CancelFunc
	req      cds.Request
	id       string
	now      time.Time // of the answer, by Config.Now
	start    time.Time // of the call; with last it measures
	last     time.Time
	until    time.Time // when the answer is due
	came     *prefetch.Result
	products prefetch.Products
	input    recommend.Input
	rec      cds.Recommendation
	foreign  int      // resources of the context that belong to another patient
	absent   []string // orders that are not among the patient's data
	broken   bool
	timings  []cds.Timing

	// The knowledge of this moment: a release while the call runs changes nothing of it.
	snapshot *knowledge.Snapshot
	service  *knowledge.Service // the plan that is called, nil for the built-in services
	cards    []cds.Card         // of that plan
}

// step notes that a step has ended.
func (c *call) step(name string) {
	now := time.Now()
	c.timings = append(c.timings, cds.Timing{Step: name, Milliseconds: float64(now.Sub(c.last).Microseconds()) / 1000})
	c.last = now
}

// open begins a call and reads what came with it.
func (s *Service) open(ctx context.Context, req cds.Request) (*call, error) {
	c := &call{req: req, id: s.c.NewID(), now: s.c.Now(), start: req.Received, snapshot: s.c.Knowledge()}
	if c.start.IsZero() {
		c.start = time.Now()
	}
	c.last = c.start
	templates, err := c.templates()
	if err != nil {
		return nil, err
	}
	if req.Profile.Version3 {
		templates = prefetch.Version3(templates, false)
	}
	came, err := prefetch.Read(req.Patient, templates, req.Prefetch)
	if err != nil {
		return nil, err
	}
	c.came = came
	c.rec = cds.Recommendation{ID: c.id, Language: req.Language, CreatedAt: c.now.Format(time.RFC3339)}
	deadline := s.c.Deadline
	if req.Profile.Deadline > 0 {
		deadline = req.Profile.Deadline
	}
	c.until = c.start.Add(deadline)
	c.ctx, c.cancel = context.WithDeadline(ctx, c.until)
	c.step("read")
	return c, nil
}

// begun tells whether a draft is one to which the prescriber has given neither
// medicine nor dose yet: clients call while it is being written, and call again.
func begun(draft *fhir.Resource) bool {
	medicine, _ := draft.Root().Choice("medication")
	return draft.Type() == "MedicationRequest" && medicine.Empty() && draft.Root().Child("dosageInstruction").Empty()
}

// own keeps the resources of the context that are about the patient of the call.
func (c *call) own(list []*fhir.Resource) []*fhir.Resource {
	var own []*fhir.Resource
	for _, r := range list {
		if prefetch.OfPatient(c.req.Patient, r) {
			own = append(own, r)
		}
	}
	return own
}

// orders gives what the call wants checked: the drafts that came, the orders that
// are named and found among the patient's data, or those that run.
func (c *call) orders() (list []*fhir.Resource) {
	list = c.own(c.req.DraftOrders)
	for _, reference := range c.req.Dispatched {
		typ, id, local := fhir.Reference{Reference: reference}.Local()
		if local && typ != "MedicationRequest" {
			continue // no medicine: not ours to check
		}
		found := false
		for _, k := range c.came.Keys {
			for _, r := range k.Resources {
				if !found && r.Type() == "MedicationRequest" && r.ID() == id {
					list, found = append(list, r), true
				}
			}
		}
		if !found {
			c.absent = append(c.absent, reference)
		}
	}
	if c.req.Question == cds.AskTherapy {
		for _, k := range c.came.Keys {
			for _, r := range k.Resources {
				if r.Type() == "MedicationRequest" && r.Root().Child("status").String() == "active" && !slices.Contains(list, r) {
					list = append(list, r)
				}
			}
		}
	}
	return list
}

// build makes the Chart of what is known now, local codes brought to those that are
// read.
func (s *Service) build(c *call, orders []*fhir.Resource) (*facts.Chart, error) {
	resources := append(c.came.Resources(), c.own(c.req.Context)...)
	in := facts.Input{
		Now: c.now, Patient: c.req.Patient, Received: c.came.Received(),
		Indications: indications(c.input.Snapshot), Formulary: s.c.Tables.Formulary, Allergy: s.c.Tables.Allergy, Organisms: s.c.Tables.Organisms,
		Products: s.resolved(c),
	}
	return within(c.ctx, s, "facts", func(context.Context) *facts.Chart {
		in.Resources, in.Drafts = s.translate(resources), s.translate(orders)
		return facts.Build(in)
	})
}

// translate adds to resources the codings that the hospital's maps hold for theirs,
// and has what came counted.
func (s *Service) translate(list []*fhir.Resource) []*fhir.Resource {
	list = s.c.Local().Resources(list)
	if s.c.Seen != nil {
		translate.See(list, s.c.Seen)
	}
	return list
}

// chart makes the Chart the answer rests on, and all that goes with it.
func (s *Service) chart(c *call) {
	c.foreign = len(c.req.DraftOrders) + len(c.req.Context) - len(c.own(c.req.DraftOrders)) - len(c.own(c.req.Context))
	c.input = recommend.Input{
		Snapshot: c.snapshot, Tables: s.c.Tables, Lang: c.req.Language, Demo: s.c.Demo,
		Cite: cite(s.c.Evidence()), ID: c.id, Now: c.now, Received: c.came.Received(), Trace: s.tracing(),
	}
	chart, err := s.build(c, c.orders())
	c.step("facts")
	if err != nil {
		c.fail(err)
		return
	}
	c.input.Chart = chart
}

// checkOrders answers the hooks that are about orders.
func (s *Service) checkOrders(c *call) (cds.Response, error) {
	findings, err := within(c.ctx, s, "check orders", func(ctx context.Context) recommend.Findings { return s.c.Rules.CheckOrders(ctx, c.input) })
	c.step("rules")
	if err != nil {
		c.fail(err)
		return s.close(c), nil
	}
	c.rec.Warnings, c.rec.NotChecked = possible(withoutReturn(findings.Warnings), c.input.Chart), findings.NotChecked
	c.rec.Knowledge, c.rec.Banner = findings.Knowledge, findings.Banner
	c.unnamed()
	applies := applicable(c.input.Chart)
	if c.came.Blind() && applies && len(findings.Warnings) == 0 {
		return s.block(c)
	}
	switch {
	case c.req.Question == cds.AskTherapy && !applies:
		c.gaps("MedicationRequest") // perhaps something runs that did not come
	case applies:
		c.because()
		// What did not come of the patient's problems and person is told whatever else
		// was; of the rest the checks themselves say what they lacked.
		c.gaps("Patient", "Condition")
		if len(c.rec.NotChecked) == 0 {
			c.gaps(essential...)
		}
	case s.meets(c.input.Chart) && c.tried("MedicationRequest"):
		c.gaps("MedicationRequest") // what runs could not be learned
	}
	return s.close(c), nil
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

// possible takes out every fix that would delete an order that is no draft any
// more: what is in force is ended, not deleted, and that is for a person to do.
func possible(warnings []cds.Warning, chart *facts.Chart) []cds.Warning {
	inForce := map[string]bool{}
	for _, o := range chart.Orders() {
		status := o.Resource.Root().Child("status").String()
		inForce[o.Reference] = status != "" && status != "draft"
	}
	list := slices.Clone(warnings)
	for i, w := range list {
		list[i].Fix = slices.DeleteFunc(slices.Clone(w.Fix), func(f cds.Fix) bool {
			return slices.ContainsFunc(f.Actions, func(a cds.Action) bool { return a.Type == "delete" && inForce[a.ResourceID] })
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

// block answers when no check can run: 412 with each key and what is wrong with
// it, or, for a client that shows people no errors, a card.
func (s *Service) block(c *call) (cds.Response, error) {
	c.rec.NotChecked = nil
	c.gaps(essential...)
	if c.req.Profile.BlockedCard || c.req.Profile.Shadow {
		return s.close(c), nil
	}
	s.keep(c, nil)
	return cds.Response{}, c.blocked()
}

// close writes the cards and records the decision.
func (s *Service) close(c *call) cds.Response {
	c.strays()
	s.otherKinds(c)
	c.rec.Language = c.req.Language
	if c.rec.CreatedAt == "" {
		c.rec.CreatedAt = c.now.Format(time.RFC3339)
	}
	profile := c.req.Profile
	aged := s.aged(c.req.Language, c.now)
	c.broken = c.broken || aged != ""
	cards := render.Cards(c.rec, render.Options{
		Before: c.cards, Service: c.req.Service, Lang: c.req.Language, NewUUID: func(key string) string { return derive(c.id, key) },
		Told: s.told(c), Notice: aged, Reserved: restricted(c.came.Resources(), c.req.DraftOrders, c.req.Context), MaxCards: profile.MaxCards, PlainText: profile.PlainText, Suggestions: profile.Suggestions,
	})
	c.step("render")
	s.keep(c, cards)
	s.besideCall(c)
	if profile.Shadow {
		return cds.Response{Cards: []cds.Card{}}
	}
	return cds.Response{Cards: cards}
}

// keep records the decision about a call.
func (s *Service) keep(c *call, cards []cds.Card) {
	s.record(cds.Decision{
		ID: c.id, At: c.now, Service: c.req.Service, Hook: c.req.Hook, HookInstance: c.req.HookInstance, Client: c.req.Client,
		Language: c.req.Language, Inputs: inputs(c.came, c.req), References: references(c.input.Chart), Artifacts: pinned(c.rec.Knowledge, c.snapshot),
		Ran: ran(c.rec), Skipped: skipped(c.rec.NotChecked), Timings: c.timings, Duration: time.Since(c.start),
		Degraded: c.broken, Shadow: c.req.Profile.Shadow, Cards: issued(cards), Trace: looked(c.input.Trace), Asked: askedBy(c.ctx, c.req.Patient, c.req.User),
	})
}

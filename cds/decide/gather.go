package decide

import (
	"context"
	"crypto/sha256"
	"maps"
	"slices"
	"time"

	"cdss/cds"
	"cdss/cds/facts"
	"cdss/cds/prefetch"
	"cdss/fhir"
	"cdss/fhir/smart"
)

// Servers opens the FHIR server that a hook call names.
type Servers interface {
	// Open gives the reader of the call's FHIR server, with the access token of the
	// call. Without a reader, why says so in a code of package prefetch; "" means that
	// the call names no server. The error refuses the call: the server is registered
	// for somebody else.
	Open(req cds.Request) (reader prefetch.Reader, why string, err error)
}

// reserve is the time kept for thinking when data have to be fetched: a third of
// the deadline, and no more than this.
const reserve = 150 * time.Millisecond

// gather gets what did not come with the call: from an earlier call about the same
// patient, or from the FHIR server. Its error refuses the call.
func (s *Service) gather(c *call) error {
	var reader prefetch.Reader
	why := ""
	if s.c.Servers != nil {
		var err error
		if reader, why, err = s.c.Servers.Open(c.req); err != nil {
			return err
		}
	}
	whose := identity(c.req)
	if len(c.req.Context) > 0 {
		s.prepared.forget(whose) // the record has changed
	}
	earlier := s.prepared.get(whose, c.now)
	c.products = prefetch.Products{Reader: reader, Denied: why, Access: c.req.Access, FHIRServer: c.req.FHIRServer}
	c.products.Know(c.came.Resources(), c.came.URLs)
	c.products.Know(c.req.DraftOrders, c.req.URLs)
	for _, k := range earlier {
		if k.Name == prefetch.ProductsKey {
			c.products.Know(k.Resources, nil)
		}
	}
	s.seek(c, c.own(c.req.DraftOrders))
	user := s.user(c, reader)
	if s.worthwhile(c, len(user) > 0) {
		c.came.Take(earlier)
		if reader != nil {
			s.fetch(c, reader, user)
		} else if why != "" {
			c.came.Deny(why)
		}
		s.seek(c, c.came.Resources())
		c.came.Products(&c.products)
	}
	if !s.c.Forgetful {
		s.prepared.put(whose, c.came.Whole(), c.now)
	}
	c.step("gather")
	return nil
}

// user gives what to read of the user for their language, where nobody has said it and
// nobody has looked before.
func (s *Service) user(c *call, reader prefetch.Reader) []prefetch.Query {
	if !c.req.LanguageOpen || reader == nil {
		return nil
	}
	if lang, known := s.languages.get(identity(c.req), c.now); known {
		c.speak(lang)
		return nil
	}
	if q, ok := prefetch.UserQuery(c.req.User); ok && c.may("Practitioner") {
		return []prefetch.Query{q}
	}
	return nil
}

// fetch reads what is lacking, in the time there is, and with it the language of the
// user. For that alone nobody waits long.
func (s *Service) fetch(c *call, reader prefetch.Reader, user []prefetch.Query) {
	until := c.readUntil()
	if soon := time.Now().Add(courtesy); !c.came.Lacks() && soon.Before(until) {
		until = soon
	}
	ctx, cancel := context.WithDeadline(c.ctx, until)
	defer cancel()
	answers := c.came.Fetch(ctx, reader, c.req.Access, c.now, user...)
	if len(user) == 0 {
		return
	}
	lang := cds.Lang("")
	if a := answers[prefetch.UserKey]; len(a.Resources) == 1 && a.Resources[0].Ref() == c.req.User {
		if tag := prefetch.Spoken(a.Resources[0].Root()); tag != "" {
			lang = cds.ParseLang(tag)
		}
	}
	s.languages.put(identity(c.req), lang, c.now)
	c.speak(lang)
}

// courtesy is how long a call that lacks nothing else waits for the user's language.
const courtesy = 100 * time.Millisecond

// speak answers in a language, unless it is "".
func (c *call) speak(lang cds.Lang) {
	if lang != "" {
		c.req.Language, c.rec.Language = lang, lang
	}
}

// may tells whether the access token lets a resource type be read.
func (c *call) may(typ string) bool {
	return c.req.Access.Token.IsZero() || c.req.Access.Covers(typ, false) != smart.NotAtAll
}

// readUntil is when reading must end, so that there is time left to think.
func (c *call) readUntil() time.Time {
	return c.until.Add(-min(reserve, c.until.Sub(c.start)/3))
}

// seek reads the Medications that medicines refer to where their words do not name a
// substance: in half of the time there is, since more may have to be read.
func (s *Service) seek(c *call, list []*fhir.Resource) {
	left := time.Until(c.readUntil())
	ctx, cancel := context.WithTimeout(c.ctx, left/2)
	defer cancel()
	c.products.Seek(ctx, list, s.named)
}

// worthwhile tells whether the data of the patient matter. For draft orders they do
// when there is an antimicrobial among them, or a medicine that one which runs should
// not meet, which the orders alone tell.
func (s *Service) worthwhile(c *call, asking bool) bool {
	if c.req.Question != cds.AskOrders || len(c.req.Dispatched) > 0 {
		return true
	}
	if !c.came.Lacks() && !c.came.Refers() && !asking {
		return false // there is nothing to be had
	}
	chart, err := within(c.ctx, s, "orders", func(context.Context) *facts.Chart {
		return facts.Build(facts.Input{
			Now: c.now, Patient: c.req.Patient, Drafts: s.c.Local().Resources(c.own(c.req.DraftOrders)),
			Resources: s.c.Local().Resources(c.came.Resources()), // a draft may refer to a Medication among them
			Products:  s.resolved(c),
			Formulary: s.c.Tables.Formulary, Allergy: s.c.Tables.Allergy, Organisms: s.c.Tables.Organisms,
		})
	})
	return err != nil || applicable(chart) || s.meets(chart)
}

// resolved gives the Medications that medicines refer to, local codes brought to
// those that are read.
func (s *Service) resolved(c *call) map[string]*fhir.Resource {
	out := maps.Clone(c.products.Resolved())
	for reference, r := range out {
		out[reference] = s.c.Local().Resource(r)
	}
	return out
}

// meets tells whether there is an order that an antimicrobial should not meet.
func (s *Service) meets(chart *facts.Chart) bool {
	return slices.ContainsFunc(chart.Orders(), func(o facts.Order) bool { return s.c.Tables.Interactions.Partner(o.Interacting()) })
}

// told tells whether what was not checked has been shown before to this user, for
// this patient in this encounter, just as it is now; and notes that it is shown.
func (s *Service) told(c *call) bool {
	if s.c.Forgetful || c.req.Encounter == "" || len(c.rec.NotChecked) == 0 || c.req.Profile.Shadow {
		return false
	}
	h := sha256.New()
	write := func(parts ...string) {
		for _, p := range parts {
			h.Write([]byte(p))
			h.Write([]byte{0})
		}
	}
	write(identity(c.req).parts()...)
	write(c.req.Service, string(c.req.Language))
	for _, n := range c.rec.NotChecked {
		write(n.Check, n.Reason)
		write(n.Missing...)
	}
	return s.shown.seen([sha256.Size]byte(h.Sum(nil)), c.now)
}

package decide

import (
	"context"

	"cdss/cds"
	"cdss/cds/facts"
	"cdss/cds/prefetch"
	"cdss/fhir"
	"cdss/fhir/issue"
	"cdss/fhir/smart"
)

// Gather reads what is known of the patient of a question from a FHIR server, in the
// time a person waits. Errors: issue.NotFound when the server knows no such patient,
// issue.Transient when nothing at all could be read there. What else lacks, the
// answer tells.
func (s *Service) Gather(ctx context.Context, ask Ask, reader prefetch.Reader) (Ask, error) {
	ctx, cancel := context.WithTimeout(ctx, s.c.Patience)
	defer cancel()
	came, err := prefetch.Read(ask.Patient, prefetch.Templates(), nil)
	if err != nil {
		return ask, err
	}
	came.Fetch(ctx, reader, smart.Authorization{}, s.c.Now()) // with the credential of the reader
	if person := came.Keys[0]; len(person.Resources) == 0 && person.Why == "not-found" {
		return ask, issue.New(issue.NotFound, "the FHIR server knows no such patient")
	}
	if came.Blind() {
		return ask, prefetch.Away(came.Keys[0].Why, cds.Text{DE: "Patient vom FHIR-Server lesen", EN: "read a patient from the FHIR server"})
	}
	products := prefetch.Products{Reader: reader}
	products.Know(came.Resources(), nil)
	products.Seek(ctx, came.Resources(), s.named)
	came.Products(&products)
	ask.Came, ask.Resources, ask.Received = came, came.Resources(), came.Received()
	return ask, nil
}

// named tells whether the words beside a reference name a substance.
func (s *Service) named(words string) bool {
	if s.c.Tables.Formulary == nil {
		return false
	}
	found, _ := s.c.Tables.Formulary.Find(words)
	return len(found) > 0
}

// products finds the Medications that the medicines of a question refer to. Where one
// cannot be found, the list of that type is not whole.
func (s *Service) products(ask Ask) (found map[string]*fhir.Resource, received map[string]facts.Received, lacking bool) {
	var p prefetch.Products
	p.Know(ask.Resources, ask.URLs)
	p.Seek(context.Background(), ask.Resources, s.named) // there is no Reader: nothing waits
	received = map[string]facts.Received{}
	for typ, state := range ask.Received {
		received[typ] = state
	}
	for _, r := range ask.Resources {
		if why, _ := p.Lacking(r); why != "" && prefetch.ProductReference(r).Display == "" {
			lacking = true
			if state, said := received[r.Type()]; !said || state == facts.Complete {
				received[r.Type()] = facts.Truncated
			}
		}
	}
	found = map[string]*fhir.Resource{}
	for reference, r := range p.Resolved() {
		found[reference] = s.c.Local().Resource(r)
	}
	return found, received, lacking && ask.Came == nil
}

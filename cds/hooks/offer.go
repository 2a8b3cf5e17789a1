package hooks

import (
	"cdss/cds"
	"cdss/cds/knowledge"
	"cdss/cds/prefetch"
)

// offered are services that come and go with the knowledge, and discovery with them.
type offered struct {
	services  map[string]Service
	discovery map[edition][]byte
}

// Offer puts the services of these plans in the place of those offered before, beside
// the built-in ones. It may be called while the server serves.
func (s *Server) Offer(plans []*knowledge.Service) error {
	o := &offered{services: map[string]Service{}, discovery: map[edition][]byte{}}
	list := append([]Service{}, s.config.Services...)
	for _, p := range plans {
		if _, taken := s.services[p.ID]; taken || s.contexts[p.Hook] == nil {
			continue // its own knowledge has told
		}
		v := Service{
			ID: p.ID, Hook: p.Hook, HookVersion: "1.0", Question: cds.AskPlan, Title: p.Title, Description: described(p), Prefetch: prefetch.Templates(),
			Usage: cds.Text{
				DE: "Benötigt die Prefetch-Daten des Dienstes oder Lesezugriff auf den registrierten FHIR-Server. Was fehlt, wird als nicht geprüft gemeldet.",
				EN: "Needs the prefetch data of the service, or read access to the registered FHIR server. What is missing is reported as not checked.",
			},
		}
		if p.Plan != nil {
			v.Prefetch = prefetch.Derive(p.Plan.Requirements)
		}
		o.services[p.ID] = v
		list = append(list, v)
	}
	for _, lang := range []cds.Lang{cds.DE, cds.EN} {
		for _, version3 := range []bool{false, true} {
			body, err := discovery(list, lang, version3)
			if err != nil {
				return err
			}
			o.discovery[edition{lang, version3}] = body
		}
	}
	s.offered.Store(o)
	return nil
}

// described gives the description that discovery has to show, the title where a plan
// has none.
func described(p *knowledge.Service) cds.Text {
	d := p.Description
	if d.IsZero() {
		d = p.Title
	}
	if d.IsZero() {
		d = cds.Text{DE: p.Artifact, EN: p.Artifact}
	}
	return d
}

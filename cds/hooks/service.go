package hooks

import (
	"encoding/json"
	"fmt"

	"cdss/cds"
	"cdss/cds/prefetch"
)

// Service is one CDS service of this server, described in both languages.
type Service struct {
	ID          string
	Hook        string
	Title       cds.Text
	Description cds.Text
	Usage       cds.Text
	Prefetch    []prefetch.Template
}

// BuiltIn gives the three services that every installation has. Each hook has an
// id of its own, since some clients keep one service per address.
func BuiltIn() []Service {
	usage := cds.Text{
		DE: "Benötigt die Prefetch-Daten des Dienstes. Was nicht übermittelt wird, wird als nicht geprüft gemeldet.",
		EN: "Needs the prefetch data of the service. What is not sent is reported as not checked.",
	}
	templates := prefetch.Templates()
	return []Service{
		{
			ID: "abs-patient-view", Hook: "patient-view",
			Title: cds.Text{DE: "Antibiotikatherapie: Optionen", EN: "Antibiotic therapy: options"},
			Description: cds.Text{
				DE: "Zeigt für Patienten mit einer Infektion Therapieoptionen mit Dosis, Anpassung an die Nierenfunktion, Ausschlüssen und Quelle und nennt, was nicht geprüft werden konnte.",
				EN: "Shows therapy options for patients with an infection, with dose, renal adjustment, exclusions and source, and says what could not be checked.",
			},
			Usage: usage, Prefetch: templates,
		},
		{
			ID: "abs-order-select", Hook: "order-select",
			Title: cds.Text{DE: "Antibiotikaverordnung: Prüfung bei der Auswahl", EN: "Antibiotic order: check on selection"},
			Description: cds.Text{
				DE: "Prüft ausgewählte Antibiotika gegen Allergien, Nierenfunktion, Schwangerschaft und Wechselwirkungen.",
				EN: "Checks selected antibiotics against allergies, renal function, pregnancy and interactions.",
			},
			Usage: usage, Prefetch: templates,
		},
		{
			ID: "abs-order-sign", Hook: "order-sign",
			Title: cds.Text{DE: "Antibiotikaverordnung: Prüfung vor der Unterschrift", EN: "Antibiotic order: check before signing"},
			Description: cds.Text{
				DE: "Prüft Antibiotikaverordnungen vor der Unterschrift gegen Allergien, Nierenfunktion, Schwangerschaft, Wechselwirkungen und Dosis.",
				EN: "Checks antibiotic orders before they are signed against allergies, renal function, pregnancy, interactions and dose.",
			},
			Usage: usage, Prefetch: templates,
		},
	}
}

// in gives the service as discovery shows it in one language.
func (s Service) in(lang cds.Lang) cds.Service {
	out := cds.Service{
		Hook: s.Hook, ID: s.ID,
		Title: s.Title.In(lang), Description: s.Description.In(lang), UsageRequirements: s.Usage.In(lang),
	}
	if len(s.Prefetch) > 0 {
		out.Prefetch = prefetch.JSON(s.Prefetch)
	}
	return out
}

// discovery writes the answer of GET /cds-services in one language.
func discovery(services []Service, lang cds.Lang) ([]byte, error) {
	list := make([]cds.Service, len(services))
	for i, s := range services {
		list[i] = s.in(lang)
	}
	body, err := json.Marshal(struct {
		Services []cds.Service `json:"services"`
	}{list})
	if err != nil {
		return nil, fmt.Errorf("write discovery: %w", err)
	}
	return body, nil
}

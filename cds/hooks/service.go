package hooks

import (
	"encoding/json"
	"fmt"
	"slices"

	"cdss/cds"
	"cdss/cds/prefetch"
)

// Service is one CDS service of this server, described in both languages.
type Service struct {
	ID          string
	Hook        string
	HookVersion string // of the hook's published definition
	Formerly    string // the deprecated hook that Hook replaced; a call by it is answered too
	Question    cds.Question
	Title       cds.Text
	Description cds.Text
	Usage       cds.Text
	UserKnown   bool // the context of the hook names the user
	Prefetch    []prefetch.Template
}

// builtIn are the services that every installation has: one for each published
// hook, with an id of its own, since some clients keep one service per address.
// The two deprecated hooks are answered by the service of the hook that replaced
// them (HL7 cds-hooks-library).
var builtIn = []Service{
	{
		Hook: "patient-view", HookVersion: "1.0", Question: cds.AskOptions,
		Title: cds.Text{DE: "Antibiotikatherapie: Optionen", EN: "Antibiotic therapy: options"},
		Description: cds.Text{
			DE: "Zeigt für Patienten mit einer Infektion Therapieoptionen mit Dosis, Anpassung an die Nierenfunktion, Ausschlüssen und Quelle und nennt, was nicht geprüft werden konnte.",
			EN: "Shows therapy options for patients with an infection, with dose, renal adjustment, exclusions and source, and says what could not be checked.",
		},
	},
	{
		Hook: "order-select", HookVersion: "1.0", Formerly: "medication-prescribe", Question: cds.AskOrders,
		Title: cds.Text{DE: "Antibiotikaverordnung: Prüfung bei der Auswahl", EN: "Antibiotic order: check on selection"},
		Description: cds.Text{
			DE: "Prüft ausgewählte Antibiotika gegen Allergien, Nierenfunktion, Schwangerschaft und Wechselwirkungen.",
			EN: "Checks selected antibiotics against allergies, renal function, pregnancy and interactions.",
		},
	},
	{
		Hook: "order-sign", HookVersion: "1.0", Formerly: "order-review", Question: cds.AskOrders,
		Title: cds.Text{DE: "Antibiotikaverordnung: Prüfung vor der Unterschrift", EN: "Antibiotic order: check before signing"},
		Description: cds.Text{
			DE: "Prüft Antibiotikaverordnungen vor der Unterschrift gegen Allergien, Nierenfunktion, Schwangerschaft, Wechselwirkungen und Dosis.",
			EN: "Checks antibiotic orders before they are signed against allergies, renal function, pregnancy, interactions and dose.",
		},
	},
	{
		Hook: "order-dispatch", HookVersion: "1.1", Question: cds.AskOrders,
		Title: cds.Text{DE: "Antibiotikaverordnung: Prüfung bei der Weitergabe", EN: "Antibiotic order: check on dispatch"},
		Description: cds.Text{
			DE: "Prüft Antibiotikaverordnungen, wenn sie an die ausführende Stelle gehen. Die Verordnungen müssen sich unter den Patientendaten finden.",
			EN: "Checks antibiotic orders when they go to the performer. The orders must be among the patient's data.",
		},
	},
	{
		Hook: "encounter-start", HookVersion: "1.0", Question: cds.AskOptions,
		Title: cds.Text{DE: "Antibiotikatherapie: Optionen bei Aufnahme", EN: "Antibiotic therapy: options at admission"},
		Description: cds.Text{
			DE: "Zeigt bei Beginn eines Aufenthalts Therapieoptionen für Patienten mit einer Infektion.",
			EN: "Shows therapy options for patients with an infection when an encounter begins.",
		},
	},
	{
		Hook: "encounter-discharge", HookVersion: "1.0", Question: cds.AskTherapy,
		Title: cds.Text{DE: "Laufende Antibiotikatherapie: Prüfung bei Entlassung", EN: "Running antibiotic therapy: check at discharge"},
		Description: cds.Text{
			DE: "Prüft bei Entlassung die laufenden Antibiotikaverordnungen wie vor einer Unterschrift.",
			EN: "Checks the running antibiotic orders at discharge as before signing.",
		},
	},
	{
		Hook: "appointment-book", HookVersion: "1.0", Question: cds.AskTherapy,
		Title: cds.Text{DE: "Laufende Antibiotikatherapie: Prüfung bei Terminvergabe", EN: "Running antibiotic therapy: check at booking"},
		Description: cds.Text{
			DE: "Prüft die laufenden Antibiotikaverordnungen, wenn ein Termin vergeben wird.",
			EN: "Checks the running antibiotic orders when an appointment is booked.",
		},
	},
	{
		Hook: "problem-list-item-create", HookVersion: "0.1.0", Question: cds.AskOptions,
		Title: cds.Text{DE: "Antibiotikatherapie: Optionen zur neuen Diagnose", EN: "Antibiotic therapy: options for the new diagnosis"},
		Description: cds.Text{
			DE: "Zeigt Therapieoptionen, wenn eine Infektion in die Problemliste aufgenommen wurde.",
			EN: "Shows therapy options when an infection was added to the problem list.",
		},
	},
	{
		Hook: "allergyintolerance-create", HookVersion: "0.1.0", Question: cds.AskTherapy,
		Title: cds.Text{DE: "Laufende Antibiotikatherapie: Prüfung bei neuer Allergie", EN: "Running antibiotic therapy: check for a new allergy"},
		Description: cds.Text{
			DE: "Prüft die laufenden Antibiotikaverordnungen gegen die neue Allergie.",
			EN: "Checks the running antibiotic orders against the new allergy.",
		},
	},
	{
		Hook: "medication-refill", HookVersion: "0.1.0", Question: cds.AskOrders,
		Title: cds.Text{DE: "Antibiotikaverordnung: Prüfung bei Folgeverordnung", EN: "Antibiotic order: check on refill"},
		Description: cds.Text{
			DE: "Prüft Folgeverordnungen von Antibiotika wie vor einer Unterschrift.",
			EN: "Checks refills of antibiotics as before signing.",
		},
	},
	{
		Hook: "medication-verify", HookVersion: "0.1.0", Question: cds.AskOrders,
		Title: cds.Text{DE: "Antibiotikaverordnung: pharmazeutische Prüfung", EN: "Antibiotic order: verification by a pharmacist"},
		Description: cds.Text{
			DE: "Prüft eine Antibiotikaverordnung, wenn die Apotheke sie freigibt.",
			EN: "Checks an antibiotic order when a pharmacist verifies it.",
		},
	},
}

// BuiltIn gives the services that every installation has.
func BuiltIn() []Service {
	list := slices.Clone(builtIn)
	for i := range list {
		list[i].ID = "abs-" + list[i].Hook
		list[i].UserKnown = list[i].Hook != "order-dispatch"
		list[i].Prefetch = prefetch.Templates()
		list[i].Usage = cds.Text{
			DE: "Benötigt die Prefetch-Daten des Dienstes oder Lesezugriff auf den registrierten FHIR-Server. Was fehlt, wird als nicht geprüft gemeldet.",
			EN: "Needs the prefetch data of the service, or read access to the registered FHIR server. What is missing is reported as not checked.",
		}
	}
	return list
}

// version is the version of CDS Hooks that clients are told of who asked for it.
const version = "3.0.0"

// in gives the service as discovery shows it in one language. Versions are members
// that 2.0.1 does not have.
func (s Service) in(lang cds.Lang, version3 bool) cds.Service {
	out := cds.Service{
		Hook: s.Hook, ID: s.ID,
		Title: s.Title.In(lang), Description: s.Description.In(lang), UsageRequirements: s.Usage.In(lang),
	}
	if version3 {
		out.Version, out.HookVersion = version, s.HookVersion
	}
	if len(s.Prefetch) > 0 {
		list := s.Prefetch
		if version3 {
			list = prefetch.Version3(list, s.UserKnown)
		}
		out.Prefetch = prefetch.JSON(list)
	}
	return out
}

// discovery writes the answer of GET /cds-services in one language.
func discovery(services []Service, lang cds.Lang, version3 bool) ([]byte, error) {
	list := make([]cds.Service, len(services))
	for i, s := range services {
		list[i] = s.in(lang, version3)
	}
	body, err := json.Marshal(struct {
		Services []cds.Service `json:"services"`
	}{list})
	if err != nil {
		return nil, fmt.Errorf("write discovery: %w", err)
	}
	return body, nil
}

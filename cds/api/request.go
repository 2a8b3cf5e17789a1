package api

import (
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"cdss/cds"
	"cdss/cds/decide"
	"cdss/fhir"
	"cdss/fhir/issue"
)

// The vocabulary of a structured request: our codes, and the values of the
// prototype that mean the same.
var (
	severities = map[string]string{
		"mild": "mild", "moderate": "moderate", "severe": "severe", "septic": "septic",
		"LEICHT": "mild", "MITTELSCHWER": "moderate", "SCHWER": "severe", "SEPTISCH": "septic",
	}
	sites = map[string]string{
		"blood": "blood", "lung": "lung", "gastrointestinal": "gastrointestinal", "central-nervous-system": "central-nervous-system",
		"skin-soft-tissue": "skin-soft-tissue", "urinary-tract": "urinary-tract", "systemic": "systemic",
		"BLUT": "blood", "LUNGE": "lung", "GASTROINTESTINAL": "gastrointestinal", "ZNS": "central-nervous-system",
		"HAUT_WEICHTEILE": "skin-soft-tissue", "HARNTRAKT": "urinary-tract", "SYSTEMISCH": "systemic",
	}
	riskFactors = map[string]string{
		"prior-antibiotics-90d": "prior-antibiotics-90d", "mrgn": "mrgn", "mrsa": "mrsa", "vre": "vre", "pseudomonas": "pseudomonas",
		"nosocomial": "nosocomial", "ventilation": "ventilation", "catheter": "catheter", "device": "device",
		"immunosuppression":           "immunosuppression",
		"ANTIBIOTISCHE_VORBEHANDLUNG": "prior-antibiotics-90d", "MRGN_VERDACHT": "mrgn", "MRSA_VERDACHT": "mrsa",
		"VRE_VERDACHT": "vre", "BEATMUNG": "ventilation", "KATHETER": "catheter",
	}
)

// Limits of what a person may type.
const (
	maxFreeText  = 4000 // characters
	maxPathogens = 20
	maxName      = 200 // characters of one pathogen
)

// Indications knows the indications of the content.
type Indications interface {
	Indication(code string) (cds.Indication, bool)
}

// unprocessable refuses a value and says where it stands.
func unprocessable(at, format string, a ...any) *issue.Error {
	return issue.New(issue.Value, format, a...).At(at)
}

// clip shortens a value that is shown back to its sender.
func clip(s string) string {
	if utf8.RuneCountInString(s) <= 60 {
		return s
	}
	return string([]rune(s)[:60]) + "…"
}

// ReadRequest reads a structured request and gives our codes. A value nobody
// knows is an error, since dropping it would answer another question; so is an
// unknown member, which may be a mistyped one.
func ReadRequest(n *fhir.Node, known Indications) (*cds.StructuredRequest, error) {
	at := n.Location()
	if n.Kind() != fhir.KindObject || n.Index() >= 0 {
		return nil, unprocessable(at, "a request is an object")
	}
	r := &cds.StructuredRequest{}
	for name, nodes := range n.Fields() {
		here := at + "." + name
		if nodes[0].Kind() == fhir.KindNull {
			continue
		}
		var err error
		switch name {
		case "indication":
			if r.Indication, err = text(nodes, here); err == nil && r.Indication != "" {
				i, ok := known.Indication(r.Indication)
				if !ok {
					return nil, unprocessable(here, "indication %q is not known; GET /api/indications lists them", clip(r.Indication))
				}
				r.Indication = i.Code
			}
		case "severity":
			r.Severity, err = code(nodes, here, severities)
		case "site", "infectionSite":
			r.Site, err = code(nodes, here, sites)
		case "riskFactors":
			for _, element := range nodes {
				c, err := code([]*fhir.Node{element}, element.Location(), riskFactors)
				if err != nil {
					return nil, err
				}
				if c != "" && !slices.Contains(r.RiskFactors, c) {
					r.RiskFactors = append(r.RiskFactors, c)
				}
			}
		case "pathogens", "suspectedPathogens":
			r.Pathogens, err = pathogens(nodes, here)
		case "freeText":
			if r.FreeText, err = text(nodes, here); err == nil && utf8.RuneCountInString(r.FreeText) > maxFreeText {
				return nil, unprocessable(here, "the text is longer than %d characters", maxFreeText)
			}
		case "maxOptions":
			v, ok := nodes[0].Int()
			if !ok || len(nodes) > 1 || v < 1 || v > 5 {
				return nil, unprocessable(here, "maxOptions is a number from 1 to 5")
			}
			r.MaxOptions = v
		default:
			return nil, unprocessable(at, "a request has no member %q", clip(name))
		}
		if err != nil {
			return nil, err
		}
	}
	return r, nil
}

func text(nodes []*fhir.Node, at string) (string, error) {
	if len(nodes) > 1 || nodes[0].Kind() != fhir.KindString || nodes[0].Index() >= 0 {
		return "", unprocessable(at, "a string should stand here")
	}
	return strings.TrimSpace(nodes[0].String()), nil
}

func code(nodes []*fhir.Node, at string, of map[string]string) (string, error) {
	if len(nodes) > 1 || nodes[0].Kind() != fhir.KindString {
		return "", unprocessable(at, "a code should stand here")
	}
	given := strings.TrimSpace(nodes[0].String())
	if given == "" {
		return "", nil
	}
	ours, ok := of[given]
	if !ok {
		return "", unprocessable(at, "the code %q is not known", clip(given))
	}
	return ours, nil
}

func pathogens(nodes []*fhir.Node, at string) ([]string, error) {
	if len(nodes) > maxPathogens {
		return nil, unprocessable(at, "more than %d pathogens", maxPathogens)
	}
	var list []string
	for _, n := range nodes {
		if n.Kind() != fhir.KindString {
			return nil, unprocessable(n.Location(), "a string should stand here")
		}
		name := strings.TrimSpace(n.String())
		if utf8.RuneCountInString(name) > maxName {
			return nil, unprocessable(n.Location(), "the name is longer than %d characters", maxName)
		}
		if name != "" {
			list = append(list, name)
		}
	}
	return list, nil
}

// parseAsk reads the body of a recommendation request, and gives the name of the FHIR
// server the patient's data are on, "" where they came.
func (d *door) parseAsk(raw []byte, header string) (ask decide.Ask, from string, err error) {
	root, err := fhir.ParseJSON(raw, fhir.Limits{})
	if err != nil {
		return ask, "", err
	}
	if root.Kind() != fhir.KindObject {
		return ask, "", issue.New(issue.Structure, "a recommendation request is a JSON object")
	}
	for name := range root.Fields() {
		switch name {
		case "bundle", "patient", "server", "request", "language", "asOf":
		default:
			return ask, "", unprocessable(name, "a recommendation request has no member %q", clip(name))
		}
	}
	given := func(name string) *fhir.Node {
		if n := root.Child(name); n.Kind() != fhir.KindNull {
			return n
		}
		return nil
	}
	ask.Language = language("", header)
	if n := given("language"); n != nil {
		if s := n.String(); n.Kind() != fhir.KindString || s != "de" && s != "en" {
			return ask, "", unprocessable("language", "language is de or en")
		}
		ask.Language = cds.Lang(n.String())
	}
	if n := given("asOf"); n != nil {
		when, ok := n.Time()
		switch {
		case !d.Demo:
			return ask, "", unprocessable("asOf", "asOf is taken only where demo or test data is on")
		case !ok || when.Precision < fhir.Minute || !when.HasZone:
			return ask, "", unprocessable("asOf", "asOf is a dateTime with a time and a zone")
		}
		ask.Now = when.Time
	}
	bundle, request, server := given("bundle"), given("request"), given("server")
	if bundle == nil && request == nil && server == nil {
		return ask, "", issue.New(issue.Required, "a recommendation needs a bundle, a server with a patient, or a request").
			WithStatus(http.StatusUnprocessableEntity).At("bundle").At("request")
	}
	if request != nil {
		if ask.Request, err = ReadRequest(request, d.Knowledge()); err != nil {
			return ask, "", err
		}
	}
	patient := ""
	if n := given("patient"); n != nil {
		if patient = strings.TrimPrefix(n.String(), "Patient/"); patient == "" || strings.Contains(patient, "/") {
			return ask, "", unprocessable("patient", "patient is a reference of the form Patient/<id>")
		}
		if bundle == nil && server == nil {
			return ask, "", unprocessable("patient", "the data of a patient come as bundle, or from a server")
		}
	}
	switch {
	case server == nil:
	case patient == "":
		return ask, "", unprocessable("patient", "patient says whose data are read from the server")
	default:
		if from, err = text([]*fhir.Node{server}, "server"); err != nil {
			return ask, "", err
		}
		if bundle != nil {
			if err := readEntered(&ask, bundle); err != nil {
				return ask, "", err
			}
		}
		ask.Patient = patient
		return ask, from, nil
	}
	if bundle != nil {
		return ask, "", readBundle(&ask, bundle, patient)
	}
	return ask, from, nil
}

// readEntered takes what a person adds to the data of a server: values of the patient
// who is named, and no other patient.
func readEntered(ask *decide.Ask, n *fhir.Node) error {
	if err := readBundle(ask, n, ""); err != nil {
		return err
	}
	if ask.Patient != "" || slices.ContainsFunc(ask.Resources, func(r *fhir.Resource) bool { return r.Type() == "Patient" }) {
		return unprocessable("bundle", "beside a server the bundle holds added values and no Patient")
	}
	return nil
}

// readBundle takes the resources of the Bundle. An entry that is no resource
// is told in the answer and the others are used; who the patient is must be
// certain.
func readBundle(ask *decide.Ask, n *fhir.Node, patient string) error {
	if n.Kind() != fhir.KindObject || n.ResourceType() != "Bundle" {
		return unprocessable("bundle", "bundle must be a FHIR Bundle")
	}
	resource, err := n.Resource()
	if err != nil {
		return err
	}
	bundle, err := fhir.SplitBundle(resource)
	if err != nil {
		return err
	}
	var patients []string
	for _, e := range bundle.Entries {
		switch {
		case e.Err != nil:
			ask.Unreadable = append(ask.Unreadable, issue.Issues(e.Err)...)
		case e.Resource != nil:
			if e.Resource.Type() == "Patient" {
				patients = append(patients, e.Resource.ID())
			}
			if e.Resource.Type() == "Medication" && e.FullURL != "" {
				if ask.URLs == nil {
					ask.URLs = map[string]*fhir.Resource{}
				}
				ask.URLs[e.FullURL] = e.Resource
			}
			ask.Resources = append(ask.Resources, e.Resource)
		}
	}
	switch {
	case patient != "" && !slices.Contains(patients, patient):
		return unprocessable("patient", "the Bundle holds no such Patient")
	case patient == "" && len(patients) > 1:
		return unprocessable("patient", "the Bundle holds %d Patients: name one of them in patient", len(patients))
	case patient == "" && len(patients) == 1:
		patient = patients[0]
	}
	ask.Patient = patient
	ask.Truncated = bundle.Next != ""
	ask.Restricted = decide.Restricted(n)
	return nil
}

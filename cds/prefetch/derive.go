package prefetch

import (
	"slices"
	"strings"

	"cdss/fhir"
)

// mostCodes bounds the codes of one derived query, so that addresses stay short.
const mostCodes = 100

// Derive makes the templates of a plan's data requirements: the patient always, then
// one key for each resource type, in the order in which the types are required first.
// Codes limit a query where every requirement of its type names some. A plan without
// requirements gets the templates of the built-in services, since its expressions may
// look at any value of the Chart.
func Derive(requirements []*fhir.Node) []Template {
	if len(requirements) == 0 {
		return Templates()
	}
	type wanted struct {
		codes []string
		all   bool
	}
	order := []string{}
	types := map[string]*wanted{}
	for _, r := range requirements {
		typ := r.Child("type").String()
		coded, ok := searchable[typ]
		if !ok {
			continue
		}
		if types[typ] == nil {
			types[typ] = &wanted{}
			order = append(order, typ)
		}
		w := types[typ]
		codes := codesOf(r)
		w.all = w.all || len(codes) == 0 || !coded
		for _, c := range codes {
			if !slices.Contains(w.codes, c) {
				w.codes = append(w.codes, c)
			}
		}
	}
	list := []Template{{"patient", "Patient/" + patientToken, "Patient"}}
	for _, typ := range order {
		query := typ + "?patient=" + patientToken
		if w := types[typ]; !w.all && len(w.codes) <= mostCodes {
			query += "&code=" + strings.Join(w.codes, ",")
		}
		list = append(list, Template{strings.ToLower(typ[:1]) + typ[1:] + "s", query, typ})
	}
	return list
}

// searchable are the clinical types that R4 has the search parameter patient for; true
// for those that it has the parameter code for, too.
var searchable = map[string]bool{
	"Encounter": false, "Condition": true, "AllergyIntolerance": true, "MedicationRequest": true, "MedicationStatement": true,
	"MedicationAdministration": true, "MedicationDispense": true, "Observation": true, "Procedure": true, "Device": false, "Flag": false,
	"DiagnosticReport": true, "Immunization": false, "ImmunizationRecommendation": false, "ServiceRequest": true, "CarePlan": false, "CareTeam": false,
	"Goal": false, "Appointment": false, "ClinicalImpression": false, "Communication": false, "CommunicationRequest": false, "Coverage": false,
	"DetectedIssue": true, "DeviceRequest": true, "DeviceUseStatement": false, "DocumentReference": false, "EpisodeOfCare": false,
	"FamilyMemberHistory": true, "ImagingStudy": false, "NutritionOrder": false, "QuestionnaireResponse": false, "RiskAssessment": false,
	"Specimen": false, "Task": true, "VisionPrescription": false,
}

// codesOf gives the codes of a requirement as system|code, without characters that a
// query would read otherwise.
func codesOf(r *fhir.Node) []string {
	var list []string
	for _, f := range r.Children("codeFilter") {
		if path := f.Child("path").String(); path != "code" && f.Child("searchParam").String() != "code" {
			continue
		}
		for _, n := range f.Children("code") {
			c := n.Coding()
			if c.Code == "" || strings.ContainsAny(c.System+c.Code, ",&=?#{} |") {
				return nil
			}
			text := c.Code
			if c.System != "" {
				text = c.System + "|" + c.Code
			}
			list = append(list, text)
		}
	}
	return list
}

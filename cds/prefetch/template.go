package prefetch

import (
	"encoding/json"
	"strings"
)

// Template is one prefetch key: a query in the subset that CDS Hooks 2.0.1 allows
// ("Prefetch query restrictions"), with no token but root fields of the context.
type Template struct {
	Key   string
	Query string
	Type  string // resource type the query asks for
}

// observations are the LOINC codes that facts reads: renal function, body size,
// vital signs and laboratory values of the scores, pregnancy. Never all vital
// signs, which may be thousands.
var observations = []string{
	"2160-0", "14682-9", "38483-4", "98979-8", "62238-1", "33914-3", // creatinine, eGFR
	"29463-7", "3141-9", "8302-2", "39156-5", // weight, height, BMI
	"9279-1", "85354-9", "8480-6", "8462-4", "8310-5", "8867-4", "59408-5", "2708-6", // vital signs
	"9269-2", "80288-4", "67775-7", // consciousness
	"3094-0", "22664-7", "6299-2", "14937-7", // urea
	"1975-2", "14631-6", "6301-6", "34714-6", "777-3", "26515-7", "2703-7", "50984-4", // SOFA, Child-Pugh
	"1751-7", "61151-7", "1988-5", "75241-0", "33959-8", "2524-7", "32693-4", "6690-2", "26464-8",
	"82810-3", "80313-0", // pregnancy
}

// Templates gives the templates of the built-in services, in the order discovery
// shows them.
func Templates() []Template {
	const patient = "{{context.patientId}}"
	return []Template{
		{"patient", "Patient/" + patient, "Patient"},
		{"encounters", "Encounter?patient=" + patient + "&status=in-progress", "Encounter"},
		{"conditions", "Condition?patient=" + patient, "Condition"},
		{"allergies", "AllergyIntolerance?patient=" + patient, "AllergyIntolerance"},
		{"medicationRequests", "MedicationRequest?patient=" + patient + "&status=active,completed,stopped", "MedicationRequest"},
		{"medicationStatements", "MedicationStatement?patient=" + patient, "MedicationStatement"},
		{"observations", "Observation?patient=" + patient + "&code=" + strings.Join(observations, ",") + "&_sort=-date", "Observation"},
		{"procedures", "Procedure?patient=" + patient, "Procedure"},
		{"devices", "Device?patient=" + patient, "Device"},
	}
}

// JSON writes templates as discovery wants them: an object whose order is kept,
// which a Go map would not do.
func JSON(templates []Template) json.RawMessage {
	var b strings.Builder
	b.WriteByte('{')
	for i, t := range templates {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(quoted(t.Key) + ":" + quoted(t.Query))
	}
	b.WriteByte('}')
	return json.RawMessage(b.String())
}

func quoted(s string) string {
	text, err := json.Marshal(s)
	if err != nil {
		panic("prefetch: " + err.Error()) // a string always marshals
	}
	return strings.ReplaceAll(string(text), `\u0026`, "&")
}
